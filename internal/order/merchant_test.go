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
			order.Call{API: order.V3, AppID: "wxown", Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A-1_|*@"}, Nonce: "n"},
		},
		{
			"CloudPay's habit of sending one's own numbers", direct(),
			order.Params{OutTradeNo: "A1", SubMchID: "1900000001", SubAppID: "wxown", API: order.V2},
			order.Call{API: order.V2, AppID: "wxown", Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}},
		},
		{
			"partner by default", partner(), order.Params{OutTradeNo: "A1"},
			order.Call{API: order.V2, Partner: true, AppID: "wxsp", Ref: order.Ref{Region: order.Mainland, MchID: "1900000100", SubMchID: "1900000109", OutTradeNo: "A1"}, SubAppID: "wxsub"},
		},
		{
			"partner for another", partner(), order.Params{OutTradeNo: "A1", SubMchID: "1900000110"},
			order.Call{API: order.V2, Partner: true, AppID: "wxsp", Ref: order.Ref{Region: order.Mainland, MchID: "1900000100", SubMchID: "1900000110", OutTradeNo: "A1"}},
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
		{"at once and later", direct(), with(func(p *order.Params) { p.AtOnce, p.CloseAt = true, "60" }), "PARAM_ERROR", "at_once: is for closing now"},
		{"at once and changed", direct(), with(func(p *order.Params) { p.AtOnce, p.Change = true, true }), "PARAM_ERROR", "at_once: is for closing now"},
		{"at once and withdrawn", direct(), with(func(p *order.Params) { p.AtOnce, p.Withdraw = true, true }), "PARAM_ERROR", "at_once: is for closing now"},
		{"unknown api", direct(), with(func(p *order.Params) { p.API = "v4" }), "PARAM_ERROR", `api: must be "v2", "v3" or "wxcloudrun"`},
		{"api without credentials", partner(), with(func(p *order.Params) { p.API = order.V3 }), "PARAM_ERROR", `api: "v3" has no credentials here`},
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

func overseas() order.Merchant {
	return order.Merchant{Region: order.Global, MchID: "1900000001", API: order.V3, APIs: []order.API{order.V3}}
}

func TestOverseasOrdersAreClosedByEitherID(t *testing.T) {
	t.Parallel()
	for _, p := range []order.Params{{OutTradeNo: "A1"}, {TransactionID: "0152A19009NB"}} {
		if c, err := overseas().CloseCall(p); err != nil || c.OutTradeNo != p.OutTradeNo || c.TransactionID != p.TransactionID {
			t.Errorf("CloseCall(%+v) = %+v, %v", p, c, err)
		}
	}
	_, err := overseas().CloseCall(order.Params{OutTradeNo: "A1", TransactionID: "0152A19009NB"})
	wantFieldError(t, err, "PARAM_ERROR", "transaction_id: give either")
	_, err = direct().QueryCall(order.Params{TransactionID: "0152A19009NB"})
	wantFieldError(t, err, "PARAM_ERROR", "transaction_id: must be 1 to 32 digits; letters too only overseas (WXPAY_REGION)")
	old := overseas()
	old.APIs = []order.API{order.V2, order.V3}
	_, err = old.CloseCall(order.Params{TransactionID: "0152A19009NB", API: order.V2})
	wantFieldError(t, err, "PARAM_ERROR", "transaction_id: an order is closed by its out_trade_no")
	_, err = overseas().CloseCall(order.Params{CombineOutTradeNo: "C1", SubOrders: []order.SubOrder{{MchID: "19", OutTradeNo: "A1"}}})
	wantFieldError(t, err, "PARAM_ERROR", "combine_out_trade_no: combined orders are closed and queried in APIv3 on the mainland only")
}

func TestCombinedOrders(t *testing.T) {
	t.Parallel()
	subs := []order.SubOrder{{MchID: "1900000001", OutTradeNo: "A1"}, {MchID: "1900000002", OutTradeNo: "A2"}}
	ok := order.Params{CombineOutTradeNo: "C1", SubOrders: subs}
	c, err := direct().CloseCall(ok)
	if err != nil || c.CombineOutTradeNo != "C1" || len(c.SubOrders) != 2 {
		t.Errorf("CloseCall = %+v, %v", c, err)
	}
	if _, err := direct().QueryCall(order.Params{CombineOutTradeNo: "C1"}); err != nil {
		t.Error(err)
	}
	provider := partner()
	provider.API, provider.APIs = order.V3, []order.API{order.V3}
	noAppID := direct()
	noAppID.AppID = ""
	for _, tc := range []struct {
		name     string
		merchant order.Merchant
		change   func(*order.Params)
		code     string
		says     string
	}{
		{"no sub-orders", direct(), func(p *order.Params) { p.SubOrders = nil }, "PARAM_ERROR", "sub_orders: must be given"},
		{"sub-orders of nothing", direct(), func(p *order.Params) { p.CombineOutTradeNo, p.OutTradeNo = "", "A1" }, "PARAM_ERROR", "sub_orders: belong to a combined order"},
		{"a single order too", direct(), func(p *order.Params) { p.OutTradeNo = "A1" }, "PARAM_ERROR", "combine_out_trade_no: give either"},
		{"too many", direct(), func(p *order.Params) { p.SubOrders = make([]order.SubOrder, 51) }, "PARAM_ERROR", "sub_orders: may be 50 at most, not 51"},
		{"one without a merchant", direct(), func(p *order.Params) { p.SubOrders = []order.SubOrder{{OutTradeNo: "A1"}} }, "PARAM_ERROR", "sub_orders[0].mchid: must be given"},
		{"one without a number", direct(), func(p *order.Params) { p.SubOrders = []order.SubOrder{{MchID: "19"}} }, "PARAM_ERROR", "sub_orders[0].out_trade_no: must be given"},
		{"one with a bad number", direct(), func(p *order.Params) { p.SubOrders = []order.SubOrder{{MchID: "19", OutTradeNo: "A/1"}} }, "PARAM_ERROR", "sub_orders[0].out_trade_no: must be"},
		{"APIv2", direct(), func(p *order.Params) { p.API = order.V2 }, "PARAM_ERROR", "combine_out_trade_no: combined orders are closed and queried in APIv3"},
		{"a sub-merchant beside", direct(), func(p *order.Params) { p.SubMchID = "1900000109" }, "PARAM_ERROR", "sub_mch_id: a combined order names its merchants"},
		{"no appid", noAppID, func(*order.Params) {}, "PARAM_ERROR", "combine_out_trade_no: cannot be closed without the appid"},
		{"a provider without sub-merchants", provider, func(*order.Params) {}, "PARAM_ERROR", "sub_orders[0].sub_mchid: must be given by a service provider"},
		{"a stranger", provider, func(p *order.Params) {
			p.SubOrders = []order.SubOrder{{MchID: "19", SubMchID: "1900000666", OutTradeNo: "A1"}}
		}, "NOAUTH", "sub_orders[0].sub_mchid: is not one of"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			p := ok
			tc.change(&p)
			_, err := tc.merchant.CloseCall(p)
			wantFieldError(t, err, tc.code, tc.says)
		})
	}
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
