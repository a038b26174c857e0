package interop_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	partnerapp "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/app"
	partnerjsapi "github.com/wechatpay-apiv3/wechatpay-go/services/partnerpayments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/app"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/h5"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/jsapi"
	"github.com/wechatpay-apiv3/wechatpay-go/services/payments/native"

	"cloudpay/pkg/paygate"
)

// shopURL is where the orders of these tests are notified: the gateway calls no such host.
const shopURL = "https://shop.example/notify"

// newPlacingScene is a scene whose merchant is a service provider for subMchID.
func newPlacingScene(t *testing.T, m mode) *scene {
	t.Helper()
	merchant, err := paygate.NewMerchant("1900007291", "wxd678efh567hg6787")
	if err != nil {
		t.Fatal(err)
	}
	merchant.SubMchIDs = []string{subMchID}
	gate := paygate.RunT(t, paygate.Options{Merchants: []*paygate.Merchant{merchant}, Running: true})
	s := &scene{Server: gate, sdk: sdk{t: t, mchID: merchant.MchID, subMchID: m.subMchID}}
	s.client = s.connect(m, merchant.SerialNo)
	return s
}

// wantPayable checks what the SDK hands over to a client.
func (s *scene) wantPayable(handed any, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("wechatpay-go places: %v\nhistory: %+v", err, s.Requests())
	}
	encoded, err := json.Marshal(handed)
	if err != nil {
		s.t.Fatal(err)
	}
	var fields map[string]string
	if err := json.Unmarshal(encoded, &fields); err != nil {
		s.t.Fatal(err)
	}
	s.WantPaySign(fields)
}

// The SDK places orders for a mini-program and an app, with every member that its types have, and what it hands over to
// the client is signed as WeChat Pay wants it.
func TestSDKPlacesAndSigns(t *testing.T) {
	t.Parallel()
	for _, m := range []mode{{name: "public key"}, {name: "certificate", certificate: true}} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := newPlacingScene(t, m)
			mini := jsapi.JsapiApiService{Client: s.client}
			expire := time.Now().Add(30 * time.Minute)
			request := jsapi.PrepayRequest{
				Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: core.String("Tea"), OutTradeNo: core.String("SDK-MINI"),
				TimeExpire: &expire, Attach: core.String("附加 <&>"), NotifyUrl: core.String(shopURL), GoodsTag: core.String("WXG"),
				LimitPay: []string{"no_credit"}, SupportFapiao: core.Bool(false),
				Amount: &jsapi.Amount{Total: core.Int64(100), Currency: core.String("CNY")}, Payer: &jsapi.Payer{Openid: core.String("oABC")},
				Detail: &jsapi.Detail{CostPrice: core.Int64(120), InvoiceId: core.String("1"), GoodsDetail: []jsapi.GoodsDetail{{
					MerchantGoodsId: core.String("1"), WechatpayGoodsId: core.String("2"), GoodsName: core.String("Tea"), Quantity: core.Int64(1),
					UnitPrice: core.Int64(120),
				}}},
				SceneInfo: &jsapi.SceneInfo{PayerClientIp: core.String("14.23.150.211"), DeviceId: core.String("013467007045764"), StoreInfo: &jsapi.StoreInfo{
					Id: core.String("0001"), Name: core.String("腾讯大厦"), AreaCode: core.String("440305"), Address: core.String("深圳市南山区"),
				}},
				SettleInfo: &jsapi.SettleInfo{ProfitSharing: core.Bool(false)},
			}
			handed, _, err := mini.PrepayWithRequestPayment(t.Context(), request)
			s.wantPayable(handed, err)
			again, _, err := mini.PrepayWithRequestPayment(t.Context(), request)
			s.wantPayable(again, err)
			request.Amount.Total = core.Int64(101)
			_, _, err = mini.Prepay(t.Context(), request)
			s.wantRefusal(err, http.StatusBadRequest, "INVALID_REQUEST")

			phone := app.AppApiService{Client: s.client}
			launched, _, err := phone.PrepayWithRequestPayment(t.Context(), app.PrepayRequest{
				Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: core.String("Tea"), OutTradeNo: core.String("SDK-APP"),
				NotifyUrl: core.String(shopURL), Amount: &app.Amount{Total: core.Int64(100)},
			})
			s.wantPayable(launched, err)
			s.MustPay("SDK-MINI")
			s.wantState("SDK-MINI", paygate.StateSuccess)
			s.wantState("SDK-APP", paygate.StateNotPay)
		})
	}
}

// The SDK places orders for a QR code and for a mobile browser, and the addresses lead to a page on this machine.
func TestSDKPlacesForPages(t *testing.T) {
	t.Parallel()
	s := newPlacingScene(t, mode{})
	code, _, err := (&native.NativeApiService{Client: s.client}).Prepay(t.Context(), native.PrepayRequest{
		Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: core.String("Tea"), OutTradeNo: core.String("SDK-NATIVE"),
		NotifyUrl: core.String(shopURL), Amount: &native.Amount{Total: core.Int64(100)},
	})
	if err != nil {
		t.Fatal(err)
	}
	mobile, _, err := (&h5.H5ApiService{Client: s.client}).Prepay(t.Context(), h5.PrepayRequest{
		Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: core.String("Tea"), OutTradeNo: core.String("SDK-H5"),
		NotifyUrl: core.String(shopURL), Amount: &h5.Amount{Total: core.Int64(100)},
		SceneInfo: &h5.SceneInfo{PayerClientIp: core.String("::1"), H5Info: &h5.H5Info{Type: core.String("Wap")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for no, address := range map[string]string{"SDK-NATIVE": *code.CodeUrl, "SDK-H5": *mobile.H5Url} {
		page, err := http.Post(address, "application/x-www-form-urlencoded", strings.NewReader("do=pay"))
		if err != nil {
			t.Fatal(err)
		}
		_ = page.Body.Close()
		s.wantState(no, paygate.StateSuccess)
	}
}

// The SDK places a service provider's orders, for its own users and for the sub-merchant's.
func TestSDKPlacesForSubMerchants(t *testing.T) {
	t.Parallel()
	s := newPlacingScene(t, mode{subMchID: subMchID})
	mini := partnerjsapi.JsapiApiService{Client: s.client}
	request := func(no string) partnerjsapi.PrepayRequest {
		return partnerjsapi.PrepayRequest{
			SpAppid: &s.Merchant.AppID, SpMchid: &s.mchID, SubMchid: &s.subMchID, Description: core.String("Tea"), OutTradeNo: &no,
			NotifyUrl: core.String(shopURL), Amount: &partnerjsapi.Amount{Total: core.Int64(100)},
		}
	}
	own := request("SDK-SP")
	own.Payer = &partnerjsapi.Payer{SpOpenid: core.String("oABC")}
	handed, _, err := mini.PrepayWithRequestPayment(t.Context(), own, s.Merchant.AppID)
	s.wantPayable(handed, err)
	sub := request("SDK-SUB")
	sub.SubAppid, sub.Payer = core.String("wxsub"), &partnerjsapi.Payer{SubOpenid: core.String("oSub")}
	handed, _, err = mini.PrepayWithRequestPayment(t.Context(), sub, "wxsub")
	s.wantPayable(handed, err)
	_, _, err = (&partnerapp.AppApiService{Client: s.client}).Prepay(t.Context(), partnerapp.PrepayRequest{
		SpAppid: &s.Merchant.AppID, SpMchid: &s.mchID, SubMchid: &s.subMchID, Description: core.String("Tea"), OutTradeNo: core.String("SDK-SUBAPP"),
		NotifyUrl: core.String(shopURL), Amount: &partnerapp.Amount{Total: core.Int64(100)},
	})
	if err != nil {
		t.Errorf("wechatpay-go places for an app: %v", err)
	}
	other := request("SDK-OTHER")
	other.SubMchid, other.Payer = core.String("1900000110"), own.Payer
	_, _, err = mini.Prepay(t.Context(), other)
	s.wantRefusal(err, http.StatusForbidden, "NO_AUTH")
}
