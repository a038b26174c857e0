package demo

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// notice is a payment notification as the shop received it.
type notice struct {
	event string // such as TRANSACTION.SUCCESS
	paid  transaction
	// err is why it was not believed; nil: it was verified and decrypted.
	err error
}

// transaction is what a payment notification tells, decrypted (pay.weixin.qq.com doc v3/merchant
// 4012791861):
//
//	{"mchid":"1900000001","appid":"wx…","out_trade_no":"TEA-003","transaction_id":"42000…",
//	 "trade_type":"JSAPI","trade_state":"SUCCESS","success_time":"…","payer":{"openid":"o…"},
//	 "amount":{"total":100,"payer_total":100,"currency":"CNY","payer_currency":"CNY"}}
type transaction struct {
	MchID      string `json:"mchid"`
	Number     string `json:"out_trade_no"`
	TradeState string `json:"trade_state"`
	Amount     amount `json:"amount"`
}

// ServeHTTP receives a notification. 204 acknowledges it. WeChat Pay repeats one that is refused,
// so that nothing is lost by refusing what cannot be verified. A notification is kept before it is
// answered, so that it is there when WeChat Pay counts it as acknowledged.
func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.read(r.Header, http.MaxBytesReader(w, r.Body, maxReply))
	s.mu.Lock()
	s.notices = append(s.notices, n)
	s.mu.Unlock()
	if n.err != nil {
		http.Error(w, `{"code":"FAIL","message":"it could not be verified"}`, http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// read verifies a notification, before anything in it counts, and decrypts it.
func (s *shop) read(header http.Header, in io.Reader) notice {
	body, err := io.ReadAll(in)
	if err == nil {
		err = s.verify(header, body)
	}
	if err != nil {
		return notice{err: err}
	}
	var envelope struct {
		EventType string   `json:"event_type"`
		Resource  resource `json:"resource"`
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		return notice{err: err}
	}
	n := notice{event: envelope.EventType}
	plain, err := envelope.Resource.open(s.described.Merchant.V3Key)
	if err == nil {
		err = json.Unmarshal(plain, &n.paid)
	}
	if err == nil && n.paid.MchID != s.described.Merchant.MchID {
		err = fmt.Errorf("it is about another merchant, %q", n.paid.MchID)
	}
	n.err = err
	return n
}

// of returns the notifications of an order, and those that were not believed.
func (s *shop) of(number string) []notice {
	s.mu.Lock()
	defer s.mu.Unlock()
	var found []notice
	for _, n := range s.notices {
		if n.err != nil || n.paid.Number == number {
			found = append(found, n)
		}
	}
	return found
}

// resource is the encrypted part of a notification, whose body is
//
//	{"id":"EV-…","create_time":"…","resource_type":"encrypt-resource",
//	 "event_type":"TRANSACTION.SUCCESS","summary":"支付成功","resource":{
//	  "original_type":"transaction","algorithm":"AEAD_AES_256_GCM",
//	  "ciphertext":"…","associated_data":"transaction","nonce":"…"}}
type resource struct {
	Algorithm      string `json:"algorithm"`
	Ciphertext     []byte `json:"ciphertext"` // in base64
	AssociatedData string `json:"associated_data"`
	Nonce          string `json:"nonce"`
}

// open decrypts with the APIv3 key: AES-256-GCM, whose key and nonce are the bytes of their texts
// (doc v3/merchant 4012071382). The tag stands behind the ciphertext. The error is non-nil if the
// key is another one, or if anything was changed on the way.
func (r resource) open(v3Key string) ([]byte, error) {
	const algorithm = "AEAD_AES_256_GCM"
	if r.Algorithm != algorithm {
		return nil, fmt.Errorf("it is encrypted by %q, not by %s", r.Algorithm, algorithm)
	}
	block, err := aes.NewCipher([]byte(v3Key))
	if err != nil {
		return nil, fmt.Errorf("the APIv3 key: %w", err)
	}
	gcm, err := cipher.NewGCM(block)
	if err != nil {
		return nil, fmt.Errorf("the APIv3 key: %w", err)
	}
	if len(r.Nonce) != gcm.NonceSize() { // which Open panics at
		return nil, errors.New("its nonce is not of twelve bytes")
	}
	plain, err := gcm.Open(nil, []byte(r.Nonce), r.Ciphertext, []byte(r.AssociatedData))
	if err != nil {
		return nil, fmt.Errorf("decrypting it: %w", err)
	}
	return plain, nil
}
