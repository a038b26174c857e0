package console_test

import (
	"slices"
	"testing"
)

// A request of another program is pasted, and explained: what was signed beside what should have
// been, with the character that differs marked, and the remedy.
func TestPasteAndExplain(t *testing.T) {
	w := theWorld(t)
	key, err := w.key()
	if err != nil {
		t.Fatal(err)
	}
	signed, err := w.signed(waitingOrder, key, lacksLineFeed)
	if err != nil {
		t.Fatal(err)
	}
	raw := "GET " + signed.URL.RequestURI() + " HTTP/1.1\nHost: api.mch.weixin.qq.com\nAccept: application/json\nUser-Agent: shop/1.0\nAuthorization: " +
		signed.Header.Get("Authorization") + "\n\n"
	for _, as := range []look{{}, {chinese: true}, {noScript: true}} {
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/explain")
		p.until(`document.querySelector('textarea[name="text"]')`)
		p.must(`document.querySelector('textarea[name="text"]').focus()`)
		p.paste(raw)
		p.follow(as.T("Explain", "解释"))
		p.says("v3-last-line-feed")
		p.says(as.T("Remedy", "处理办法"))
		marked := eval[[]string](p, `[...document.querySelectorAll('.strings pre')].map((e) => [...e.querySelectorAll('mark')].map((m) => m.textContent.trim()).join('|'))`)
		if want := []string{"⏎", "▯"}; !slices.Equal(marked, want) {
			t.Errorf("%s: got the marks %q, want %q", as, marked, want)
		}
		p.wantNoComplaints("/explain")
	}
}
