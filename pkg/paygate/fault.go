package paygate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Action is what a [Fault] does to a request. Its text is the management API's word for it.
type Action string

// The actions that answer in place of the gateway. Nothing is done to the order; the reply is
// signed as any refusal is, except that of HTML502 and Switched.
const (
	// Refuse answers Fault.Code, with Fault.HTTPStatus if that is set.
	Refuse Action = "refuse"
	// SystemError answers 500 SYSTEM_ERROR; in APIv2 err_code SYSTEMERROR.
	SystemError Action = "system-error"
	// BankError answers 500 BANK_ERROR; in APIv2 err_code BANKERROR.
	BankError Action = "bank-error"
	// RateLimit answers 429 FREQUENCY_LIMITED. Its Retry-After is Fault.Delay, one second if zero.
	RateLimit Action = "rate-limit"
	// UserPaying answers 202 USERPAYING; in APIv2 err_code USERPAYING.
	UserPaying Action = "user-paying"
	// Switched answers a download of certificates with an unsigned 403 NOT_ENOUGH, as WeChat Pay
	// does once it has moved the merchant to the public key. It needs Op "certificates".
	Switched Action = "switched"
	// HTML502 answers a proxy's HTML page, unsigned, with 502 or Fault.HTTPStatus.
	HTML502 Action = "html-502"
)

// The actions that spoil the reply. The request is handled first: a close closes.
const (
	// WrongOrder answers a validly signed report about another out_trade_no.
	WrongOrder Action = "wrong-order"
	// WrongMerchant answers a validly signed reply that names another merchant. Certificates come
	// encrypted with another merchant's APIv3 key.
	WrongMerchant Action = "wrong-merchant"
	// Oversize answers validly signed, in more than one MiB.
	Oversize Action = "oversize"
	// BadSignature spoils one bit of the reply's signature, in APIv2 one digit (APIv2 and APIv3).
	BadSignature Action = "bad-signature"
	// Unsigned omits the signature: no element sign, no headers Wechatpay-* (APIv2 and APIv3).
	Unsigned Action = "unsigned"
	// UnknownSerial names a key in Wechatpay-Serial that does not exist (APIv3).
	UnknownSerial Action = "unknown-serial"
	// Probe sends signature probe traffic, WECHATPAY/SIGNTEST/… (APIv3).
	Probe Action = "probe"
	// Stale signs validly, with a timestamp ten minutes old (APIv3).
	Stale Action = "stale"
	// Truncate ends the body half-way. Content-Length is that of the whole body.
	Truncate Action = "truncate"
)

// The actions on the request's way, and on what happens around it.
const (
	// Drop handles the request, then cuts the connection without a reply.
	Drop Action = "drop"
	// Reset resets the connection before anything is done.
	Reset Action = "reset"
	// Hang does nothing and answers nothing until the client goes away or the gateway closes.
	Hang Action = "hang"
	// Delay waits for Fault.Delay of real time, then goes on.
	Delay Action = "delay"
	// Pay has the user pay the order just before the request is handled.
	Pay Action = "pay"
)

// The parts of an exchange that an action takes up. Two faults that want the same part exclude each
// other: a request meets the first, the second waits for the next request.
const (
	// what the gateway answers: a refusal in place of the handling.
	takesAnswer = 1 << iota
	// what the reply is about, and how long it is.
	takesSubject
	// how the reply is signed.
	takesSignature
	// how the reply is sent.
	takesSending
	// the payment just before.
	takesPayment

	// everything about the reply: none is sent.
	takesReply = takesSubject | takesSignature | takesSending
	// everything: the request is not handled
	takesAll = takesAnswer | takesReply
)

// actionKind is what an action takes up, and which further fields of a fault it reads.
type actionKind struct {
	action                Action
	takes                 int
	apis                  []string // nil: all
	orders                bool     // meaningless for downloads of certificates
	certificates          bool     // meaningless for orders
	code, status, delayed bool
}

// actions is the table of actions.
var actions = []actionKind{
	{action: Refuse, takes: takesAnswer, code: true, status: true},
	{action: SystemError, takes: takesAnswer},
	{action: BankError, takes: takesAnswer, orders: true},
	{action: RateLimit, takes: takesAnswer, delayed: true},
	{action: UserPaying, takes: takesAnswer, orders: true},
	{action: Switched, takes: takesAnswer | takesSignature, apis: []string{apiV3}, certificates: true},
	{action: HTML502, takes: takesAnswer | takesSubject | takesSignature, status: true},
	{action: WrongOrder, takes: takesSubject, orders: true},
	{action: WrongMerchant, takes: takesSubject},
	{action: Oversize, takes: takesSubject},
	{action: BadSignature, takes: takesSignature, apis: []string{apiV2, apiV3}},
	{action: Unsigned, takes: takesSignature, apis: []string{apiV2, apiV3}},
	{action: UnknownSerial, takes: takesSignature, apis: []string{apiV3}},
	{action: Probe, takes: takesSignature, apis: []string{apiV3}},
	{action: Stale, takes: takesSignature, apis: []string{apiV3}},
	{action: Truncate, takes: takesSending},
	{action: Drop, takes: takesReply},
	{action: Reset, takes: takesAll},
	{action: Hang, takes: takesAll},
	{action: Delay, delayed: true},
	{action: Pay, takes: takesPayment, orders: true},
}

// Actions returns every action that a request can meet, for tests that try them all.
func Actions() []Action {
	names := make([]Action, len(actions))
	for i, a := range actions {
		names[i] = a.action
	}
	return names
}

// plays reports whether a protocol has the action.
func (a Action) plays(api string) bool {
	apis := actions[a.index()].apis
	return apis == nil || slices.Contains(apis, api)
}

// index is the action's row in the table, -1 if there is none.
func (a Action) index() int { return slices.Index(Actions(), a) }

// Fault is something that goes wrong, given to [Gateway.Inject]. Action is required; Refuse needs
// Code besides, and Delay needs Delay.
//
// A fault meets requests that are authenticated and well formed: a wrong signature is reported as
// such whatever was injected, and uses no fault up. All faults that match a request are applied to
// it together, in the order injected. Faults that exclude each other, as two answers or two
// signatures do, take turns: each request meets the first of them. So Pay and Drop are one request;
// SystemError once and then Refuse once are two.
//
// Go's HTTP client repeats a GET by itself when a connection that it used before is cut, so that a
// query by such a client sees Drop or Reset only if Times is 0 or above 1. Package v3json's client
// does not repeat it.
type Fault struct {
	// Action is what goes wrong.
	Action Action

	// Op is "close", "query", "place", "reverse", "refund", "refund-query", "echo" or
	// "certificates", or "notify" for attempts to deliver a notification. Empty: closes and
	// queries.
	Op string
	// API is "v2", "v3" or "wxcloudrun". Empty: every protocol that has the action.
	API string
	// OutTradeNo is the order's number, which also meets calls by its transaction_id; of a combined
	// order its combine_out_trade_no. Empty: every order.
	OutTradeNo string

	// Times is how many requests the fault meets. Zero: every one, until [Gateway.ClearFaults].
	Times int

	// Probability is the share, from 0 to 1, of the requests that it could meet and does. Zero: all
	// of them.
	Probability float64 `json:",omitzero"`
	// Seed makes the draws repeatable: which of the requests a fault meets is the same for each
	// Seed, and differs between two faults that are not alike. Zero: Options.Seed.
	Seed uint64 `json:",omitzero"`

	// Code is the error code that Refuse answers, spelt as it is sent, such as "SYSTEM_ERROR" or in
	// APIv2 "SYSTEMERROR". In wxcloudrun a number is an errcode. Unknown codes have status 400.
	Code string
	// HTTPStatus replaces the documented status of Refuse's code, or HTML502's 502. Zero: neither.
	HTTPStatus int
	// Delay is how long Delay waits, or what RateLimit's Retry-After says; at most ten minutes. A
	// notification is delayed by the business clock, by at most seven days.
	Delay time.Duration
}

// maxDelay bounds [Fault].Delay: a test that waits longer has made a mistake.
const maxDelay = 10 * time.Minute

// complaints collects the faults of an input, a sentence for each field.
type complaints []string

// expectf adds a sentence unless ok.
func (c *complaints) expectf(ok bool, format string, args ...any) {
	if !ok {
		*c = append(*c, fmt.Sprintf(format, args...))
	}
}

// err returns the complaints as one error, nil if there are none.
func (c *complaints) err() error {
	if len(*c) == 0 {
		return nil
	}
	return errors.New(strings.Join(*c, "; "))
}

// check returns an error that names every wrong field by its name in the management API.
func (f *Fault) check() error {
	switch i := f.Action.index(); {
	case f.Op == opNotify:
		return f.checkNotify()
	case i < 0 && notifyActionOf(f.Action) != nil:
		return fmt.Errorf("match.op: %s is about notifications only: give %q", f.Action, opNotify)
	case i < 0:
		return fmt.Errorf("action: %q must be one of %s", f.Action, list(Actions()))
	default:
		return f.checkRequest(i)
	}
}

// checkRequest is check for a fault of requests, whose action has the i-th row of the table.
func (f *Fault) checkRequest(i int) error {
	kind := actions[i]
	var wrong complaints
	f.checkMatch(&wrong)
	wrong.expectf(f.API == "" || f.Action.plays(f.API), "match.api: %s exists in %s only", f.Action, list(kind.apis))
	wrong.expectf(!kind.orders || f.Op != opCertificates && f.Op != opEcho, "match.op: %s does nothing to %s", f.Action, f.Op)
	wrong.expectf(!kind.certificates || f.Op == opCertificates, "match.op: %s is about %s only", f.Action, opCertificates)
	f.checkOften(&wrong)
	if kind.code {
		wrong.expectf(codeRule.MatchString(f.Code),
			"code: %q must be 1 to 64 capital letters, digits and _, such as SYSTEM_ERROR, or a number", f.Code)
	} else {
		wrong.expectf(f.Code == "", "code: only %s takes one, not %s", Refuse, f.Action)
	}
	if kind.status {
		wrong.expectf(f.HTTPStatus == 0 || f.HTTPStatus >= 200 && f.HTTPStatus <= 599 && hasBody(f.HTTPStatus),
			"http_status: %d must be from 200 to 599 and not 204, 205 or 304, or absent", f.HTTPStatus)
	} else {
		wrong.expectf(f.HTTPStatus == 0, "http_status: only %s and %s take one, not %s", Refuse, HTML502, f.Action)
	}
	if kind.delayed {
		wrong.expectf(f.Delay >= 0 && f.Delay <= maxDelay, "delay: %s must be from 0s to %s", f.Delay, maxDelay)
		wrong.expectf(f.Action != Delay || f.Delay != 0, "delay: must say how long, such as 250ms")
	} else {
		wrong.expectf(f.Delay == 0, "delay: only %s and %s take one, not %s", Delay, RateLimit, f.Action)
	}
	return wrong.err()
}

// checkMatch checks the fields that say which requests the fault meets.
func (f *Fault) checkMatch(wrong *complaints) {
	ops := []string{"", opClose, opQuery, opPlace, opReverse, opRefund, opRefundQuery, opEcho, opCertificates, opNotify}
	apis := []string{"", apiV2, apiV3, apiCloudRun}
	wrong.expectf(slices.Contains(ops, f.Op), "match.op: %q must be one of %s, or absent", f.Op, list(ops[1:]))
	wrong.expectf(slices.Contains(apis, f.API), "match.api: %q must be one of %s, or absent", f.API, list(apis[1:]))
	if f.Op == opCertificates {
		wrong.expectf(f.API == "" || f.API == apiV3, "match.api: %s are %s's", opCertificates, apiV3)
		wrong.expectf(f.OutTradeNo == "", "match.out_trade_no: %s have none", opCertificates)
	}
	wrong.expectf(f.OutTradeNo == "" || outTradeNoRule.MatchString(f.OutTradeNo),
		"match.out_trade_no: %q %s", f.OutTradeNo, outTradeNoSentence)
}

// checkOften checks the fields that say how often the fault happens.
func (f *Fault) checkOften(wrong *complaints) {
	wrong.expectf(f.Times >= 0, "times: %d must not be negative; 0 means for ever", f.Times)
	wrong.expectf(f.Probability >= 0 && f.Probability <= 1, "probability: %v must be from 0 to 1; 0 means always", f.Probability)
}

// hasBody reports whether HTTP lets a reply of that status have a body.
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

// meets reports whether the fault is for this request. An empty Op stands for closes and queries:
// other calls, such as a download of certificates behind a test's back, would use faults up that
// are meant for these.
func (f *Fault) meets(q *question) bool {
	return (f.Op == q.op || f.Op == "" && (q.op == opClose || q.op == opQuery)) &&
		(f.API == "" || f.API == q.api) &&
		(f.OutTradeNo == "" || f.OutTradeNo == q.outTradeNo) &&
		f.Action.plays(q.api)
}

// plan is the faults that one request meets, in the order injected.
type plan []Fault

// actions names the faults, for the history.
func (p plan) actions() []Action {
	names := make([]Action, len(p))
	for i, f := range p {
		names[i] = f.Action
	}
	return names
}

// has returns the first fault with one of the actions, nil if there is none.
func (p plan) has(one ...Action) *Fault {
	for i := range p {
		if slices.Contains(one, p[i].Action) {
			return &p[i]
		}
	}
	return nil
}

// forgery returns what to do to the reply's signature, empty for nothing.
func (p plan) forgery() Action {
	f := p.has(BadSignature, Unsigned, UnknownSerial, Probe, Stale, Switched)
	switch {
	case f == nil:
		return ""
	case f.Action == Switched:
		return Unsigned
	}
	return f.Action
}

// answer returns the refusal that a fault wants, nil if the request is to be handled.
func (p plan) answer() *refusal {
	f := p.has(Refuse, SystemError, BankError, RateLimit, UserPaying, Switched)
	if f == nil {
		return nil
	}
	switch f.Action {
	case SystemError:
		return refuse(codeSystemError)
	case BankError:
		return refuse(codeBankError)
	case RateLimit:
		return refuse(codeFrequency)
	case UserPaying:
		return refuse(codeUserPaying)
	case Switched:
		return refuse(codeNotEnough).saying("平台证书已过期，请在商户平台-API安全申请使用微信支付公钥")
	default:
		return refuseAs(f.Code)
	}
}
