// Package shop is what the recipes for Go share: a merchant's server that sells orders by one SDK
// before the emulated WeChat Pay that emulator.json describes. shop.js does the same for Node.js.
package shop

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
)

// Emulator is the part of emulator.json that a merchant's server needs.
type Emulator struct {
	GatewayURL string   `json:"gateway_url"` // in place of https://api.mch.weixin.qq.com
	AdminURL   string   `json:"admin_url"`   // the management API
	Merchant   Merchant `json:"merchant"`
}

// Merchant is the merchant's account. PrivateKey and PublicKey are paths of PEM files.
type Merchant struct {
	MchID       string `json:"mchid"`
	AppID       string `json:"appid"`
	Serial      string `json:"serial"`
	PrivateKey  string `json:"private_key"`
	PublicKey   string `json:"public_key"` // WeChat Pay's
	PublicKeyID string `json:"public_key_id"`
	V3Key       string `json:"v3_key"`
}

// SDK is the calls of one SDK. Each fails unless the reply is a success whose signature the SDK
// accepts.
type SDK interface {
	// Place places an order that is paid by scanning a QR code.
	Place(ctx context.Context, number, notifyURL string) error
	// Notified verifies a notification. It returns the number of the order that was paid; empty for
	// a notification about a refund.
	Notified(r *http.Request) (number string, err error)
	// Query returns the trade_state of an order.
	Query(ctx context.Context, number string) (state string, err error)
	// Close closes an order.
	Close(ctx context.Context, number string) error
	// Refund refunds an order, and queries the refund.
	Refund(ctx context.Context, number, refundNumber string) error
}

// Run is the main function of a recipe: it sells as many orders as the second argument says, before
// the emulator that the file of the first argument describes. The numbers begin with prefix. open
// makes the SDK's client.
func Run(prefix string, open func(context.Context, Emulator) (SDK, error)) {
	if err := run(context.Background(), prefix, open, os.Args[1:]); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, prefix string, open func(context.Context, Emulator) (SDK, error), args []string) error {
	if len(args) != 2 {
		return errors.New("usage: .cloudpay/emulator.json COUNT")
	}
	count, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	s := server{paid: make(chan string, 1)}
	text, err := os.ReadFile(args[0])
	if err == nil {
		err = json.Unmarshal(text, &s.emulator)
	}
	if err == nil {
		s.SDK, err = open(ctx, s.emulator)
	}
	if err == nil {
		err = s.listen(ctx)
	}
	if err != nil {
		return err
	}
	start := time.Now().Format("0102150405")
	for i := range count {
		number := fmt.Sprintf("%s%s-%d", prefix, start, i)
		if err := s.sell(ctx, number); err != nil {
			return fmt.Errorf("order %s: %w", number, err)
		}
		if err := s.forget(ctx, number+"x"); err != nil {
			return fmt.Errorf("order %sx: %w", number, err)
		}
	}
	fmt.Printf("%d orders placed, paid, notified, queried and refunded; %d placed and closed\n", count, count)
	return nil
}

// server is the merchant's server.
type server struct {
	SDK

	emulator Emulator
	// notifyURL is the address of the notifications. The numbers of the orders that they report as
	// paid arrive at paid.
	notifyURL string
	paid      chan string
}

// listen serves the notifications until the process ends.
func (s *server) listen(ctx context.Context) error {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.notifyURL = "http://" + listener.Addr().String() + "/notify"
	go func() { log.Print(http.Serve(listener, http.HandlerFunc(s.notified))) }()
	return nil
}

// notified acknowledges a genuine notification. WeChat Pay repeats one that is refused.
func (s *server) notified(w http.ResponseWriter, r *http.Request) {
	number, err := s.Notified(r)
	if err != nil {
		log.Print("a notification is refused: ", err)
		http.Error(w, err.Error(), http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
	if number != "" {
		s.paid <- number
	}
}

// sell places an order that is paid, waits for its notification, queries it and refunds it.
func (s *server) sell(ctx context.Context, number string) error {
	if err := s.Place(ctx, number, s.notifyURL); err != nil {
		return fmt.Errorf("placing: %w", err)
	}
	if err := s.pay(ctx, number); err != nil {
		return fmt.Errorf("paying: %w", err)
	}
	if err := s.wantNotified(number); err != nil {
		return err
	}
	if err := s.wantState(ctx, number, "SUCCESS"); err != nil {
		return err
	}
	if err := s.Refund(ctx, number, "R"+number); err != nil {
		return fmt.Errorf("refunding: %w", err)
	}
	return s.wantState(ctx, number, "REFUND")
}

// forget places an order that is not paid, and closes it.
func (s *server) forget(ctx context.Context, number string) error {
	if err := s.Place(ctx, number, s.notifyURL); err != nil {
		return fmt.Errorf("placing: %w", err)
	}
	if err := s.Close(ctx, number); err != nil {
		return fmt.Errorf("closing: %w", err)
	}
	return s.wantState(ctx, number, "CLOSED")
}

// pay is the customer's part, by the emulator's management API.
func (s *server) pay(ctx context.Context, number string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.emulator.AdminURL+"/orders/"+number+"/pay", http.NoBody)
	if err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return errors.New(response.Status)
	}
	return nil
}

// wantNotified waits for the notification of an order's payment.
func (s *server) wantNotified(number string) error {
	const longest = time.Minute // ends a hang, and nothing else
	select {
	case notified := <-s.paid:
		if notified != number {
			return fmt.Errorf("got a notification of %s", notified)
		}
		return nil
	case <-time.After(longest):
		return fmt.Errorf("no notification was accepted within %v", longest)
	}
}

func (s *server) wantState(ctx context.Context, number, want string) error {
	state, err := s.Query(ctx, number)
	if err != nil {
		return fmt.Errorf("querying: %w", err)
	}
	if state != want {
		return fmt.Errorf("querying: got %s, want %s", state, want)
	}
	return nil
}
