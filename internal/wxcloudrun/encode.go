package wxcloudrun

import (
	"cmp"
	"errors"
	"fmt"

	"cloudpay/pkg/wire"
)

const (
	// maxValue is String(32), the limit of every value sent.
	maxValue = 32

	// typicalRequest is room for the longest request.
	typicalRequest = 256
)

// Request names the order to close or to query.
type Request struct {
	// OutTradeNo is the merchant's order number. A close requires it.
	OutTradeNo string
	// TransactionID is WeChat Pay's order number, which an order has from its payment on. A query
	// may give it in place of OutTradeNo; a close may not.
	TransactionID string
	// SubMchID is the merchant's own number, required: on the link every merchant is a
	// sub-merchant.
	SubMchID string
	// Nonce is this attempt's nonce_str, made when empty.
	Nonce string
}

// encode gives r a nonce, refuses what the gateway would refuse anyway, and returns the JSON. After
// an error nothing was sent.
func (r *Request) encode() ([]byte, error) {
	if r.SubMchID == "" {
		return nil, errors.New("sub_mch_id is missing: give the merchant's own number")
	}
	r.Nonce = cmp.Or(r.Nonce, wire.NewNonce())
	body := append(make([]byte, 0, typicalRequest), '{')
	for _, f := range [...]struct{ name, value string }{
		{"nonce_str", r.Nonce},
		{"out_trade_no", r.OutTradeNo},
		{"sub_mch_id", r.SubMchID},
		{"transaction_id", r.TransactionID},
	} {
		if f.value == "" {
			continue
		}
		if err := checkValue(f.name, f.value); err != nil {
			return nil, err
		}
		if len(body) > 1 {
			body = append(body, ',')
		}
		// Nothing that passed checkValue needs an escape.
		body = append(body, `"`+f.name+`":"`+f.value+`"`...)
	}
	return append(body, '}'), nil
}

// checkValue returns an error unless value has the length and the characters that the documents
// allow.
func checkValue(key, value string) error {
	if len(value) > maxValue {
		return fmt.Errorf("%s has %d characters: at most %d are allowed", key, len(value), maxValue)
	}
	for i := range len(value) {
		if !isAllowed(value[i]) {
			return fmt.Errorf("%s holds %q: only 0-9 A-Z a-z _ - | * @ are allowed", key, value[i:i+1])
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
