package v2xml_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/v2xml"
)

// paid is what queryElements says.
func paid() v2xml.QueryReply {
	return v2xml.QueryReply{
		ReturnMsg: "OK",
		Transaction: v2xml.Transaction{
			AppID: appID, MchID: mchID, DeviceInfo: "013467007045764", OpenID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", IsSubscribe: "N",
			TradeType: "JSAPI", TradeState: "SUCCESS", TradeStateDesc: "支付成功", BankType: "CCB_DEBIT",
			TotalFee: new(int64(101)), SettlementTotalFee: new(int64(100)), FeeType: "CNY", CashFee: new(int64(89)), CashFeeType: "CNY",
			CouponFee: new(int64(12)), CouponCount: new(int64(2)),
			Coupons:       []v2xml.Coupon{{ID: "10000", Type: "CASH", Fee: new(int64(10))}, {ID: "10001", Type: "NO_CASH", Fee: new(int64(2))}},
			TransactionID: "1008450740201411110005820873", OutTradeNo: orderNo, Attach: "深圳 & <分店>",
			TimeEnd: time.Date(2014, 11, 11, 9, 0, 43, 0, time.UTC),
		},
	}
}

func TestQueryReply(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		req      v2xml.Request
		elements []element
		want     func(*v2xml.QueryReply)
	}{
		{"paid, by out_trade_no", v2xml.Request{OutTradeNo: orderNo}, queryElements(), func(*v2xml.QueryReply) {}},
		{
			"paid, by transaction_id", v2xml.Request{TransactionID: "1008450740201411110005820873"},
			queryElements(), func(*v2xml.QueryReply) {},
		},
		{
			"partner", v2xml.Request{OutTradeNo: orderNo, SubMchID: "1900000109", SubAppID: "wx8888888888888888"},
			with(queryElements(), element{"sub_mch_id", "1900000109"}, element{"sub_appid", "wx8888888888888888"},
				element{"sub_openid", "oSub"}, element{"sub_is_subscribe", "Y"}, element{"result_msg", "OK"},
				element{"consume_fee", "88"}),
			func(r *v2xml.QueryReply) {
				r.SubMchID, r.SubAppID, r.SubOpenID, r.SubIsSubscribe = "1900000109", "wx8888888888888888", "oSub", "Y"
				r.ResultMsg, r.ConsumeFee = "OK", new(int64(88))
			},
		},
		{
			"unpaid", v2xml.Request{OutTradeNo: orderNo},
			with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "NOTPAY"}, element{"device_info", ""},
				element{"trade_state_desc", "订单未支付"}, element{"total_fee", "1"}, element{"time_end", ""}),
			func(r *v2xml.QueryReply) {
				r.Transaction = v2xml.Transaction{
					AppID: appID, MchID: mchID, OutTradeNo: orderNo, TradeState: "NOTPAY", TradeStateDesc: "订单未支付", TotalFee: new(int64(1)),
				}
			},
		},
		{
			"largest amount, smallest amount", v2xml.Request{OutTradeNo: orderNo},
			with(queryElements(), element{"total_fee", "9223372036854775807"}, element{"cash_fee", "0"}),
			func(r *v2xml.QueryReply) { r.TotalFee, r.CashFee = new(int64(9223372036854775807)), new(int64(0)) },
		},
	} {
		for signType, sign := range signers() {
			t.Run(test.name+", "+string(signType), func(t *testing.T) {
				t.Parallel()
				signature := sign(test.elements, key)
				body := write(append(slices.Clip(test.elements), element{"sign", signature}))
				c := responding(http.StatusOK, body, "Request-ID", "08F7", "Content-Type", "text/html")
				c.SignType = signType
				got, err := c.QueryOrder(t.Context(), test.req)
				if err != nil {
					t.Fatal(err)
				}
				want := paid()
				want.Envelope = v2xml.Envelope{
					HTTPStatus: 200, RequestID: "08F7", Nonce: "IITRi8Iabbblz1Jc", Signature: signature,
				}
				test.want(&want)
				if diff := cmp.Diff(want, *got); diff != "" {
					t.Errorf("(-want +got)\n%s", diff)
				}
			})
		}
	}
}

// TestTimeEndIsInChina: not only the instant, the clock on the wall as well, whatever zone the
// machine is in.
func TestTimeEndIsInChina(t *testing.T) {
	t.Parallel()
	got, err := queryOne(answering(queryReply()))
	if err != nil {
		t.Fatal(err)
	}
	if text := got.TimeEnd.Format(time.RFC3339); text != "2014-11-11T17:00:43+08:00" {
		t.Errorf("TimeEnd %s, want 2014-11-11T17:00:43+08:00", text)
	}
}

func TestCoupons(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name     string
		elements []element
		want     []v2xml.Coupon
	}{
		{"none", nil, nil},
		{"by number, not by name", []element{
			{"coupon_id_10", "k"}, {"coupon_id_2", "c"}, {"coupon_id_0", "a"}, {"coupon_fee_2", "7"},
		}, []v2xml.Coupon{{ID: "a"}, {ID: "c", Fee: new(int64(7))}, {ID: "k"}}},
		{"only a fee", []element{{"coupon_fee_0", "5"}}, []v2xml.Coupon{{Fee: new(int64(5))}}},
		{"last number", []element{{"coupon_type_999", "CASH"}}, []v2xml.Coupon{{Type: "CASH"}}},
		{"names that are not coupons", []element{
			{"coupon_id_1000", "x"}, {"coupon_id_01", "x"}, {"coupon_id_-1", "x"}, {"coupon_id_", "x"}, {"coupon_id", "x"},
			{"coupon_fee_x", "x"}, {"coupon_fee_1_2", "x"}, {"coupon_batch_id_0", "x"}, {"coupons_id_0", "x"}, {"coupon_", "x"},
		}, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			elements := with(head(), element{"out_trade_no", orderNo}, element{"trade_state", "SUCCESS"})
			got, err := queryOne(answering(signed(append(elements, test.elements...)...)))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, got.Coupons); diff != "" {
				t.Errorf("(-want +got)\n%s", diff)
			}
		})
	}
}

func TestPromotionDetail(t *testing.T) {
	t.Parallel()
	// The sample of the single-item promotion document (danpin chapter 9_102).
	const sample = `{"promotion_detail":[{"promotion_id":"109519","name":"单品惠-6","scope":"SINGLE","type":"DISCOUNT",` +
		`"amount":5,"activity_id":"931386","wxpay_contribute":1,"merchant_contribute":0,"other_contribute":4,` +
		`"goods_detail":[{"goods_id":"a_goods1","goods_remark":"商品备注","quantity":7,"price":1,"discount_amount":4},` +
		`{"goods_id":"a_goods2","quantity":1,"price":2,"discount_amount":1}]}],"new_in_2030":{}}`
	got, err := queryOne(answering(signed(with(queryElements(), element{"promotion_detail", sample})...)))
	if err != nil {
		t.Fatal(err)
	}
	want := []v2xml.Promotion{{
		ID: "109519", Name: "单品惠-6", Scope: "SINGLE", Type: "DISCOUNT", Amount: new(int64(5)), ActivityID: "931386",
		WxpayContribute: new(int64(1)), MerchantContribute: new(int64(0)), OtherContribute: new(int64(4)),
		GoodsDetail: []v2xml.Goods{
			{GoodsID: "a_goods1", GoodsRemark: "商品备注", Quantity: new(int64(7)), Price: new(int64(1)), DiscountAmount: new(int64(4))},
			{GoodsID: "a_goods2", Quantity: new(int64(1)), Price: new(int64(2)), DiscountAmount: new(int64(1))},
		},
	}}
	if diff := cmp.Diff(want, got.PromotionDetail); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// notNumbers are no whole numbers.
func notNumbers() []string {
	return []string{
		"1.0", "-1", "+1", " 1", "1 ", "1e3", "0x10", "1_000", "９", "NaN", "9223372036854775808", "99999999999999999999",
	}
}

// TestSignedAmountsAreStrict: the signature holds, and the order's own amount is none. The error
// names the element and repeats nothing of it.
func TestSignedAmountsAreStrict(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"total_fee", "cash_fee"} {
		for _, value := range notNumbers() {
			wantMalformed(t, name, value, name+" is not a whole number")
		}
	}
}

// TestUnreadableInformationIsLeftOut: what only informs and cannot be read costs itself, not the
// state.
func TestUnreadableInformationIsLeftOut(t *testing.T) {
	t.Parallel()
	for name, leave := range map[string]func(*v2xml.Transaction){
		"settlement_total_fee": func(t *v2xml.Transaction) { t.SettlementTotalFee = nil },
		"coupon_fee":           func(t *v2xml.Transaction) { t.CouponFee = nil },
		"coupon_count":         func(t *v2xml.Transaction) { t.CouponCount = nil },
		"consume_fee":          func(*v2xml.Transaction) {},
		"coupon_fee_0":         func(t *v2xml.Transaction) { t.Coupons[0].Fee = nil },
		"coupon_fee_7":         func(*v2xml.Transaction) {},
	} {
		for _, value := range append(notNumbers(), "0.30") {
			wantLeftOut(t, name, value, leave)
		}
	}
	for _, value := range []string{
		"2014111117004", "201411111700433", "20141311170043", "20140230170043", "20141111250043", "2014-11-11 17:0", "20141111170043.5",
		"20141111170043Z", "今天",
	} {
		wantLeftOut(t, "time_end", value, func(t *v2xml.Transaction) { t.TimeEnd = time.Time{} })
	}
	for _, value := range []string{
		"{", "[]", "7", `"x"`, `{"promotion_detail":{}}`, `{"promotion_detail":[{"amount":"5"}]}`, `{"promotion_detail":[{"amount":0.5}]}`,
		`{"promotion_detail":[]} x`,
	} {
		wantLeftOut(t, "promotion_detail", value, func(*v2xml.Transaction) {})
	}
}

func wantLeftOut(t *testing.T, name, value string, leave func(*v2xml.Transaction)) {
	t.Helper()
	t.Run(name+" "+value, func(t *testing.T) {
		t.Parallel()
		got, err := queryOne(answering(signed(with(queryElements(), element{name, value})...)))
		if err != nil {
			t.Fatal(err)
		}
		want := paid().Transaction
		leave(&want)
		want.Unread = []string{name}
		if diff := cmp.Diff(want, got.Transaction); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	})
}

// TestAmountsNotSentAreAbsent: an element that is empty or missing is no 0, and a 0 is one.
func TestAmountsNotSentAreAbsent(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"-", ""} {
		got, err := queryOne(answering(signed(with(queryElements(), element{"total_fee", value}, element{"cash_fee", value},
			element{"settlement_total_fee", value}, element{"coupon_fee_0", value}, element{"coupon_fee", "0"})...)))
		if err != nil {
			t.Fatal(err)
		}
		want := paid().Transaction
		want.TotalFee, want.CashFee, want.SettlementTotalFee, want.Coupons[0].Fee = nil, nil, nil, nil
		want.CouponFee = new(int64(0))
		if diff := cmp.Diff(want, got.Transaction); diff != "" {
			t.Errorf("(-want +got)\n%s", diff)
		}
	}
}

// TestQueryWithoutStateIsMalformed: the order is named, so it is the requested one, and nothing is
// said of it.
func TestQueryWithoutStateIsMalformed(t *testing.T) {
	t.Parallel()
	wantMalformed(t, "trade_state", "", "it has no trade_state")
	wantMalformed(t, "trade_state", "-", "it has no trade_state")
}

func wantMalformed(t *testing.T, name, value, want string) {
	t.Helper()
	t.Run(name+" "+value, func(t *testing.T) {
		t.Parallel()
		_, err := queryOne(answering(signed(with(queryElements(), element{name, value})...)))
		if got := wantError[*v2xml.MalformedError](t, err).Detail; got != want {
			t.Errorf("Detail %q, want %q", got, want)
		}
	})
}
