package paygate

import (
	"bytes"
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// The events of APIv3 (pay.weixin.qq.com doc v3/merchant 4012791861, 4012791865, 4019605946).
const (
	eventPaid           = "TRANSACTION.SUCCESS"
	eventRefunded       = "REFUND.SUCCESS"
	eventRefundAbnormal = "REFUND.ABNORMAL"
	eventRefundClosed   = "REFUND.CLOSED"
	eventEcho           = "SECURITY_ECHO.SUCCESS"
)

// eventsV3 is what the body says around an event's resource. The vendor's own receivers refuse an
// empty associated_data, which the documents allow.
var eventsV3 = map[string]struct{ originalType, associatedData, summary string }{
	eventPaid:           {"transaction", "transaction", "支付成功"},
	eventRefunded:       {"refund", "refund", "退款成功"},
	eventRefundAbnormal: {"refund", "refund", "退款异常"},
	eventRefundClosed:   {"refund", "refund", "退款关闭"},
	eventEcho:           {"security", "", "回调通知成功"},
}

// newNotice begins a notification about an order, in a protocol; empty: that of the order.
func newNotice(kind notificationKind, api string, o *Order, url string) *notice {
	n := &notice{AppID: o.AppID, SubAppID: o.SubAppID, SignType: o.SignType}
	n.Kind, n.API, n.URL = string(kind), cmp.Or(api, o.API, apiV3), url
	n.MchID, n.SubMchID, n.OutTradeNo = o.MchID, o.SubMchID, o.OutTradeNo
	return n
}

// newPaymentNotice tells that an order was paid: what a query of it would say.
func newPaymentNotice(o *Order) *notice {
	n := newNotice(notePayment, "", o, o.NotifyURL)
	if n.API == apiV2 {
		n.Content = string(encodeFlat(paymentNoticeV2(o)))
		return n
	}
	n.EventType, n.Content = eventPaid, string(reportV3(o).body)
	return n
}

// newCombinedNotice tells that all parts of a combined order were paid.
func newCombinedNotice(c *CombinedOrder) *notice {
	about := newSubject(c)
	n := newNotice(notePayment, apiV3, &about.Order, c.NotifyURL)
	n.EventType, n.Content = eventPaid, string(reportCombined(&about).body)
	return n
}

// newRefundNotice tells how a refund ended.
func newRefundNotice(o *Order, r *Refund) *notice {
	n := newNotice(noteRefund, r.API, o, r.NotifyURL)
	n.OutRefundNo = r.OutRefundNo
	if n.API == apiV2 {
		n.Content = string(encodeRoot(refundNoticeV2(o, r)))
		return n
	}
	n.EventType = "REFUND." + r.Status
	n.Content = string(newReplyV3(http.StatusOK, newRefundResource(o, r)).body)
	return n
}

// newEchoNotice answers a self-test. What it tells is not published; it repeats the text.
func newEchoNotice(m *Merchant, url, message string) *notice {
	n := newNotice(noteEcho, apiV3, &Order{MchID: m.MchID, AppID: m.AppID}, url)
	n.EventType = eventEcho
	n.Content = string(newReplyV3(http.StatusOK, struct {
		EchoMessage string `json:"echo_message"`
	}{message}).body)
	return n
}

// refundResource is what a refund's notification tells in APIv3 (doc v3/merchant 4012791865). The
// state has another name there than in the answers.
type refundResource struct {
	MchID         string             `json:"mchid,omitempty"`
	SPMchID       string             `json:"sp_mchid,omitempty"`
	SubMchID      string             `json:"sub_mchid,omitempty"`
	OutTradeNo    string             `json:"out_trade_no"`
	TransactionID string             `json:"transaction_id"`
	OutRefundNo   string             `json:"out_refund_no"`
	RefundID      string             `json:"refund_id"`
	Status        string             `json:"refund_status"`
	SuccessTime   string             `json:"success_time,omitempty"`
	Account       string             `json:"user_received_account"`
	Amount        refundNoticeAmount `json:"amount"`
}

// refundNoticeAmount has no currency, unlike the answers.
type refundNoticeAmount struct {
	Total       int64 `json:"total"`
	Refund      int64 `json:"refund"`
	PayerTotal  int64 `json:"payer_total"`
	PayerRefund int64 `json:"payer_refund"`
}

// newRefundResource writes a refund that has ended.
func newRefundResource(o *Order, r *Refund) refundResource {
	resource := refundResource{
		OutTradeNo: o.OutTradeNo, TransactionID: o.TransactionID, OutRefundNo: r.OutRefundNo, RefundID: r.RefundID,
		Status: r.Status, Account: receivedAccount,
		Amount: refundNoticeAmount{
			Total: o.Total, Refund: r.Amount, PayerTotal: o.Total - o.discount(), PayerRefund: r.PayerAmount,
		},
	}
	if o.SubMchID == "" {
		resource.MchID = o.MchID
	} else {
		resource.SPMchID, resource.SubMchID = o.MchID, o.SubMchID
	}
	if r.Status == refundSuccess {
		resource.SuccessTime = timeText(r.EndedAt)
	}
	return resource
}

// envelopeV3 is the body of every notification in APIv3.
type envelopeV3 struct {
	ID           string     `json:"id"`
	CreateTime   string     `json:"create_time"`
	ResourceType string     `json:"resource_type"`
	EventType    string     `json:"event_type"`
	Summary      string     `json:"summary"`
	Resource     resourceV3 `json:"resource"`
}

// resourceV3 is its encrypted part.
type resourceV3 struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// compose writes a notification, signed anew for each attempt, with what faults want wrong in it.
func (n *notifier) compose(e *notice, due plan) (message, error) {
	m := n.gateway.merchant(e.MchID)
	if m == nil {
		return message{}, fmt.Errorf("mchid %s is no merchant of this gateway any more", e.MchID)
	}
	if e.API == apiV2 {
		return composeV2(e, m, due)
	}
	return n.composeV3(e, m, due)
}

// composeV3 is compose for APIv3 (pay.weixin.qq.com, notification/introduction).
func (n *notifier) composeV3(e *notice, m *Merchant, due plan) (message, error) {
	rp := newReplyV3(http.StatusOK, sealV3(e, m, randomText(gcmNonce), due))
	rp.header = noticeHeader("application/json")
	by, forgery := n.gateway.drawNotice(e, due.forgery())
	if forgery != Unsigned {
		if err := by.sign(rp, n.gateway.now(), forgery); err != nil {
			return message{}, err
		}
	}
	if due.has(reencoded) != nil {
		var again bytes.Buffer
		_ = json.Indent(&again, rp.body, "", "  ") // cannot fail: it is JSON
		rp.body = again.Bytes()
	}
	return message{header: rp.header, body: rp.body}, nil
}

// noticeHeader is what every notification has in its header.
func noticeHeader(contentType string) http.Header {
	header := http.Header{}
	header.Set("Content-Type", contentType)
	header.Set("Accept", "*/*")
	header.Set("User-Agent", "paygate (an emulated WeChat Pay)")
	header.Set("Request-Id", newRequestID(suffixOK))
	return header
}

// sealV3 encrypts what a notification tells.
func sealV3(e *notice, m *Merchant, nonce string, due plan) envelopeV3 {
	event := eventsV3[e.EventType]
	key, bound, said := m.V3Key, event.associatedData, event.associatedData
	switch f := due.has(WrongKey, wrongAssociatedData, emptyAssociatedData); {
	case f == nil:
	case f.Action == WrongKey:
		key = differently(key)
	case f.Action == wrongAssociatedData:
		said = "certificate"
	default:
		bound, said = "", ""
	}
	return envelopeV3{
		ID: e.ID, CreateTime: timeText(e.CreatedAt), ResourceType: "encrypt-resource",
		EventType: e.EventType, Summary: event.summary,
		Resource: resourceV3{
			OriginalType: event.originalType, Algorithm: "AEAD_AES_256_GCM", AssociatedData: said, Nonce: nonce,
			Ciphertext: encryptV3(key, nonce, bound, []byte(tamperV3(e.Content, due))),
		},
	}
}

// gcmNonce is the length of a nonce, in characters.
const gcmNonce = 12

// encryptV3 is AES-256-GCM as APIv3 has it everywhere: the key and the nonce are the bytes of their
// texts, and the tag stands behind the text (doc v3/merchant 4012071382).
func encryptV3(key, nonce, associatedData string, plain []byte) string {
	return base64.StdEncoding.EncodeToString(newGCM(key).Seal(nil, []byte(nonce), plain, []byte(associatedData)))
}

// drawNotice decides which key signs an attempt, and whether it is a probe. The key is that of the
// merchant's account, whatever the placing request asked for ([Signing].NotifyByCertificate), but
// for the shares of [Signing].
func (g *Gateway) drawNotice(e *notice, forgery Action) (signer, Action) {
	asked := publicKey
	if g.Signing().NotifyByCertificate {
		asked = certificateKey
	}
	kind, probe := g.signing.draw(asked, call{op: opNotify, transactionID: e.ID}, forgery != "")
	if probe {
		forgery = Probe
	}
	return g.platform.signer(kind), forgery
}

// tamperV3 is the content as a fault wants it: about another amount, order or merchant.
func tamperV3(content string, due plan) string {
	f := due.has(WrongAmount, WrongOrder, WrongMerchant)
	if f == nil {
		return content
	}
	object, err := decodeObject([]byte(content))
	if err != nil {
		return content // cannot be: it is ours
	}
	tamperMembers(object, f.Action, false)
	return string(newReplyV3(http.StatusOK, object).body)
}

// tamperMembers changes the members of an object, and of those in it. amounts says that the object
// is an amount.
func tamperMembers(object map[string]any, action Action, amounts bool) {
	for name, value := range object {
		switch value := value.(type) {
		case map[string]any:
			tamperMembers(value, action, name == "amount")
		case []any:
			for _, one := range value {
				if inner, is := one.(map[string]any); is {
					tamperMembers(inner, action, false)
				}
			}
		case string:
			if isTampered(name, action) && value != "" {
				object[name] = differently(value)
			}
		case float64:
			if action == WrongAmount && amounts {
				object[name] = value + 1
			}
		}
	}
}

// isTampered reports whether an action gives the element or member another value.
func isTampered(name string, action Action) bool {
	switch action {
	case WrongOrder:
		return strings.HasSuffix(name, "out_trade_no") || name == "transaction_id"
	case WrongMerchant:
		return name == "mch_id" || name == "mchid" || name == "sp_mchid" || name == "combine_mchid"
	case WrongAmount:
		return name == "total_fee" || name == "cash_fee" || name == "refund_fee"
	default:
		return false
	}
}
