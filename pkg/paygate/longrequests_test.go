package paygate_test

import (
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// A sender of long requests fills neither the history nor a page of it: each text is cut, with a
// mark, and the page ends before its limit. Its links go on from there.
func TestLongRequestsAreBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	const many = 400
	long := strings.Repeat("é", 1<<15)
	for range many {
		s.Remember(paygate.Request{Method: long, URL: long, OutTradeNo: long, Reason: long, Expected: long, Received: long})
	}
	last := s.last()
	for name, text := range map[string]string{"url": last.URL, "out_trade_no": last.OutTradeNo, "method": last.Method, "reason": last.Reason} {
		if len(text) > 4<<10 || !strings.HasSuffix(text, "é…") {
			t.Errorf("%s: got %d bytes that end with %q, want at most 4 KiB and a mark", name, len(text), text[len(text)-6:])
		}
	}
	for _, text := range []string{last.Expected, last.Received} {
		if len(text) > 24<<10 || len(text) < 23<<10 || !strings.HasSuffix(text, "é…") {
			t.Errorf("the string to sign has %d bytes", len(text))
		}
	}
	// From either end, page by page, each request comes once.
	for path, rel := range map[string]string{"/requests?limit=1000": "prev", "/requests?after=0&limit=1000": "next"} {
		seen := map[string]bool{}
		pages := s.pages(path, rel, "id")
		for _, ids := range pages {
			if len(ids) == 0 || len(ids) > 100 { // each request has about 60 KiB
				t.Errorf("%s: a page has %d rows, want some, of about 4 MiB", path, len(ids))
			}
			for _, id := range ids {
				seen[id] = true
			}
		}
		if len(seen) != many {
			t.Errorf("%s: got %d requests on %d pages, want %d", path, len(seen), len(pages), many)
		}
	}
}
