// Package traffic remembers what went through an emulated world: each call of a function, with the
// requests to WeChat Pay that it caused, and each message to a merchant's server ([Deliveries]).
//
// A [Journal] has the calls in flight and the last ones that ended. The cloud begins and ends them;
// the emulated WeChat Pay says which requests it got, and the journal finds out which call caused
// each. Nothing on the wire tells that: a function is another process, and signs its requests as
// any server does. Therefore a request belongs to the newest call in flight about the same order,
// else to the oldest call in flight that names no order, such as a timer's. A request that belongs
// to no call came from somewhere else, such as a merchant's own server.
package traffic

import (
	"encoding/json"
	"slices"
	"time"

	"cloudpay/internal/emulator/admission"
)

// The verdicts of a call. Those of a request are the gateway's.
const (
	// VerdictOK: the function answered, whatever became of the order: Outcome says that.
	VerdictOK = "ok"
	// VerdictFailed: the function failed, took too long or ended. Its work may be done.
	VerdictFailed = "failed"
	// VerdictRefused: the cloud refused the call, and the function did not see it.
	VerdictRefused = "refused"
)

// unauthentic is the gateway's verdict on a request that is wrongly signed. A filter for refused
// ones finds it, too.
const unauthentic = "unauthentic"

// Call is one call of the cloud, or one attempt of an asynchronous event. A field that the call did
// not get as far as to have is zero.
type Call struct {
	// ID counts the calls that ended, as the journal's Numbers say.
	ID int64 `json:"id"`
	// Time is when the call came, by this machine's time, as that of the gateway's requests; Clock
	// is the same by the cloud's clock. TookMS is how long the function took.
	Time   time.Time `json:"time"`
	Clock  time.Time `json:"clock"`
	TookMS float64   `json:"took_ms"`
	// Via is the API or the trigger that it came by: "http-api", "server-sdk", "lambda-api",
	// "tencent-api", "function-url", "access-service", "call-http-function", "api-gateway",
	// "scf-api-gateway", "rest-api", "timer" or "queue".
	Via string `json:"via"`
	// Caller is the mini-program's user or the trigger, as far as Via does not say it.
	Caller string `json:"caller,omitempty"`
	// Function is the function's name, and OutTradeNo the order that the event is about.
	Function   string `json:"function,omitempty"`
	OutTradeNo string `json:"out_trade_no,omitempty"`
	// RequestID is the cloud's id of the call. Attempts of one event share it.
	RequestID string `json:"request_id"`
	// Attempt counts the deliveries of an asynchronous event, from 1 on; 0 for a synchronous call.
	Attempt int `json:"attempt,omitempty"`
	// Verdict is one of the constants above.
	Verdict string `json:"verdict"`
	// Outcome is the member "outcome" of the function's answer, if it has one.
	Outcome string `json:"outcome,omitempty"`
	// Report is what the function answered to a timer, which the clouds drop: the report of a
	// sweep. One of more than 4 KiB is left out, and so is what is no JSON object.
	Report json.RawMessage `json:"report,omitempty"`
	// Status is SCF's status code of the call, or the HTTP status of a refusal.
	Status int `json:"status"`
	// Code is the error code of a refusal, as the cloud spells it.
	Code string `json:"code,omitempty"`
	// Reason is why the function failed, or why the call was refused.
	Reason string `json:"reason,omitempty"`
	// Faults are the actions of the faults that the call met.
	Faults []string `json:"faults,omitempty"`
	// Callers are what the function logged of its callers: one, or one for each message of a
	// queue's batch. Input is what it was called with, if it denied one of them.
	Callers []admission.Caller `json:"callers,omitempty"`
	Input   *admission.Input   `json:"input,omitempty"`
	// Requests are those to WeChat Pay, the first of them; MoreRequests counts the others.
	Requests     []Request `json:"requests,omitempty"`
	MoreRequests int       `json:"more_requests,omitempty"`
}

// maxRequests bounds the requests that a call remembers. A sweep sends thousands.
const maxRequests = 50

// Request is one request to WeChat Pay. Its JSON has the names of the gateway's own history, so
// that one reads the other.
type Request struct {
	// Time is when it came, by the gateway's wire clock.
	Time       time.Time `json:"time"`
	Domain     string    `json:"domain,omitempty"`
	API        string    `json:"api,omitempty"`
	Op         string    `json:"op,omitempty"`
	Method     string    `json:"method,omitempty"`
	URL        string    `json:"url,omitempty"`
	MchID      string    `json:"mchid,omitempty"`
	OutTradeNo string    `json:"out_trade_no,omitempty"`
	HTTPStatus int       `json:"http_status"`
	Verdict    string    `json:"verdict"`
	Code       string    `json:"code,omitempty"`
	State      string    `json:"state,omitempty"`
	Reason     string    `json:"reason,omitempty"`
	// Expected is the string that should have been signed, and Received the one that was.
	Expected string `json:"expected,omitempty"`
	Received string `json:"received,omitempty"`
	// Call is the RequestID of the call that caused it; empty if none did.
	Call string `json:"call,omitempty"`
}

// IsRefused reports whether the gateway refused the request, or did not believe its signature.
func (r Request) IsRefused() bool { return r.Verdict == VerdictRefused || r.Verdict == unauthentic }

// clone returns a copy that shares nothing with the call.
func (c Call) clone() Call {
	c.Faults, c.Callers, c.Requests = slices.Clone(c.Faults), slices.Clone(c.Callers), slices.Clone(c.Requests)
	return c
}

// anyRule in the place of a rule selects the calls that any rule of the function's denied.
const anyRule = "any"

// isDenied reports whether a rule of the function's denied the call of one of its callers: the one
// that is asked for, or [anyRule].
func (c Call) isDenied(by string) bool {
	return slices.ContainsFunc(c.Callers, func(one admission.Caller) bool {
		return one.IsDenied() && (by == anyRule || by == one.Rule)
	})
}
