// Command gopay sells tea by github.com/go-pay/gopay, in APIv3, before an emulated WeChat Pay:
//
//	cloudpay gateway &
//	go run ./recipes/testdata/gopay ../.cloudpay/emulator.json 100
//
// Only SetProxyHost is for the emulator. Without it the same program calls the real WeChat Pay.
package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"os"
	"strconv"
	"time"

	"github.com/go-pay/gopay"
	wechat "github.com/go-pay/gopay/wechat/v3"

	"cloudpay/bench/recipes/testdata/shop"
)

// seller is gopay's client and the account that it acts for.
type seller struct {
	shop.Merchant

	client *wechat.ClientV3
}

func main() { shop.Run("GP", open) }

func open(_ context.Context, e shop.Emulator) (shop.SDK, error) {
	m := e.Merchant
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
	client.SetProxyHost(e.GatewayURL) // http://127.0.0.1:9800
	// Without this call no reply is verified.
	if err := client.AutoVerifySignByPublicKey(public, m.PublicKeyID); err != nil {
		return nil, err
	}
	return seller{m, client}, nil
}

func (s seller) Place(ctx context.Context, number, notifyURL string) error {
	placed, err := s.client.V3TransactionNative(ctx, gopay.BodyMap{
		"appid": s.AppID, "mchid": s.MchID, "description": "Tea, large", "out_trade_no": number,
		"notify_url": notifyURL, "amount": gopay.BodyMap{"total": 100, "currency": "CNY"},
	})
	if err != nil {
		return err
	}
	if placed.Code != wechat.Success || placed.Response.CodeUrl == "" {
		return errors.New(placed.Error)
	}
	return nil
}

func (s seller) Notified(r *http.Request) (number string, err error) {
	request, err := wechat.V3ParseNotify(r)
	if err != nil {
		return "", err
	}
	if err := request.VerifySignByPKMap(s.client.WxPublicKeyMap()); err != nil {
		return "", err
	}
	signed, err := strconv.ParseInt(request.SignInfo.HeaderTimestamp, 10, 64)
	if err != nil || math.Abs(time.Since(time.Unix(signed, 0)).Minutes()) > 5 {
		return "", errors.New("the notification is old, or comes from the future")
	}
	if request.EventType != "TRANSACTION.SUCCESS" {
		return "", nil
	}
	paid, err := request.DecryptPayCipherText(s.V3Key)
	if err != nil {
		return "", err
	}
	return paid.OutTradeNo, nil
}

func (s seller) Query(ctx context.Context, number string) (state string, err error) {
	found, err := s.client.V3TransactionQueryOrder(ctx, wechat.OutTradeNo, number)
	if err != nil {
		return "", err
	}
	if found.Code != wechat.Success {
		return "", errors.New(found.Error)
	}
	return found.Response.TradeState, nil
}

func (s seller) Close(ctx context.Context, number string) error {
	closed, err := s.client.V3TransactionCloseOrder(ctx, number)
	if err != nil {
		return err
	}
	if closed.Code != wechat.Success {
		return errors.New(closed.Error)
	}
	return nil
}

func (s seller) Refund(ctx context.Context, number, refundNumber string) error {
	refund, err := s.client.V3Refund(ctx, gopay.BodyMap{
		"out_trade_no": number, "out_refund_no": refundNumber,
		"amount": gopay.BodyMap{"refund": 100, "total": 100, "currency": "CNY"},
	})
	if err != nil {
		return err
	}
	if refund.Code != wechat.Success {
		return errors.New(refund.Error)
	}
	// With an empty BodyMap instead of nil, signature and address differ by a question mark.
	queried, err := s.client.V3RefundQuery(ctx, refundNumber, nil)
	if err != nil {
		return err
	}
	if queried.Code != wechat.Success {
		return fmt.Errorf("querying: %s", queried.Error)
	}
	return nil
}
