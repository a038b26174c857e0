package paygate

import (
	"net/http"
	"time"
)

// What the tests of notifications check without the wire.

// Functions under test, as they are.
var (
	EncryptV3   = encryptV3
	EncryptECB  = encryptECB
	InfoKey     = infoKey
	Judge       = judge
	NotifyWaits = notifyWaits
)

// documentOf makes an APIv2 document of name=value pairs.
func documentOf(pairs [][2]string) fields {
	var doc fields
	for _, p := range pairs {
		doc = append(doc, field{p[0], p[1]})
	}
	return doc
}

// EncodeFlat writes name=value pairs as an APIv2 notification.
func EncodeFlat(pairs [][2]string) []byte { return encodeFlat(documentOf(pairs)) }

// EncodeRoot writes name=value pairs as what is encrypted in req_info.
func EncodeRoot(pairs [][2]string) []byte { return encodeRoot(documentOf(pairs)) }

// NotificationV3 is the body of a notification with these facts.
func NotificationV3(v3Key, nonce, id, eventType, content string, created time.Time) []byte {
	e := &notice{}
	e.ID, e.EventType, e.Content, e.CreatedAt = id, eventType, content, created
	return newReplyV3(http.StatusOK, sealV3(e, &Merchant{V3Key: v3Key}, nonce, nil)).body
}

// RefundContent is what a refund's notification tells in a protocol.
func RefundContent(o Order, r Refund) string { return newRefundNotice(&o, &r).Content }

// NoteRefund enters the notification of a refund's end.
func (g *Gateway) NoteRefund(outTradeNo string, r Refund) {
	g.orders.mu.Lock()
	defer g.orders.mu.Unlock()
	for rec := g.orders.numbers[outTradeNo]; rec != nil; rec = rec.next {
		order := rec.order()
		g.orders.note(noteRefund, &order, &r)
	}
}

// SetNotifying shortens what receivers may take, and the pauses between attempts; zero and none
// leave them as they are.
func (g *Gateway) SetNotifying(answerTime time.Duration, waits ...time.Duration) {
	if answerTime > 0 {
		g.notifier.answerTime = answerTime
	}
	if len(waits) > 0 {
		g.notifier.waits = waits
	}
}

// AllowNotify is nil if a notification may be sent to the address.
func (g *Gateway) AllowNotify(address string) error { return g.notifier.allow(address) }

// KeepNotifications says how many notifications are kept at least.
func (g *Gateway) KeepNotifications(most int) { g.orders.notices.most = most }
