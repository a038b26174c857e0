// Package admission reads out of a function's log what it took its callers for, and why it denied a
// call. The emulated cloud keeps both with the call, where an operator finds them: the caller
// itself is told nothing, and the cloud decides nothing here.
//
// It is written from docs/callers.md, and not from the functions' code: what the functions log is
// checked by it, too. cloudpay's functions write one line of JSON for a call, and one for each
// message of a queue's batch:
//
//	{"level":"WARN","msg":"close",…,"caller":"user","identifiedBy":"environment","owner":"oABC…",
//	 "outTradeNo":"A1",…,"rule":"notTheirs","remedy":"the order is registered in the name of …"}
//
// Any other line, and any other member, is passed over: another function's log may have anything.
package admission

import (
	"encoding/json"
	"strings"
)

const (
	// maxCallers is how many callers of a batch are read. Those behind them are like them: a
	// batch's messages mostly have one sender.
	maxCallers = 10
	// maxText is the most bytes of each text. The functions' own are shorter.
	maxText = 500
)

// Caller is what a function logged of one caller. Each text is the log's own; one that the line
// does not have is empty.
type Caller struct {
	// Kind is what the function took it for, such as "user", "service" or "timer".
	Kind string `json:"caller"`
	// By is the rule by which it did. Rules in front of it in the sequence of docs/callers.md were
	// tried and did not fit; those behind it were not tried. Empty: the event could not be read.
	By string `json:"identified_by,omitempty"`
	// Owner is the beginning of a user's name: enough to tell two apart, too little to identify
	// one. Other callers have none.
	Owner string `json:"owner,omitempty"`
	// OutTradeNo is the order that the caller named, if it may do anything with orders.
	OutTradeNo string `json:"out_trade_no,omitempty"`
	// Rule is the one that denied the call; empty if none did.
	Rule string `json:"rule,omitempty"`
	// Remedy is what would have admitted it, in English.
	Remedy string `json:"remedy,omitempty"`
}

// IsDenied reports whether a rule denied the call.
func (c Caller) IsDenied() bool { return c.Rule != "" }

// Callers reads the callers of one call from what its function printed meanwhile, in the order of
// the lines. A beginning that is cut off costs the line that it falls into.
func Callers(printed string) (all []Caller) {
	for line := range strings.Lines(printed) {
		if one, is := callerIn(line); is && len(all) < maxCallers {
			all = append(all, one)
		}
	}
	return all
}

// callerIn reads a line of the log; false if it says nothing of a caller. The member is looked for
// before the line is parsed: a function may print much, and a call must not wait for its journal.
func callerIn(line string) (c Caller, is bool) {
	var said struct {
		Caller       string `json:"caller"`
		IdentifiedBy string `json:"identifiedBy"`
		Owner        string `json:"owner"`
		OutTradeNo   string `json:"outTradeNo"`
		Rule         string `json:"rule"`
		Remedy       string `json:"remedy"`
	}
	if !strings.Contains(line, `"caller":`) || json.Unmarshal([]byte(line), &said) != nil || said.Caller == "" {
		return Caller{}, false
	}
	return Caller{
		Kind: cut(said.Caller), By: cut(said.IdentifiedBy), Owner: cut(said.Owner), OutTradeNo: cut(said.OutTradeNo),
		Rule: cut(said.Rule), Remedy: cut(said.Remedy),
	}, true
}

// cut bounds a text. A character that the bound falls into is dropped.
func cut(text string) string { return strings.ToValidUTF8(text[:min(len(text), maxText)], "") }

// Input is what a function was called with, so that the call can be made again as another caller.
// What proves a caller is no part of it.
type Input struct {
	// Method and Path are those of an HTTP request; the path is what is behind the function's
	// name, with the query. Both are empty for an event.
	Method string `json:"method,omitempty"`
	Path   string `json:"path,omitempty"`
	// Data is the event, or the request's body.
	Data string `json:"data,omitempty"`
}

// proofs are the members of an event or a body that identify a caller: the service token in both of
// its spellings, and what CloudBase adds of a user.
var proofs = []string{"service_token", "serviceToken", "userInfo"}

// WithoutProof is an event or a body without the members that identify a caller, whether they are
// right or wrong. What is no JSON object has none, and stays as it is.
func WithoutProof(text []byte) string {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return string(text)
	}
	for _, name := range proofs {
		delete(members, name)
	}
	without, err := json.Marshal(members)
	if err != nil {
		return "" // never: the members were read from JSON
	}
	return string(without)
}
