package v3json_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	combineAppID = "wxd678efh567hg6787"
	combineNo    = "P20150806125346"

	combinedOrder = `{"combine_appid":"` + combineAppID + `","combine_mchid":"` + mchID + `","combine_out_trade_no":"` + combineNo +
		`","sub_orders":[{"mchid":"1900000109","out_trade_no":"S1","trade_state":"NOTPAY"},` +
		`{"mchid":"1900000110","out_trade_no":"S2","trade_state":"CLOSED"}]}`
)

func newCombineClient(t testing.TB, transport http.RoundTripper) *v3json.Client {
	t.Helper()
	client := newClient(t, transport)
	client.AppID = combineAppID
	return client
}

func combineClose() v3json.CombineRequest {
	return v3json.CombineRequest{CombineOutTradeNo: combineNo, SubOrders: []v3json.SubOrder{
		{MchID: "1900000109", OutTradeNo: "S1"}, {MchID: "1900000110", OutTradeNo: "S2"},
	}}
}

func queryCombinedWith(t testing.TB, a http.RoundTripper) (*v3json.CombineQueryReply, error) {
	t.Helper()
	return newClient(t, a).QueryCombined(t.Context(), v3json.CombineRequest{CombineOutTradeNo: combineNo})
}

// TestCombineRequests is every form of both calls, to the byte.
func TestCombineRequests(t *testing.T) {
	t.Parallel()
	closing := func(number string, orders ...v3json.SubOrder) func(*v3json.Client) error {
		return func(c *v3json.Client) error {
			_, err := c.CloseCombined(t.Context(), v3json.CombineRequest{CombineOutTradeNo: number, SubOrders: orders})
			return err
		}
	}
	querying := func(c *v3json.Client) error {
		_, err := c.QueryCombined(t.Context(), v3json.CombineRequest{CombineOutTradeNo: combineNo})
		return err
	}
	const path = "/v3/combine-transactions/out-trade-no/"
	const head = `{"combine_appid":"wxd678efh567hg6787","sub_orders":[`
	tests := map[string]struct {
		call       func(*v3json.Client) error
		line, body string
	}{
		"close": {
			closing(combineNo, combineClose().SubOrders...), "POST " + path + "P20150806125346/close",
			head + `{"mchid":"1900000109","out_trade_no":"S1"},{"mchid":"1900000110","out_trade_no":"S2"}]}`,
		},
		"close for others": {
			closing(combineNo,
				v3json.SubOrder{MchID: "1900000109", SubMchID: "1900000209", SubAppID: "wx1", OutTradeNo: "S1"},
				v3json.SubOrder{MchID: "1900000109", SubMchID: "1900000210", OutTradeNo: "S1"}),
			"POST " + path + "P20150806125346/close",
			head + `{"mchid":"1900000109","out_trade_no":"S1","sub_mchid":"1900000209","sub_appid":"wx1"},` +
				`{"mchid":"1900000109","out_trade_no":"S1","sub_mchid":"1900000210"}]}`,
		},
		"close, every character": {
			closing("aZ09_-|*@/?#% é", v3json.SubOrder{MchID: "1", OutTradeNo: "_-|*@/?\"\\\n订单."}, v3json.SubOrder{MchID: "1", OutTradeNo: ".."}),
			"POST " + path + "aZ09_-%7C%2A@%2F%3F%23%25%20%C3%A9/close",
			head + `{"mchid":"1","out_trade_no":"_-|*@/?\"\\\n订单."},{"mchid":"1","out_trade_no":".."}]}`,
		},
		"query": {querying, "GET " + path + "P20150806125346", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := signed(http.StatusOK, combinedOrder)
			if test.body != "" {
				reply = signed(http.StatusNoContent, "")
			}
			server := serveRaw(t, reply.raw())
			client := newCombineClient(t, nil)
			client.BaseURL = server.url
			if err := test.call(client); err != nil {
				t.Fatalf("calling: %v", err)
			}
			checkRawRequest(t, <-server.requests, test.line, test.body)
		})
	}
}

func TestFiftySubOrdersAreSent(t *testing.T) {
	t.Parallel()
	var got captured
	client := newCombineClient(t, capture(t, signed(http.StatusNoContent, ""), &got))
	req := v3json.CombineRequest{CombineOutTradeNo: combineNo, SubOrders: manySubOrders(50), Nonce: "Once1"}
	reply, err := client.CloseCombined(t.Context(), req)
	if err != nil {
		t.Fatalf("CloseCombined: %v", err)
	}
	if reply.HTTPStatus != http.StatusNoContent || reply.Nonce != replyNonce || reply.RequestID != requestID {
		t.Errorf("envelope is %+v, want the reply's", reply.Envelope)
	}
	var sent struct {
		SubOrders []v3json.SubOrder `json:"sub_orders"`
	}
	if err := json.Unmarshal([]byte(got.body), &sent); err != nil || !reflect.DeepEqual(sent.SubOrders, req.SubOrders) {
		t.Errorf("sent are %+v, %v, want %+v", sent.SubOrders, err, req.SubOrders)
	}
	if items := parseAuthorization(t, got.header.Get("Authorization")); items["nonce_str"] != "Once1" || items["mchid"] != mchID {
		t.Errorf("Authorization is of %v, want the request's nonce and the combining merchant", items)
	}
}

func manySubOrders(n int) []v3json.SubOrder {
	orders := make([]v3json.SubOrder, n)
	for i := range orders {
		orders[i] = v3json.SubOrder{MchID: "1900000109", OutTradeNo: fmt.Sprintf("S%d|*", i)}
	}
	return orders
}

func TestCombineRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 33)
	orders := func(orders ...v3json.SubOrder) func(*v3json.Client, *v3json.CombineRequest) {
		return func(_ *v3json.Client, req *v3json.CombineRequest) { req.SubOrders = orders }
	}
	one := v3json.SubOrder{MchID: "1", OutTradeNo: "S1"}
	tests := map[string]struct {
		change func(*v3json.Client, *v3json.CombineRequest)
		want   string
	}{
		"no number": {func(_ *v3json.Client, r *v3json.CombineRequest) { r.CombineOutTradeNo = "" },
			`combined order "": CombineOutTradeNo must be`},
		"two dots": {func(_ *v3json.Client, r *v3json.CombineRequest) { r.CombineOutTradeNo = ".." },
			"combined order ..: CombineOutTradeNo must be"},
		"number too long": {func(_ *v3json.Client, r *v3json.CombineRequest) { r.CombineOutTradeNo = long }, "CombineOutTradeNo must be"},
		"bad nonce":       {func(_ *v3json.Client, r *v3json.CombineRequest) { r.Nonce = `"` }, "Nonce must be"},
		"no MchID":        {func(c *v3json.Client, _ *v3json.CombineRequest) { c.MchID = "" }, "MchID must be"},
		"Global":          {func(c *v3json.Client, _ *v3json.CombineRequest) { c.Region = v3json.Global }, `mainland only, and Region is "global"`},
		"Hong Kong":       {func(c *v3json.Client, _ *v3json.CombineRequest) { c.Region = v3json.HongKong }, `mainland only, and Region is "hk"`},
		"no such region":  {func(c *v3json.Client, _ *v3json.CombineRequest) { c.Region = "cn" }, "Region is cn"},

		"no AppID":          {func(c *v3json.Client, _ *v3json.CombineRequest) { c.AppID = "" }, "AppID must be"},
		"bad AppID":         {func(c *v3json.Client, _ *v3json.CombineRequest) { c.AppID = `wx"` }, "AppID must be"},
		"no sub-orders":     {orders(), "SubOrders has 0"},
		"51 sub-orders":     {orders(manySubOrders(51)...), "SubOrders has 51: it must be every sub-order of the combined order, 1 to 50"},
		"empty sub-order":   {orders(one, v3json.SubOrder{}), "SubOrders[1].MchID must be"},
		"bad MchID":         {orders(v3json.SubOrder{MchID: `1"`, OutTradeNo: "S1"}), "SubOrders[0].MchID must be"},
		"no OutTradeNo":     {orders(v3json.SubOrder{MchID: "1"}), "SubOrders[0].OutTradeNo must be"},
		"OutTradeNo long":   {orders(v3json.SubOrder{MchID: "1", OutTradeNo: long}), "SubOrders[0].OutTradeNo must be"},
		"OutTradeNo broken": {orders(v3json.SubOrder{MchID: "1", OutTradeNo: "S\xff"}), "SubOrders[0].OutTradeNo must be 1 to 32 characters of UTF-8"},
		"bad SubMchID":      {orders(v3json.SubOrder{MchID: "1", OutTradeNo: "S1", SubMchID: " "}), "SubOrders[0].SubMchID must be"},
		"bad SubAppID":      {orders(v3json.SubOrder{MchID: "1", OutTradeNo: "S1", SubAppID: "wx-1"}), "SubOrders[0].SubAppID must be"},
		"mixed, one without": {orders(v3json.SubOrder{MchID: "1", OutTradeNo: "S1", SubMchID: "2"}, v3json.SubOrder{MchID: "1", OutTradeNo: "S2"}),
			"SubOrders[1].SubMchID: give one in every sub-order"},
		"mixed, one with": {orders(one, v3json.SubOrder{MchID: "1", OutTradeNo: "S2"}, v3json.SubOrder{MchID: "1", OutTradeNo: "S3", SubMchID: "2"}),
			"SubOrders[2].SubMchID: give one in every sub-order"},
		"one twice": {orders(one, one), "SubOrders[1].OutTradeNo S1 is given twice"},
	}
	for name, test := range tests {
		client, req := newCombineClient(t, sendsNothing(t)), combineClose()
		test.change(client, &req)
		_, err := client.CloseCombined(t.Context(), req)
		wantSays(t, "close, "+name, err, test.want)
		if err != nil && !strings.HasPrefix(err.Error(), "closing combined order ") {
			t.Errorf("close, %s: error is %v, want it to begin with what was done", name, err)
		}
		if strings.Contains(test.want, "SubOrders") || strings.Contains(test.want, "AppID") {
			continue
		}
		_, err = client.QueryCombined(t.Context(),
			v3json.CombineRequest{CombineOutTradeNo: req.CombineOutTradeNo, Nonce: req.Nonce})
		wantSays(t, "query, "+name, err, test.want)
		if err != nil && !strings.HasPrefix(err.Error(), "querying combined order ") {
			t.Errorf("query, %s: error is %v, want it to begin with what was done", name, err)
		}
	}
}

// fullCombined has every field of the documents.
const fullCombined = `{
	"combine_appid": "wxd678efh567hg6787", "combine_mchid": "1900007291", "combine_out_trade_no": "P20150806125346",
	"combine_transaction_id": "4200009", "trade_scenario": "RECOMMERCE",
	"scene_info": {"device_id": "POS1:1"}, "combine_payer_info": {"openid": "oUpF8"},
	"installment_info": {"use_subsidy": true, "selected_installment_number": 3},
	"sub_orders": [
		{"mchid": "1900000109", "sub_mchid": "1900000209", "sub_appid": "wx1", "sub_openid": "oSub",
		 "out_trade_no": "S1", "transaction_id": "4200001", "trade_type": "JSAPI", "trade_state": "SUCCESS",
		 "bank_type": "CMC", "attach": "深圳分店", "success_time": "2015-05-20T13:29:35.120+08:00",
		 "amount": {"total_amount": 9007199254740993, "payer_amount": 9, "currency": "CNY", "payer_currency": "CNY", "settlement_rate": 100000000},
		 "promotion_detail": [{"coupon_id": "109519", "amount": 1, "wechatpay_contribute": 1, "goods_detail": [{"goods_id": "M1006", "quantity": 1, "unit_price": 2}]}],
		 "individual_auth_id": "123", "individual_name": "n", "new_field": {"trade_state": "CLOSED"}},
		{"mchid": "1900000110", "out_trade_no": "S2", "trade_state": "REFUND", "success_time": ""},
		{"mchid": "1900000110", "out_trade_no": "S3", "trade_state": "NOTPAY", "amount": null},
		{"mchid": "1900000110", "out_trade_no": "S1", "trade_state": "CLOSED"},
		{"mchid": "1900000110", "out_trade_no": "S5", "trade_state": "PAYERROR", "amount": {"total_amount": 5}},
		{"mchid": "1900000110", "sub_mchid": "1", "out_trade_no": "S5", "trade_state": "NEVER_SEEN"},
		{"mchid": "1900000111", "out_trade_no": "S5", "trade_state": "CLOSED"}
	],
	"trade_state": "SUCCESS", "unheard_of": [{"out_trade_no": 1}]
}`

func fullCombinedTransaction() v3json.CombinedTransaction {
	other := func(sub, number, state string) v3json.SubTransaction {
		return v3json.SubTransaction{SubOrder: v3json.SubOrder{MchID: "1900000110", SubMchID: sub, OutTradeNo: number}, TradeState: state}
	}
	failed := other("", "S5", "PAYERROR")
	failed.Amount = &v3json.SubAmount{TotalAmount: new(int64(5))}
	return v3json.CombinedTransaction{
		CombineAppID: combineAppID, CombineMchID: mchID, CombineOutTradeNo: combineNo,
		CombineTransactionID: "4200009", TradeScenario: "RECOMMERCE",
		SceneInfo:        v3json.SceneInfo{DeviceID: "POS1:1"},
		CombinePayerInfo: v3json.Payer{OpenID: "oUpF8"},
		InstallmentInfo:  &v3json.Installment{UseSubsidy: true, SelectedInstallmentNumber: 3},
		SubOrders: []v3json.SubTransaction{
			{
				SubOrder:  v3json.SubOrder{MchID: "1900000109", OutTradeNo: "S1", SubMchID: "1900000209", SubAppID: "wx1"},
				SubOpenID: "oSub", TransactionID: "4200001", TradeType: "JSAPI", TradeState: "SUCCESS",
				BankType: "CMC", Attach: "深圳分店", SuccessTime: time.Date(2015, 5, 20, 13, 29, 35, 120e6, time.FixedZone("", 8*60*60)),
				Amount: &v3json.SubAmount{
					TotalAmount: new(int64(9007199254740993)), PayerAmount: new(int64(9)), Currency: "CNY", PayerCurrency: "CNY", SettlementRate: "100000000",
				},
				PromotionDetail: []v3json.Promotion{{
					CouponID: "109519", Amount: new(int64(1)), WechatpayContribute: new(int64(1)),
					GoodsDetail: []v3json.Goods{{GoodsID: "M1006", Quantity: new(int64(1)), UnitPrice: new(int64(2))}},
				}},
				IndividualAuthID: "123", IndividualName: "n",
			},
			other("", "S2", "REFUND"), other("", "S3", "NOTPAY"), other("", "S1", "CLOSED"), failed, other("1", "S5", "NEVER_SEEN"),
			{SubOrder: v3json.SubOrder{MchID: "1900000111", OutTradeNo: "S5"}, TradeState: "CLOSED"},
		},
	}
}

func TestQueryCombinedReadsEveryField(t *testing.T) {
	t.Parallel()
	a := signed(http.StatusOK, fullCombined)
	reply, err := queryCombinedWith(t, a)
	if err != nil {
		t.Fatalf("QueryCombined: %v", err)
	}
	want := fullCombinedTransaction()
	if !reply.SubOrders[0].SuccessTime.Equal(want.SubOrders[0].SuccessTime) {
		t.Errorf("SuccessTime is %v, want %v", reply.SubOrders[0].SuccessTime, want.SubOrders[0].SuccessTime)
	}
	reply.SubOrders[0].SuccessTime = want.SubOrders[0].SuccessTime
	if !reflect.DeepEqual(reply.CombinedTransaction, want) {
		t.Errorf("combined order is\n%+v, want\n%+v", reply.CombinedTransaction, want)
	}
	if reply.HTTPStatus != http.StatusOK || reply.Nonce != replyNonce || reply.Signature != a.header.Get("Wechatpay-Signature") {
		t.Errorf("envelope is %+v, want the reply's", reply.Envelope)
	}
	for _, full := range []any{fullCombinedTransaction(), fullCombinedTransaction().SubOrders[0], *fullCombinedTransaction().SubOrders[0].Amount} {
		value := reflect.ValueOf(full)
		for i := range value.NumField() {
			if value.Field(i).IsZero() && value.Type().Field(i).Name != "Unread" {
				t.Errorf("fullCombined does not test %T's %s", full, value.Type().Field(i).Name)
			}
		}
	}
}

func TestCombinedTransactionSurvivesItsOwnJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(fullCombinedTransaction())
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	got, err := v3json.DecodeCombined(b)
	if err != nil {
		t.Fatalf("decoding %s: %v", b, err)
	}
	want := fullCombinedTransaction()
	got.SubOrders[0].SuccessTime = want.SubOrders[0].SuccessTime
	if !reflect.DeepEqual(got, want) {
		t.Errorf("decoded is\n%+v, want\n%+v", got, want)
	}
}

func TestQueryCombinedAboutAnother(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"combine_out_trade_no", "combine_mchid"} {
		for how, body := range spoil(t, combinedOrder, key) {
			_, err := queryCombinedWith(t, signed(http.StatusOK, body))
			wantNamed(t, how, disbelief(t, err, wire.ReasonMismatch), key)
		}
	}
}

// TestUnreadableInformationOfCombinedOrders: what only informs costs itself, of the whole and of
// each part, and parts are made as sure of as ever.
func TestUnreadableInformationOfCombinedOrders(t *testing.T) {
	t.Parallel()
	const head = `{"combine_mchid":"1900007291","combine_out_trade_no":"P20150806125346","scene_info":{"device_id":7},"sub_orders":[`
	const good = `{"mchid":"1","out_trade_no":"S1","trade_state":"SUCCESS","amount":{"total_amount":3}}`
	body := head + good + `,{"mchid":"1","out_trade_no":"S2","trade_state":"SUCCESS","success_time":"20180608103456","bank_type":5,` +
		`"attach":"a","promotion_detail":[{"coupon_id":"c","amount":"1"}],"amount":{"payer_amount":0}}]}`
	got, err := queryCombinedWith(t, signed(http.StatusOK, body))
	if err != nil {
		t.Fatalf("QueryCombined: %v", err)
	}
	unread := []string{"bank_type", "promotion_detail.amount", "success_time"}
	want := v3json.CombinedTransaction{
		CombineMchID: mchID, CombineOutTradeNo: combineNo,
		SubOrders: []v3json.SubTransaction{
			{SubOrder: v3json.SubOrder{MchID: "1", OutTradeNo: "S1"}, TradeState: "SUCCESS", Amount: &v3json.SubAmount{TotalAmount: new(int64(3))}},
			{
				SubOrder: v3json.SubOrder{MchID: "1", OutTradeNo: "S2"}, TradeState: "SUCCESS", Attach: "a", Amount: &v3json.SubAmount{PayerAmount: new(int64(0))},
				PromotionDetail: []v3json.Promotion{{CouponID: "c"}}, Unread: unread,
			},
		},
		Unread: []string{"scene_info.device_id", "sub_orders[1].bank_type", "sub_orders[1].promotion_detail.amount", "sub_orders[1].success_time"},
	}
	if !reflect.DeepEqual(got.CombinedTransaction, want) {
		t.Errorf("combined order is\n%+v, want\n%+v", got.CombinedTransaction, want)
	}
	_, err = queryCombinedWith(t, signed(http.StatusOK, head+good[:len(good)-1]+`,"trade_state":"CLOSED"}]}`))
	if fault := malformation(t, err); !strings.Contains(fault.Detail, "it gives trade_state more than once") {
		t.Errorf("detail is %q, want the state that stands there twice", fault.Detail)
	}
}

func TestCombinedOrdersThatCannotBeRead(t *testing.T) {
	t.Parallel()
	whole := func(subOrders string) string {
		return `{"combine_mchid":"1900007291","combine_out_trade_no":"P20150806125346"` + subOrders + `}`
	}
	subs := func(orders string) string { return whole(`,"sub_orders":[` + orders + `]`) }
	const good = `{"mchid":"1","out_trade_no":"S1","trade_state":"NOTPAY"}`
	tests := map[string]struct{ body, want string }{
		"HTML":                  {"<html></html>", "not JSON"},
		"null":                  {"null", "it has no sub_orders"},
		"array":                 {"[]", "it is a JSON array, not an object"},
		"no sub_orders":         {whole(""), "it has no sub_orders"},
		"null sub_orders":       {whole(`,"sub_orders":null`), "it has no sub_orders"},
		"empty sub_orders":      {subs(""), "it has no sub_orders"},
		"one sub-order":         {whole(`,"sub_orders":` + good), "sub_orders is a JSON object, not a slice"},
		"an order of its own":   {directOrder, "it has no sub_orders"},
		"repeated sub_orders":   {whole(`,"sub_orders":[` + good + `],"sub_orders":[` + good + `]`), "it gives sub_orders more than once"},
		"capital sub_orders":    {whole(`,"Sub_orders":[` + good + `]`), "it gives sub_orders more than once or as Sub_orders"},
		"repeated number":       {whole(`,"combine_out_trade_no":"P2","sub_orders":[` + good + `]`), "it gives combine_out_trade_no more than once"},
		"capital merchant":      {whole(`,"COMBINE_MCHID":"1","sub_orders":[` + good + `]`), "it gives combine_mchid more than once"},
		"number as a number":    {`{"combine_mchid":1}`, "combine_mchid is a JSON number, not a string"},
		"null sub-order":        {subs(good + ",null"), "sub_orders[1]: it has no mchid"},
		"string as sub-order":   {subs(`"S1"`), "sub_orders[0]: it is a JSON string, not an object"},
		"no mchid":              {subs(`{"out_trade_no":"S1","trade_state":"NOTPAY"}`), "sub_orders[0]: it has no mchid"},
		"no out_trade_no":       {subs(good + `,{"mchid":"1","out_trade_no":"","trade_state":"NOTPAY"}`), "sub_orders[1]: it has no out_trade_no"},
		"no trade_state":        {subs(`{"mchid":"1","out_trade_no":"S1"}`), "sub_orders[0]: it has no trade_state"},
		"two states":            {subs(`{"mchid":"1","out_trade_no":"S1","trade_state":"CLOSED","trade_state":"SUCCESS"}`), "sub_orders[0]: it gives trade_state more than once"},
		"capital state":         {subs(`{"mchid":"1","out_trade_no":"S1","Trade_State":"CLOSED"}`), "as Trade_State"},
		"one sub-order twice":   {subs(good + "," + good), "sub_orders[1]: it is about S1 again"},
		"amount of a plain one": {subs(`{"mchid":"1","out_trade_no":"S1","trade_state":"SUCCESS","amount":{"total_amount":"1"}}`), "sub_orders[0]: amount.total_amount is a JSON string, not a int64"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := queryCombinedWith(t, signed(http.StatusOK, test.body))
			malformed := malformation(t, err)
			if !strings.Contains(malformed.Detail, test.want) {
				t.Errorf("detail is %q, want it to say %q", malformed.Detail, test.want)
			}
			if malformed.HTTPStatus != http.StatusOK || malformed.RequestID != requestID {
				t.Errorf("MalformedError is %+v, want HTTP 200 and the Request-ID", malformed)
			}
		})
	}
}

func FuzzDecodeCombined(f *testing.F) {
	for _, body := range []string{
		fullCombined, combinedOrder, directOrder, refusalBody, "", "null", "[]", `{"sub_orders":[]}`, `{"sub_orders":[null]}`,
		`{"scene_info":1,"sub_orders":[{"mchid":"1","out_trade_no":"2","trade_state":"3","bank_type":4,"amount":{"total_amount":5}}]}`,
		`{"sub_orders":[{"mchid":"1","out_trade_no":"2","trade_state":"3","Trade_state":"4"}]}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		combined, err := v3json.DecodeCombined(body)
		if err != nil {
			checkLine(t, err.Error())
			return
		}
		// A second reader of the same bytes, one that minds capitals, must see the same orders.
		exact := readExactly(t, body)
		sameStrings(t, exact, map[string]string{
			"combine_mchid": combined.CombineMchID, "combine_out_trade_no": combined.CombineOutTradeNo,
		})
		orders, _ := exact["sub_orders"].([]any)
		if len(orders) == 0 || len(orders) != len(combined.SubOrders) {
			t.Fatalf("%q: %d sub-orders were read, want %d and at least one", body, len(combined.SubOrders), len(orders))
		}
		for i, sub := range combined.SubOrders {
			order, _ := orders[i].(map[string]any)
			sameStrings(t, order, map[string]string{
				"mchid": sub.MchID, "sub_mchid": sub.SubMchID, "out_trade_no": sub.OutTradeNo,
				"transaction_id": sub.TransactionID, "trade_state": sub.TradeState,
			})
			if sub.MchID == "" || sub.OutTradeNo == "" || sub.TradeState == "" {
				t.Errorf("%q: a sub-order without its numbers or state was taken", body)
			}
		}
	})
}

func sameStrings(t *testing.T, exact map[string]any, got map[string]string) {
	t.Helper()
	for key, value := range got {
		if want, _ := exact[key].(string); value != want {
			t.Errorf("%s was read as %q, want %q", key, value, want)
		}
	}
}

func ExampleClient_QueryCombined() {
	client := exampleClient(signed(http.StatusOK, `{"combine_mchid":"1900007291","combine_out_trade_no":"P1","sub_orders":[`+
		`{"mchid":"1900000109","out_trade_no":"S1","trade_state":"SUCCESS","amount":{"total_amount":100,"payer_amount":90}},`+
		`{"mchid":"1900000110","out_trade_no":"S2","trade_state":"REFUND","amount":{"total_amount":50,"payer_amount":50}}]}`))
	reply, err := client.QueryCombined(context.Background(), v3json.CombineRequest{CombineOutTradeNo: "P1"})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, sub := range reply.SubOrders {
		fmt.Println(sub.MchID, sub.OutTradeNo, sub.TradeState, *sub.Amount.PayerAmount, "of", *sub.Amount.TotalAmount, "fen")
	}
	// Output:
	// 1900000109 S1 SUCCESS 90 of 100 fen
	// 1900000110 S2 REFUND 50 of 50 fen
}
