// Command gopay sells tea by github.com/go-pay/gopay before an emulated WeChat Pay: it places
// orders, is notified of their payments, queries, refunds and closes them.
//
//	cloudpay gateway &
//	go run ./recipes/testdata/gopay ../.cloudpay/emulator.json 100
//
// Only SetProxyHost is for the emulator. Without it the same program asks the real WeChat Pay.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-pay/gopay"
	wechat "github.com/go-pay/gopay/wechat/v3"
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

// shop is a merchant's server.
type shop struct {
	emulator

	client *wechat.ClientV3
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
		return errors.New("usage: gopay .cloudpay/emulator.json COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s, err := open(args[0])
	if err != nil {
		return err
	}
	start := time.Now().Format("0102150405")
	for i := range count {
		if err := s.sell(ctx, fmt.Sprintf("GP%s-%d", start, i)); err != nil {
			return fmt.Errorf("order %d: %w", i, err)
		}
		if err := s.forget(ctx, fmt.Sprintf("GP%s-%dx", start, i)); err != nil {
			return fmt.Errorf("order %d: %w", i, err)
		}
	}
	fmt.Printf("%d orders placed, paid, notified, queried and refunded; %d placed and closed\n", count, count)
	return nil
}

// open makes the client, and serves the notifications.
func open(file string) (*shop, error) {
	s := &shop{paid: make(chan string, 1)}
	text, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(text, &s.emulator)
	}
	if err != nil {
		return nil, err
	}
	m := s.Merchant
	private, err := os.ReadFile(m.PrivateKey)
	if err != nil {
		return nil, err
	}
	public, err := os.ReadFile(m.PublicKey)
	if err != nil {
		return nil, err
	}
	client, err := wechat.NewClientV3(m.MchID, m.Serial, m.V3Key, string(private))
	if err != nil {
		return nil, err
	}
	client.SetProxyHost(s.GatewayURL) // http://127.0.0.1:9800
	// Without this call nothing is verified.
	if err := client.AutoVerifySignByPublicKey(public, m.PublicKeyID); err != nil {
		return nil, err
	}
	s.client = client
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s.notifyURL = "http://" + listener.Addr().String() + "/notify"
	go func() { log.Print(http.Serve(listener, http.HandlerFunc(s.notified))) }()
	return s, nil
}

// notified takes a notification, which gopay verifies and decrypts.
func (s *shop) notified(w http.ResponseWriter, r *http.Request) {
	request, err := wechat.V3ParseNotify(r)
	if err == nil {
		err = request.VerifySignByPKMap(s.client.WxPublicKeyMap())
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusUnauthorized) // WeChat Pay comes again
		return
	}
	w.WriteHeader(http.StatusNoContent)
	if request.EventType != "TRANSACTION.SUCCESS" {
		return
	}
	paid, err := request.DecryptPayCipherText(s.Merchant.V3Key)
	if err != nil {
		log.Fatal(err)
	}
	s.paid <- paid.OutTradeNo
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
	refund, err := s.client.V3Refund(ctx, gopay.BodyMap{
		"out_trade_no": number, "out_refund_no": "R" + number, "amount": gopay.BodyMap{"refund": 100, "total": 100, "currency": "CNY"},
	})
	if err != nil || refund.Code != wechat.Success {
		return fmt.Errorf("refunding: %+v, %w", refund, err)
	}
	if refund, err := s.client.V3RefundQuery(ctx, "R"+number, nil); err != nil || refund.Code != wechat.Success {
		return fmt.Errorf("querying the refund: %+v, %w", refund, err)
	}
	return s.wantState(ctx, number, "REFUND")
}

// forget places an order that nobody pays, and closes it.
func (s *shop) forget(ctx context.Context, number string) error {
	if err := s.place(ctx, number); err != nil {
		return err
	}
	if closed, err := s.client.V3TransactionCloseOrder(ctx, number); err != nil || closed.Code != wechat.Success {
		return fmt.Errorf("closing: %+v, %w", closed, err)
	}
	return s.wantState(ctx, number, "CLOSED")
}

func (s *shop) place(ctx context.Context, number string) error {
	placed, err := s.client.V3TransactionNative(ctx, gopay.BodyMap{
		"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "description": "Tea, large", "out_trade_no": number,
		"notify_url": s.notifyURL, "amount": gopay.BodyMap{"total": 100, "currency": "CNY"},
	})
	if err != nil || placed.Code != wechat.Success || placed.Response.CodeUrl == "" {
		return fmt.Errorf("placing: %+v, %w", placed, err)
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
	found, err := s.client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number)
	if err != nil || found.Code != wechat.Success || found.Response.TradeState != want {
		return fmt.Errorf("querying: %+v, %w, want %s", found, err, want)
	}
	return nil
}
