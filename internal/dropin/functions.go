package dropin

import "strings"

// typePrefix begins each type of the template's events.
const typePrefix = "wxpay_"

// ReadEvent reads an event of wxpayFunctions. It returns false if the event has no type of the
// template's.
//
// An event whose type is not served must not be taken for another call: it may name an order that
// is to be refunded.
func ReadEvent(event []byte) (Call, bool) {
	name := textOf(members(event), "type")
	if !strings.HasPrefix(name, typePrefix) {
		return Call{}, false
	}
	return read(name, event, functions{}), true
}

// functions wraps the reply of a workflow, which has a code and a data of its own. The template's
// documents read the order in data, and clients in the field in data.data, so it stands in both.
type functions struct{}

// workflow is the template's data: a workflow's reply, and the order beside it.
type workflow struct {
	Code int `json:"code"`
	facts

	Data   *facts `json:"data"`
	ErrMsg string `json:"errmsg"`
}

func (functions) closed() any { return workflow{Data: &facts{}} }

func (functions) found(f facts) any { return workflow{facts: f, Data: &f} }

// failed says so at the workflow's level too, for clients that look at no other.
func (functions) failed(message string) any { return workflow{Code: failure, ErrMsg: message} }

func (functions) unserved(string) string { return "Unimplemented method" }
