package console_test

import (
	"net/http"
	"strings"
	"testing"
)

// In a new world the overview leads to a first close in three clicks, in either language, and after
// it WeChat Pay has the order as closed.
func TestFirstClose(t *testing.T) {
	for _, as := range []look{{}, {chinese: true, narrow: true}, {noScript: true}} {
		w := ownWorld(t)
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/")
		p.follow(as.T("Place an order", "下单"))
		p.follow(as.T("The customer does not pay", "用户不支付"))
		p.follow(as.T("Close it", "关单"))
		p.says(as.T("closeorder answered", "closeorder 返回"))
		if orders := w.must(t, http.MethodGet, w.AdminURL+"/orders", ""); strings.Count(orders, `"state": "CLOSED"`) != 1 {
			t.Errorf("%s: WeChat Pay has %s, want one closed order", as, orders)
		}
		if requests := eval[int](p, `document.querySelectorAll('#first a[href^="/requests/"]').length`); requests == 0 {
			t.Errorf("%s: the page links none of the requests that the close made", as)
		}
		p.wantNoComplaints("the first close")
	}
}
