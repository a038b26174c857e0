package paygate

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Action is what a fault does to a request.
type Action string

// The actions. Those in the first group answer instead of the gateway, before anything is done; the reply is as genuine as
// any refusal. Those in the second spoil the reply to a request that was handled. Those in the third spoil its way.
const (
	Refuse      Action = "refuse"       // answers Code, with HTTPStatus when it is set
	SystemError Action = "system-error" // 500 SYSTEM_ERROR, APIv2 SYSTEMERROR
	BankError   Action = "bank-error"   // 500 BANK_ERROR, APIv2 BANKERROR
	RateLimit   Action = "rate-limit"   // 429 FREQUENCY_LIMITED with a Retry-After of Delay (one second when zero)
	UserPaying  Action = "user-paying"  // 202 USERPAYING, APIv2 err_code USERPAYING
	Switched    Action = "switched"     // certificates: 403 NOT_ENOUGH, unsigned, as to a merchant that was switched to the public key
	HTML502     Action = "html-502"     // a proxy's HTML page with 502 (or HTTPStatus), signed by nobody; nothing is done

	WrongOrder    Action = "wrong-order"    // a validly signed report on another out_trade_no
	WrongMerchant Action = "wrong-merchant" // a validly signed reply that names another merchant
	Oversize      Action = "oversize"       // validly signed, and longer than one MiB
	BadSignature  Action = "bad-signature"  // one bit of the signature is wrong
	Unsigned      Action = "unsigned"       // without signature: no sign element, no Wechatpay-* headers
	UnknownSerial Action = "unknown-serial" // APIv3: Wechatpay-Serial names a key that nobody has
	Probe         Action = "probe"          // APIv3: signature probe traffic, WECHATPAY/SIGNTEST/…
	Stale         Action = "stale"          // APIv3: validly signed ten minutes ago
	Truncate      Action = "truncate"       // the body ends half-way; Content-Length is the whole's

	Drop  Action = "drop"  // the request is handled, then the connection is cut without a reply
	Reset Action = "reset" // the connection is reset before anything is done
	Hang  Action = "hang"  // nothing is done and nothing answered, until the client goes away or the gateway closes
	Delay Action = "delay" // waits for Delay of real time, then goes on
	Pay   Action = "pay"   // the user pays the order just before the request is handled
)

// What an action takes up. A request takes no second fault that wants the same: it waits for the next request.
const (
	takesAnswer = 1 << iota
	takesSubject
	takesSignature
	takesSending
	takesPayment

	takesReply = takesSubject | takesSignature | takesSending
	takesAll   = takesAnswer | takesReply
)

// actions says of each action what it takes up, and which of a fault's further fields it reads.
var actions = []struct {
	action                Action
	takes                 int
	apis                  []API // nil: all
	orders                bool  // has no meaning for certificates
	certificates          bool  // has no meaning for orders
	code, status, delayed bool
}{
	{action: Refuse, takes: takesAnswer, code: true, status: true},
	{action: SystemError, takes: takesAnswer},
	{action: BankError, takes: takesAnswer, orders: true},
	{action: RateLimit, takes: takesAnswer, delayed: true},
	{action: UserPaying, takes: takesAnswer, orders: true},
	{action: Switched, takes: takesAnswer | takesSignature, apis: []API{V3}, certificates: true},
	{action: HTML502, takes: takesAnswer | takesSubject | takesSignature, status: true},
	{action: WrongOrder, takes: takesSubject, orders: true},
	{action: WrongMerchant, takes: takesSubject},
	{action: Oversize, takes: takesSubject},
	{action: BadSignature, takes: takesSignature, apis: []API{V2, V3}},
	{action: Unsigned, takes: takesSignature, apis: []API{V2, V3}},
	{action: UnknownSerial, takes: takesSignature, apis: []API{V3}},
	{action: Probe, takes: takesSignature, apis: []API{V3}},
	{action: Stale, takes: takesSignature, apis: []API{V3}},
	{action: Truncate, takes: takesSending},
	{action: Drop, takes: takesReply},
	{action: Reset, takes: takesAll},
	{action: Hang, takes: takesAll},
	{action: Delay, delayed: true},
	{action: Pay, takes: takesPayment, orders: true},
}

// Actions lists every action.
func Actions() []Action {
	names := make([]Action, len(actions))
	for i, a := range actions {
		names[i] = a.action
	}
	return names
}

// plays says whether a protocol has the action.
func (a Action) plays(api API) bool {
	apis := actions[a.index()].apis
	return apis == nil || slices.Contains(apis, api)
}

func (a Action) index() int { return slices.Index(Actions(), a) }

// Match says which requests a fault meets; an empty field stands for all, but for certificates, which are met only by
// an Op that says so. Faults meet only requests that were
// authenticated and understood: a wrong signature is told as such whatever was injected.
type Match struct {
	Op         Op
	API        API
	OutTradeNo string // also meets a call by the order's transaction_id; of a combined order it is the combine_out_trade_no
}

// Fault is something that goes wrong. Faults that exclude one another, as two answers do, take turns: each request gets
// the first injected, and the others wait. All others that match a request are applied to it together.
type Fault struct {
	Match      Match
	Action     Action
	Times      int           // how many requests it meets; 0: every one, until ClearFaults
	Code       string        // refuse: the error code, spelt as it shall be sent; in wxcloudrun a number is an errcode
	HTTPStatus int           // refuse, html-502: instead of the code's documented status
	Delay      time.Duration // delay: how long; rate-limit: what Retry-After says
}

const maxDelay = 10 * time.Minute

// complaints collects what is wrong with a fault, a sentence for each field.
type complaints []string

func (c *complaints) expectf(ok bool, format string, args ...any) {
	if !ok {
		*c = append(*c, fmt.Sprintf(format, args...))
	}
}

// check names every field that is wrong.
func (f *Fault) check() error {
	i := f.Action.index()
	if i < 0 {
		return fmt.Errorf("action: %q must be one of %s", f.Action, list(Actions()))
	}
	kind := actions[i]
	var wrong complaints
	f.Match.check(&wrong)
	wrong.expectf(f.Match.API == "" || f.Action.plays(f.Match.API), "match.api: %s exists in %s only", f.Action, list(kind.apis))
	wrong.expectf(!kind.orders || f.Match.Op != OpCertificates, "match.op: %s does nothing to %s", f.Action, OpCertificates)
	wrong.expectf(!kind.certificates || f.Match.Op == OpCertificates, "match.op: %s is about %s only", f.Action, OpCertificates)
	wrong.expectf(f.Times >= 0, "times: %d must not be negative; 0 means for ever", f.Times)
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
	if len(wrong) > 0 {
		return errors.New(strings.Join(wrong, "; "))
	}
	return nil
}

func (m *Match) check(wrong *complaints) {
	ops, apis := []Op{"", OpClose, OpQuery, OpCertificates}, []API{"", V2, V3, CloudRun}
	wrong.expectf(slices.Contains(ops, m.Op), "match.op: %q must be one of %s, or absent", m.Op, list(ops[1:]))
	wrong.expectf(slices.Contains(apis, m.API), "match.api: %q must be one of %s, or absent", m.API, list(apis[1:]))
	if m.Op == OpCertificates {
		wrong.expectf(m.API == "" || m.API == V3, "match.api: %s are %s's", OpCertificates, V3)
		wrong.expectf(m.OutTradeNo == "", "match.out_trade_no: %s have none", OpCertificates)
	}
	wrong.expectf(m.OutTradeNo == "" || outTradeNoRule.MatchString(m.OutTradeNo),
		"match.out_trade_no: %q %s", m.OutTradeNo, outTradeNoSentence)
}

// hasBody says whether HTTP lets a reply of that status have a body.
func hasBody(status int) bool {
	return status != http.StatusNoContent && status != http.StatusResetContent && status != http.StatusNotModified
}

// meets says whether the fault is for this request.
func (f *Fault) meets(q *question) bool {
	m := f.Match
	return (m.Op == q.op || m.Op == "" && q.op != OpCertificates) &&
		(m.API == "" || m.API == q.api) &&
		(m.OutTradeNo == "" || m.OutTradeNo == q.outTradeNo) &&
		f.Action.plays(q.api)
}

// faultList is the faults that are still to come, in the order injected.
type faultList struct {
	mu    sync.Mutex
	queue []Fault // Times counts down; a used-up fault is removed
}

func (l *faultList) add(f Fault) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = append(l.queue, f)
}

func (l *faultList) snapshot() []Fault {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.queue)
}

func (l *faultList) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queue = nil
}

// take picks what shall happen to a request, and counts it.
func (l *faultList) take(q *question) plan {
	l.mu.Lock()
	defer l.mu.Unlock()
	var (
		taken  int
		picked plan
		left   = make([]Fault, 0, len(l.queue))
	)
	for _, f := range l.queue {
		takes := actions[f.Action.index()].takes
		if !f.meets(q) || taken&takes != 0 {
			left = append(left, f)
			continue
		}
		taken |= takes
		picked = append(picked, f)
		if f.Times != 1 {
			f.Times = max(f.Times-1, 0)
			left = append(left, f)
		}
	}
	l.queue = left
	return picked
}

// plan is the faults that one request meets.
type plan []Fault

func (p plan) actions() []Action {
	names := make([]Action, len(p))
	for i, f := range p {
		names[i] = f.Action
	}
	return names
}

// has finds the first fault with one of the actions, nil when there is none.
func (p plan) has(one ...Action) *Fault {
	for i := range p {
		if slices.Contains(one, p[i].Action) {
			return &p[i]
		}
	}
	return nil
}

// forgery is what to do to the reply's signature, empty for nothing.
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

// answer is the refusal that a fault wants, nil when the request is to be handled.
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

// Inject adds a fault. The error names every field that is wrong and what it may be.
func (g *Gateway) Inject(f Fault) error {
	if err := f.check(); err != nil {
		return fmt.Errorf("injecting a fault: %w", err)
	}
	g.faults.add(f)
	return nil
}

// Faults lists the faults still to come, oldest first; Times is how often each will still happen.
func (g *Gateway) Faults() []Fault { return g.faults.snapshot() }

// ClearFaults forgets every fault. Requests that hang go on hanging.
func (g *Gateway) ClearFaults() { g.faults.clear() }
