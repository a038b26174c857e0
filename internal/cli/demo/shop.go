package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	// pathJSAPI places an order that is paid in a mini-program (pay.weixin.qq.com doc v3/merchant
	// 4012525167).
	pathJSAPI = "/v3/pay/transactions/jsapi"
	// maxReply bounds a reply of WeChat Pay's and a notification, in bytes. Real ones have 2 KiB.
	maxReply = 64 << 10
	// maxSkew is how far a signature's time may be from this machine's, either way.
	maxSkew = 5 * time.Minute
	// maxReceiving bounds how long a notification may take to arrive.
	maxReceiving = 10 * time.Second
)

// shop is the merchant's own server. It places orders at WeChat Pay by APIv3, and receives the
// notifications of their payments at its notify_url. It has the merchant's keys from the emulator's
// description, as any program beside an emulator, and believes nothing that is not signed.
//
// An order is placed by
//
//	POST /v3/pay/transactions/jsapi
//	Authorization: WECHATPAY2-SHA256-RSA2048 mchid="1900000001",nonce_str="…",…,signature="…"
//	Wechatpay-Serial: PUB_KEY_ID_…
//	{"appid":"wx…","mchid":"1900000001","description":"Tea, large","out_trade_no":"TEA-001",
//	 "notify_url":"http://127.0.0.1:40001/notify","amount":{"total":100,"currency":"CNY"},
//	 "payer":{"openid":"o…"}}
//
// and answered with a prepay_id, by which the mini-program lets its user pay:
//
//	200 {"prepay_id":"wx29…"}
type shop struct {
	described desk.Description
	// key signs requests, and platform has WeChat Pay's public key, which signs everything else.
	key      v3json.Key
	platform v3json.Keyring
	// notifyURL is where server receives notifications, on the loopback interface.
	notifyURL string
	server    *http.Server

	mu      sync.Mutex // guards notices
	notices []notice   // in the order of their arrival
}

// openShop reads the merchant's keys and begins to receive notifications on a free port, until
// Close. It needs the description of an emulator that serves: its addresses, and the files of the
// keys. Nothing listens after an error.
func openShop(ctx context.Context, described desk.Description) (*shop, error) {
	s := &shop{described: described}
	if err := s.readKeys(); err != nil {
		return nil, bilingual.Errorf("the shop's keys: %w", "商户的密钥：%w", err)
	}
	var config net.ListenConfig
	l, err := config.Listen(ctx, "tcp", desk.AnyPort)
	if err != nil {
		return nil, bilingual.Errorf("the shop's notify_url: %w", "商户的 notify_url：%w", err)
	}
	s.notifyURL = "http://" + l.Addr().String() + "/notify"
	s.server = &http.Server{Handler: s, ReadTimeout: maxReceiving, WriteTimeout: maxReceiving}
	go func() { _ = s.server.Serve(l) }() // ends with Close
	return s, nil
}

// Close ends the server at once.
func (s *shop) Close() { _ = s.server.Close() }

// readKeys reads the key that the shop signs with, and WeChat Pay's. Both are files, as the
// merchant console hands them out: apiclient_key.pem and pub_key.pem.
func (s *shop) readKeys() error {
	m := s.described.Merchant
	private, err := os.ReadFile(m.PrivateKey)
	if err != nil {
		return fmt.Errorf("reading the private key: %w", err)
	}
	if s.key, err = v3json.ParseKey(m.Serial, private); err != nil {
		return err
	}
	public, err := os.ReadFile(m.PublicKey)
	if err != nil {
		return fmt.Errorf("reading WeChat Pay's public key: %w", err)
	}
	key, err := v3json.ParsePublicKey(m.PublicKeyID, public)
	if err != nil {
		return err
	}
	s.platform, err = v3json.NewKeyring(key)
	return err
}

// placing is the body of a request that places an order. It has the members that WeChat Pay
// requires, and no time_expire: the order is closed by the functions.
type placing struct {
	AppID       string `json:"appid"`
	MchID       string `json:"mchid"`
	Description string `json:"description"`
	Number      string `json:"out_trade_no"`
	NotifyURL   string `json:"notify_url"`
	Amount      amount `json:"amount"`
	// Payer is the user under the mini-program's appid. Another one cannot pay the order.
	Payer struct {
		OpenID string `json:"openid"`
	} `json:"payer"`
}

// amount is a sum in fen.
type amount struct {
	Total    int64  `json:"total"`
	Currency string `json:"currency"`
}

// place places an order of one yuan for the customer, and returns the prepay_id by which the
// mini-program has it paid. The error says that WeChat Pay did not reply, refused, or did not sign
// its reply.
func (s *shop) place(ctx context.Context, number string) (prepayID string, err error) {
	m := s.described.Merchant
	body := placing{
		AppID: m.AppID, MchID: m.MchID, Description: "Tea, large", Number: number, NotifyURL: s.notifyURL,
		Amount: amount{Total: total, Currency: "CNY"},
	}
	body.Payer.OpenID = openID
	request, err := s.signed(ctx, pathJSAPI, body)
	if err != nil {
		return "", err
	}
	reply, err := wire.Exchange(nil, request, maxReply)
	if err == nil {
		err = s.verify(reply.Header, reply.Body)
	}
	if err != nil {
		return "", err
	}
	var placed struct {
		PrepayID string `json:"prepay_id"`
	}
	if reply.HTTPStatus != http.StatusOK || json.Unmarshal(reply.Body, &placed) != nil || placed.PrepayID == "" {
		return "", fmt.Errorf("WeChat Pay answers %d: %s", reply.HTTPStatus, wire.OneLine(string(reply.Body)))
	}
	return placed.PrepayID, nil
}

// signed makes a POST whose five lines the merchant's key signs (doc 4012365336; package v3json
// describes them). Wechatpay-Serial requests a reply that is signed with the public key.
func (s *shop) signed(ctx context.Context, path string, document any) (*http.Request, error) {
	body, err := json.Marshal(document)
	if err != nil {
		return nil, fmt.Errorf("encoding the body: %w", err)
	}
	r, err := wire.NewRequest(ctx, http.MethodPost, s.described.GatewayURL, path, strings.NewReader(string(body)))
	if err != nil {
		return nil, err
	}
	timestamp, nonce := strconv.FormatInt(time.Now().Unix(), 10), wire.NewNonce()
	signature, err := s.key.Sign(strings.Join([]string{http.MethodPost, path, timestamp, nonce, string(body), ""}, "\n"))
	if err != nil {
		return nil, err
	}
	for name, value := range map[string]string{
		"Accept": "application/json", "Content-Type": "application/json", "User-Agent": "cloudpay-demo",
		"Wechatpay-Serial": s.platform.Preferred(),
		"Authorization": fmt.Sprintf(`WECHATPAY2-SHA256-RSA2048 mchid="%s",nonce_str="%s",timestamp="%s",serial_no="%s",signature="%s"`,
			s.described.Merchant.MchID, nonce, timestamp, s.key.Serial(), signature),
	} {
		r.Header.Set(name, value)
	}
	return r, nil
}

// verify returns nil if a reply or a notification is WeChat Pay's: signed by its key over the time,
// the nonce and the body, not more than five minutes ago (docs 4013053420, 4013053249). The time is
// this machine's and not the emulator's clock, which has no part in signatures.
func (s *shop) verify(header http.Header, body []byte) error {
	timestamp := header.Get("Wechatpay-Timestamp")
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil || time.Since(time.Unix(seconds, 0)).Abs() > maxSkew {
		return fmt.Errorf("its Wechatpay-Timestamp %q is not a time within five minutes of ours", timestamp)
	}
	message := strings.Join([]string{timestamp, header.Get("Wechatpay-Nonce"), string(body), ""}, "\n")
	return s.platform.Verify(header.Get("Wechatpay-Serial"), message, header.Get("Wechatpay-Signature"))
}
