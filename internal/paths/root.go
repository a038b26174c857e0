package paths

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
)

// A request may arrive at the path / alone. CloudBase's HTTP API (POST /v1/functions/{name} with
// ?webfn=true) has the function see no other path, and the body then says what it is for:
//
//	{"path":"/queryorder/A1","method":"GET"}
//	{"_action":"wxpay_close_order","out_trade_no":"A1"}
//
// _action is a path too, or the name of a route or of one of pay-common's operations; it decides
// where both are given, as in that template. These three members are removed before the route sees
// the body. Only routes that take parameters are named by a body: a notification is signed as it
// is, and the others take no body.
//
// CloudBase's HTTP access service may remove the whole of a route's path. A notification that
// arrives at / is told by its head: WeChat Pay's signature, or XML, which nothing else here is. It
// needs no sign where no route takes parameters.

// byBody are the routes that a body may name.
var byBody = []Name{CloseOrder, QueryOrder, DropIn}

// operationPrefix begins the names of pay-common's operations.
const operationPrefix = "wxpay_"

// isRoot reports whether a path has no element.
func isRoot(path string) bool { return strings.Trim(path, "/") == "" }

// isNotice reports whether a head is that of a notification from WeChat Pay.
func isNotice(header map[string]string) bool {
	_, signed := header["wechatpay-signature"]
	return signed || strings.Contains(strings.ToLower(header["content-type"]), "xml")
}

// atRoot returns the route of a request to /, as far as its head tells; empty if there is none. For
// a request whose body tells, it is the first one of byBody that is served: they are for the same
// callers, and each answers a browser's preflight and a caller that may do nothing.
func (t Table) atRoot(method string, header map[string]string) Name {
	first := Name("")
	for _, name := range slices.Backward(byBody) {
		if _, served := t[name]; served {
			first = name
		}
	}
	_, notified := t[PayNotify]
	switch {
	case method == http.MethodPost && notified && (first == "" || isNotice(header)):
		return PayNotify
	case method == http.MethodPost, method == http.MethodOptions:
		return first
	}
	return ""
}

// needsBody reports whether the body of a request to / tells its route.
func needsBody(r hosting.Request, atRoot Name) bool {
	return isRoot(r.Path) && r.Method == http.MethodPost && slices.Contains(byBody, atRoot)
}

// byItsBody returns the route that a request's body names, and the request as its path and method
// say it, without these in the body. The name is empty if the body names none. The refusal is nil
// unless the body cannot be read.
func byItsBody(r hosting.Request) (name Name, seen hosting.Request, refusal *order.FieldError) {
	d, rest, refusal := direct(r.Body)
	if refusal != nil {
		return "", r, refusal
	}
	name, path := d.route()
	if !slices.Contains(byBody, name) {
		name = ""
	}
	r.Body = rest
	if d.method != "" {
		r.Method = strings.ToUpper(d.method)
	}
	return name, led(r, path), nil
}

// directions are what a body says about where it is to go. An absent one is empty.
type directions struct{ action, path, method string }

// route returns the route that the directions name, and the path that its handler sees.
func (d *directions) route() (name Name, path string) {
	switch {
	case strings.HasPrefix(d.action, operationPrefix):
		return DropIn, "/" + dropInFolder + "/" + d.action
	case d.action != "":
		return find(d.action)
	}
	return find(d.path)
}

// member is where the direction of that key goes; nil for every other key.
func (d *directions) member(key json.Token) *string {
	switch key {
	case "_action":
		return &d.action
	case "path":
		return &d.path
	case "method":
		return &d.method
	}
	return nil
}

// direct splits a body into its directions and the rest, whose members keep their bytes and their
// sequence. The refusal is non-nil if the body is too long or no JSON object, or if a direction is
// no text or is given twice.
func direct(body []byte) (d directions, rest []byte, refusal *order.FieldError) {
	var p order.Reader
	switch {
	case len(body) > order.MaxObject:
		return d, nil, p.Object("body", body)
	case !json.Valid(body) || !bytes.HasPrefix(bytes.TrimSpace(body), []byte{'{'}):
		return d, nil, order.ParamError("body", "must be a JSON object that names the route in path or _action",
			"须为 JSON 对象，以 path 或 _action 指明路由")
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	_, _ = decoder.Token() // the object begins; the body is JSON, so that no step fails
	var kept [][]byte
	for decoder.More() {
		start := decoder.InputOffset()
		key, _ := decoder.Token()
		var value json.RawMessage
		_ = decoder.Decode(&value)
		into := d.member(key)
		if into == nil {
			kept = append(kept, bytes.TrimLeft(body[start:decoder.InputOffset()], ", \t\r\n"))
			continue
		}
		if *into != "" || json.Unmarshal(value, into) != nil {
			field, _ := key.(string)
			return d, nil, order.ParamError(field, "must be a text, and be given once", "须为字符串，且只能提供一次")
		}
	}
	return d, slices.Concat([]byte{'{'}, bytes.Join(kept, []byte{','}), []byte{'}'}), nil
}
