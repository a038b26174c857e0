package paygate_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// folders are the overseas paths, by region.
var folders = map[string]string{
	"global": "/v3/global/transactions/", "hk": "/hk/v3/transactions/",
}

func inRegion(region string) func(*paygate.Order) {
	return func(o *paygate.Order) { o.Region = region }
}

// overseas is a call below a region's folder: a close ends with /close, anything else is a query.
// It is institutional when sub says so.
func (s *session) overseas(region string, rest string, sub bool) v3Request {
	uri := folders[region] + rest
	if strings.HasSuffix(rest, "/close") {
		body := `{"mchid":"` + s.Merchant.MchID + `"}`
		if sub {
			body = `{"sp_mchid":"` + s.Merchant.MchID + `","sub_mchid":"` + subMchID + `"}`
		}
		return v3Request{method: http.MethodPost, uri: uri, body: body}
	}
	query := "?mchid=" + s.Merchant.MchID
	if sub {
		query = "?sub_mchid=" + subMchID + "&sp_mchid=" + s.Merchant.MchID
	}
	return v3Request{method: http.MethodGet, uri: uri + query}
}

// TestOverseas walks both regions in both modes: query and close, by either number.
func TestOverseas(t *testing.T) {
	t.Parallel()
	s := start(t)
	for region := range folders {
		for _, sub := range []bool{false, true} {
			owner, no := []func(*paygate.Order){inRegion(region)}, region+"-own"
			if sub {
				owner, no = append(owner, ofSub), region+"-sub"
			}
			s.order(no, owner...)
			s.order(no+"-2", owner...)
			id, id2 := s.MustOrder(no).TransactionID, s.MustOrder(no+"-2").TransactionID
			if id == "" || id == id2 {
				t.Fatalf("%s: ids are %q and %q, want two", no, id, id2)
			}
			unpaid := map[string]any{"out_trade_no": no, "id": id, "transaction_id": nil, "trade_state": "NOTPAY", "amount": nil, "payer": nil}
			s.v3(s.overseas(region, "out-trade-no/"+no, sub)).want(200).wantJSON(unpaid)
			s.v3(s.overseas(region, "id/"+id, sub)).want(200).wantJSON(unpaid)
			last := s.last()
			if last.Region != region || last.OutTradeNo != no || last.TransactionID != id || last.Op != "query" {
				t.Errorf("history says %+v", last)
			}
			s.v3(s.overseas(region, "out-trade-no/"+no+"/close", sub)).want(204)
			s.WantState(no, paygate.StateClosed)
			s.v3(s.overseas(region, "id/"+id2+"/close", sub)).want(204)
			s.WantState(no+"-2", paygate.StateClosed)
			s.v3(s.overseas(region, "id/"+id+"/close", sub)).wantCode(400, "ORDERCLOSED")
			s.v3(s.overseas(region, "id/42/close", sub)).wantCode(404, "ORDERNOTEXIST")
			s.wantLast("refused", "has transaction_id 42")
		}
	}
}

// TestOverseasPayment: id instead of transaction_id, and the words of the overseas documents.
func TestOverseasPayment(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inRegion("global"), func(o *paygate.Order) {
		o.Total, o.Coupons, o.ExchangeRate, o.DeviceInfo = 1000, coupons(), 92_000_000, "POS1"
		o.Coupons[1].Goods = []paygate.Good{{ID: "g1", Quantity: 2, UnitPrice: 30, DiscountAmount: 5, Remark: "r"}}
		o.Coupons[1].StockID = "act"
	})
	before := s.MustOrder("A1").TransactionID
	s.MustPay("A1")
	if after := s.MustOrder("A1").TransactionID; after != before {
		t.Errorf("the payment changed the id from %s to %s", before, after)
	}
	got := s.v3(s.overseas("global", "id/"+before, false)).want(200)
	got.wantJSON(map[string]any{
		"appid": s.Merchant.AppID, "mchid": s.Merchant.MchID, "id": before, "transaction_id": nil, "trade_state": "SUCCESS",
		"success_time": "2026-03-01T12:00:00+08:00", "payer.openid": userA, "scene_info": nil,
		"amount.total": 1000.0, "amount.currency": "HKD", "amount.payer_total": 874.0, "amount.payer_currency": "CNY",
		"amount.exchange_rate.type": "SETTLEMENT_RATE", "amount.exchange_rate.rate": 92_000_000.0,
	})
	promotions, _ := got.json()["promotion_detail"].([]any)
	if len(promotions) != 2 {
		t.Fatalf("promotion_detail is %v, want two", promotions)
	}
	second, _ := promotions[1].(map[string]any)
	for name, want := range map[string]any{
		"promotion_id": "10002", "type": "DISCOUNT", "scope": "SINGLE", "amount": 20.0, "currency": "HKD", "activity_id": "act",
		"merchant_contribute_amount": 20.0, "coupon_id": nil, "stock_id": nil, "wechatpay_contribute": nil,
	} {
		if second[name] != want {
			t.Errorf("promotion: %s is %v, want %v", name, second[name], want)
		}
	}
	goods, _ := second["goods_detail"].([]any)
	if len(goods) != 1 || goods[0].(map[string]any)["price"] != 30.0 || goods[0].(map[string]any)["unit_price"] != nil {
		t.Errorf("goods_detail is %v, want one with a price of 30", goods)
	}
	s.v3(s.overseas("global", "id/"+before+"/close", false)).wantCode(400, "ORDERPAID")
	s.v2(s.queryV2("A1")).want(pair{"transaction_id", before}, pair{"fee_type", "HKD"}, pair{"cash_fee_type", "CNY"}, pair{"cash_fee", "874"})
}

// TestRegionsApart: an order is found on the paths of its own region only, and by APIv2 anyway.
func TestRegionsApart(t *testing.T) {
	t.Parallel()
	s := start(t)
	regions := []string{"", "global", "hk"}
	for _, home := range regions {
		no := "A" + home
		s.order(no, inRegion(home))
		for _, asked := range regions {
			query, closing := s.queryV3(no), s.closeV3(no)
			if asked != "" {
				query, closing = s.overseas(asked, "out-trade-no/"+no, false), s.overseas(asked, "out-trade-no/"+no+"/close", false)
			}
			if asked == home {
				s.v3(query).want(200)
				continue
			}
			for _, req := range []v3Request{query, closing} {
				code := "ORDERNOTEXIST"
				if asked == "" {
					code = "ORDER_NOT_EXIST"
				}
				s.v3(req).wantCode(404, code)
				s.wantLast("refused", "whose paths are below /")
			}
		}
		s.WantState(no, paygate.StateNotPay)
		s.v2(s.queryV2(no)).want(pair{"trade_state", "NOTPAY"})
		s.v2(s.closeV2(no)).want(pair{"result_code", "SUCCESS"})
	}
	id := s.MustOrder("Aglobal").TransactionID
	s.v3(v3Request{method: "GET", uri: "/v3/pay/transactions/id/" + id + "?mchid=" + s.Merchant.MchID}).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "one of region global, whose paths are below /v3/global/transactions/")
	s.v3(s.overseas("hk", "id/"+id, false)).wantCode(404, "ORDERNOTEXIST")
}

// TestOverseasForm: one mode or the other, whole.
func TestOverseasForm(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inRegion("global"))
	s.order("A1", inRegion("global"), ofSub)
	base, mchid := folders["global"]+"out-trade-no/A1", s.Merchant.MchID
	for query, reason := range map[string]string{
		"":                              "mchid is missing from the query",
		"?sub_mchid=" + subMchID:        "sp_mchid is missing from the query",
		"?sp_mchid=" + mchid:            "sub_mchid is missing from the query",
		"?mchid=1900000999":             "Authorization is mchid",
		"?mchid=" + mchid + "&appid=wx": "appid is not a parameter of this call: it has mchid",
		"?sp_mchid=" + mchid + "&sub_mchid=" + subMchID + "&mchid=" + mchid: "mchid is not a parameter of this call",
	} {
		s.v3(v3Request{method: "GET", uri: base + query}).wantCode(400, "PARAM_ERROR")
		s.wantLast("refused", reason)
	}
	for uri, method := range map[string]string{base: "POST", folders["hk"] + "id/1/close": "GET"} {
		v3Answer{answer: s.mustExchange(method, uri, "", http.Header{}), session: s}.wantUnsigned(405)
	}
	for _, uri := range []string{"/hk/v3/pay/transactions/id/1", "/hk/v3/transactions/id/1/open", "/v3/global/transactions/id/"} {
		v3Answer{answer: s.mustExchange("GET", uri, "", http.Header{}), session: s}.wantUnsigned(404)
	}
	stranger := s.overseas("global", "out-trade-no/A1/close", true)
	stranger.body = strings.ReplaceAll(stranger.body, subMchID, "1900000110")
	s.v3(stranger).wantCode(403, "NO_AUTH")
}

// TestOverseasFaults: codes are spelt as overseas, and a report on another order has another id
// too.
func TestOverseasFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inRegion("global"))
	id := s.MustOrder("A1").TransactionID
	query := s.overseas("global", "id/"+id, false)
	for action, check := range map[paygate.Action]func(v3Answer){
		paygate.SystemError: func(a v3Answer) { a.wantCode(500, "SYSTEMERROR") },
		paygate.UserPaying:  func(a v3Answer) { a.wantCode(202, "USERPAYING") },
		paygate.WrongOrder: func(a v3Answer) {
			if got := a.want(200).json(); got["out_trade_no"] != "A0" || got["id"] == id {
				t.Errorf("reply is about %v with id %v, want another order's", got["out_trade_no"], got["id"])
			}
		},
		paygate.WrongMerchant: func(a v3Answer) {
			if got := a.want(200).json(); got["mchid"] == s.Merchant.MchID || got["id"] != id {
				t.Errorf("reply is of %v with id %v, want another merchant's", got["mchid"], got["id"])
			}
		},
	} {
		s.MustInject(paygate.Fault{Action: action, Times: 1, OutTradeNo: "A1"})
		check(s.v3(query))
	}
	s.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "ORDER_PAID", Times: 1}) // as spelt
	s.v3(query).wantCode(400, "ORDER_PAID")
	s.MustInject(paygate.Fault{Action: paygate.WrongOrder, Times: 1})
	s.v3(s.overseas("global", "out-trade-no/NONE", false)).want(200).wantJSON(map[string]any{"out_trade_no": "NON0", "id": nil})
}

func TestOverseasOrders(t *testing.T) {
	t.Parallel()
	s := start(t)
	mchid := s.Merchant.MchID
	body := `{"out_trade_no":"A1","mchid":"` + mchid + `","total":100,"region":"hk","exchange_rate":90000000}`
	s.admin("POST", "/orders", body).wantStatus(201).wantJSON(map[string]any{
		"region": "hk", "currency": "HKD", "exchange_rate": 90000000.0, "transaction_id": s.MustOrder("A1").TransactionID, "success_time": nil,
	})
	s.admin("POST", "/orders", body).wantStatus(200)
	s.admin("POST", "/orders", strings.Replace(body, "hk", "global", 1)).wantError(409, "exists with another region")
	s.admin("POST", "/orders", strings.Replace(body, "hk", "us", 1)).wantError(400, `region: "us" must be one of global, hk, or absent for the mainland`)
	s.admin("POST", "/orders", strings.Replace(body, "90000000", "-90000000", 1)).wantError(400, "exchange_rate: -90000000 must be")
	s.admin("POST", "/orders", strings.Replace(body, `"region"`, `"currency":"hkd","region"`, 1)).wantError(400, `currency: "hkd" must be three capital letters`)
	for state, want := range map[paygate.TradeState]bool{paygate.StateSuccess: true, paygate.StateNotPay: false} {
		no := "B" + string(state)
		s.order(no, inRegion("global"), inState(state))
		if got := s.MustOrder(no); got.TransactionID == "" || got.PaidAt.IsZero() == want {
			t.Errorf("order %s: id %q, paid at %s", no, got.TransactionID, got.PaidAt)
		}
	}
}
