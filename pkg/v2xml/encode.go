package v2xml

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/beevik/etree"

	"cloudpay/pkg/wire"
)

const (
	// signName is the element with the signature, which so is not signed.
	signName = "sign"

	// maxValue is String(32), the limit of every element that we send.
	maxValue = 32

	// typicalRequest is room for all but the longest of partners' requests.
	typicalRequest = 512
)

// Request names the order to close or to query.
type Request struct {
	// OutTradeNo is the merchant's order number. A close requires it.
	OutTradeNo string
	// TransactionID is WeChat Pay's order number, which an order has from its payment on. A query
	// may give it in place of OutTradeNo; a close may not.
	TransactionID string
	// SubMchID, when set, makes this a partner's request about that sub-merchant's order.
	SubMchID string
	// SubAppID is the sub-merchant's app id, optional, partner mode only.
	SubAppID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// encode gives r a nonce, refuses what the gateway would refuse anyway, and returns the signed
// document. After an error nothing was sent.
func (c *Client) encode(r *Request) ([]byte, error) {
	r.Nonce = c.nonce(r.Nonce)
	switch {
	case c.Key == "":
		return nil, errors.New("Client.Key is empty: give the 32-character APIv2 key from the merchant console")
	case !c.SignType.known():
		return nil, fmt.Errorf("Client.SignType %s is not known: use MD5 or HMAC-SHA256", wire.Quote(string(c.SignType)))
	case c.AppID == "":
		return nil, errors.New("appid is missing: set Client.AppID")
	case c.MchID == "":
		return nil, errors.New("mch_id is missing: set Client.MchID")
	case r.Nonce == "":
		return nil, errors.New("nonce_str is missing: Client.Nonce made an empty one")
	case r.SubAppID != "" && r.SubMchID == "":
		return nil, errors.New("sub_appid goes only with sub_mch_id: give both, or neither in direct mode")
	}
	// In byte order of their names, which is the order of the signing string: nothing is sorted.
	fields := [...]field{
		{"appid", c.AppID},
		{"mch_id", c.MchID},
		{"nonce_str", r.Nonce},
		{"out_trade_no", r.OutTradeNo},
		{"sign_type", c.SignType.onWire()},
		{"sub_appid", r.SubAppID},
		{"sub_mch_id", r.SubMchID},
		{"transaction_id", r.TransactionID},
	}
	for _, f := range fields {
		if err := checkValue(f); err != nil {
			return nil, err
		}
	}
	return build(fields[:], signSorted(fields[:], c.Key, c.SignType)), nil
}

// checkValue returns an error unless f has the length and the characters that the documents allow.
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

// isAllowed reports whether b is in the character set of out_trade_no, the widest of those sent.
func isAllowed(b byte) bool {
	switch b {
	case '_', '-', '|', '*', '@':
		return true
	}
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}

// build writes the document. No value that passed checkValue needs an escape or CDATA, so the same
// elements are always the same bytes.
func build(fields []field, sign string) []byte {
	root := etree.NewElement("xml")
	root.Child = make([]etree.Token, 0, len(fields)+1)
	for _, f := range fields {
		if f.value != "" {
			root.CreateElement(f.name).CreateText(f.value)
		}
	}
	root.CreateElement(signName).CreateText(sign)
	// Document.WriteTo would put a 4 KiB bufio.Writer between.
	var out bytes.Buffer
	out.Grow(typicalRequest)
	root.WriteTo(&out, &etree.WriteSettings{})
	return out.Bytes()
}
