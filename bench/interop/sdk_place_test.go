package interop_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

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

// The SDK places orders for a mini-program and an app, with every member that its types have, and
// what it hands over to the client is signed as WeChat Pay wants it.
func TestSDKPlacesAndSigns(t *testing.T) {
	t.Parallel()
	for _, m := range []mode{{name: "public key"}, {name: "certificate", certificate: true}} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			s := newPlacingScene(t, m)
			mini := jsapi.JsapiApiService{Client: s.client}
			expire := time.Now().Add(30 * time.Minute)
			request := jsapi.PrepayRequest{
				Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: new("Tea"), OutTradeNo: new("SDK-MINI"),
				TimeExpire: &expire, Attach: new("附加 <&>"), NotifyUrl: new(shopURL), GoodsTag: new("WXG"),
				LimitPay: []string{"no_credit"}, SupportFapiao: new(false),
				Amount: &jsapi.Amount{Total: new(int64(100)), Currency: new("CNY")}, Payer: &jsapi.Payer{Openid: new("oABC")},
				Detail: &jsapi.Detail{CostPrice: new(int64(120)), InvoiceId: new("1"), GoodsDetail: []jsapi.GoodsDetail{{
					MerchantGoodsId: new("1"), WechatpayGoodsId: new("2"), GoodsName: new("Tea"), Quantity: new(int64(1)),
					UnitPrice: new(int64(120)),
				}}},
				SceneInfo: &jsapi.SceneInfo{PayerClientIp: new("14.23.150.211"), DeviceId: new("013467007045764"), StoreInfo: &jsapi.StoreInfo{
					Id: new("0001"), Name: new("腾讯大厦"), AreaCode: new("440305"), Address: new("深圳市南山区"),
				}},
				SettleInfo: &jsapi.SettleInfo{ProfitSharing: new(false)},
			}
			handed, _, err := mini.PrepayWithRequestPayment(t.Context(), request)
			s.wantPayable(handed, err)
			again, _, err := mini.PrepayWithRequestPayment(t.Context(), request)
			s.wantPayable(again, err)
			request.Amount.Total = new(int64(101))
			_, _, err = mini.Prepay(t.Context(), request)
			s.wantRefusal(err, http.StatusBadRequest, "INVALID_REQUEST")

			phone := app.AppApiService{Client: s.client}
			launched, _, err := phone.PrepayWithRequestPayment(t.Context(), app.PrepayRequest{
				Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: new("Tea"), OutTradeNo: new("SDK-APP"),
				NotifyUrl: new(shopURL), Amount: &app.Amount{Total: new(int64(100))},
			})
			s.wantPayable(launched, err)
			s.MustPay("SDK-MINI")
			s.wantState("SDK-MINI", paygate.StateSuccess)
			s.wantState("SDK-APP", paygate.StateNotPay)
		})
	}
}

// The SDK places orders for a QR code and for a mobile browser, and the addresses lead to a page on
// this machine.
func TestSDKPlacesForPages(t *testing.T) {
	t.Parallel()
	s := newPlacingScene(t, mode{})
	code, _, err := (&native.NativeApiService{Client: s.client}).Prepay(t.Context(), native.PrepayRequest{
		Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: new("Tea"), OutTradeNo: new("SDK-NATIVE"),
		NotifyUrl: new(shopURL), Amount: &native.Amount{Total: new(int64(100))},
	})
	if err != nil {
		t.Fatal(err)
	}
	mobile, _, err := (&h5.H5ApiService{Client: s.client}).Prepay(t.Context(), h5.PrepayRequest{
		Appid: &s.Merchant.AppID, Mchid: &s.mchID, Description: new("Tea"), OutTradeNo: new("SDK-H5"),
		NotifyUrl: new(shopURL), Amount: &h5.Amount{Total: new(int64(100))},
		SceneInfo: &h5.SceneInfo{PayerClientIp: new("::1"), H5Info: &h5.H5Info{Type: new("Wap")}},
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
			SpAppid: &s.Merchant.AppID, SpMchid: &s.mchID, SubMchid: &s.subMchID, Description: new("Tea"), OutTradeNo: &no,
			NotifyUrl: new(shopURL), Amount: &partnerjsapi.Amount{Total: new(int64(100))},
		}
	}
	own := request("SDK-SP")
	own.Payer = &partnerjsapi.Payer{SpOpenid: new("oABC")}
	handed, _, err := mini.PrepayWithRequestPayment(t.Context(), own, s.Merchant.AppID)
	s.wantPayable(handed, err)
	sub := request("SDK-SUB")
	sub.SubAppid, sub.Payer = new("wxsub"), &partnerjsapi.Payer{SubOpenid: new("oSub")}
	handed, _, err = mini.PrepayWithRequestPayment(t.Context(), sub, "wxsub")
	s.wantPayable(handed, err)
	_, _, err = (&partnerapp.AppApiService{Client: s.client}).Prepay(t.Context(), partnerapp.PrepayRequest{
		SpAppid: &s.Merchant.AppID, SpMchid: &s.mchID, SubMchid: &s.subMchID, Description: new("Tea"), OutTradeNo: new("SDK-SUBAPP"),
		NotifyUrl: new(shopURL), Amount: &partnerapp.Amount{Total: new(int64(100))},
	})
	if err != nil {
		t.Errorf("wechatpay-go places for an app: %v", err)
	}
	other := request("SDK-OTHER")
	other.SubMchid, other.Payer = new("1900000110"), own.Payer
	_, _, err = mini.Prepay(t.Context(), other)
	s.wantRefusal(err, http.StatusForbidden, "NO_AUTH")
}
