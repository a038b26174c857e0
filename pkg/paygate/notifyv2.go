package paygate

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// paymentNoticeV2 is what tells a payment in APIv2: the fields of a query of the paid order, but
// for the state (pay.weixin.qq.com doc v2/merchant 4011937248). sign_type is there only if it is
// not the default.
func paymentNoticeV2(o *Order) fields {
	doc := fields{
		{"return_code", "SUCCESS"}, {"result_code", "SUCCESS"}, {"appid", o.AppID}, {"mch_id", o.MchID},
		{"sub_appid", o.SubAppID}, {"sub_mch_id", o.SubMchID}, {"device_info", o.DeviceInfo},
		{"out_trade_no", o.OutTradeNo}, {"attach", o.Attach},
	}
	doc = append(doc, paymentV2(o)...)
	doc = append(doc, couponsV2(o)...)
	if o.SignType == signHMAC {
		doc = append(doc, field{"sign_type", signHMAC})
	}
	return doc.filled()
}

// refundNoticeV2 is what tells the end of a refund in APIv2, encrypted in req_info (doc v2/merchant
// 4011937251). The misspelt name is the vendor's.
func refundNoticeV2(o *Order, r *Refund) fields {
	settled := o.Total - o.discount(couponNoCash)
	doc := fields{
		{"out_refund_no", r.OutRefundNo},
		{"out_trade_no", o.OutTradeNo},
		{"refund_account", r.sourceV2()},
		{"refund_fee", fen(r.Amount)},
		{"refund_id", r.RefundID},
		{"refund_recv_accout", receivedAccount},
		{"refund_request_source", requestSourceV2(r)},
		{"refund_status", r.statusV2()},
		{"settlement_refund_fee", fen(o.settlementShare(r.Amount))},
		{"settlement_total_fee", fen(settled)},
	}
	if r.Status == refundSuccess {
		doc = append(doc, field{"success_time", r.EndedAt.In(beijing()).Format("2006-01-02 15:04:05")})
	}
	return append(doc, field{"total_fee", fen(o.Total)}, field{"transaction_id", o.TransactionID})
}

// requestSourceV2 says whether the refund was asked for over the wire or by hand.
func requestSourceV2(r *Refund) string {
	if r.API == "" {
		return "VENDOR_PLATFORM"
	}
	return "API"
}

// filled is the document without its empty elements.
func (f fields) filled() fields {
	return slices.DeleteFunc(f, func(one field) bool { return one.value == "" })
}

// sorted puts the elements into the order of their names, in which notifications come.
func (f fields) sorted() fields {
	slices.SortFunc(f, func(a, b field) int { return strings.Compare(a.name, b.name) })
	return f
}

// encodeFlat writes an APIv2 document as notifications have it: on one line.
func encodeFlat(doc fields) []byte {
	out := []byte("<xml>")
	for _, f := range doc {
		out = appendElementV2(out, f)
	}
	return append(out, "</xml>"...)
}

// encodeRoot writes what is encrypted in req_info: below the root element root, without CDATA.
func encodeRoot(doc fields) []byte {
	var out bytes.Buffer
	out.WriteString("<root>")
	for _, f := range doc {
		out.WriteString("<" + f.name + ">")
		_ = xml.EscapeText(&out, []byte(f.value)) // a buffer takes everything
		out.WriteString("</" + f.name + ">")
	}
	out.WriteString("</root>")
	return out.Bytes()
}

// composeV2 is compose for APIv2. A payment is signed with the API key, in the sign type of the
// order; a refund is encrypted with a digest of it, and not signed (doc v2/merchant 4011937251).
func composeV2(e *notice, m *Merchant, due plan) (message, error) {
	key := m.V2Key
	if due.has(WrongKey) != nil {
		key = differently(key)
	}
	nonce := strings.ToLower(randomText(maxNonce))
	if e.Kind == string(noteRefund) {
		return composeRefundV2(e, key, nonce, due), nil
	}
	doc, err := decodeV2([]byte(e.Content))
	if err != nil {
		return message{}, fmt.Errorf("reading the content: %w", err)
	}
	doc = append(tamperV2(doc, due), field{"nonce_str", nonce}).sorted()
	switch sign := signV2(doc, key, e.SignType); due.forgery() {
	case Unsigned:
	case BadSignature:
		doc = append(doc, field{"sign", differently(sign)})
	default:
		doc = append(doc, field{"sign", sign})
	}
	return message{header: noticeHeader("text/xml"), body: encodeFlat(doc)}, nil
}

// composeRefundV2 writes a refund's notification. A forged one, which has no signature to forge,
// cannot be decrypted.
func composeRefundV2(e *notice, key, nonce string, due plan) message {
	content := []byte(e.Content)
	if f := due.has(WrongAmount, WrongOrder); f != nil {
		content = tamperRoot(content, f.Action)
	}
	encrypted := encryptECB(infoKey(key), content)
	if due.has(BadSignature, Unsigned) != nil {
		encrypted[len(encrypted)/2] ^= 1
		encrypted[len(encrypted)-1] ^= 1
	}
	doc := fields{
		{"return_code", "SUCCESS"}, {"appid", e.AppID}, {"mch_id", e.MchID}, {"sub_appid", e.SubAppID}, {"sub_mch_id", e.SubMchID},
		{"nonce_str", nonce}, {"req_info", base64.StdEncoding.EncodeToString(encrypted)},
	}
	if due.has(WrongMerchant) != nil {
		doc = tamperV2(doc, due)
	}
	return message{header: noticeHeader("text/xml"), body: encodeFlat(doc.filled())}
}

// infoKey is the key of req_info: the hexadecimal digits of the API key's MD5, in lower case, as 32
// bytes of text.
func infoKey(key string) []byte {
	sum := crypto.MD5.New()
	sum.Write([]byte(key))
	return []byte(hex.EncodeToString(sum.Sum(nil)))
}

// encryptECB is AES in ECB mode with the padding of PKCS #7, which the protocol leaves no choice
// about. The key has 32 bytes.
func encryptECB(key, plain []byte) []byte {
	block, _ := aes.NewCipher(key) // cannot fail: the key's length is right
	padding := aes.BlockSize - len(plain)%aes.BlockSize
	out := append(slices.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	for at := 0; at < len(out); at += aes.BlockSize {
		block.Encrypt(out[at:], out[at:])
	}
	return out
}

// tamperV2 changes the document as a fault wants it: about another amount, order or merchant.
func tamperV2(doc fields, due plan) fields {
	f := due.has(WrongAmount, WrongOrder, WrongMerchant)
	if f == nil {
		return doc
	}
	for i := range doc {
		if isTampered(doc[i].name, f.Action) && doc[i].value != "" {
			doc[i].value = tampered(doc[i].value, f.Action)
		}
	}
	return doc
}

// tamperRoot is tamperV2 for what is encrypted.
func tamperRoot(content []byte, action Action) []byte {
	flat := append(append([]byte("<xml>"), bytes.TrimSuffix(bytes.TrimPrefix(content, []byte("<root>")), []byte("</root>"))...), "</xml>"...)
	doc, err := decodeV2(flat)
	if err != nil {
		return content // cannot be: it is ours
	}
	return encodeRoot(tamperV2(doc, plan{{Action: action}}))
}

// tampered is another value: of an amount one fen more, of an identifier another last character.
func tampered(value string, action Action) string {
	if money, err := strconv.ParseInt(value, 10, 64); err == nil && action == WrongAmount {
		return fen(money + 1)
	}
	return differently(value)
}
