// Package dropin answers calls that shops make to CloudBase's own payment templates, so that their
// pages need no change: it reads a template's call into [order.Params], and puts an [order.Result]
// into the template's answer. It does nothing else: callers are identified, ownership is checked
// and orders are closed as for every other call.
//
// Two templates are served, for closing and querying only:
//
//   - pay-common, the HTTP function: POST /wx-pay/wxpay_close_order,
//     /wx-pay/wxpay_query_order_by_out_trade_no and /wx-pay/wxpay_query_order_by_transaction_id
//     (github.com/TencentCloudBase/awesome-cloudbase-examples, integration/cloudbase-wx-pay).
//   - wxpayFunctions, the event function: events with type wxpay_query_order_by_out_trade_no or
//     wxpay_query_order_by_transaction_id, and wxpay_close_order, which the template lacks.
//
// Every answer is HTTP 200: clients of callHTTPFunction lose the message of any other status.
//
//	{"code":0,"msg":"success","data":{…the order as in the template…},"result":{…our Result…}}
//	{"code":-1,"msg":"订单已支付，不能关单","data":null,"result":{…}}
//
// Code 0 means less than in the templates, which answer it to what WeChat Pay refused, too:
//
//   - On a close it means that the order is closed, by this call or before it.
//   - On a query it means that a signed reply to this very call stated the order's state.
//
// The templates' errRaw, which has the merchant's Authorization header, is never part of an answer.
package dropin

import (
	"encoding/json"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// Operation is what a call asks for.
type Operation string

const (
	// Close closes an order now. A young order is attempted at once, and none is registered.
	Close Operation = "close"
	// Query queries an order.
	Query Operation = "query"
	// Unserved is any other operation of a template: placing, refunds, transfers, notifications.
	// Such a call has a Fault, so that nothing is done for it.
	Unserved Operation = "unserved"
)

// Call is one call of a template's client.
type Call struct {
	Operation Operation
	// Reader has the parameters, and those that only trusted callers may give by name.
	Reader order.Reader
	// Fault is why the call must be refused; nil if it may be executed.
	Fault *order.FieldError

	// shape puts the order of a done operation into the template's data.
	shape shape
	// notice is the answer's message for a Fault that has one in the template; else empty.
	notice string
}

// operation is one operation of a template: what it does, and the parameter that names the order.
type operation struct {
	does   Operation
	number string
}

// The parameters that name an order.
const (
	outTradeNo    = "out_trade_no"
	transactionID = "transaction_id"
)

// operations are those that both templates have, by name, and the close that one of them lacks.
var operations = map[string]operation{
	"wxpay_close_order":                   {Close, outTradeNo},
	"wxpay_query_order_by_out_trade_no":   {Query, outTradeNo},
	"wxpay_query_order_by_transaction_id": {Query, transactionID},
}

// maxName is the most characters of an operation's name that an answer repeats.
const maxName = 60

// read reads the parameters of a named operation out of a JSON object.
func read(name string, object []byte, s shape) Call {
	o, served := operations[name]
	if !served {
		return unserved(name, s)
	}
	c := Call{Operation: o.does, shape: s}
	if c.Fault = c.Reader.Object("body", object); c.Fault == nil {
		c.Fault = c.restrict(o)
	}
	return c
}

// restrict keeps the one number that the operation goes by, and refuses calls that ask for more
// than the template's: a close_at that was passed over would close the order now.
func (c *Call) restrict(o operation) *order.FieldError {
	p := &c.Reader.Params
	p.AtOnce = o.does == Close
	if o.number == outTradeNo {
		p.TransactionID = ""
	} else {
		p.OutTradeNo = ""
	}
	switch {
	case len(c.Reader.Trusted) > 0:
		return order.ParamError(c.Reader.Trusted[0], "is not taken here: call closeorder or queryorder with it",
			"此处不接受：请携带它调用 closeorder 或 queryorder")
	case p.CombineOutTradeNo != "", len(p.SubOrders) > 0:
		return order.ParamError("combine_out_trade_no", "is not taken here: call closeorder or queryorder with it",
			"此处不接受：请携带它调用 closeorder 或 queryorder")
	case p.OutTradeNo == "" && p.TransactionID == "":
		c.notice = o.number + " 必填"
		return order.ParamError(o.number, "must be given: it names the order", "必须提供：它指明订单")
	}
	return nil
}

// unserved is a call of an operation that is not served.
func unserved(name string, s shape) Call {
	return Call{
		Operation: Unserved, shape: s, notice: s.unserved(name),
		Fault: &order.FieldError{
			Field: "operation", Code: errcode.ParamError,
			Rule: order.ParamError("", "is not served: orders are closed and queried here", "不受支持：此处只关单和查单").Rule,
		},
	}
}

// members are an object's members by their exact names; nil if it is no object, or too long.
func members(object []byte) map[string]json.RawMessage {
	var all map[string]json.RawMessage
	if len(object) > order.MaxObject || json.Unmarshal(object, &all) != nil {
		return nil
	}
	return all
}

// textOf is a member that is a string; "" if it is absent or no string.
func textOf(all map[string]json.RawMessage, name string) string {
	var text string
	if json.Unmarshal(all[name], &text) != nil {
		return ""
	}
	return strings.TrimSpace(text)
}
