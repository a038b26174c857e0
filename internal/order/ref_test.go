package order_test

import (
	"strings"
	"testing"

	"cloudpay/internal/order"
)

func TestNamesOfOrders(t *testing.T) {
	t.Parallel()
	ref := order.Ref{Region: order.Global, MchID: "1", SubMchID: "2", OutTradeNo: "A1"}
	direct := order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}
	for got, want := range map[string]string{
		ref.String():           "global/1/2/A1",
		direct.String():        "cn/1/A1",
		ref.Account().String(): "global/1",
		order.Merchant{MchID: "1"}.Account().String():                         "cn/1",
		order.Merchant{MchID: "1", Region: order.HongKong}.Account().String(): "hk/1",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// TestRefValidate: the parts of a Ref keep the rules of the parameters, so that every registered
// order can be closed.
func TestRefValidate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		ref   order.Ref
		field string // empty: well formed
	}{
		{order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A1"}, ""},
		{order.Ref{Region: order.Global, MchID: "1a", SubMchID: "2b", OutTradeNo: "A1"}, ""},
		{order.Ref{Region: "eu", MchID: "1", OutTradeNo: "A1"}, "region"},
		{order.Ref{Region: order.Mainland, OutTradeNo: "A1"}, "mchid"},
		{order.Ref{Region: order.Mainland, MchID: "1a", OutTradeNo: "A1"}, "mchid"},
		{order.Ref{Region: order.Mainland, MchID: "1", SubMchID: "2b", OutTradeNo: "A1"}, "sub_mch_id"},
		{order.Ref{Region: order.Mainland, MchID: "1"}, "out_trade_no"},
		{order.Ref{Region: order.Mainland, MchID: "1", OutTradeNo: "A 1"}, "out_trade_no"},
	} {
		field := ""
		if fault := tc.ref.Validate(); fault != nil {
			field = fault.Field
		}
		if field != tc.field {
			t.Errorf("%s: got a fault in %q, want %q", tc.ref, field, tc.field)
		}
	}
}

// TestCallFor: a registered order is called by its own name or not at all. schedule.Entry.Call's
// test has the cases.
func TestCallFor(t *testing.T) {
	t.Parallel()
	ref := order.Ref{Region: order.Mainland, MchID: "1900000100", SubMchID: "1900000109", OutTradeNo: "A1"}
	got, err := partner().CallFor(order.Call{Ref: ref, Nonce: "n"})
	if err != nil || got.Ref != ref || got.API != order.V2 || got.SubAppID != "wxsub" || got.AppID != "wxsp" || !got.Partner || got.Nonce != "n" {
		t.Errorf("got %+v, %v", got, err)
	}
	for change, want := range map[string]func(*order.Ref){
		"sub_mch_id: is not one of":                   func(r *order.Ref) { r.SubMchID = "1900000111" },
		"sub_mchid: the order was registered as cn/1": func(r *order.Ref) { r.SubMchID = "" },
		"sub_mchid: the order was registered as hk/1": func(r *order.Ref) { r.Region = order.HongKong },
		"out_trade_no: must be given":                 func(r *order.Ref) { r.OutTradeNo = "" },
	} {
		other := ref
		want(&other)
		if _, err := partner().CallFor(order.Call{Ref: other}); err == nil || !strings.HasPrefix(err.Error(), change) {
			t.Errorf("%s: got %v, want %s", other, err, change)
		}
	}
}
