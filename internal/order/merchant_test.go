package order_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
)

func direct() order.Merchant {
	return order.Merchant{AppID: "wxown", MchID: "1900000001", API: order.V3, APIs: []order.API{order.V2, order.V3}}
}

func partner() order.Merchant {
	return order.Merchant{
		Partner: true, AppID: "wxsp", MchID: "1900000100", SubMchID: "1900000109", SubAppID: "wxsub",
		SubMchIDs: []string{"1900000110"}, API: order.V2, APIs: []order.API{order.V2},
	}
}

func TestCloseCall(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		merchant order.Merchant
		params   order.Params
		want     order.Call
	}{
		{
			"direct", direct(), order.Params{OutTradeNo: "A-1_|*@", NonceStr: "n"},
			order.Call{API: order.V3, AppID: "wxown", MchID: "1900000001", OutTradeNo: "A-1_|*@", Nonce: "n"},
		},
		{
			"CloudPay's habit of sending one's own numbers", direct(),
			order.Params{OutTradeNo: "A1", SubMchID: "1900000001", SubAppID: "wxown", API: order.V2},
			order.Call{API: order.V2, AppID: "wxown", MchID: "1900000001", OutTradeNo: "A1"},
		},
		{
			"partner by default", partner(), order.Params{OutTradeNo: "A1"},
			order.Call{API: order.V2, Partner: true, AppID: "wxsp", MchID: "1900000100", SubMchID: "1900000109", SubAppID: "wxsub", OutTradeNo: "A1"},
		},
		{
			"partner for another", partner(), order.Params{OutTradeNo: "A1", SubMchID: "1900000110"},
			order.Call{API: order.V2, Partner: true, AppID: "wxsp", MchID: "1900000100", SubMchID: "1900000110", OutTradeNo: "A1"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := tc.merchant.CloseCall(tc.params)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestBadParametersAreNamed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("9", 33)
	ok := order.Params{OutTradeNo: "A1"}
	with := func(change func(*order.Params)) order.Params {
		p := ok
		change(&p)
		return p
	}
	unlisted := partner()
	noDefault := order.Merchant{Partner: true, MchID: "1900000100", API: order.V2, APIs: []order.API{order.V2}}
	for _, tc := range []struct {
		name     string
		merchant order.Merchant
		params   order.Params
		code     string
		says     string
	}{
		{"out_trade_no missing", direct(), order.Params{}, "PARAM_ERROR", "out_trade_no: must be given"},
		{"out_trade_no too long", direct(), order.Params{OutTradeNo: long}, "PARAM_ERROR", "out_trade_no: must be 1 to 32 characters of 0-9 A-Z a-z _ - | * @, not 33"},
		{"out_trade_no with a slash", direct(), order.Params{OutTradeNo: "A/1"}, "PARAM_ERROR", `out_trade_no: must be 1 to 32 characters of 0-9 A-Z a-z _ - | * @; '/' is none of them`},
		{"out_trade_no in Chinese", direct(), order.Params{OutTradeNo: "单"}, "PARAM_ERROR", "'单' is none of them"},
		{"out_trade_no not UTF-8", direct(), order.Params{OutTradeNo: "A\xff"}, "PARAM_ERROR", "out_trade_no: "},
		{"nonce_str too long", direct(), with(func(p *order.Params) { p.NonceStr = long }), "PARAM_ERROR", "nonce_str: must be 1 to 32 characters"},
		{"nonce_str with a dash", direct(), with(func(p *order.Params) { p.NonceStr = "a-b" }), "PARAM_ERROR", "nonce_str: "},
		{"sub_appid with a dash", direct(), with(func(p *order.Params) { p.SubAppID = "wx-1" }), "PARAM_ERROR", "sub_appid: "},
		{"sub_mch_id with a letter", partner(), with(func(p *order.Params) { p.SubMchID = "19a" }), "PARAM_ERROR", "sub_mch_id: must be 1 to 32 digits"},
		{"transaction_id on a close", direct(), order.Params{TransactionID: "42"}, "PARAM_ERROR", "transaction_id: an order is closed by its out_trade_no"},
		{"transaction_id with a letter", direct(), order.Params{TransactionID: "4x"}, "PARAM_ERROR", "transaction_id: must be 1 to 32 digits"},
		{"unknown api", direct(), with(func(p *order.Params) { p.API = "v4" }), "PARAM_ERROR", `api: must be "v2" or "v3"`},
		{"api without credentials", partner(), with(func(p *order.Params) { p.API = order.V3 }), "PARAM_ERROR", `api: "v3" has no credentials here`},
		{"close_at without a store", direct(), with(func(p *order.Params) { p.CloseAt = "600" }), "PARAM_ERROR", "close_at: closing later needs a store"},
		{"no sub-merchant", noDefault, ok, "PARAM_ERROR", "sub_mch_id: a service provider must name the sub-merchant"},
		{"the provider itself", partner(), with(func(p *order.Params) { p.SubMchID = "1900000100" }), "PARAM_ERROR", "sub_mch_id: is the service provider's own number"},
		{"outside the allow-list", unlisted, with(func(p *order.Params) { p.SubMchID = "1900000111" }), "NOAUTH", "sub_mch_id: is not one of the sub-merchants allowed here"},
		{"another merchant in direct mode", direct(), with(func(p *order.Params) { p.SubMchID = "1900000109" }), "PARAM_ERROR", "sub_mch_id: must be this merchant's own number"},
		{"another appid in direct mode", direct(), with(func(p *order.Params) { p.SubAppID = "wxother" }), "PARAM_ERROR", "sub_appid: must be this merchant's own appid"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := tc.merchant.CloseCall(tc.params)
			wantFieldError(t, err, tc.code, tc.says)
		})
	}
}

func TestQueryCallTakesExactlyOneID(t *testing.T) {
	t.Parallel()
	for _, p := range []order.Params{{OutTradeNo: "A1"}, {TransactionID: "4200001"}} {
		if c, err := direct().QueryCall(p); err != nil || c.OutTradeNo != p.OutTradeNo || c.TransactionID != p.TransactionID {
			t.Errorf("QueryCall(%+v) = %+v, %v", p, c, err)
		}
	}
	_, err := direct().QueryCall(order.Params{})
	wantFieldError(t, err, "PARAM_ERROR", "out_trade_no: one of out_trade_no and transaction_id must be given")
	_, err = direct().QueryCall(order.Params{OutTradeNo: "A1", TransactionID: "42"})
	wantFieldError(t, err, "PARAM_ERROR", "transaction_id: give either")
	_, err = direct().QueryCall(order.Params{OutTradeNo: "A 1"})
	wantFieldError(t, err, "PARAM_ERROR", "out_trade_no: ")
}

func wantFieldError(t *testing.T, err error, code, says string) {
	t.Helper()
	var field *order.FieldError
	if !errors.As(err, &field) {
		t.Fatalf("got %v, want a FieldError saying %q", err, says)
	}
	if field.Code != code || !strings.Contains(field.Error(), says) {
		t.Errorf("got %s %q, want %s %q", field.Code, field.Error(), code, says)
	}
}
