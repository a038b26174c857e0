package wxcloudrun

import (
	"cmp"
	"errors"
	"fmt"
)

const (
	// maxValue is String(32), the limit of every value that we send.
	maxValue = 32

	// typicalRequest is room for the longest request.
	typicalRequest = 256
)

// question is every key that a close or a query may send, "" for those that it does not.
type question struct {
	nonce, outTradeNo, subMchID, transactionID string
}

// encode completes q with a nonce, refuses what the gateway would refuse anyway, and returns the JSON. Its errors mean that
// nothing was sent.
func (q *question) encode() ([]byte, error) {
	if q.subMchID == "" {
		return nil, errors.New("sub_mch_id is missing: give the merchant's own number")
	}
	q.nonce = cmp.Or(q.nonce, newNonce())
	body := append(make([]byte, 0, typicalRequest), '{')
	for _, f := range [...]struct{ name, value string }{
		{"nonce_str", q.nonce},
		{"out_trade_no", q.outTradeNo},
		{"sub_mch_id", q.subMchID},
		{"transaction_id", q.transactionID},
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

// checkValue holds a value to the length and the characters that the documents allow.
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

// isAllowed is the character set of out_trade_no, the widest of those that we send.
func isAllowed(b byte) bool {
	switch b {
	case '_', '-', '|', '*', '@':
		return true
	}
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
