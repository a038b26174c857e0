package console_test

import (
	"slices"
	"testing"
)

// The page begins with an example about the newest order that waits in the register, which its user
// closes: the answer says so, and each of the texts that make the same call is there.
func TestInvokeOnPage(t *testing.T) {
	w := theWorld(t)
	for number, as := range map[string]look{"I1": {}, "I2": {noScript: true, chinese: true}} {
		const seconds = 3600
		w.place(t, number)
		w.register(t, number, seconds)
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/invoke")
		p.until(`document.querySelector('.examples a').className === 'chosen'`)
		p.follow(as.T("Run", "运行"))
		p.says(as.T("What came of it", "结果"))
		p.until(`/returnCode\s+SUCCESS[^]*outcome\s+closed/.test(document.querySelector('.result').innerText)`)
		p.until(`document.querySelector('.result').innerText.includes(` + quote(number) + `)`)
		p.says("curl -X POST '" + w.CloudURL + "/v1/functions/")
		p.wantNoComplaints("/invoke")
	}
}

// A call that was denied is shown with the rule that denied it.
func TestDeniedCallOnPage(t *testing.T) {
	w := theWorld(t)
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/callers")
	// Other calls are denied, too: those of other tests, about the same order.
	row := `[...document.querySelectorAll('#rows tr')].find((e) => e.innerText.includes('oNobod') && e.innerText.includes('` + foreignOrder + `'))`
	p.leave(func() { p.clickOn(row + `?.querySelector('a[href^="/callers/"]')`) })
	p.says("oNobodyInParticular")
	denied := eval[[]string](p, `[...document.querySelectorAll('tr.rule-denied td:first-child code')].map((e) => e.textContent)`)
	if want := []string{"notRegistered"}; !slices.Equal(denied, want) {
		t.Errorf("got the rules %q as those that denied the call, want %q", denied, want)
	}
	p.says("register it (close_at, with openid or owner)") // what would have let it in
	p.wantNoComplaints("/callers")
}
