package console_test

import (
	"regexp"
	"testing"
)

// status is what the browser says of an answer that is an error. Pages answer so, too, with the
// reason on them.
var status = regexp.MustCompile(`Failed to load resource: the server responded with a status of 4\d\d`)

// isStatus reports whether a complaint is of such an answer only.
func isStatus(complaint string) bool { return status.MatchString(complaint) }

// Without JavaScript each screen shows the world as of now, links and filters lead on, the language
// changes, and an action says what it did. Nothing is there that needs a script.
func TestWithoutScripts(t *testing.T) {
	w := theWorld(t)
	for _, as := range []look{{noScript: true}, {noScript: true, chinese: true}} {
		p := openTab(t, w.ConsoleURL, as)
		for _, path := range screens(t, w) {
			p.visit(path)
			if eval[bool](p, `!document.querySelector('main h1')?.innerText || document.querySelector('main').innerText.length < 60`) {
				t.Errorf("%s, %s: the page shows\n%s", path, as, p.text())
			}
			if found := eval[[]string](p, `[...document.querySelectorAll('button[type=button]')].filter((e) => e.checkVisibility()).map((e) => e.outerHTML)`); len(found) > 0 {
				t.Errorf("%s, %s: without a script these do nothing: %q", path, as, found)
			}
		}
		p.visit("/orders")
		p.says(waitingOrder)
		p.fill(as.T("number", "商户订单号"), paidOrder)
		p.leave(func() { p.click(as.T("Show", "显示")) })
		p.says(paidOrder)
		if eval[bool](p, `document.querySelector('#rows').innerText.includes(`+quote(waitingOrder)+`)`) {
			t.Errorf("%s: the filter leaves %s in", as, waitingOrder)
		}
		p.follow(paidOrder)
		p.says("SUCCESS")
		p.visit("/time")
		p.leave(func() { p.clickOn(`document.querySelector('button[name="advance"]')`) })
		p.says(as.T("The clock was moved on by", "时钟已前进"))
		p.leave(func() { p.click(as.T("中文", "English")) })
		p.says(as.T("时钟", "The clock"))
		p.wantNoComplaints("without scripts")
	}
}
