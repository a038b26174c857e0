package order_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
)

// everything is each parameter's example, and the Params that all of them together make.
func everything(t *testing.T) (map[string]string, order.Params) {
	t.Helper()
	examples := map[string]string{}
	for _, p := range order.Parameters() {
		if p.Example != "" {
			examples[p.Name] = p.Example
		}
	}
	total := int64(12345)
	return examples, order.Params{
		OutTradeNo: "A1", TransactionID: "4200000001202611220000000001", CombineOutTradeNo: "C1", SubMchID: "1900000109",
		SubAppID: "wx0123456789abcdef", NonceStr: "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", AtOnce: true, API: order.V3,
		CreatedAt: time.Date(2026, 11, 22, 18, 30, 0, 0, time.FixedZone("", 8*3600)),
		CloseAt:   "1800", OpenID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", Owner: "tcb:0123-abc", Total: &total,
		Overdue: true, Again: true, Change: true, Withdraw: true, ChangedBy: "order-service",
		OnBehalfOf: "wx:wx0123456789abcdef:oUpF8uMuAJO_M2pxb1Q9zNjWeS6o",
	}
}

// TestParametersAreComplete: each row of the table has what documents and help texts are made of,
// and no spelling names two parameters.
func TestParametersAreComplete(t *testing.T) {
	t.Parallel()
	owner := map[string]string{}
	for _, p := range order.Parameters() {
		if p.Help.EN == "" || p.Help.ZH == "" || p.Value == "" || p.Close == "" || p.Query == "" {
			t.Errorf("%s: got %+v, want help in two languages, a value, and what calls have it", p.Name, p)
		}
		if p.Registered && p.Example == "" {
			t.Errorf("%s: got no example", p.Name)
		}
		for _, spelling := range append([]string{p.Name}, p.Also...) {
			folded := strings.ToLower(strings.ReplaceAll(spelling, "_", ""))
			if other, taken := owner[folded]; taken && other != p.Name {
				t.Errorf("%q spells %s and %s", spelling, other, p.Name)
			}
			owner[folded] = p.Name
		}
	}
}

// TestSet sets each parameter as a flag or a cell does. All examples together are well formed.
func TestSet(t *testing.T) {
	t.Parallel()
	_, want := everything(t)
	var got order.Params
	for _, p := range order.Parameters() {
		for _, value := range []string{p.Example, ""} {
			if p.Name == "sub_orders" {
				continue // see TestSetSubOrders
			}
			if fault := p.Set(&got, value); fault != nil {
				t.Errorf("%s=%s: got %v", p.Name, value, fault)
			}
		}
	}
	if fault := parameter(t, "service_token").Set(&got, "s3cret"); fault != nil {
		t.Errorf("service_token: got %v", fault)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func parameter(t *testing.T, name string) *order.Parameter {
	t.Helper()
	all := order.Parameters()
	i := slices.IndexFunc(all, func(p order.Parameter) bool { return p.Name == name })
	if i < 0 {
		t.Fatalf("got no parameter %s", name)
	}
	return &all[i]
}

// TestSetRefuses: what is refused is the same in flags, order files and calls. Order files once
// took the total +100, which calls refuse.
func TestSetRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, value, fault string }{
		{"total", "+100", "total: must be a whole number of fen"},
		{"total", "-1", "total: must be a whole number of fen"},
		{"total", "1.5", "total: must be a whole number of fen"},
		{"total", "1e2", "total: must be a whole number of fen"},
		{"total", "99999999999999999999", "total: must be a whole number of fen"},
		{"created_at", "yesterday", "created_at: must be a time such as"},
		{"created_at", "1763807400", "created_at: must be a time such as"},
		{"owner", "me", "owner: must be"},
		{"sub_orders", "", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "A1", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "mchid", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "mchid=1,", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "total=1", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "mchid=1,mch_id=2", "sub_orders: must be mchid=…,out_trade_no=…"},
		{"sub_orders", "mchid=,mchid=1", "sub_orders: must be mchid=…,out_trade_no=…"},
	} {
		var p order.Params
		if fault := parameter(t, tc.name).Set(&p, tc.value); fault == nil || !strings.HasPrefix(fault.Error(), tc.fault) {
			t.Errorf("%s=%s: got %v, want %s", tc.name, tc.value, fault, tc.fault)
		}
	}
}

func TestSetSubOrders(t *testing.T) {
	t.Parallel()
	var got order.Params
	for _, text := range []string{"mchid=1, sub-mch-id=2,out_trade_no=A=1", "mchId=3,outTradeNo=A2"} {
		if fault := parameter(t, "sub_orders").Set(&got, text); fault != nil {
			t.Errorf("%s: got %v", text, fault)
		}
	}
	want := []order.SubOrder{{MchID: "1", SubMchID: "2", OutTradeNo: "A=1"}, {MchID: "3", OutTradeNo: "A2"}}
	if diff := cmp.Diff(want, got.SubOrders); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

func TestRegisteredParameter(t *testing.T) {
	t.Parallel()
	for spelling, want := range map[string]string{
		"out_trade_no": "out_trade_no", "outTradeNo": "out_trade_no", "Out-Trade No": "out_trade_no", "sub_mchid": "sub_mch_id",
		"API": "api", "OpenID": "openid", "closeAt": "close_at", "total": "total", "created_at": "created_at", "owner": "owner",
		"subAppid": "sub_appid",
	} {
		if got, err := order.RegisteredParameter(spelling); err != nil || got.Name != want {
			t.Errorf("%q: got %q, %v; want %q", spelling, got.Name, err, want)
		}
	}
	for _, name := range []string{"", "amount", "transaction_id", "combine_out_trade_no", "sub_orders", "nonce_str", "service_token"} {
		if got, err := order.RegisteredParameter(name); err == nil || !strings.Contains(err.Error(), "that is out_trade_no, ") {
			t.Errorf("%q: got %q, %v; want an error with the names there are", name, got.Name, err)
		}
	}
}
