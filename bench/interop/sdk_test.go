package interop_test

import (
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"
	"github.com/wechatpay-apiv3/wechatpay-go/utils"

	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v3json"
)

// scene is the SDK's client before the emulated gateway.
type scene struct {
	*paygate.Server
	sdk
}

// redirect sends to a gateway on this machine what the SDK sends to the one address that is written
// down in it. The path is left alone, for it is signed.
type redirect struct{ to *url.URL }

func (r redirect) RoundTrip(req *http.Request) (*http.Response, error) {
	redirected := req.Clone(req.Context())
	redirected.URL.Scheme, redirected.URL.Host, redirected.Host = r.to.Scheme, r.to.Host, ""
	return http.DefaultTransport.RoundTrip(redirected)
}

// mode is how the SDK knows the platform, and for whom it asks.
type mode struct {
	name        string
	certificate bool
	subMchID    string
}

// eachScene runs a test as a direct merchant and as a service provider, with the platform's public
// key and with its certificate.
func eachScene(t *testing.T, test func(t *testing.T, s *scene)) {
	t.Helper()
	for _, m := range []mode{
		{name: "direct, public key"},
		{name: "partner, public key", subMchID: subMchID},
		{name: "direct, certificate", certificate: true},
		{name: "partner, certificate", certificate: true, subMchID: subMchID},
	} {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			test(t, newScene(t, m))
		})
	}
}

func newScene(t *testing.T, m mode) *scene {
	t.Helper()
	gate := paygate.RunT(t)
	s := &scene{Server: gate, sdk: sdk{t: t, mchID: gate.Merchant.MchID, subMchID: m.subMchID}}
	s.client = s.connect(m, gate.Merchant.SerialNo)
	return s
}

// connect makes the SDK's client with the merchant's key, under a serial.
func (s *scene) connect(m mode, serial string) *core.Client {
	s.t.Helper()
	to, err := url.Parse(s.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	key := s.Merchant.PrivateKey
	auth := option.WithWechatPayPublicKeyAuthCipher(s.mchID, serial, key, s.PublicKeyID(), s.PublicKey())
	if m.certificate {
		certificate, err := utils.LoadCertificate(string(s.CertificatePEM()))
		if err != nil {
			s.t.Fatal(err)
		}
		auth = option.WithWechatPayAuthCipher(s.mchID, serial, key, []*x509.Certificate{certificate})
	}
	return newSDKClient(s.t, auth, redirect{to: to})
}

// owner is whose orders the client is about.
func (s *scene) owner() paygate.Owner {
	return paygate.Owner{MchID: s.mchID, SubMchID: s.subMchID}
}

// order adds an unpaid order.
func (s *scene) order(outTradeNo string) {
	s.t.Helper()
	s.MustAddOrder(paygate.Order{
		MchID: s.mchID, SubMchID: s.subMchID, OutTradeNo: outTradeNo, Total: 100, OpenID: "oABC", Attach: "附加 <&>",
		Coupons: []paygate.Coupon{{ID: "109519", Name: "单品惠", Scope: "SINGLE", Amount: 30, StockID: "931386", Goods: []paygate.Good{
			{ID: "M1006", Quantity: 1, UnitPrice: 100, DiscountAmount: 30, Remark: "商品"},
		}}},
	})
}

// wantState queries an order by the SDK.
func (s *scene) wantState(outTradeNo string, want paygate.TradeState) {
	s.t.Helper()
	got, err := s.query(outTradeNo)
	if err != nil || got["trade_state"] != string(want) || got["out_trade_no"] != outTradeNo {
		s.t.Errorf("querying %s: got %v and error %v, want state %s\nhistory: %+v", outTradeNo, got, err, want, s.Requests())
	}
}

// wantRefusal checks the code and status that the SDK reads in a refusal.
func (s *scene) wantRefusal(err error, status int, code string) {
	s.t.Helper()
	refusal, is := errors.AsType[*core.APIError](err)
	if !is || refusal.StatusCode != status || refusal.Code != code {
		s.t.Errorf("got %v, want HTTP %d %s\nhistory: %+v", err, status, code, s.Requests())
	}
}

// The SDK closes and queries at the emulated gateway as at the real one, and believes its
// signatures.
func TestSDKClosesAndQueries(t *testing.T) {
	t.Parallel()
	eachScene(t, func(t *testing.T, s *scene) {
		t.Helper()
		orders := map[string]bool{"A1": true, "-": true, "|*@_-": true, "|||||||||||||||||||||||||||||||*": true}
		for r := source(); len(orders) < 25; {
			orders[randomText(r, orderAlphabet)] = true
		}
		for no := range orders {
			s.order(no)
			s.wantState(no, paygate.StateNotPay)
			if err := s.close(no); err != nil {
				t.Errorf("closing %s: %v", no, err)
			}
			s.wantState(no, paygate.StateClosed)
			s.WantState(no, paygate.StateClosed, s.owner())
		}
	})
}

func TestSDKIsRefused(t *testing.T) {
	t.Parallel()
	eachScene(t, func(t *testing.T, s *scene) {
		t.Helper()
		s.order("closed")
		if err := s.close("closed"); err != nil {
			t.Fatal(err)
		}
		s.wantRefusal(s.close("closed"), http.StatusBadRequest, "ORDER_CLOSED")
		s.order("paid")
		s.MustPay("paid", s.owner())
		s.wantRefusal(s.close("paid"), http.StatusBadRequest, "ORDER_PAID")
		s.wantRefusal(s.close("missing"), http.StatusNotFound, "ORDER_NOT_EXIST")
		s.wantRefusal(s.close("a b"), http.StatusBadRequest, "PARAM_ERROR")
		s.MustInject(paygate.Fault{Action: paygate.SystemError, Times: 1})
		s.wantRefusal(s.close("paid"), http.StatusInternalServerError, "SYSTEM_ERROR")
		s.client = s.connect(mode{}, "5157F09EFDC096DE15EBE81A47057A7232F1B8E1")
		s.wantRefusal(s.close("paid"), http.StatusUnauthorized, "SIGN_ERROR")
	})
}

// The emulator's forgeries are forgeries to the SDK as well.
func TestSDKRefusesForgeries(t *testing.T) {
	t.Parallel()
	eachScene(t, func(t *testing.T, s *scene) {
		t.Helper()
		s.order("A1")
		for _, forgery := range []paygate.Action{
			paygate.BadSignature, paygate.Unsigned, paygate.UnknownSerial, paygate.Probe, paygate.Stale,
		} {
			s.MustInject(paygate.Fault{Action: forgery, Times: 1})
			_, err := s.query("A1")
			if _, answered := errors.AsType[*core.APIError](err); err == nil || answered {
				t.Errorf("%s: got %v, want the SDK's validator to refuse it", forgery, err)
			}
		}
		s.wantState("A1", paygate.StateNotPay)
	})
}

// Of the same paid order, the SDK and v3json read the same.
func TestBothReadTheSameOrder(t *testing.T) {
	t.Parallel()
	eachScene(t, func(t *testing.T, s *scene) {
		t.Helper()
		s.order("A|1*@_-")
		s.MustPay("A|1*@_-", s.owner())
		client := s.ours()
		reply, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A|1*@_-", SubMchID: s.subMchID})
		if err != nil {
			t.Fatal(err)
		}
		ours := fields(t, reply.Transaction)
		theirs, err := s.query("A|1*@_-")
		if err != nil {
			t.Fatal(err)
		}
		sameInstant(t, ours, theirs)
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("by order number (-wechatpay-go +v3json)\n%s", diff)
		}
		theirs, err = s.queryTransaction(reply.TransactionID)
		if err != nil {
			t.Fatal(err)
		}
		sameInstant(t, ours, theirs)
		if diff := cmp.Diff(theirs, ours); diff != "" {
			t.Errorf("by transaction (-wechatpay-go +v3json)\n%s", diff)
		}
		if reply.Amount == nil || reply.Amount.Total == nil || *reply.Amount.Total != 100 || len(reply.PromotionDetail) != 1 {
			t.Errorf("v3json reads %+v, which has not what the order has", reply.Transaction)
		}
	})
}

// sameInstant gives theirs the spelling of our time, if it is the same time: the SDK keeps the
// text.
func sameInstant(t *testing.T, ours, theirs map[string]any) {
	t.Helper()
	var at [2]time.Time
	for i, object := range []map[string]any{ours, theirs} {
		text, _ := object["success_time"].(string)
		parsed, err := time.Parse(time.RFC3339, text)
		if err != nil {
			t.Fatalf("success_time: %v", err)
		}
		at[i] = parsed
	}
	if at[0].Equal(at[1]) {
		theirs["success_time"] = ours["success_time"]
	}
}

// ours is v3json's client of the same merchant before the same gateway.
func (s *scene) ours() *v3json.Client {
	s.t.Helper()
	key, err := v3json.ParseKey(s.Merchant.SerialNo, s.Merchant.PrivateKeyPEM())
	if err != nil {
		s.t.Fatal(err)
	}
	keys, err := v3json.NewKeyring(v3json.PlatformKey{ID: s.PublicKeyID(), Public: s.PublicKey()})
	if err != nil {
		s.t.Fatal(err)
	}
	return &v3json.Client{MchID: s.mchID, Key: key, Keys: keys, BaseURL: s.URL}
}
