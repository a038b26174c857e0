package paygate

import (
	"slices"
	"time"
)

// opNotify is the operation of [Fault].Op that means the attempts of notifications.
const opNotify = "notify"

// The actions that only notifications have. They need Op "notify".
const (
	// Lost loses a notification for good: no attempt is made. ([Reset] loses one attempt only.)
	Lost Action = "lost"
	// Duplicate sends the same notification twice, at the same time.
	Duplicate Action = "duplicate"
	// WrongAmount names another amount, validly signed.
	WrongAmount Action = "wrong-amount"
	// WrongKey encrypts with another APIv3 key, or in APIv2 signs with another key; the signature
	// of APIv3 is genuine.
	WrongKey Action = "wrong-key"
)

// Further ones, which Go code writes as texts: the names are for rare tests.
const (
	// names another associated_data than that of the encryption, signed genuinely (APIv3).
	wrongAssociatedData Action = "wrong-associated-data"
	// encrypts with an empty associated_data, which the documents allow (APIv3).
	emptyAssociatedData Action = "empty-associated-data"
	// encodes the body again after it was signed, as a proxy might: the signature does not fit any
	// more (APIv3).
	reencoded Action = "reencoded"
)

// The parts of an attempt that an action takes up, besides those of an exchange.
const (
	// how the resource is encrypted.
	takesEncryption = takesPayment << 1
)

// notifyAction is what an action does to the attempts of notifications.
type notifyAction struct {
	action Action
	// nil: in both protocols
	apis  []string
	takes int
	// a receiver that acknowledges it checks too little
	forges bool
}

// notifyActions is the table of the actions that notifications have. Some are those of a request,
// with a meaning of their own: Reset loses the attempt, Drop the answer to it, and Delay delays it
// by the business clock.
var notifyActions = []notifyAction{
	{action: Lost, takes: takesAll | takesEncryption},
	{action: Delay},
	{action: Reset, takes: takesAll | takesEncryption},
	{action: Drop, takes: takesSending},
	{action: Duplicate, takes: takesSending},
	{action: WrongAmount, takes: takesSubject, forges: true},
	{action: WrongOrder, takes: takesSubject, forges: true},
	{action: WrongMerchant, takes: takesSubject, forges: true},
	{action: WrongKey, takes: takesEncryption, forges: true},
	{action: wrongAssociatedData, takes: takesEncryption, apis: []string{apiV3}, forges: true},
	{action: emptyAssociatedData, takes: takesEncryption, apis: []string{apiV3}},
	{action: BadSignature, takes: takesSignature, forges: true},
	{action: Unsigned, takes: takesSignature, forges: true},
	{action: UnknownSerial, takes: takesSignature, apis: []string{apiV3}, forges: true},
	{action: Probe, takes: takesSignature, apis: []string{apiV3}, forges: true},
	{action: Stale, takes: takesSignature, apis: []string{apiV3}, forges: true},
	{action: reencoded, takes: takesSignature, apis: []string{apiV3}, forges: true},
}

// maxNotifyDelay bounds the Delay of a notification, which no test waits for in real time.
const maxNotifyDelay = 7 * 24 * time.Hour

// notifyActionOf is an action's row, nil if notifications do not have it.
func notifyActionOf(action Action) *notifyAction {
	for i := range notifyActions {
		if notifyActions[i].action == action {
			return &notifyActions[i]
		}
	}
	return nil
}

// forgeries are the actions whose attempts a receiver must not acknowledge.
func forgeries() []Action {
	var forging []Action
	for _, a := range notifyActions {
		if a.forges {
			forging = append(forging, a.action)
		}
	}
	return forging
}

// notifyActionNames are all actions that notifications have.
func notifyActionNames() []Action {
	names := make([]Action, len(notifyActions))
	for i, a := range notifyActions {
		names[i] = a.action
	}
	return names
}

// plays reports whether the notifications of a protocol have the action.
func (a *notifyAction) plays(api string) bool {
	return api == "" || a.apis == nil || slices.Contains(a.apis, api)
}

// checkNotify is check for a fault of notifications.
func (f *Fault) checkNotify() error {
	var wrong complaints
	kind := notifyActionOf(f.Action)
	wrong.expectf(kind != nil, "action: %q does nothing to notifications; what does is one of %s", f.Action, list(notifyActionNames()))
	wrong.expectf(slices.Contains([]string{"", apiV2, apiV3}, f.API), "match.api: %q must be one of %s, %s, or absent", f.API, apiV2, apiV3)
	wrong.expectf(kind == nil || kind.plays(f.API), "match.api: notifications of %s have no %s", f.API, f.Action)
	wrong.expectf(f.OutTradeNo == "" || outTradeNoRule.MatchString(f.OutTradeNo),
		"match.out_trade_no: %q %s", f.OutTradeNo, outTradeNoSentence)
	f.checkOften(&wrong)
	wrong.expectf(f.Code == "", "code: notifications have none")
	wrong.expectf(f.HTTPStatus == 0, "http_status: a notification has none; the receiver answers it")
	if f.Action == Delay {
		wrong.expectf(f.Delay > 0 && f.Delay <= maxNotifyDelay, "delay: %s must be above 0s and at most %s", f.Delay, maxNotifyDelay)
	} else {
		wrong.expectf(f.Delay == 0, "delay: only %s takes one here, not %s", Delay, f.Action)
	}
	return wrong.err()
}

// meetsNotice reports whether the fault is for an attempt of this notification.
func (f *Fault) meetsNotice(n *notice) bool {
	kind := notifyActionOf(f.Action)
	return f.Op == opNotify && kind != nil && kind.plays(n.API) &&
		(f.API == "" || f.API == n.API) && (f.OutTradeNo == "" || f.OutTradeNo == n.OutTradeNo)
}

// takeNotify picks the faults that an attempt of a notification meets, and counts each of them
// down. A replay is made at once, so that Lost and Delay do not meet it.
func (l *faultList) takeNotify(n *notice, replay bool) plan {
	return l.pick(func(f *Fault) (bool, int) {
		if !f.meetsNotice(n) || replay && (f.Action == Lost || f.Action == Delay) {
			return false, 0
		}
		return true, notifyActionOf(f.Action).takes
	})
}
