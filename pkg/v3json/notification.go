package v3json

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// maxNotification is above the longest ciphertext, 1 MiB, in its envelope.
	maxNotification = maxBody + 64<<10

	eventPaid       = "TRANSACTION.SUCCESS"
	eventRefunded   = "REFUND.SUCCESS"
	originalPayment = "transaction"
	originalRefund  = "refund"

	stateSuccess = "SUCCESS" // a trade_state, and a refund_status
)

// DecodeNotification verifies a notification and returns what it proves. header and body are the
// request as received, the body unchanged to the byte; the header's names may be in any case. It
// needs MchID, V3Key, and Keys or Certificates. With Certificates it may download the list within
// ctx, by the rules of a reply's verification.
//
// A notification is authentic when it is signed like a reply, within five minutes of the client's
// clock. What the package comment calls handled is decrypted and is of this MchID: mchid of a
// direct order, sp_mchid of a partner's, combine_mchid of a combined one. Any other authentic
// notification is returned without payments ([wire.Notification.Other]); it too must decrypt where
// its algorithm is the one that is supported, since platform certificates sign the notifications of
// all merchants. appid and the merchants of a combined order's parts are not compared: they are the
// caller's to judge.
//
// Otherwise the error is, by errors.As, a [*VerifyError] or a [*MalformedError]. Neither proves
// anything, and both are answered with a status of 4xx or 5xx, so that a genuine notification comes
// again. wire.ReasonProbe is WeChat Pay's test of just that. Any other error is about the client's
// fields.
func (c *Client) DecodeNotification(
	ctx context.Context, header http.Header, body []byte,
) (*wire.Notification[Transaction], error) {
	n, err := c.decodeNotification(ctx, header, body)
	if err != nil {
		return nil, fmt.Errorf("taking a notification: %w", err)
	}
	return n, nil
}

func (c *Client) decodeNotification(
	ctx context.Context, header http.Header, body []byte,
) (*wire.Notification[Transaction], error) {
	if err := c.checkNotifiable(); err != nil {
		return nil, err
	}
	got := received(header, body)
	if len(body) > maxNotification {
		tooLong := got.Malformed(fmt.Sprintf("it has %d bytes, and at most %d are read", len(body), maxNotification))
		tooLong.TooLong = true
		return nil, tooLong
	}
	if err := c.authenticateNotification(ctx, got); err != nil {
		return nil, err
	}
	sent, err := decodeEnvelope(got.Body)
	if err != nil {
		return nil, got.Malformed(err.Error())
	}
	n := &wire.Notification[Transaction]{
		Envelope: got.Envelope, ID: sent.ID, EventType: sent.EventType, CreatedAt: sent.createdAt(),
	}
	switch {
	case sent.EventType == eventPaid && sent.Resource.OriginalType == originalPayment:
		n.Paid, err = c.openPayment(got, sent.Resource)
	case sent.EventType == eventRefunded && sent.Resource.OriginalType == originalRefund:
		n.Refunded, err = c.openRefund(got, sent.Resource)
	case sent.Resource.Algorithm == algorithmAEAD:
		_, err = c.unseal(got, sent.Resource) // whose it is; what it says is the caller's
	}
	if err != nil {
		return nil, err
	}
	c.refreshCertificates(ctx)
	return n, nil
}

// checkNotifiable returns an error when no notification could be taken. No request is signed for
// one, unless certificates are to be downloaded.
func (c *Client) checkNotifiable() error {
	switch {
	case c.Certificates != nil:
		return c.Check()
	case !c.Region.known():
		return fmt.Errorf("Region is %s", wire.Quote(string(c.Region)))
	case !isNumber(c.MchID):
		return errors.New("MchID must be 1 to 32 letters and digits: the merchant whose notifications are taken")
	case c.V3Key == V3Key{}:
		return errors.New("V3Key is empty: read the APIv3 key with ParseV3Key")
	case c.Keys.Preferred() == "":
		return errors.New("Keys is empty, so no notification could be verified: " +
			"give NewKeyring the WeChat Pay public key or a platform certificate, or give Certificates")
	}
	return nil
}

// notificationKey returns the APIv3 key that notifications are encrypted with.
func (c *Client) notificationKey() V3Key {
	if c.V3Key == (V3Key{}) && c.Certificates != nil {
		return c.Certificates.Key
	}
	return c.V3Key
}

// received makes a reply of a notification, for the verification that both share. Of the header it
// keeps what is verified, under the names that net/http gives; a name in two spellings is there
// twice.
func received(header http.Header, body []byte) *reply {
	kept := http.Header{}
	for name, values := range header {
		switch canonical := http.CanonicalHeaderKey(name); canonical {
		case headerTimestamp, headerNonce, headerSignature, headerSerial, headerSignatureType, headerRequestID:
			kept[canonical] = append(kept[canonical], values...)
		}
	}
	return &reply{Reply: &wire.Reply{
		Envelope: wire.Envelope{RequestID: kept.Get(headerRequestID)}, Header: kept, Body: body,
	}}
}

// authenticateNotification returns nil when WeChat Pay signed the notification, and lately.
func (c *Client) authenticateNotification(ctx context.Context, got *reply) error {
	p, err := got.readProof()
	switch {
	case err != nil:
		return err
	case p == proof{}:
		return got.Unverified(wire.ReasonUnsigned, "missing every Wechatpay- header (did a proxy strip them?)")
	}
	return c.verifyProof(got, p, c.finder(ctx))
}

// sentEnvelope is the body of a notification.
type sentEnvelope struct {
	ID         string       `json:"id"`
	CreateTime string       `json:"create_time"`
	EventType  string       `json:"event_type"`
	Resource   sentResource `json:"resource"`
}

// sentResource is its encrypted part. AssociatedData may be "".
type sentResource struct {
	OriginalType   string `json:"original_type"`
	Algorithm      string `json:"algorithm"`
	Ciphertext     string `json:"ciphertext"`
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// The names that decide what a notification says. Each may stand there once.
var (
	envelopeKeys = [...]string{"id", "create_time", "event_type", "resource"}
	resourceKeys = [...]string{"original_type", "algorithm", "ciphertext", "associated_data", "nonce"}
)

// decodeEnvelope reads the body of a notification. The error is one line, the Detail of a
// MalformedError.
func decodeEnvelope(body []byte) (sentEnvelope, error) {
	body = withoutMark(body)
	var sent sentEnvelope
	if err := json.Unmarshal(body, &sent); err != nil {
		return sentEnvelope{}, jsonError(err)
	}
	var raw struct {
		Resource json.RawMessage `json:"resource"`
	}
	err := checkKeys(body, envelopeKeys[:])
	if err == nil {
		err = json.Unmarshal(body, &raw)
	}
	if err == nil && len(raw.Resource) > 0 {
		err = checkKeys(raw.Resource, resourceKeys[:])
	}
	if err == nil && sent.EventType == "" {
		err = errors.New("it has no event_type")
	}
	if err != nil {
		return sentEnvelope{}, err
	}
	return sent, nil
}

// createdAt returns create_time, zero when it is absent or not RFC 3339.
func (e sentEnvelope) createdAt() time.Time {
	var ignored []string // it informs, and nothing depends on it
	return parseSuccessTime(e.CreateTime, &ignored)
}

// unseal decrypts a resource. Nothing else proves whose a notification is: platform certificates
// sign those of all merchants, and each merchant's are encrypted with that merchant's key.
func (c *Client) unseal(got *reply, sealed sentResource) ([]byte, error) {
	plain, err := decrypt((*c.notificationKey().secret)[:], sealed.Nonce, sealed.AssociatedData, sealed.Ciphertext)
	switch {
	case errors.Is(err, errNotAuthentic):
		return nil, got.Unverified(wire.ReasonBadSignature,
			"WeChat Pay signed it, and its resource does not decrypt: is V3Key the APIv3 key set last in the merchant console?")
	case err != nil:
		return nil, got.Malformed(err.Error())
	}
	return withoutMark(plain), nil
}

// open decrypts a resource, and returns the JSON object that it holds.
func (c *Client) open(got *reply, sealed sentResource) ([]byte, error) {
	if sealed.Algorithm != algorithmAEAD {
		return nil, got.Malformed(fmt.Sprintf("its algorithm is %s, and only %s is supported", wire.Quote(sealed.Algorithm), algorithmAEAD))
	}
	plain, err := c.unseal(got, sealed)
	if err != nil {
		return nil, err
	}
	if !json.Valid(plain) || !bytes.HasPrefix(bytes.TrimLeft(plain, " \t\r\n"), []byte("{")) {
		return nil, got.Malformed("its resource is no JSON object")
	}
	return plain, nil
}

// openPayment returns the orders that a payment's resource says are paid, none when it says another
// state.
func (c *Client) openPayment(got *reply, sealed sentResource) ([]Transaction, error) {
	plain, err := c.open(got, sealed)
	if err != nil {
		return nil, err
	}
	for key := range topKeys(plain) {
		if slices.Contains(combineKeys[:], string(key)) {
			return c.combinedPayment(got, plain)
		}
	}
	paid, err := decodeTransaction(plain, c.Region)
	if err != nil {
		return nil, got.Malformed("its resource: " + err.Error())
	}
	if err := c.verifyOwner(got, &paid); err != nil {
		return nil, err
	}
	if paid.TradeState != stateSuccess {
		return nil, nil
	}
	return []Transaction{paid}, nil
}

// combinedPayment returns those parts of a combined order that were paid.
func (c *Client) combinedPayment(got *reply, plain []byte) ([]Transaction, error) {
	combined, err := decodeCombined(plain)
	if err != nil {
		return nil, got.Malformed("its resource: " + err.Error())
	}
	if err := c.verifyMerchant(got, "combine_mchid", combined.CombineMchID); err != nil {
		return nil, err
	}
	var paid []Transaction
	for i := range combined.SubOrders {
		if part := &combined.SubOrders[i]; part.TradeState == stateSuccess {
			paid = append(paid, part.transaction(&combined))
		}
	}
	return paid, nil
}

// transaction returns a part of a combined order as an order that stands alone. It has the number
// of its own merchant, and the appid and the payer of the whole.
func (t *SubTransaction) transaction(whole *CombinedTransaction) Transaction {
	payer := whole.CombinePayerInfo
	payer.SubOpenID = cmp.Or(t.SubOpenID, payer.SubOpenID)
	alone := Transaction{
		AppID: whole.CombineAppID, MchID: t.MchID, SubAppID: t.SubAppID, SubMchID: t.SubMchID,
		OutTradeNo: t.OutTradeNo, TransactionID: t.TransactionID, TradeType: t.TradeType, TradeState: t.TradeState,
		BankType: t.BankType, Attach: t.Attach, SuccessTime: t.SuccessTime,
		Payer: payer, SceneInfo: whole.SceneInfo, PromotionDetail: t.PromotionDetail, Unread: t.Unread,
	}
	if a := t.Amount; a != nil {
		alone.Amount = &Amount{Total: a.TotalAmount, PayerTotal: a.PayerAmount, Currency: a.Currency, PayerCurrency: a.PayerCurrency}
	}
	return alone
}

// refundKeys are the echoKeys, and the name of a refund's state.
var refundKeys = append(echoKeys[:len(echoKeys):len(echoKeys)], "refund_status")

// openRefund returns the order of a refund that succeeded, none when its resource says another
// state. The resource's success_time is the refund's, and is left out.
func (c *Client) openRefund(got *reply, sealed sentResource) ([]Transaction, error) {
	plain, err := c.open(got, sealed)
	if err != nil {
		return nil, err
	}
	var sent struct {
		Transaction
		RefundStatus string `json:"refund_status"`
		SuccessTime  string `json:"success_time"`
	}
	unread, err := decodeReply(plain, &sent)
	if err == nil {
		err = checkKeys(plain, refundKeys)
	}
	if err != nil {
		return nil, got.Malformed("its resource: " + err.Error())
	}
	if err := c.verifyOwner(got, &sent.Transaction); err != nil {
		return nil, err
	}
	if sent.RefundStatus != stateSuccess {
		return nil, nil
	}
	sent.Unread = unread
	return []Transaction{sent.Transaction}, nil
}

// verifyOwner returns nil when a decrypted order has a number and is one of the client's merchant:
// its own, or as a partner one of a sub-merchant. A direct order that names its merchant again as
// the sub-merchant has none.
func (c *Client) verifyOwner(got *reply, t *Transaction) error {
	if t.OutTradeNo == "" {
		return got.MissingEcho("out_trade_no")
	}
	if t.SPMchID == "" {
		if t.SubMchID == t.MchID {
			t.SubMchID = ""
		}
		if t.SubMchID != "" {
			return got.Unverified(wire.ReasonMismatch, "it has a sub_mchid and no sp_mchid")
		}
		return c.verifyMerchant(got, "mchid", t.MchID)
	}
	if t.SubMchID == "" {
		return got.Unverified(wire.ReasonMismatch, "it has an sp_mchid and no sub_mchid")
	}
	if err := c.verifyMerchant(got, "mchid", cmp.Or(t.MchID, c.MchID)); err != nil {
		return err
	}
	return c.verifyMerchant(got, "sp_mchid", t.SPMchID)
}

// verifyMerchant returns nil when a decrypted merchant's number is the client's.
func (c *Client) verifyMerchant(got *reply, field, mchID string) error {
	if mchID == c.MchID {
		return nil
	}
	return got.Unverified(wire.ReasonMismatch, fmt.Sprintf("its %s is %s, and this merchant is %s", field, wire.Quote(mchID), c.MchID))
}
