package paygate

import (
	"cmp"
	"container/heap"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"
)

// notificationKind is what a notification tells.
type notificationKind string

const (
	// notePayment tells that an order, or a combined one, was paid.
	notePayment notificationKind = "payment"
	// noteRefund tells how a refund ended.
	noteRefund notificationKind = "refund"
	// noteEcho answers a self-test that named a notify_url.
	noteEcho notificationKind = "echo"
)

// notificationKinds are all kinds, in the order in which an error lists them.
func notificationKinds() []notificationKind {
	return []notificationKind{notePayment, noteRefund, noteEcho}
}

// The values of [Notification].State.
const (
	// more attempts are to come.
	noticePending = "pending"
	// the receiver has it.
	noticeAcknowledged = "acknowledged"
	// its address may not be called, or it cannot be made; no attempt was made.
	noticeRefused = "refused"
	// a fault lost it; no attempt will be made.
	noticeLost = "lost"
	// the last attempt of the schedule failed.
	noticeExhausted = "exhausted"
)

// noticeStates are all states, in the order in which an error lists them.
func noticeStates() []string {
	return []string{noticePending, noticeAcknowledged, noticeRefused, noticeLost, noticeExhausted}
}

// Notification is one message that the gateway sends to a merchant's notify_url by itself: an order
// was paid, or a refund ended. It stays after it was acknowledged, with every attempt. The methods
// of the gateway are [Gateway.Notifications], [Gateway.SendNotification] and
// [Gateway.AwaitNotified]; [Fault].Op "notify" spoils attempts.
type Notification struct {
	// ID is the notification's: in APIv3 that of the body, the same in each attempt.
	ID string `json:"id"`
	// Kind is "payment", "refund", or "echo" for the answer to a self-test (/v3/security/echo).
	Kind string `json:"kind"`
	// API is "v3", for JSON that is encrypted and signed, or "v2", for XML.
	API string `json:"api"`
	// EventType is APIv3's event_type.
	EventType string `json:"event_type,omitempty"`
	// MchID and SubMchID are the owner of the order. Of a combined order MchID is the combiner.
	MchID    string `json:"mchid"`
	SubMchID string `json:"sub_mchid,omitempty"`
	// OutTradeNo is the order's number, of a combined order its combine_out_trade_no.
	OutTradeNo string `json:"out_trade_no"`
	// OutRefundNo is the refund's number.
	OutRefundNo string `json:"out_refund_no,omitempty"`
	// URL is the notify_url that the order or the refund was given.
	URL string `json:"notify_url"`
	// Content is what is told, in the clear: APIv3's resource before encryption, or APIv2's
	// document before it is signed (of a refund, its req_info before encryption).
	Content string `json:"content"`
	// CreatedAt is when the payment came or the refund ended, by the business clock.
	CreatedAt time.Time `json:"create_time"`
	// State is what became of it:
	//
	//	pending       more attempts are to come, the next one at Due
	//	acknowledged  the receiver has it
	//	refused       the address may not be called, or there is no key to encrypt with
	//	lost          a fault lost it
	//	exhausted     the last attempt of the schedule failed
	State string `json:"state"`
	// Due is when the next attempt is made, by the business clock; zero if there is none.
	Due time.Time `json:"due,omitzero"`
	// Reason is an English sentence: why no attempt was made, or why the next one is late.
	Reason string `json:"reason,omitempty"`
	// Attempts are what was sent and what was answered, oldest first. Of more than four only the
	// newest four have the texts.
	Attempts []NotificationAttempt `json:"attempts,omitempty"`
}

// NotificationAttempt is one attempt to deliver a [Notification]: the request as it was sent, and
// the answer.
type NotificationAttempt struct {
	// Time is when it was made, by the business clock.
	Time time.Time `json:"time"`
	// Replay is true for one that [Gateway.SendNotification] made, outside the schedule.
	Replay bool `json:"replay,omitempty"`
	// Faults are the actions that were applied to it.
	Faults []Action `json:"faults,omitempty"`
	// RequestHeader and RequestBody are what was sent.
	RequestHeader map[string]string `json:"request_header,omitempty"`
	RequestBody   string            `json:"request_body,omitempty"`
	// HTTPStatus is that of the answer. 0: there was none.
	HTTPStatus int `json:"http_status"`
	// Answer is the answer's body, at most its first 4 KiB.
	Answer string `json:"answer,omitempty"`
	// Acknowledged reports whether the notification counts as delivered by this attempt.
	Acknowledged bool `json:"acknowledged"`
	// Reason is an English sentence: why it does not count, or what is odd about the answer.
	Reason string `json:"reason,omitempty"`
}

// clone copies the notification, so that a caller cannot change what the book has.
func (n *Notification) clone() Notification {
	c := *n
	c.Attempts = slices.Clone(n.Attempts)
	for i := range c.Attempts {
		c.Attempts[i].Faults = slices.Clone(c.Attempts[i].Faults)
		c.Attempts[i].RequestHeader = maps.Clone(c.Attempts[i].RequestHeader)
	}
	return c
}

// notice is a notification as the book keeps it.
type notice struct {
	Notification

	// counts the notifications: the order of those that are due together
	Number int `json:"number"`
	// APIv2's head
	AppID    string `json:"appid,omitempty"`
	SubAppID string `json:"sub_appid,omitempty"`
	// APIv2: MD5 or HMAC-SHA256, as the order was placed
	SignType string `json:"sign_type,omitempty"`
	// attempts of the schedule so far
	Tries int `json:"tries"`
	// the faults that a delayed attempt will meet
	Held []Fault `json:"held,omitempty"`
	// an attempt is under way
	flying bool
	// its place in the queue, which Due leaves when a replay is acknowledged
	at time.Time
}

// key is what the file has the notification by: keys are in the order of the numbers.
func (n *notice) key() string { return fmt.Sprintf("%012d", n.Number) }

// dueHeap is the notifications that wait for an attempt, the next one first. One that was
// acknowledged meanwhile stays until it comes to the top.
type dueHeap []*notice

// Len is heap's.
func (h *dueHeap) Len() int { return len(*h) }

// Less is heap's: by time, and of those that are due together the older one first.
func (h *dueHeap) Less(i, j int) bool {
	a, b := (*h)[i], (*h)[j]
	return cmp.Or(a.at.Compare(b.at), cmp.Compare(a.Number, b.Number)) < 0
}

// Swap is heap's.
func (h *dueHeap) Swap(i, j int) { (*h)[i], (*h)[j] = (*h)[j], (*h)[i] }

// Push is heap's: it appends a *notice.
func (h *dueHeap) Push(one any) {
	if n, is := one.(*notice); is {
		n.at = n.Due
		*h = append(*h, n)
	}
}

// Pop is heap's: it removes the last element.
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	one := (*h)[last]
	*h = (*h)[:last]
	return one
}

// noticeBook is the notifications of an order book. The book's lock guards it.
type noticeBook struct {
	// oldest first
	all  []*notice
	byID map[string]*notice
	// those that wait for an attempt
	queue dueHeap
	// how many there were
	count int
	// how many are kept at least, and how many there may be before old ones are removed
	most, room int
	// closed and replaced whenever a notification changes
	moved chan struct{}

	// how many workers make attempts, and how many attempts are under way
	workers, flying int
	// an advance of the clock makes the attempts, one after the other
	serial bool
	closed bool
	// whether the address may be called; nil in a book without a gateway: none may
	allow func(url string) error
	// starts a worker; nil in a book without a gateway
	start func()
	// in a running gateway: calls wake when so much time has passed; else nil
	alarm func(after time.Duration)
	// [Options].ObserveNotification; nil: nothing observes
	observe func(n Notification, at time.Time, attempts []NotificationAttempt)
}

const (
	// maxNotices bounds how many notifications are kept that have no attempt to come, the newest.
	maxNotices = 10_000
	// maxTexts is how many attempts of a notification keep their texts.
	maxTexts = 4
	// maxAtOnce bounds how many attempts are under way at once.
	maxAtOnce = 16
	// noticesBucket is where notifications are kept in the file.
	noticesBucket = "notifications"
)

// note enters a notification, if one is to be sent: an order that was paid has a notify_url, or the
// refund that ended has. It is called with the book locked, right where the state changes: both are
// written in one transaction. The delivery begins after the lock is released.
//
// A payment-code order has no notification (pay.weixin.qq.com doc v3/merchant 4012525182), and a
// part of a combined one has that of the whole ([orderBook.noteCombined]).
func (b *orderBook) note(kind notificationKind, o *Order, r *Refund) {
	switch {
	case kind == noteRefund && r != nil && r.NotifyURL != "":
		b.post(newRefundNotice(o, r))
	case kind == notePayment && o.NotifyURL != "" && o.TradeType != microPay && o.CombineOutTradeNo == "":
		b.post(newPaymentNotice(o))
	}
}

// notePaid enters an order's notification if a change has just paid it. The book is locked.
func (b *orderBook) notePaid(before TradeState, o *Order) {
	if !before.paid() && o.State == StateSuccess {
		b.note(notePayment, o, nil)
	}
}

// noteCombined enters the one notification of a combined order that was paid. The book is locked.
func (b *orderBook) noteCombined(c *CombinedOrder) {
	if c.NotifyURL != "" {
		b.post(newCombinedNotice(c))
	}
}

// postEcho enters the answer to a self-test that named a notify_url. It locks the book.
func (b *orderBook) postEcho(m *Merchant, url, message string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.post(newEchoNotice(m, url, message))
}

// post keeps a new notification, and has it sent unless it cannot be. The book is locked.
func (b *orderBook) post(n *notice) {
	n.CreatedAt = b.clock.time()
	b.notices.count++
	n.Number = b.notices.count
	n.ID = fmt.Sprintf("EV-%s-%s", n.CreatedAt.Format("20060102150405"), strings.ToUpper(randomText(12)))
	n.State, n.Due = noticePending, n.CreatedAt
	if err := b.checkNotice(n); err != nil {
		n.State, n.Due, n.Reason = noticeRefused, time.Time{}, err.Error()
	}
	b.adopt(n)
	b.saveNotice(n)
	b.trimNotices()
	if n.State == noticeRefused {
		b.observed(n.clone(), nil)
	}
	b.stir()
}

// observed shows a notification and its newest attempts to what observes them. The book is locked.
func (b *orderBook) observed(n Notification, attempts []NotificationAttempt) {
	if b.notices.observe != nil {
		b.notices.observe(n, b.clock.time(), attempts)
	}
}

// checkNotice returns an error if a notification cannot be sent to where it goes.
func (b *orderBook) checkNotice(n *notice) error {
	i := slices.IndexFunc(b.merchants, func(m *Merchant) bool { return m.MchID == n.MchID })
	switch {
	case i < 0:
		return invalid("mchid %s is no merchant of this gateway, which has no key to sign or encrypt with", n.MchID)
	case n.API == apiV3 && b.merchants[i].V3Key == "":
		return invalid("merchant %s has no V3Key to encrypt the notification with: WeChat Pay sends none then", n.MchID)
	case b.notices.allow == nil:
		return invalid("this gateway sends no notifications")
	default:
		return b.notices.allow(n.URL)
	}
}

// adopt puts a notification into the book, new or from the file. The book is locked.
func (b *orderBook) adopt(n *notice) {
	if b.notices.byID == nil {
		b.notices.byID = make(map[string]*notice)
	}
	b.notices.all = append(b.notices.all, n)
	b.notices.byID[n.ID] = n
	if n.State == noticePending {
		heap.Push(&b.notices.queue, n)
	}
	b.notices.count = max(b.notices.count, n.Number)
}

// saveNotice has a notification written. The book is locked.
func (b *orderBook) saveNotice(n *notice) { b.changed(change{noticesBucket, n.key(), n}) }

// trimNotices removes old notifications that have no attempt to come, when there are too many. It
// does so rarely, so that each removal costs the same at any size. The book is locked.
func (b *orderBook) trimNotices() {
	book := &b.notices
	most := cmp.Or(book.most, maxNotices)
	if len(book.all) <= max(book.room, most+most/10) {
		return
	}
	surplus := len(book.all) - most
	book.all = slices.DeleteFunc(book.all, func(n *notice) bool {
		if surplus == 0 || n.State == noticePending || n.flying {
			return false
		}
		surplus--
		delete(book.byID, n.ID)
		b.changed(change{noticesBucket, n.key(), nil})
		return true
	})
	book.room = len(book.all) + most/10
}

// stir starts a worker if an attempt is due or a refund ends, or has an alarm set for when that is.
// It is called with the book locked, after each change of either.
func (b *orderBook) stir() {
	book := &b.notices
	if book.moved != nil {
		close(book.moved)
	}
	book.moved = make(chan struct{})
	wait, some := b.untilDue()
	switch {
	case !some || book.closed || book.serial:
	case wait > 0 && book.alarm != nil:
		book.alarm(wait)
	case wait <= 0 && book.start != nil && book.workers < maxAtOnce:
		book.workers++
		book.start()
	}
}

// untilDue returns how long it takes until something happens by itself: an attempt is due, or a
// refund ends, which may be notified. It is false if nothing will. The book is locked.
func (b *orderBook) untilDue() (time.Duration, bool) {
	attempt, some := b.untilAttempt()
	refund, more := b.untilRefund()
	switch {
	case b.notices.closed || !some && !more:
		return 0, false
	case !more || some && attempt < refund:
		return attempt, true
	default:
		return refund, true
	}
}

// untilAttempt returns how long it takes until the next attempt is due; false if there is none. The
// book is locked.
func (b *orderBook) untilAttempt() (time.Duration, bool) {
	queue := &b.notices.queue
	for len(*queue) > 0 && (*queue)[0].State != noticePending {
		heap.Pop(queue)
	}
	if len(*queue) == 0 {
		return 0, false
	}
	return (*queue)[0].at.Sub(b.clock.time()), true
}

// takeDue ends the refunds that are due, and returns a copy of the notification whose attempt is
// due first. ok is false if none is, or if the attempts are another's to make; a worker that gets
// false has ended.
func (b *orderBook) takeDue(worker bool) (due notice, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.endRefunds()
	book := &b.notices
	wait, some := b.untilAttempt()
	if !some || wait > 0 || book.closed || worker && book.serial {
		if worker {
			book.workers--
		} else {
			book.serial = false
		}
		b.stir()
		return notice{}, false
	}
	next, _ := heap.Pop(&book.queue).(*notice)
	next.flying = true
	book.flying++
	return *next, true
}

// takeByID returns a copy of a notification that is to be sent again, whatever its state.
func (b *orderBook) takeByID(id string) (notice, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	n, found := b.notices.byID[id]
	switch {
	case !found:
		return notice{}, missing("there is no notification %s here", id)
	case b.notices.closed:
		return notice{}, conflict("this gateway is closed")
	}
	if err := b.checkNotice(n); err != nil {
		return notice{}, conflict("notification %s cannot be sent: %v", id, err)
	}
	b.notices.flying++
	return *n, nil
}

// landing is how an attempt, or what came in its place, ended.
type landing struct {
	attempts []NotificationAttempt
	replay   bool
	// the gateway closed meanwhile: the attempt is made again by the next one
	broken bool
	// a fault lost the notification
	lost bool
	// a fault delays the attempt by so much, which meets the faults that are held then
	delay time.Duration
	held  []Fault
	// a sentence about lost and delay
	reason string
}

// acknowledged reports whether one of the attempts was.
func (l landing) acknowledged() bool {
	return slices.ContainsFunc(l.attempts, func(a NotificationAttempt) bool { return a.Acknowledged })
}

// land records how an attempt of a notification ended, and plans the next one. waits are the pauses
// between attempts.
func (b *orderBook) land(id string, how landing, waits []time.Duration) Notification {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.notices.flying--
	n, found := b.notices.byID[id]
	if !found { // removed meanwhile, as only one that was acknowledged before can be
		b.stir()
		return Notification{ID: id}
	}
	if !how.replay {
		n.flying = false
	}
	if !how.broken {
		b.settleNotice(n, how, waits)
		b.saveNotice(n)
	}
	if n.State == noticePending && !how.replay {
		heap.Push(&b.notices.queue, n)
	}
	b.stir()
	landed := n.clone()
	if !how.broken {
		b.observed(landed, landed.Attempts[max(len(landed.Attempts)-len(how.attempts), 0):])
	}
	return landed
}

// settleNotice changes a notification by what an attempt was answered. A replay that fails changes
// nothing but the list of attempts. The book is locked.
func (b *orderBook) settleNotice(n *notice, how landing, waits []time.Duration) {
	n.Attempts = append(n.Attempts, how.attempts...)
	n.forgetTexts()
	now := b.clock.time()
	switch {
	case how.acknowledged():
		n.State, n.Due, n.Reason, n.Held = noticeAcknowledged, time.Time{}, "", nil
	case n.State != noticePending || how.replay:
	case how.lost:
		n.State, n.Due, n.Reason = noticeLost, time.Time{}, how.reason
	case how.delay > 0:
		n.Due, n.Held, n.Reason = now.Add(how.delay), how.held, how.reason
	default:
		n.Tries++
		n.Held, n.Reason = nil, ""
		if n.Tries > len(waits) {
			n.State, n.Due, n.Reason = noticeExhausted, time.Time{}, fmt.Sprintf("%d attempts failed", n.Tries)
			return
		}
		n.Due = now.Add(waits[n.Tries-1])
	}
}

// forgetTexts removes the texts of all but the newest attempts: a receiver that is down for a day
// would otherwise fill the memory.
func (n *notice) forgetTexts() {
	old := max(len(n.Attempts)-maxTexts, 0)
	if old > 0 { // copies that were handed out share the array
		n.Attempts = slices.Clone(n.Attempts)
	}
	for i := range old {
		n.Attempts[i].RequestHeader, n.Attempts[i].RequestBody, n.Attempts[i].Answer = nil, "", ""
	}
}

// notifications returns the notifications that fit, oldest first, at most so many.
func (b *orderBook) notifications(fits func(*notice) bool, most int) []Notification {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := []Notification{}
	for _, n := range b.notices.all {
		if len(found) < most && fits(n) {
			found = append(found, n.clone())
		}
	}
	return found
}

// notification returns the one of an id, and its place among all.
func (b *orderBook) notification(id string) (n Notification, number int, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	one, found := b.notices.byID[id]
	if !found {
		return Notification{}, 0, missing("there is no notification %s here", id)
	}
	return one.clone(), one.Number, nil
}

// newest returns the newest notification of an order number, and whether its attempts that are due
// have been made; if they have not, moved is closed at the next change of any notification.
func (b *orderBook) newest(outTradeNo string, fits func(Owner) bool) (n Notification, settled bool, moved <-chan struct{}, err error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, one := range slices.Backward(b.notices.all) {
		if one.OutTradeNo == outTradeNo && fits(Owner{one.MchID, one.SubMchID}) {
			settled = one.State != noticePending || !one.flying && one.Due.After(b.clock.time())
			return one.clone(), settled, b.notices.moved, nil
		}
	}
	return Notification{}, false, nil, missing(
		"order %s has no notification: it is not paid, or was placed without a notify_url", outTradeNo)
}

// Notifications returns the notifications, oldest first: all that are pending, and of the others at
// least the newest 10 000.
func (g *Gateway) Notifications() []Notification {
	return g.orders.notifications(func(*notice) bool { return true }, math.MaxInt)
}
