package wxcloudrun_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

var china = time.FixedZone("UTC+8", 8*60*60)

func paidTransaction() wxcloudrun.Transaction {
	return wxcloudrun.Transaction{
		AppID: "wxd2565e6a04246fd1", MchID: "1800780001", SubAppID: "wxd2565e6a04246fd1", SubMchID: subMchID,
		OpenID: "oPoIm-roYxAo441g3WD3D_6I-4bE", IsSubscribe: "N", SubOpenID: "oCKlip5njeZWaC4oeOVEoXi1TTsk",
		TradeType: "JSAPI", TradeState: "SUCCESS", TradeStateDesc: "测试微信支付", BankType: "OTHERS",
		TotalFee: new(int64(1)), FeeType: "CNY", CashFee: new(int64(1)), CashFeeType: "CNY",
		TransactionID: transactionID, OutTradeNo: orderNo, TimeEnd: time.Date(2022, 3, 21, 13, 51, 31, 0, china),
	}
}

func TestQueryOrder(t *testing.T) {
	t.Parallel()
	got, err := queryOne(t, responding(http.StatusOK, querySample, "Request-Id", "r-1"))
	if err != nil {
		t.Fatal(err)
	}
	want := &wxcloudrun.QueryReply{
		Envelope: wire.Envelope{
			HTTPStatus: 200, RequestID: "r-1", Nonce: "C5h9TIF57KyXXr3M", Signature: "99C4B35B4DE79AD46B9F6F541F3EF586",
		},
		Transaction: paidTransaction(), ReturnMsg: "OK",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestTransactionFields(t *testing.T) {
	t.Parallel()
	full := fields{
		"device_info": "013467007045764", "sub_is_subscribe": "Y", "settlement_total_fee": 100, "total_fee": "101", "cash_fee": "89",
		"coupon_fee": "12", "coupon_count": 3, "attach": "深圳 & <分店>",
		"coupon_id_list": []any{"10000", 10001}, "coupon_type_list": []any{"CASH", "NO_CASH"}, "coupon_fee_list": []any{10, "2"},
	}
	paid := paidTransaction()
	paid.DeviceInfo, paid.SubIsSubscribe, paid.Attach = "013467007045764", "Y", "深圳 & <分店>"
	paid.TotalFee, paid.SettlementTotalFee, paid.CashFee = new(int64(101)), new(int64(100)), new(int64(89))
	paid.CouponFee, paid.CouponCount = new(int64(12)), new(int64(3))
	paid.Coupons = []wxcloudrun.Coupon{{ID: "10000", Type: "CASH", Fee: new(int64(10))}, {ID: "10001", Type: "NO_CASH", Fee: new(int64(2))}}

	unpaid := wxcloudrun.Transaction{
		AppID: paid.AppID, MchID: paid.MchID, SubAppID: paid.SubAppID, SubMchID: subMchID,
		OutTradeNo: orderNo, TradeState: "NOTPAY", TradeStateDesc: "订单未支付",
	}
	uneven := paidTransaction()
	uneven.Coupons = []wxcloudrun.Coupon{{ID: "1", Fee: new(int64(5))}, {Fee: new(int64(6))}}

	for name, test := range map[string]struct {
		body string
		want wxcloudrun.Transaction
	}{
		"everything there can be": {with(querySample, full), paid},
		"unpaid, bare": {with(closeSample, fields{
			"out_trade_no": orderNo, "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
		}), unpaid},
		"unpaid, with empty values": {with(closeSample, fields{
			"out_trade_no": orderNo, "trade_state": "NOTPAY", "trade_state_desc": "订单未支付",
			"total_fee": nil, "cash_fee": "", "coupon_fee": nil, "time_end": "", "transaction_id": "",
			"coupon_id_list": "", "coupon_type_list": nil, "coupon_fee_list": []any{},
		}), unpaid},
		"lists of different lengths": {with(querySample, fields{
			"coupon_id_list": []any{"1"}, "coupon_fee_list": []any{5, 6},
		}), uneven},
	} {
		got, err := queryOne(t, responding(http.StatusOK, test.body))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.want, got.Transaction); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

func TestQueryByTransactionID(t *testing.T) {
	t.Parallel()
	var sent recorded
	c := record(t, &sent, querySample)
	got, err := c.QueryOrder(t.Context(), wxcloudrun.Request{TransactionID: transactionID, SubMchID: subMchID, Nonce: "n1"})
	if err != nil {
		t.Fatal(err)
	}
	if got.OutTradeNo != orderNo {
		t.Errorf("order %s, want %s", got.OutTradeNo, orderNo)
	}
	if want := `{"nonce_str":"n1","sub_mch_id":"1712734762","transaction_id":"4204860361200001213072203688"}`; sent.body != want {
		t.Errorf("sent %s, want %s", sent.body, want)
	}
	if path := sent.URL.Path; path != "/_/pay/queryorder" {
		t.Errorf("sent to %s", path)
	}
}

func TestQueryEcho(t *testing.T) {
	t.Parallel()
	byTransaction := wxcloudrun.Request{TransactionID: transactionID, SubMchID: subMchID}
	byOrder := wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID}
	for name, test := range map[string]struct {
		request wxcloudrun.Request
		changes fields
		says    string
	}{
		"another order":                    {byOrder, fields{"out_trade_no": "A2"}, "out_trade_no is A2, and " + orderNo},
		"no order":                         {byOrder, fields{"out_trade_no": missing}, "no out_trade_no"},
		"another transaction":              {byTransaction, fields{"transaction_id": "42"}, "transaction_id is 42, and " + transactionID},
		"no transaction":                   {byTransaction, fields{"transaction_id": nil}, "no transaction_id"},
		"by transaction, no order":         {byTransaction, fields{"out_trade_no": missing}, "no out_trade_no"},
		"another merchant":                 {byOrder, fields{"sub_mch_id": "1800780001"}, "sub_mch_id is 1800780001, and " + subMchID},
		"no merchant":                      {byOrder, fields{"sub_mch_id": missing}, "no sub_mch_id"},
		"a refusal about another order":    {byOrder, fields{"result_code": "FAIL", "err_code": "ORDERNOTEXIST", "out_trade_no": "A2"}, "out_trade_no is A2"},
		"a refusal about another merchant": {byOrder, fields{"result_code": "FAIL", "err_code": "ORDERNOTEXIST", "sub_mch_id": "1"}, "sub_mch_id is 1,"},
	} {
		_, err := responding(http.StatusOK, with(querySample, test.changes), "X-Openapi-Seqid", "seq-1").QueryOrder(t.Context(), test.request)
		got := wantError[*wire.VerifyError](t, err)
		if got.Reason != wire.ReasonMismatch || got.HTTPStatus != 200 || got.RequestID != "seq-1" || !strings.Contains(got.Detail, test.says) {
			t.Errorf("%s: %+v, want a mismatch that says %q", name, got, test.says)
		}
	}
}

func TestQueryNeedsOneNumber(t *testing.T) {
	t.Parallel()
	for _, request := range []wxcloudrun.Request{
		{SubMchID: subMchID}, {SubMchID: subMchID, OutTradeNo: orderNo, TransactionID: transactionID},
	} {
		_, err := unsent(t).QueryOrder(t.Context(), request)
		if err == nil || !strings.Contains(err.Error(), "give exactly one") {
			t.Errorf("%+v: error %v, want one that asks for exactly one", request, err)
		}
	}
}
