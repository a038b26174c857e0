package console_test

import "testing"

// An example is chosen and run: the answer is there, and each of the texts that make the same call.
func TestInvokeOnPage(t *testing.T) {
	w := theWorld(t)
	for _, as := range []look{{}, {noScript: true, chinese: true}} {
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/invoke")
		p.visit(eval[string](p, `document.querySelector('.examples a').getAttribute('href')`))
		p.follow(as.T("Run", "运行"))
		p.says(as.T("What came of it", "结果"))
		p.until(`document.querySelector('.result').innerText.includes('returnCode')`)
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
	p.wantNoComplaints("/callers")
}
