// Package paths leads each request of a function with several routes to the handler of its route.
//
// The last elements of the path name the route; gateways put prefixes before them:
//
//	…/closeorder, …/closeorder/{out_trade_no}   CloseOrder
//	…/queryorder, …/queryorder/{out_trade_no}   QueryOrder
//	…/wx-pay/{operation}                        DropIn
//	…/paynotify                                 PayNotify
//	…/sweep                                     Sweep
//	…/healthz                                   Health
//	…/metrics                                   Metrics
//
// An element after closeorder or queryorder is always an order's number, and one after wx-pay an
// operation, whatever else it may name, so that a path has one meaning whichever routes are served.
//
// A path that names no route, or one that is not served, is answered with 404, and a method that a
// route does not take with 405. Neither depends on the caller. Where only / arrives, the body names
// the route (root.go).
package paths

import (
	"strings"

	"cloudpay/internal/hosting"
)

// Name names a route, in the words of CLOUDPAY_ROUTES.
type Name string

// The routes.
const (
	CloseOrder Name = "closeorder" // closes one order
	QueryOrder Name = "queryorder" // queries one order
	PayNotify  Name = "paynotify"  // takes WeChat Pay's notifications
	Sweep      Name = "sweep"      // closes and queries all orders that are due
	Health     Name = "healthz"    // whether the function is configured
	Metrics    Name = "metrics"    // how the register stands
	DropIn     Name = "dropin"     // the routes of CloudBase's template pay-common
)

// Names lists the routes.
func Names() []Name {
	return []Name{CloseOrder, QueryOrder, PayNotify, Sweep, Health, Metrics, DropIn}
}

// dropInFolder is the element before each operation of pay-common.
const dropInFolder = "wx-pay"

// find returns the route that a path names, and the path from the route's own element on. The name
// is empty if there is none.
func find(path string) (name Name, rest string) {
	elements := strings.Split(strings.Trim(path, "/"), "/")
	last := elements[len(elements)-1]
	if len(elements) > 1 {
		switch before := elements[len(elements)-2]; before {
		case string(CloseOrder), string(QueryOrder):
			return Name(before), "/" + before + "/" + last
		case dropInFolder:
			return DropIn, "/" + before + "/" + last
		}
	}
	switch name := Name(last); name {
	case CloseOrder, QueryOrder, PayNotify, Sweep, Health, Metrics:
		return name, "/" + last
	case DropIn: // it is no path: the folder and an operation are
	}
	return "", path
}

// pathOf is the path of a route, without what may follow it.
func pathOf(name Name) string {
	if name == DropIn {
		return "/" + dropInFolder + "/"
	}
	return "/" + string(name)
}

// led is a request as its route's handler sees it: without what gateways put before its path, and
// whole again where they cut something off.
func led(r hosting.Request, path string) hosting.Request {
	r.Path, r.Relative = path, false
	return r
}
