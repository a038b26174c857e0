package v3json_test

import (
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// fullOrder has every field of the documents, those of direct orders and of partners' together, and
// some that no document has.
const fullOrder = `{
	"appid": "wxd678efh567hg6787", "mchid": "1900007291",
	"sp_appid": "wx8888888888888888", "sp_mchid": "1900007291", "sub_appid": "wxd678efh567hg6999", "sub_mchid": "1900008462",
	"out_trade_no": "1217752501201407033233368018", "transaction_id": "4200001234202408056789012345",
	"trade_type": "JSAPI", "trade_state": "SUCCESS", "trade_state_desc": "支付成功", "bank_type": "CMC", "attach": "自定义 <&>",
	"success_time": "2018-06-08T10:34:56.120+08:00",
	"payer": {"openid": "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", "sp_openid": "oSP", "sub_openid": "oSub", "new_field": 1},
	"amount": {"total": 9007199254740993, "payer_total": 90, "currency": "CNY", "payer_currency": "CNY"},
	"scene_info": {"device_id": "013467007045764"},
	"promotion_detail": [
		{"coupon_id": "109519", "name": "单品惠-6", "scope": "SINGLE", "type": "CASH", "amount": 100, "stock_id": "931386",
		 "wechatpay_contribute": 1, "merchant_contribute": 2, "other_contribute": 3, "currency": "CNY",
		 "goods_detail": [{"goods_id": "M1006", "quantity": 1, "unit_price": 100, "discount_amount": 4, "goods_remark": "商品备注信息"},
		                  {"goods_id": "M1007"}]},
		{"coupon_id": "109520", "amount": 0}
	],
	"installment_info": {"use_subsidy": true, "selected_installment_number": 12},
	"unheard_of": {"deep": [1, {"mchid": "0"}]}
}`

func fullTransaction() v3json.Transaction {
	return v3json.Transaction{
		AppID: "wxd678efh567hg6787", MchID: "1900007291",
		SPAppID: "wx8888888888888888", SPMchID: "1900007291", SubAppID: "wxd678efh567hg6999", SubMchID: "1900008462",
		OutTradeNo: outTradeNo, TransactionID: transactionID,
		TradeType: "JSAPI", TradeState: "SUCCESS", TradeStateDesc: "支付成功", BankType: "CMC", Attach: "自定义 <&>",
		SuccessTime: time.Date(2018, 6, 8, 10, 34, 56, 120e6, time.FixedZone("", 8*60*60)),
		Payer:       v3json.Payer{OpenID: "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", SPOpenID: "oSP", SubOpenID: "oSub"},
		Amount:      &v3json.Amount{Total: new(int64(9007199254740993)), PayerTotal: new(int64(90)), Currency: "CNY", PayerCurrency: "CNY"},
		SceneInfo:   v3json.SceneInfo{DeviceID: "013467007045764"},
		PromotionDetail: []v3json.Promotion{
			{
				CouponID: "109519", Name: "单品惠-6", Scope: "SINGLE", Type: "CASH", Amount: new(int64(100)), StockID: "931386",
				WechatpayContribute: new(int64(1)), MerchantContribute: new(int64(2)), OtherContribute: new(int64(3)), Currency: "CNY",
				GoodsDetail: []v3json.Goods{
					{GoodsID: "M1006", Quantity: new(int64(1)), UnitPrice: new(int64(100)), DiscountAmount: new(int64(4)), GoodsRemark: "商品备注信息"},
					{GoodsID: "M1007"},
				},
			},
			{CouponID: "109520", Amount: new(int64(0))},
		},
		InstallmentInfo: &v3json.Installment{UseSubsidy: true, SelectedInstallmentNumber: 12},
	}
}

func TestQueryReadsEveryField(t *testing.T) {
	t.Parallel()
	a := signed(http.StatusOK, fullOrder)
	reply, err := newClient(t, a).QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID})
	if err != nil {
		t.Fatalf("QueryOrder: %v", err)
	}
	want := fullTransaction()
	if !reply.SuccessTime.Equal(want.SuccessTime) {
		t.Errorf("SuccessTime is %v, want %v", reply.SuccessTime, want.SuccessTime)
	}
	reply.SuccessTime = want.SuccessTime
	if !reflect.DeepEqual(reply.Transaction, want) {
		t.Errorf("transaction is\n%+v, want\n%+v", reply.Transaction, want)
	}
	if reply.HTTPStatus != http.StatusOK || reply.Nonce != replyNonce || reply.Signature != a.header.Get("Wechatpay-Signature") {
		t.Errorf("envelope is %+v, want the reply's", reply.Envelope)
	}
	fields := reflect.TypeFor[v3json.Transaction]()
	full := reflect.ValueOf(fullTransaction())
	for i := range fields.NumField() {
		if full.Field(i).IsZero() && fields.Field(i).Name != "Unread" {
			t.Errorf("fullOrder does not test %s", fields.Field(i).Name)
		}
	}
}

func TestTransactionSurvivesItsOwnJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(fullTransaction())
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	got, err := v3json.DecodeTransaction(b)
	if err != nil {
		t.Fatalf("decoding %s: %v", b, err)
	}
	want := fullTransaction()
	got.SuccessTime = want.SuccessTime.In(want.SuccessTime.Location())
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded is\n%+v, want\n%+v", got, want)
	}
}

func TestQueryOfUnpaidOrder(t *testing.T) {
	t.Parallel()
	bodies := map[string]string{
		"absent": `{"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"NOTPAY"}`,
		"null": `{"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"NOTPAY","payer":null,"amount":null,` +
			`"success_time":null,"transaction_id":null,"promotion_detail":null,"scene_info":null,"installment_info":null}`,
		"empty": `{"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"NOTPAY","payer":{},` +
			`"success_time":"","transaction_id":""}`,
	}
	want := v3json.Transaction{MchID: mchID, OutTradeNo: outTradeNo, TradeState: "NOTPAY"}
	for name, body := range bodies {
		reply, err := queryWith(t, signed(http.StatusOK, body))
		if err != nil {
			t.Errorf("%s: QueryOrder: %v", name, err)
			continue
		}
		if !reflect.DeepEqual(reply.Transaction, want) {
			t.Errorf("%s: transaction is %+v, want %+v", name, reply.Transaction, want)
		}
	}
}

// TestQueryAboutAnother takes each number that a reply repeats, and changes it, empties it and
// takes it away.
func TestQueryAboutAnother(t *testing.T) {
	t.Parallel()
	direct := v3json.Request{OutTradeNo: outTradeNo}
	directByID := v3json.Request{TransactionID: transactionID}
	partner := v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID}
	partnerByID := v3json.Request{TransactionID: transactionID, SubMchID: subMchID}
	tests := []struct {
		req  v3json.Request
		body string
		key  string
		// any value will do for a number that was not asked for, but there must be one
		anyValue bool
	}{
		{direct, directOrder, "out_trade_no", false},
		{direct, directOrder, "mchid", false},
		{directByID, directOrder, "transaction_id", false},
		{directByID, directOrder, "mchid", false},
		{directByID, directOrder, "out_trade_no", true},
		{partner, partnerOrder, "out_trade_no", false},
		{partner, partnerOrder, "sp_mchid", false},
		{partner, partnerOrder, "sub_mchid", false},
		{partnerByID, partnerOrder, "transaction_id", false},
		{partnerByID, partnerOrder, "sp_mchid", false},
		{partnerByID, partnerOrder, "sub_mchid", false},
	}
	for _, test := range tests {
		ask := func(body string) error {
			_, err := newClient(t, signed(http.StatusOK, body)).QueryOrder(t.Context(), test.req)
			return err
		}
		if err := ask(test.body); err != nil {
			t.Fatalf("%+v: the right answer is refused: %v", test.req, err)
		}
		var order map[string]any
		if err := json.Unmarshal([]byte(test.body), &order); err != nil {
			t.Fatalf("the test's own order: %v", err)
		}
		value, ok := order[test.key].(string)
		if !ok {
			t.Fatalf("the test's own order has no %s", test.key)
		}
		wrong := map[string]any{"emptied": "", "null": nil}
		if !test.anyValue {
			wrong["other"], wrong["longer"], wrong["in capitals"] = "9"+value[1:], value+"0", value+"A"
		}
		for how, other := range wrong {
			order[test.key] = other
			changed, _ := json.Marshal(order)
			err := ask(string(changed))
			if fault := disbelief(t, err, wire.ReasonMismatch); !strings.Contains(fault.Detail, test.key) {
				t.Errorf("%s %s: detail is %q, want it to name the number", test.key, how, fault.Detail)
			}
		}
		delete(order, test.key)
		missing, _ := json.Marshal(order)
		wantReason(t, ask(string(missing)), wire.ReasonMismatch)
	}
}

func TestQueryAnsweredForTheOtherMode(t *testing.T) {
	t.Parallel()
	_, err := queryWith(t, signed(http.StatusOK, partnerOrder))
	wantReason(t, err, wire.ReasonMismatch)
	_, err = newClient(t, signed(http.StatusOK, directOrder)).QueryOrder(t.Context(),
		v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID})
	wantReason(t, err, wire.ReasonMismatch)
}

// TestDirectQueryNamesNoOtherMerchant: an order of another merchant's is no answer, even if it has
// ours in it too.
func TestDirectQueryNamesNoOtherMerchant(t *testing.T) {
	t.Parallel()
	ask := func(region v3json.Region, key, value string) error {
		body := strings.Replace(directOrder, `{"mchid"`, `{"`+key+`":"`+value+`","mchid"`, 1)
		_, err := newRegionClient(t, region, signed(http.StatusOK, body)).QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
		return err
	}
	for _, region := range []v3json.Region{v3json.Mainland, v3json.Global, v3json.HongKong} {
		for _, key := range []string{"sub_mchid", "sp_mchid"} {
			fault := disbelief(t, ask(region, key, subMchID), wire.ReasonMismatch)
			if want := "its " + key + " is " + subMchID; !strings.HasPrefix(fault.Detail, want) {
				t.Errorf("region %q: detail is %q, want it to say %q", region, fault.Detail, want)
			}
			for _, value := range []string{"", mchID} {
				if err := ask(region, key, value); err != nil {
					t.Errorf("region %q, %s %q: %v", region, key, value, err)
				}
			}
		}
	}
}

// TestQueryAnsweredWith202: an order in it is the answer, whatever the status; an error code is a
// refusal; and no unsigned one is either.
func TestQueryAnsweredWith202(t *testing.T) {
	t.Parallel()
	paying := strings.Replace(directOrder, `"trade_state":"SUCCESS"`, `"trade_state":"USERPAYING"`, 1)
	if paying == directOrder {
		t.Fatal("the test's own order is in another state")
	}
	reply, err := queryWith(t, signed(http.StatusAccepted, paying))
	if err != nil || reply.TradeState != "USERPAYING" || reply.HTTPStatus != http.StatusAccepted {
		t.Errorf("got %+v, %v, want the order in its state", reply, err)
	}
	_, err = queryWith(t, signed(http.StatusAccepted, `{"code":"USERPAYING","message":"m"}`))
	if refused := refusal(t, err); refused.Code != "USERPAYING" || !refused.Authenticated {
		t.Errorf("got %+v, want the code", refused)
	}
	_, err = queryWith(t, signed(http.StatusAccepted, strings.Replace(paying, outTradeNo, "other", 1)))
	wantReason(t, err, wire.ReasonMismatch)
	_, err = queryWith(t, unsigned(http.StatusAccepted, paying))
	wantReason(t, err, wire.ReasonUnsigned)
	_, err = queryWith(t, signed(http.StatusAccepted, ""))
	if refused := refusal(t, err); refused.Code != "" {
		t.Errorf("got %+v of nothing", refused)
	}
	_, err = queryWith(t, signed(http.StatusAccepted, `{}`))
	_ = malformation(t, err)
	combined, err := queryCombinedWith(t, signed(http.StatusAccepted, combinedOrder))
	if err != nil || len(combined.SubOrders) != 2 {
		t.Errorf("got %+v, %v, want the combined order", combined, err)
	}
}

// TestQueryAnsweredWithAClose: the signed nothing that answers a close must not pass for an answer
// to a query.
func TestQueryAnsweredWithAClose(t *testing.T) {
	t.Parallel()
	for _, status := range []int{http.StatusNoContent, http.StatusOK} {
		_, err := queryWith(t, signed(status, ""))
		wantReason(t, err, wire.ReasonMismatch)
	}
}
