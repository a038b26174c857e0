package v2xml

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/beevik/etree"
)

const (
	// signName is the element that holds the signature and so is not under it.
	signName = "sign"

	// maxValue is String(32), the limit of every element that we send.
	maxValue = 32

	// typicalRequest is room for all but the longest of partners' requests.
	typicalRequest = 512
)

// question is every element that a close or a query may send but sign, "" for those that it does not. The client's own
// (appid, mch_id, sign_type) are filled in by encode.
type question struct {
	appID, mchID, nonce, outTradeNo, signType, subAppID, subMchID, transactionID string
}

// fields lists the elements in byte order of their names, which is the order of the signing string: nothing is sorted on
// the way out.
func (q *question) fields() [8]field {
	return [...]field{
		{"appid", q.appID},
		{"mch_id", q.mchID},
		{"nonce_str", q.nonce},
		{"out_trade_no", q.outTradeNo},
		{"sign_type", q.signType},
		{"sub_appid", q.subAppID},
		{"sub_mch_id", q.subMchID},
		{"transaction_id", q.transactionID},
	}
}

// encode completes q with what is the client's, refuses what the gateway would refuse anyway, and returns the signed
// document. Its errors mean that nothing was sent.
func (c *Client) encode(q *question) ([]byte, error) {
	q.appID, q.mchID, q.signType = c.AppID, c.MchID, c.SignType.onWire()
	q.nonce = c.nonce(q.nonce)
	switch {
	case c.Key == "":
		return nil, errors.New("Client.Key is empty: give the 32-character APIv2 key from the merchant console")
	case !c.SignType.known():
		return nil, fmt.Errorf("Client.SignType %s is not known: use MD5 or HMAC-SHA256", name(string(c.SignType)))
	case q.appID == "":
		return nil, errors.New("appid is missing: set Client.AppID")
	case q.mchID == "":
		return nil, errors.New("mch_id is missing: set Client.MchID")
	case q.nonce == "":
		return nil, errors.New("nonce_str is missing: Client.Nonce made an empty one")
	case q.subAppID != "" && q.subMchID == "":
		return nil, errors.New("sub_appid goes only with sub_mch_id: give both, or neither in direct mode")
	}
	fields := q.fields()
	for _, f := range fields {
		if err := checkValue(f); err != nil {
			return nil, err
		}
	}
	return build(fields[:], signSorted(fields[:], c.Key, c.SignType)), nil
}

// checkValue holds f to the length and the characters that the documents allow.
func checkValue(f field) error {
	if len(f.value) > maxValue {
		return fmt.Errorf("%s has %d characters: at most %d are allowed", f.name, len(f.value), maxValue)
	}
	for i := range len(f.value) {
		if !isAllowed(f.value[i]) {
			return fmt.Errorf("%s holds %q: only 0-9 A-Z a-z _ - | * @ are allowed", f.name, f.value[i:i+1])
		}
	}
	return nil
}

// isAllowed is the character set of out_trade_no, the widest of those that we send.
func isAllowed(b byte) bool {
	switch b {
	case '_', '-', '|', '*', '@':
		return true
	}
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// build writes the document. No value that passed checkValue needs an escape or CDATA, so the same elements are always
// the same bytes.
func build(fields []field, sign string) []byte {
	root := etree.NewElement("xml")
	root.Child = make([]etree.Token, 0, len(fields)+1)
	for _, f := range fields {
		if f.value != "" {
			root.CreateElement(f.name).CreateText(f.value)
		}
	}
	root.CreateElement(signName).CreateText(sign)
	// Straight into a buffer: Document.WriteTo would put a 4 KiB bufio.Writer between.
	var out bytes.Buffer
	out.Grow(typicalRequest)
	root.WriteTo(&out, &etree.WriteSettings{})
	return out.Bytes()
}
