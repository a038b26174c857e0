// Command wechatpaygo sells tea by github.com/wechatpay-apiv3/wechatpay-go before an emulated
// WeChat Pay: it places orders, is notified of their payments, queries, refunds and closes them.
//
//	cloudpay gateway &
//	go run ./recipes/testdata/wechatpaygo ../.cloudpay/emulator.json 100
//
// Only toEmulator is for the emulator. Without it the same program asks the real WeChat Pay.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"
)

// emulator is what emulator.json says.
type emulator struct {
	GatewayURL string `json:"gateway_url"`
	AdminURL   string `json:"admin_url"`
	Merchant   struct {
		MchID, AppID, Serial string
		PrivateKey           string `json:"private_key"`
		PublicKey            string `json:"public_key"`
		PublicKeyID          string `json:"public_key_id"`
		V3Key                string `json:"v3_key"`
	}
}

// toEmulator sends requests to the emulator in place of api.mch.weixin.qq.com, which is a constant
// of the SDK. What is signed, the path and the body, stays as it is.
type toEmulator struct{ host string }

func (t toEmulator) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = "http", t.host, ""
	return http.DefaultTransport.RoundTrip(r)
}

// shop is a merchant's server.
type shop struct {
	emulator

	native  native.NativeApiService
	refunds refunddomestic.RefundsApiService
	// notifyURL is where WeChat Pay tells of payments, which paid passes on by their numbers.
	notifyURL string
	paid      chan string
}

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

// run sells as many orders as the second argument says.
func run(ctx context.Context, args []string) error {
	if len(args) != 2 {
		return errors.New("usage: wechatpaygo .cloudpay/emulator.json COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := open(ctx, args[0])
	if err != nil {
		return err
	}
	start := time.Now().Format("0102150405")
	for i := range count {
		if err := s.sell(ctx, fmt.Sprintf("WG%s-%d", start, i)); err != nil {
			return fmt.Errorf("order %d: %w", i, err)
		}
		if err := s.forget(ctx, fmt.Sprintf("WG%s-%dx", start, i)); err != nil {
			return fmt.Errorf("order %d: %w", i, err)
		}
	}
	fmt.Printf("%d orders placed, paid, notified, queried and refunded; %d placed and closed\n", count, count)
	return nil
}

// open makes the SDK's client, and serves the notifications.
func open(ctx context.Context, file string) (*shop, error) {
	s := &shop{paid: make(chan string, 1)}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s.emulator)
	}
	if err != nil {
		return nil, err
	}
	m := s.Merchant
	private, err := utils.LoadPrivateKeyWithPath(m.PrivateKey)
	if err != nil {
		return nil, err
	}
	public, err := utils.LoadPublicKeyWithPath(m.PublicKey)
	if err != nil {
		return nil, err
	}
	gateway, err := url.Parse(s.GatewayURL) // http://127.0.0.1:9800
	if err != nil {
		return nil, err
	}
	client, err := core.NewClient(ctx,
		option.WithWechatPayPublicKeyAuthCipher(m.MchID, m.Serial, private, m.PublicKeyID, public),
		option.WithHTTPClient(&http.Client{Transport: toEmulator{gateway.Host}}))
	if err != nil {
		return nil, err
	}
	handler, err := notify.NewRSANotifyHandler(m.V3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(m.PublicKeyID, *public))
	if err != nil {
		return nil, err
	}
	s.native = native.NativeApiService{Client: client}
	s.refunds = refunddomestic.RefundsApiService{Client: client}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.notifyURL = "http://" + listener.Addr().String() + "/notify"
	go func() { log.Print(http.Serve(listener, s.notified(handler))) }()
	return s, nil
}

// notified takes a notification, which the SDK verifies and decrypts.
func (s *shop) notified(handler *notify.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		transaction := payments.Transaction{}
		if _, err := handler.ParseNotifyRequest(r.Context(), r, &transaction); err != nil {
			http.Error(w, err.Error(), http.StatusUnauthorized) // WeChat Pay comes again
			return
		}
		w.WriteHeader(http.StatusNoContent)
		if transaction.OutTradeNo != nil { // a refund's has none of a transaction's fields
			s.paid <- *transaction.OutTradeNo
		}
	})
}

// sell places an order, has it paid, is notified, queries it and refunds it.
func (s *shop) sell(ctx context.Context, number string) error {
	if err := s.place(ctx, number); err != nil {
		return err
	}
	if err := s.pay(ctx, number); err != nil {
		return err
	}
	if notified := <-s.paid; notified != number {
		return fmt.Errorf("notified of %s, want %s", notified, number)
	}
	if err := s.wantState(ctx, number, "SUCCESS"); err != nil {
		return err
	}
	refund, _, err := s.refunds.Create(ctx, refunddomestic.CreateRequest{
		OutTradeNo: core.String(number), OutRefundNo: core.String("R" + number),
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(100), Total: core.Int64(100), Currency: core.String("CNY")},
	})
	if err != nil {
		return fmt.Errorf("refunding: %w", err)
	}
	if _, _, err := s.refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{OutRefundNo: refund.OutRefundNo}); err != nil {
		return fmt.Errorf("querying the refund: %w", err)
	}
	return s.wantState(ctx, number, "REFUND")
}

// forget places an order that nobody pays, and closes it.
func (s *shop) forget(ctx context.Context, number string) error {
	if err := s.place(ctx, number); err != nil {
		return err
	}
	_, err := s.native.CloseOrder(ctx, native.CloseOrderRequest{OutTradeNo: core.String(number), Mchid: core.String(s.Merchant.MchID)})
	if err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return s.wantState(ctx, number, "CLOSED")
}

func (s *shop) place(ctx context.Context, number string) error {
	placed, _, err := s.native.Prepay(ctx, native.PrepayRequest{
		Appid: core.String(s.Merchant.AppID), Mchid: core.String(s.Merchant.MchID), Description: core.String("Tea, large"),
		OutTradeNo: core.String(number), NotifyUrl: core.String(s.notifyURL),
		Amount: &native.Amount{Total: core.Int64(100), Currency: core.String("CNY")},
	})
	switch {
	case err != nil:
		return fmt.Errorf("placing: %w", err)
	case placed.CodeUrl == nil:
		return errors.New("placing: there is no code_url")
	}
	return nil
}

// pay is the customer's part, by the emulator's management API.
func (s *shop) pay(ctx context.Context, number string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.AdminURL+"/orders/"+number+"/pay", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("paying: %s", response.Status)
	}
	return nil
}

func (s *shop) wantState(ctx context.Context, number, want string) error {
	transaction, _, err := s.native.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String(number), Mchid: core.String(s.Merchant.MchID),
	})
	switch {
	case err != nil:
		return fmt.Errorf("querying: %w", err)
	case transaction.TradeState == nil || *transaction.TradeState != want:
		return fmt.Errorf("querying: got %v, want %s", transaction, want)
	}
	return nil
}
