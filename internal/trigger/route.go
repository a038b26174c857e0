package trigger

import (
	"net/http"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/typo"
)

// pathOf is the last element of an operation's path, and the name of its function.
func pathOf(op order.Op) string { return string(op) + "order" }

// methodsOf are the methods of an operation. GET never closes: what a browser or a crawler fetches
// must change nothing.
func methodsOf(op order.Op) []string {
	if op == order.OpQuery {
		return []string{http.MethodGet, http.MethodPost}
	}
	return []string{http.MethodPost}
}

func allow(op order.Op) string { return strings.Join(methodsOf(op), ", ") }

// route finds an operation's path in a request's, and the out_trade_no after it. Platforms put
// prefixes before it (an API gateway's stage, a service's route) or cut the whole of it off, so
// that only the end counts: nothing, /queryorder, or /queryorder/{out_trade_no}.
//
// Where the platform cuts its route off (Relative), /queryorder/A1 arrives as /A1. A single element
// is then a number, if it can be one and is neither an operation's name nor a typo of one: those
// are for the other function, or mistakes.
func route(op order.Op, r hosting.Request) (number string, found bool) {
	elements := strings.Split(strings.Trim(r.Path, "/"), "/")
	last := elements[len(elements)-1]
	switch {
	case len(elements) > 1 && elements[len(elements)-2] == pathOf(op):
		return last, true
	case last == pathOf(op), len(elements) == 1 && last == "":
		return "", true
	case r.Relative && len(elements) == 1 && isNumber(last) && !namesOperation(last):
		return last, true
	}
	return "", false
}

func namesOperation(element string) bool {
	return typo.Is(element, pathOf(order.OpClose)) || typo.Is(element, pathOf(order.OpQuery))
}

// isNumber reports whether a text can be an order number. A test compares the rule with package
// order's.
func isNumber(text string) bool {
	const longest = 32
	return text != "" && len(text) <= longest && !strings.ContainsFunc(text, func(r rune) bool {
		return notInNames(r) && !strings.ContainsRune("|*@", r)
	})
}
