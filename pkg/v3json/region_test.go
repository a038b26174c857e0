package v3json_test

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

const (
	commonOrder = `{"mchid":"` + mchID + `","out_trade_no":"` + outTradeNo + `","id":"` + transactionID +
		`","trade_state":"SUCCESS","trade_state_desc":"支付成功"}`
	institutionalOrder = `{"sp_mchid":"` + mchID + `","sub_mchid":"` + subMchID + `","out_trade_no":"` + outTradeNo +
		`","id":"` + transactionID + `","trade_state":"SUCCESS"}`

	mchIDBody  = `{"mchid":"1900007291"}`
	mchIDsBody = `{"sp_mchid":"1900007291","sub_mchid":"1900008462"}`
)

func newRegionClient(t testing.TB, region v3json.Region, transport http.RoundTripper) *v3json.Client {
	t.Helper()
	client := newClient(t, transport)
	client.Region = region
	return client
}

// sendsNothing is a transport for requests that must not be made.
func sendsNothing(t testing.TB) roundTrip {
	t.Helper()
	return func(req *http.Request) (*http.Response, error) {
		t.Errorf("%s %s was sent, want nothing", req.Method, req.URL)
		return nil, io.EOF
	}
}

// TestRegionRequests is every region × mode × call × number, to the byte.
func TestRegionRequests(t *testing.T) {
	t.Parallel()
	type row struct {
		region                  v3json.Region
		close                   bool
		out, transaction, sub   string
		line, body, replyToItIs string
	}
	// prefixes are common, then institutional; on the mainland direct, then partner.
	prefixes := map[v3json.Region][2]string{
		v3json.Mainland: {"/v3/pay/transactions/", "/v3/pay/partner/transactions/"},
		v3json.Global:   {"/v3/global/transactions/", "/v3/global/transactions/"},
		v3json.HongKong: {"/hk/v3/transactions/", "/hk/v3/transactions/"},
	}
	const query, queries = "?mchid=1900007291", "?sp_mchid=1900007291&sub_mchid=1900008462"
	tests := map[string]row{}
	for region, prefix := range prefixes {
		name := "region " + string(region)
		direct, partner := prefix[0], prefix[1]
		own, subs := commonOrder, institutionalOrder
		if region == v3json.Mainland {
			own, subs = directOrder, partnerOrder
		} else {
			tests[name+", close by id"] = row{region, true, "", transactionID, "",
				"POST " + direct + "id/" + transactionID + "/close", mchIDBody, ""}
			tests[name+", close by id for another"] = row{region, true, "", transactionID, subMchID,
				"POST " + partner + "id/" + transactionID + "/close", mchIDsBody, ""}
		}
		tests[name+", close"] = row{region, true, outTradeNo, "", "",
			"POST " + direct + "out-trade-no/" + outTradeNo + "/close", mchIDBody, ""}
		tests[name+", close for another"] = row{region, true, outTradeNo, "", subMchID,
			"POST " + partner + "out-trade-no/" + outTradeNo + "/close", mchIDsBody, ""}
		tests[name+", close, every character"] = row{region, true, "aZ09_-|*@/?#% é", "", "",
			"POST " + direct + "out-trade-no/aZ09_-%7C%2A@%2F%3F%23%25%20%C3%A9/close", mchIDBody, ""}
		tests[name+", query"] = row{region, false, outTradeNo, "", "",
			"GET " + direct + "out-trade-no/" + outTradeNo + query, "", own}
		tests[name+", query for another"] = row{region, false, outTradeNo, "", subMchID,
			"GET " + partner + "out-trade-no/" + outTradeNo + queries, "", subs}
		tests[name+", query by id"] = row{region, false, "", transactionID, "",
			"GET " + direct + "id/" + transactionID + query, "", own}
		tests[name+", query by id for another"] = row{region, false, "", transactionID, subMchID,
			"GET " + partner + "id/" + transactionID + queries, "", subs}
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			reply := signed(http.StatusOK, test.replyToItIs)
			if test.close {
				reply = signed(http.StatusNoContent, "")
			}
			server := serveRaw(t, reply.raw())
			client := newRegionClient(t, test.region, nil)
			client.BaseURL = server.url
			var err error
			if test.close {
				_, err = client.CloseOrder(t.Context(),
					v3json.Request{OutTradeNo: test.out, TransactionID: test.transaction, SubMchID: test.sub})
			} else {
				_, err = client.QueryOrder(t.Context(),
					v3json.Request{OutTradeNo: test.out, TransactionID: test.transaction, SubMchID: test.sub})
			}
			if err != nil {
				t.Fatalf("calling: %v", err)
			}
			checkRawRequest(t, <-server.requests, test.line, test.body)
		})
	}
}

func TestRegionHosts(t *testing.T) {
	t.Parallel()
	tests := map[v3json.Region]struct{ main, backup string }{
		v3json.Mainland:     {"https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"},
		v3json.Global:       {"https://apihk.mch.weixin.qq.com", "https://api.mch.weixin.qq.com"},
		v3json.HongKong:     {"https://api.mch.weixin.qq.com", "https://apihk.mch.weixin.qq.com"},
		v3json.Region("cn"): {"", ""},
	}
	for region, want := range tests {
		host, backup := region.Hosts()
		if host != want.main || backup != want.backup {
			t.Errorf("hosts of region %q are %q and %q, want %q and %q", region, host, backup, want.main, want.backup)
		}
		if want.main == "" {
			continue
		}
		for base, wantHost := range map[string]string{"": want.main, "https://pay.example": "https://pay.example"} {
			var got captured
			client := newRegionClient(t, region, capture(t, signed(http.StatusNoContent, ""), &got))
			client.BaseURL = base
			if _, err := client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"}); err != nil {
				t.Errorf("region %q: CloseOrder: %v", region, err)
			}
			if !strings.HasPrefix(got.url, wantHost+"/") {
				t.Errorf("region %q with BaseURL %q sends to %s, want %s", region, base, got.url, wantHost)
			}
		}
	}
}

func TestRegionRequestsThatCannotBeSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		region v3json.Region
		req    v3json.Request
		want   string
	}{
		"mainland close by id": {v3json.Mainland, v3json.Request{TransactionID: transactionID},
			"closing order " + transactionID + ": TransactionID closes nothing on the mainland"},
		"mainland close by both": {v3json.Mainland, v3json.Request{OutTradeNo: "A1", TransactionID: transactionID},
			"closing order A1: TransactionID closes nothing on the mainland"},
		"both": {v3json.Global, v3json.Request{OutTradeNo: "A1", TransactionID: transactionID},
			"OutTradeNo and TransactionID are both given"},
		"both, Hong Kong": {v3json.HongKong, v3json.Request{OutTradeNo: "A1", TransactionID: transactionID},
			"OutTradeNo and TransactionID are both given"},
		"neither": {v3json.Global, v3json.Request{}, "OutTradeNo and TransactionID are both empty"},
		"id with a slash": {v3json.Global, v3json.Request{TransactionID: "1/../2"},
			"closing order 1/../2: TransactionID must be"},
		"id too long":      {v3json.HongKong, v3json.Request{TransactionID: strings.Repeat("4", 33)}, "TransactionID must be"},
		"two dots":         {v3json.Global, v3json.Request{OutTradeNo: ".."}, "OutTradeNo must be"},
		"too long":         {v3json.HongKong, v3json.Request{OutTradeNo: strings.Repeat("a", 33)}, "OutTradeNo must be"},
		"bad sub-merchant": {v3json.Global, v3json.Request{OutTradeNo: "A1", SubMchID: `1"`}, "SubMchID must be"},
		"no such region":   {"cn", v3json.Request{OutTradeNo: "A1"}, `Region is cn: it must be Mainland (empty), Global ("global") or`},
		"odd region":       {"HK\n", v3json.Request{OutTradeNo: "A1"}, `Region is "HK\n"`},
	}
	for name, test := range tests {
		client := newRegionClient(t, test.region, sendsNothing(t))
		_, err := client.CloseOrder(t.Context(), test.req)
		wantSays(t, name, err, test.want)
	}
	for _, region := range []v3json.Region{v3json.Global, v3json.HongKong} {
		client := newRegionClient(t, region, sendsNothing(t))
		_, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1", TransactionID: "1"})
		wantSays(t, "query by both", err, "OutTradeNo and TransactionID are both given")
		_, err = client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1", SubMchID: "1&x=2"})
		wantSays(t, "query with a bad sub-merchant", err, "SubMchID must be")
	}
	_, err := newRegionClient(t, "cn", sendsNothing(t)).QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	wantSays(t, "query in no such region", err, "Region is cn")
}

// newCalls are the calls that came with the regions and with combined orders, with their successful
// answers.
func newCalls() map[string]struct {
	call    func(testing.TB, http.RoundTripper) error
	success answer
} {
	type row = struct {
		call    func(testing.TB, http.RoundTripper) error
		success answer
	}
	closing := func(region v3json.Region, req v3json.Request) func(testing.TB, http.RoundTripper) error {
		return func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := newRegionClient(t, region, a).CloseOrder(t.Context(), req)
			return err
		}
	}
	querying := func(region v3json.Region, req v3json.Request) func(testing.TB, http.RoundTripper) error {
		return func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := newRegionClient(t, region, a).QueryOrder(t.Context(), req)
			return err
		}
	}
	return map[string]row{
		"global close": {closing(v3json.Global, v3json.Request{OutTradeNo: outTradeNo}), signed(http.StatusNoContent, "")},
		"hk close by id": {closing(v3json.HongKong, v3json.Request{TransactionID: transactionID, SubMchID: subMchID}),
			signed(http.StatusNoContent, "")},
		"global query": {querying(v3json.Global, v3json.Request{TransactionID: transactionID}),
			signed(http.StatusOK, commonOrder)},
		"hk query": {querying(v3json.HongKong, v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID}),
			signed(http.StatusOK, institutionalOrder)},
		"combined close": {func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := newCombineClient(t, a).CloseCombined(t.Context(), combineClose())
			return err
		}, signed(http.StatusNoContent, "")},
		"combined query": {func(t testing.TB, a http.RoundTripper) error {
			t.Helper()
			_, err := queryCombinedWith(t, a)
			return err
		}, signed(http.StatusOK, combinedOrder)},
	}
}

// TestEveryByteOfTheNewRepliesIsSigned flips each byte of the body, and some of each header.
func TestEveryByteOfTheNewRepliesIsSigned(t *testing.T) {
	t.Parallel()
	for name, row := range newCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := row.call(t, row.success); err != nil {
				t.Fatalf("the reply as it was signed: %v", err)
			}
			for i := range row.success.body {
				a := row.success
				a.body = flip(a.body, i)
				wantReason(t, row.call(t, a), wire.ReasonBadSignature)
			}
			for _, key := range []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Signature", "Wechatpay-Serial"} {
				value := row.success.header.Get(key)
				for i := 0; i < len(value); i += 7 {
					wantRefused(t, key, row.call(t, row.success.with(key, flip(value, i))))
				}
			}
		})
	}
}

// TestTheNewCallsAreNoMoreTrusting goes through the answers that are no success.
func TestTheNewCallsAreNoMoreTrusting(t *testing.T) {
	t.Parallel()
	for name, row := range newCalls() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantReason(t, row.call(t, unsigned(row.success.status, row.success.body)), wire.ReasonUnsigned)
			wantReason(t, row.call(t, signedAt(wireTime().Add(-6*time.Minute), row.success.status, row.success.body)), wire.ReasonStale)
			for _, status := range []int{202, 400, 404, 500} {
				refused := refusal(t, row.call(t, signed(status, refusalBody)))
				if !refused.Authenticated || refused.HTTPStatus != status || refused.Code != "ORDER_CLOSED" {
					t.Errorf("signed HTTP %d gives %+v, want the authenticated refusal", status, refused)
				}
			}
			wantUnread(t, row.call(t, signed(http.StatusMovedPermanently, refusalBody)), http.StatusMovedPermanently)
			if refused := refusal(t, row.call(t, unsigned(http.StatusForbidden, refusalBody))); refused.Authenticated {
				t.Errorf("unsigned refusal is %+v, want it not authenticated", refused)
			}
			other := signed(http.StatusNoContent, "")
			if row.success.body == "" {
				other = signed(http.StatusOK, commonOrder)
			}
			wantReason(t, row.call(t, other), wire.ReasonMismatch)
		})
	}
}

// TestOverseasQueryAboutAnother takes each number that a reply repeats, and changes it, empties it
// and takes it away.
func TestOverseasQueryAboutAnother(t *testing.T) {
	t.Parallel()
	common := v3json.Request{OutTradeNo: outTradeNo}
	commonByID := v3json.Request{TransactionID: transactionID}
	institutional := v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID}
	institutionalByID := v3json.Request{TransactionID: transactionID, SubMchID: subMchID}
	tests := []struct {
		req  v3json.Request
		body string
		keys []string
	}{
		{common, commonOrder, []string{"out_trade_no", "mchid"}},
		{commonByID, commonOrder, []string{"id", "mchid"}},
		{institutional, institutionalOrder, []string{"out_trade_no", "sp_mchid", "sub_mchid"}},
		{institutionalByID, institutionalOrder, []string{"id", "sp_mchid", "sub_mchid"}},
	}
	for _, region := range []v3json.Region{v3json.Global, v3json.HongKong} {
		for _, test := range tests {
			ask := func(body string) error {
				_, err := newRegionClient(t, region, signed(http.StatusOK, body)).QueryOrder(t.Context(), test.req)
				return err
			}
			if err := ask(test.body); err != nil {
				t.Fatalf("%+v: the right answer is refused: %v", test.req, err)
			}
			for _, key := range test.keys {
				for how, body := range spoil(t, test.body, key) {
					wantNamed(t, how, disbelief(t, ask(body), wire.ReasonMismatch), key)
				}
			}
		}
	}
}

// wantNamed checks that a mismatch names the number as it stands in the reply.
func wantNamed(t *testing.T, how string, fault *v3json.VerifyError, key string) {
	t.Helper()
	if !strings.HasPrefix(fault.Detail, "its "+key+" is ") && !strings.HasPrefix(fault.Detail, "it has no "+key+",") {
		t.Errorf("%s %s: detail is %q, want it to name the number", key, how, fault.Detail)
	}
}

// spoil returns the object with one of its strings changed in each way that must not go unnoticed.
func spoil(t *testing.T, object, key string) map[string]string {
	t.Helper()
	var order map[string]any
	if err := json.Unmarshal([]byte(object), &order); err != nil {
		t.Fatalf("the test's own order: %v", err)
	}
	value, ok := order[key].(string)
	if !ok {
		t.Fatalf("the test's own order has no %s", key)
	}
	spoilt := map[string]string{}
	for how, other := range map[string]any{
		"emptied": "", "null": nil, "other": "9" + value[1:], "longer": value + "0", "in capitals": value + "A", "shorter": value[1:],
	} {
		order[key] = other
		changed, _ := json.Marshal(order)
		spoilt[how] = string(changed)
	}
	delete(order, key)
	missing, _ := json.Marshal(order)
	spoilt["missing"] = string(missing)
	return spoilt
}

func TestOverseasAnsweredForTheOtherMode(t *testing.T) {
	t.Parallel()
	for _, region := range []v3json.Region{v3json.Global, v3json.HongKong} {
		client := newRegionClient(t, region, signed(http.StatusOK, institutionalOrder))
		_, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
		wantReason(t, err, wire.ReasonMismatch)
		client = newRegionClient(t, region, signed(http.StatusOK, commonOrder))
		_, err = client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo, SubMchID: subMchID})
		wantReason(t, err, wire.ReasonMismatch)
	}
}

// TestOrderNumberByEitherName: id is the order number overseas and nothing on the mainland.
func TestOrderNumberByEitherName(t *testing.T) {
	t.Parallel()
	ask := func(region v3json.Region, req v3json.Request, numbers string) (string, error) {
		body := `{"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"SUCCESS"` + numbers + `}`
		reply, err := newRegionClient(t, region, signed(http.StatusOK, body)).QueryOrder(t.Context(), req)
		if err != nil {
			return "", err
		}
		return reply.TransactionID, nil
	}
	byNumber, byID := v3json.Request{OutTradeNo: outTradeNo}, v3json.Request{TransactionID: "4200"}
	good := []struct {
		region        v3json.Region
		numbers, want string
	}{
		{v3json.Global, `,"id":"4200"`, "4200"},
		{v3json.Global, `,"transaction_id":"4200"`, "4200"},
		{v3json.HongKong, `,"id":"4200","transaction_id":"4200"`, "4200"},
		{v3json.Global, ``, ""},
		{v3json.Global, `,"id":null`, ""},
		{v3json.Global, `,"id":""`, ""},
		{v3json.Mainland, `,"transaction_id":"4200"`, "4200"},
		{v3json.Mainland, `,"id":"4300","transaction_id":"4200"`, "4200"},
		{v3json.Mainland, `,"id":{"a":1},"ID":2`, ""},
	}
	for _, test := range good {
		got, err := ask(test.region, byNumber, test.numbers)
		if err != nil || got != test.want {
			t.Errorf("region %q with %q: TransactionID is %q, %v, want %q", test.region, test.numbers, got, err, test.want)
		}
		_, err = ask(test.region, byID, test.numbers)
		if test.want != "" && err != nil {
			t.Errorf("region %q with %q, asked by id: %v", test.region, test.numbers, err)
		}
		if test.want == "" {
			wantReason(t, err, wire.ReasonMismatch)
		}
	}
	_, err := ask(v3json.Mainland, byID, `,"id":"4200"`)
	wantReason(t, err, wire.ReasonMismatch)

	bad := map[string]string{
		`,"id":"4200","transaction_id":"4300"`: "its id is 4200 and its transaction_id 4300",
		`,"id":"4200","id":"4200"`:             "it gives id more than once",
		`,"ID":"4200"`:                         "it gives id more than once or as ID",
		`,"id":4200`:                           "id is a JSON number, not a string",
		`,"mchid":"1900007291"`:                "it gives mchid more than once",
	}
	for numbers, want := range bad {
		_, err := ask(v3json.Global, byNumber, numbers)
		if malformed := malformation(t, err); !strings.Contains(malformed.Detail, want) {
			t.Errorf("%q: detail is %q, want it to say %q", numbers, malformed.Detail, want)
		}
	}
}

// fullOverseasOrder has every field of page global/v3/zh/4013015482, those of both modes together.
const fullOverseasOrder = `{
	"appid": "wxd678efh567hg6787", "mchid": "1900007291",
	"sp_appid": "wx8888888888888888", "sp_mchid": "1900007291", "sub_appid": "wxd678efh567hg6999", "sub_mchid": "1900008462",
	"out_trade_no": "1217752501201407033233368018", "id": "4200001234202408056789012345",
	"attach": "a", "trade_type": "MICROPAY", "bank_type": "CMB_DEBIT", "success_time": "2018-06-08T10:34:56+08:00",
	"trade_state": "SUCCESS", "trade_state_desc": "Payment success",
	"payer": {"openid": "oA", "sp_openid": "oSP", "sub_openid": "oSub"},
	"amount": {"total": 528800, "payer_total": 518799, "currency": "HKD", "payer_currency": "CNY",
		"exchange_rate": {"type": "SETTLEMENT_RATE", "rate": 9007199254740993}},
	"promotion_detail": [{"promotion_id": "109519", "name": "p", "scope": "SINGLE", "type": "DISCOUNT", "amount": 6, "currency": "HKD",
		"activity_id": "931386", "wxpay_contribute_amount": 1, "merchant_contribute_amount": 2, "other_contribute_amount": 3,
		"goods_detail": [{"goods_id": "G1", "goods_remark": "r", "discount_amount": 4, "quantity": 5, "price": 100}]}]
}`

func fullOverseasTransaction() v3json.Transaction {
	return v3json.Transaction{
		AppID: "wxd678efh567hg6787", MchID: mchID,
		SPAppID: "wx8888888888888888", SPMchID: mchID, SubAppID: "wxd678efh567hg6999", SubMchID: subMchID,
		OutTradeNo: outTradeNo, TransactionID: transactionID,
		TradeType: "MICROPAY", TradeState: "SUCCESS", TradeStateDesc: "Payment success", BankType: "CMB_DEBIT", Attach: "a",
		SuccessTime: time.Date(2018, 6, 8, 10, 34, 56, 0, time.FixedZone("", 8*60*60)),
		Payer:       v3json.Payer{OpenID: "oA", SPOpenID: "oSP", SubOpenID: "oSub"},
		Amount: &v3json.Amount{
			Total: new(int64(528800)), PayerTotal: new(int64(518799)), Currency: "HKD", PayerCurrency: "CNY",
			ExchangeRate: &v3json.ExchangeRate{Type: "SETTLEMENT_RATE", Rate: new(int64(9007199254740993))},
		},
		PromotionDetail: []v3json.Promotion{{
			PromotionID: "109519", Name: "p", Scope: "SINGLE", Type: "DISCOUNT", Amount: new(int64(6)), Currency: "HKD",
			ActivityID: "931386", WxpayContributeAmount: new(int64(1)), MerchantContributeAmount: new(int64(2)), OtherContributeAmount: new(int64(3)),
			GoodsDetail: []v3json.Goods{{GoodsID: "G1", GoodsRemark: "r", DiscountAmount: new(int64(4)), Quantity: new(int64(5)), Price: new(int64(100))}},
		}},
	}
}

func TestOverseasQueryReadsEveryField(t *testing.T) {
	t.Parallel()
	for _, region := range []v3json.Region{v3json.Global, v3json.HongKong} {
		reply, err := newRegionClient(t, region, signed(http.StatusOK, fullOverseasOrder)).QueryOrder(t.Context(),
			v3json.Request{TransactionID: transactionID, SubMchID: subMchID})
		if err != nil {
			t.Fatalf("region %q: QueryOrder: %v", region, err)
		}
		want := fullOverseasTransaction()
		if !reply.SuccessTime.Equal(want.SuccessTime) {
			t.Errorf("region %q: SuccessTime is %v, want %v", region, reply.SuccessTime, want.SuccessTime)
		}
		reply.SuccessTime = want.SuccessTime
		if !reflect.DeepEqual(reply.Transaction, want) {
			t.Errorf("region %q: transaction is\n%+v, want\n%+v", region, reply.Transaction, want)
		}
	}
}

func TestOverseasTransactionSurvivesItsOwnJSON(t *testing.T) {
	t.Parallel()
	b, err := json.Marshal(fullOverseasTransaction())
	if err != nil {
		t.Fatalf("Marshal: %v", err)
	}
	for what, decode := range map[string]func([]byte) (v3json.Transaction, error){
		"mainland": v3json.DecodeTransaction, "overseas": v3json.DecodeOverseas,
	} {
		got, err := decode(b)
		if err != nil {
			t.Fatalf("%s: decoding %s: %v", what, b, err)
		}
		want := fullOverseasTransaction()
		got.SuccessTime = want.SuccessTime.In(want.SuccessTime.Location())
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%s: decoded is\n%+v, want\n%+v", what, got, want)
		}
	}
}

func TestOverseasQueryOfUnpaidOrder(t *testing.T) {
	t.Parallel()
	for _, more := range []string{``, `,"amount":null`, `,"success_time":"","id":""`} {
		body := `{"mchid":"1900007291","out_trade_no":"` + outTradeNo + `","trade_state":"NOTPAY"` + more + `}`
		reply, err := newRegionClient(t, v3json.Global, signed(http.StatusOK, body)).QueryOrder(t.Context(),
			v3json.Request{OutTradeNo: outTradeNo})
		if err != nil {
			t.Errorf("%s: QueryOrder: %v", more, err)
			continue
		}
		if want := (v3json.Transaction{MchID: mchID, OutTradeNo: outTradeNo, TradeState: "NOTPAY"}); !reflect.DeepEqual(reply.Transaction, want) {
			t.Errorf("%s: transaction is %+v, want %+v", more, reply.Transaction, want)
		}
	}
}

func FuzzDecodeOverseas(f *testing.F) {
	for _, body := range []string{
		fullOverseasOrder, commonOrder, institutionalOrder, directOrder, refusalBody, "", "null", "[]",
		`{"trade_state":"A","Id":"1"}`, `{"trade_state":"A","id":"1","transaction_id":"2"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		transaction, err := v3json.DecodeOverseas(body)
		if err != nil {
			checkLine(t, err.Error())
			return
		}
		// A second reader of the same bytes, one that minds capitals, must see the same order.
		exact := readExactly(t, body)
		id, _ := exact["id"].(string)
		if id == "" {
			id, _ = exact["transaction_id"].(string)
		}
		if transaction.TransactionID != id || transaction.TradeState == "" {
			t.Errorf("%q: the order number was read as %q in state %q, want %q", body, transaction.TransactionID, transaction.TradeState, id)
		}
		for key, got := range map[string]string{
			"out_trade_no": transaction.OutTradeNo, "mchid": transaction.MchID, "sp_mchid": transaction.SPMchID,
			"sub_mchid": transaction.SubMchID, "trade_state": transaction.TradeState,
		} {
			if want, _ := exact[key].(string); got != want {
				t.Errorf("%q: %s was read as %q, want %q", body, key, got, want)
			}
		}
	})
}
