// Command wechatpaygo sells tea by github.com/wechatpay-apiv3/wechatpay-go before an emulated
// WeChat Pay:
//
//	cloudpay gateway &
//	go run ./recipes/testdata/wechatpaygo ../.cloudpay/emulator.json 100
//
// Only toEmulator is for the emulator. Without it the same program calls the real WeChat Pay.
package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/notify"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"
	"github.com/wechatpay-apiv3/wechatpay-go/services/refunddomestic"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"cloudpay/bench/recipes/testdata/shop"
)

// seller is the SDK's services, and the account that they act for.
type seller struct {
	shop.Merchant

	native  native.NativeApiService
	refunds refunddomestic.RefundsApiService
	handler *notify.Handler
}

func main() { shop.Run("WG", open) }

// toEmulator sends requests to the emulator in place of api.mch.weixin.qq.com, which is a constant
// of the SDK. What is signed, the path and the body, stays as it is.
type toEmulator struct{ gateway *url.URL }

func (t toEmulator) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.URL.Scheme, r.URL.Host, r.Host = t.gateway.Scheme, t.gateway.Host, ""
	return http.DefaultTransport.RoundTrip(r)
}

func open(ctx context.Context, e shop.Emulator) (shop.SDK, error) {
	m := e.Merchant
	private, err := utils.LoadPrivateKeyWithPath(m.PrivateKey)
	if err != nil {
		return nil, err
	}
	public, err := utils.LoadPublicKeyWithPath(m.PublicKey)
	if err != nil {
		return nil, err
	}
	gateway, err := url.Parse(e.GatewayURL) // http://127.0.0.1:9800
	if err != nil {
		return nil, err
	}
	client, err := core.NewClient(ctx,
		option.WithWechatPayPublicKeyAuthCipher(m.MchID, m.Serial, private, m.PublicKeyID, public),
		option.WithHTTPClient(&http.Client{Transport: toEmulator{gateway}}))
	if err != nil {
		return nil, err
	}
	handler, err := notify.NewRSANotifyHandler(m.V3Key, verifiers.NewSHA256WithRSAPubkeyVerifier(m.PublicKeyID, *public))
	if err != nil {
		return nil, err
	}
	return seller{
		Merchant: m, handler: handler,
		native: native.NativeApiService{Client: client}, refunds: refunddomestic.RefundsApiService{Client: client},
	}, nil
}

func (s seller) Place(ctx context.Context, number, notifyURL string) error {
	placed, _, err := s.native.Prepay(ctx, native.PrepayRequest{
		Appid: core.String(s.AppID), Mchid: core.String(s.MchID), Description: core.String("Tea, large"),
		OutTradeNo: core.String(number), NotifyUrl: core.String(notifyURL),
		Amount: &native.Amount{Total: core.Int64(100), Currency: core.String("CNY")},
	})
	if err == nil && placed.CodeUrl == nil {
		err = errors.New("there is no code_url")
	}
	return err
}

func (s seller) Notified(r *http.Request) (number string, err error) {
	transaction := payments.Transaction{}
	request, err := s.handler.ParseNotifyRequest(r.Context(), r, &transaction)
	if err != nil || request.EventType != "TRANSACTION.SUCCESS" || transaction.OutTradeNo == nil {
		return "", err
	}
	return *transaction.OutTradeNo, nil
}

func (s seller) Query(ctx context.Context, number string) (state string, err error) {
	transaction, _, err := s.native.QueryOrderByOutTradeNo(ctx, native.QueryOrderByOutTradeNoRequest{
		OutTradeNo: core.String(number), Mchid: core.String(s.MchID),
	})
	if err != nil || transaction.TradeState == nil {
		return "", err
	}
	return *transaction.TradeState, nil
}

func (s seller) Close(ctx context.Context, number string) error {
	_, err := s.native.CloseOrder(ctx, native.CloseOrderRequest{
		OutTradeNo: core.String(number), Mchid: core.String(s.MchID),
	})
	return err
}

func (s seller) Refund(ctx context.Context, number, refundNumber string) error {
	_, _, err := s.refunds.Create(ctx, refunddomestic.CreateRequest{
		OutTradeNo: core.String(number), OutRefundNo: core.String(refundNumber),
		Amount: &refunddomestic.AmountReq{Refund: core.Int64(100), Total: core.Int64(100), Currency: core.String("CNY")},
	})
	if err != nil {
		return err
	}
	_, _, err = s.refunds.QueryByOutRefundNo(ctx, refunddomestic.QueryByOutRefundNoRequest{
		OutRefundNo: core.String(refundNumber),
	})
	if err != nil {
		return fmt.Errorf("querying: %w", err)
	}
	return nil
}
