package trigger

import (
	"net/http"
	"net/url"
	"strings"

	"cloudpay/internal/order"
)

// pathOf is the last element of an operation's path, and the name of the function that does it.
func pathOf(op order.Op) string { return string(op) + "order" }

// methodsOf are the methods of an operation. Closing is none of GET's business: what a browser or a crawler fetches must
// change nothing.
func methodsOf(op order.Op) []string {
	if op == order.OpQuery {
		return []string{http.MethodGet, http.MethodPost}
	}
	return []string{http.MethodPost}
}

func allow(op order.Op) string { return strings.Join(methodsOf(op), ", ") }

// route finds an operation's path in a request's, and the out_trade_no that it may end in. Platforms put prefixes before
// it (an API gateway's stage, a service's route) or take the whole of it away, so that only the end counts: nothing at
// all, /queryorder, or /queryorder/{out_trade_no}.
func route(op order.Op, path string) (number string, found bool) {
	elements := strings.Split(strings.Trim(path, "/"), "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 && elements[len(elements)-2] == pathOf(op) {
		number, err := url.PathUnescape(last)
		return number, err == nil
	}
	return "", len(elements) == 1 && last == "" || last == pathOf(op)
}
