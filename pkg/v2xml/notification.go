package v2xml

import (
	"crypto/md5" // for the length of its digits alone
	"encoding/hex"
	"errors"
	"fmt"

	"cloudpay/pkg/wire"
)

// maxNotification is far above any notification, a few thousand bytes.
const maxNotification = 64 << 10

// DecodeNotification verifies a notification and returns what it proves. body is the body of the
// request as received; no header is signed. It needs MchID and Key.
//
// A notification is authentic when its sign is made with the client's Key over every other element
// that came, in the sign type that it names, and its mch_id is this MchID. It proves a payment when
// return_code and result_code are SUCCESS, and it has what every paid order has (out_trade_no,
// transaction_id, time_end) and nothing that only replies have. Of one that has result_code FAIL
// nothing is proved ([wire.Notification.Other]). appid and sub_mch_id are not compared: they are
// the caller's to judge. TradeState is "", for the protocol does not send it.
//
// Otherwise the error is, by errors.As, a [*VerifyError] or a [*MalformedError]. Neither proves
// anything, and both are answered with return_code FAIL, so that a genuine notification comes
// again. A refund's notification is one of them: it has no sign, and its encryption (req_info)
// needs only a digest of the key. Any other error is about the client's fields.
func (c *Client) DecodeNotification(body []byte) (*wire.Notification[Transaction], error) {
	n, err := c.decodeNotification(body)
	if err != nil {
		return nil, fmt.Errorf("taking a notification: %w", err)
	}
	return n, nil
}

func (c *Client) decodeNotification(body []byte) (*wire.Notification[Transaction], error) {
	if c.MchID == "" || c.Key == "" {
		return nil, errors.New("MchID and Key must be given: the merchant whose notifications are taken, and its APIv2 key")
	}
	got := &wire.Reply{Body: body}
	if len(body) > maxNotification {
		tooLong := got.Malformed(fmt.Sprintf("it has %d bytes, and at most %d are read", len(body), maxNotification))
		tooLong.TooLong = true
		return nil, tooLong
	}
	doc, err := decode(got)
	if err != nil {
		return nil, got.Malformed(err.Error())
	}
	if err := c.authenticateNotification(got, doc); err != nil {
		return nil, err
	}
	n := &wire.Notification[Transaction]{Envelope: wire.Envelope{Nonce: doc.get("nonce_str"), Signature: doc.get(signName)}}
	if doc.get("return_code") != success || doc.get("result_code") != success {
		return n, nil
	}
	if err := doc.verifyPayment(got); err != nil {
		return nil, err
	}
	n.Paid = make([]Transaction, 1)
	if err := doc.transaction(&n.Paid[0]); err != nil {
		return nil, got.Malformed(err.Error())
	}
	return n, nil
}

// authenticateNotification returns nil when the document is signed with the client's key, and is of
// its merchant.
func (c *Client) authenticateNotification(got *wire.Reply, doc document) error {
	if doc.get(signName) == "" && doc.get("req_info") != "" {
		return got.Unverified(wire.ReasonUnsigned, "it is a refund's notification, which APIv2 does not sign: query the order instead")
	}
	signType, err := doc.notifiedSignType()
	if err != nil {
		return got.Unverified(wire.ReasonBadSignature, err.Error())
	}
	if err := c.verifySignature(got, doc, signType); err != nil {
		return err
	}
	if mchID := doc.get("mch_id"); mchID != c.MchID {
		return got.Unverified(wire.ReasonMismatch,
			fmt.Sprintf("its mch_id is %s, and this merchant is %s", wire.Quote(mchID), wire.Quote(c.MchID)))
	}
	return nil
}

// notifiedSignType returns the type of a notification's sign, which follows the order's and not the
// client's. sign_type is said to be there for HMAC-SHA256 alone; where it is missing, the length of
// the sign decides.
func (d document) notifiedSignType() (SignType, error) {
	named := SignType(d.get("sign_type"))
	switch {
	case !named.known():
		return "", fmt.Errorf("its sign_type is %s, and only %s and %s are supported", wire.Quote(string(named)), MD5, HMACSHA256)
	case named == "" && len(d.get(signName)) > hex.EncodedLen(md5.Size):
		return HMACSHA256, nil
	}
	return named, nil
}

// verifyPayment returns nil when a document that says SUCCESS is the notification of a payment. The
// same key signs the merchant's requests and every reply, and a query's reply about an unpaid order
// says SUCCESS too. So a document with an element that only they have is refused, and so is one
// without an element that every payment has.
func (d document) verifyPayment(got *wire.Reply) error {
	for _, name := range [...]string{
		"trade_state", "prepay_id", "code_url", "mweb_url", "short_url", "recall",
		"refund_id", "refund_id_0", "out_refund_no", "out_refund_no_0", "refund_fee", "refund_count",
		"spbill_create_ip", "notify_url", "auth_code",
	} {
		if d.get(name) != "" {
			return got.Unverified(wire.ReasonMismatch, "it has a "+name+", so it is no payment's notification")
		}
	}
	for _, name := range [...]string{"out_trade_no", "transaction_id", "time_end"} {
		if d.get(name) == "" {
			return got.Unverified(wire.ReasonMismatch, "it has no "+name+", which every payment's notification has")
		}
	}
	return nil
}
