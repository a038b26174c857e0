package dropin

import (
	"strings"

	"cloudpay/internal/printable"
)

// routePrefix begins each path of pay-common.
const routePrefix = "/wx-pay/"

// ReadRoute reads a request to pay-common. It returns false if neither the path nor the body names
// an operation of the template; the Call is then one that is not served.
//
// The path decides where it is one of the template's. CloudBase's HTTP API (?webfn=true) has the
// function see the path / only. Then the body's _action decides, a name or a path, and else the
// body's path, as in the template.
func ReadRoute(path string, body []byte) (Call, bool) {
	if name, is := strings.CutPrefix(path, routePrefix); is {
		return read(strings.TrimSuffix(name, "/"), body, payCommon{}), true
	}
	name := actionOf(body)
	if name == "" {
		return unserved(name, payCommon{}), false
	}
	return read(name, body, payCommon{}), true
}

// actionOf is the operation that a body names; "" if it names none.
func actionOf(body []byte) string {
	all := members(body)
	if action := textOf(all, "_action"); action != "" {
		_, after, isPath := strings.Cut(action, routePrefix)
		if isPath {
			return after
		}
		return action
	}
	_, after, _ := strings.Cut(textOf(all, "path"), routePrefix)
	return after
}

// payCommon puts WeChat Pay's reply one level deeper than a client expects, as its SDK does. Half
// of the template's clients read the order there (data.data), the others in data itself, so it
// stands in both.
type payCommon struct{}

// wrapped is the template's data: WeChat Pay's status, and its reply beside and below.
type wrapped struct {
	Status int `json:"status"`
	facts

	Data facts `json:"data"`
}

func (payCommon) closed() any { return wrapped{Status: 204} }

func (payCommon) found(f facts) any { return wrapped{Status: 200, facts: f, Data: f} }

func (payCommon) failed(string) any { return nil }

func (payCommon) unserved(name string) string {
	return "不支持的操作: " + printable.Short(name, maxName)
}
