package paygate_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// TestStates is the state table, through both wires and directly.
func TestStates(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		state    paygate.TradeState
		v2, code string // empty: closed
		status   int
		after    paygate.TradeState
	}{
		{paygate.StateNotPay, "", "", 204, paygate.StateClosed},
		{paygate.StatePayError, "", "", 204, paygate.StateClosed},
		{paygate.StateUserPaying, "USERPAYING", "USERPAYING", 202, paygate.StateUserPaying},
		{paygate.StateAccept, "USERPAYING", "USERPAYING", 202, paygate.StateAccept},
		{paygate.StateSuccess, "ORDERPAID", "ORDER_PAID", 400, paygate.StateSuccess},
		{paygate.StateRefund, "ORDERPAID", "ORDER_PAID", 400, paygate.StateRefund},
		{paygate.StateClosed, "ORDERCLOSED", "ORDER_CLOSED", 400, paygate.StateClosed},
		{paygate.StateRevoked, "ORDERCLOSED", "ORDER_CLOSED", 400, paygate.StateRevoked},
	} {
		t.Run(string(test.state), func(t *testing.T) {
			t.Parallel()
			s := start(t)
			s.order("V2", inState(test.state))
			s.order("V3", inState(test.state))

			s.v2(s.queryV2("V2")).want(pair{"result_code", "SUCCESS"}, pair{"trade_state", string(test.state)})
			s.v3(s.queryV3("V3")).want(200).wantJSON(map[string]any{"trade_state": string(test.state)})

			if got := s.v2(s.closeV2("V2")); test.v2 == "" {
				got.want(pair{"return_code", "SUCCESS"}, pair{"result_code", "SUCCESS"})
			} else {
				got.wantCode(test.v2)
			}
			if got := s.v3(s.closeV3("V3")); test.code == "" {
				got.want(204)
			} else {
				got.wantCode(test.status, test.code)
			}
			s.WantState("V2", test.after)
			s.WantState("V3", test.after)
		})
	}
}

func TestMicropayCannotBeClosed(t *testing.T) {
	t.Parallel()
	s := start(t)
	micropay := func(o *paygate.Order) { o.TradeType = "MICROPAY" }
	s.order("OPEN", micropay)
	s.order("PAID", micropay, inState(paygate.StateSuccess))
	got := s.v3(s.closeV3("OPEN")).wantCode(400, "INVALID_REQUEST")
	if id := got.header.Get("Request-Id"); !strings.HasSuffix(id, "-268449641") {
		t.Errorf("Request-ID is %q, want the documented number at its end", id)
	}
	s.v2(s.closeV2("OPEN")).wantCode("INVALID_REQUEST")
	s.v3(s.closeV3("PAID")).wantCode(400, "ORDER_PAID")
	s.WantState("OPEN", paygate.StateNotPay)
}

func TestReentrantClose(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{ReentrantClose: true})
	s.order("A1")
	s.order("R1", inState(paygate.StateRevoked))
	s.v3(s.closeV3("A1")).want(204)
	s.v3(s.closeV3("A1")).want(204)
	s.v2(s.closeV2("A1")).wantCode("ORDERCLOSED")
	s.v3(s.closeV3("R1")).wantCode(400, "ORDER_CLOSED")
}

func TestPayAndRefund(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	created := s.MustOrder("A1").CreatedAt
	s.MustAdvance(5 * time.Minute)
	s.MustPay("A1")
	paid := s.MustOrder("A1")
	if want := created.Add(5 * time.Minute); paid.State != paygate.StateSuccess || !paid.PaidAt.Equal(want) || len(paid.TransactionID) != 28 {
		t.Errorf("after the payment: %+v, want SUCCESS at %s with a transaction id of 28 digits", paid, want)
	}
	if err := s.Pay("A1"); err == nil || !strings.Contains(err.Error(), "SUCCESS") {
		t.Errorf("paying twice gave %v, want a refusal that names the state", err)
	}
	s.MustRefund("A1")
	s.MustRefund("A1") // a second part
	refunded := s.MustOrder("A1")
	if refunded.State != paygate.StateRefund || refunded.TransactionID != paid.TransactionID {
		t.Errorf("after the refund: %+v, want REFUND of transaction %s", refunded, paid.TransactionID)
	}
	s.order("A2")
	if err := s.Refund("A2"); err == nil || !strings.Contains(err.Error(), "only a paid order") {
		t.Errorf("refunding an unpaid order gave %v, want a refusal", err)
	}
	s.v3(s.closeV3("A2")).want(204)
	if err := s.Pay("A2"); err == nil || !strings.Contains(err.Error(), "CLOSED") {
		t.Errorf("paying a closed order gave %v, want a refusal", err)
	}
}

func TestTransactionIDsDiffer(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", inState(paygate.StateSuccess))
	s.order("A2", inState(paygate.StateRefund))
	one, two := s.MustOrder("A1"), s.MustOrder("A2")
	if one.TransactionID == "" || one.TransactionID == two.TransactionID {
		t.Errorf("transaction ids are %q and %q, want two", one.TransactionID, two.TransactionID)
	}
}

// TestCallersClocksRunOn: the business clock stands, so that an order may be younger than it.
func TestCallersClocksRunOn(t *testing.T) {
	t.Parallel()
	s := start(t)
	later := s.Time().Add(time.Hour)
	s.order("A1", func(o *paygate.Order) { o.CreatedAt = later })
	s.MustPay("A1")
	if got := s.MustOrder("A1").PaidAt; !got.Equal(later) {
		t.Errorf("paid at %s, want no earlier than the creation at %s", got, later)
	}
}

func TestUnpaidOrdersExpire(t *testing.T) {
	t.Parallel()
	const week = 7 * 24 * time.Hour
	s := start(t)
	created := s.Time()
	for no, state := range map[string]paygate.TradeState{
		"NOTPAY": paygate.StateNotPay, "PAYERROR": paygate.StatePayError, "PAYING": paygate.StateUserPaying, "PAID": paygate.StateSuccess,
	} {
		s.order(no, inState(state))
	}
	s.MustAdvance(week - time.Second)
	s.WantState("NOTPAY", paygate.StateNotPay)
	s.MustAdvance(time.Second)
	s.v3(s.queryV3("NOTPAY")).want(200).wantJSON(map[string]any{"trade_state": "CLOSED"})
	s.v3(s.closeV3("PAYERROR")).wantCode(400, "ORDER_CLOSED")
	s.WantState("PAYING", paygate.StateUserPaying)
	s.WantState("PAID", paygate.StateSuccess)
	if got := s.MustOrder("NOTPAY").ClosedAt; !got.Equal(created.Add(week)) {
		t.Errorf("closed at %s, want %s", got, created.Add(week))
	}
	if err := s.Pay("NOTPAY"); err == nil {
		t.Error("an expired order could be paid")
	}
	s.order("OLD", func(o *paygate.Order) { o.CreatedAt = s.Time().Add(-8 * 24 * time.Hour) })
	s.WantState("OLD", paygate.StateClosed)
	for _, order := range s.Orders() {
		if order.OutTradeNo == "PAYERROR" && order.State != paygate.StateClosed {
			t.Errorf("Orders shows %s as %s, want CLOSED", order.OutTradeNo, order.State)
		}
	}
}

func TestClosedAtComesFromTheBusinessClock(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.MustAdvance(time.Minute)
	s.v2(s.closeV2("A1")).want(pair{"result_code", "SUCCESS"})
	if got := s.MustOrder("A1").ClosedAt; !got.Equal(s.Time()) {
		t.Errorf("closed at %s, want %s", got, s.Time())
	}
}

func TestAddOrderTwice(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.order("A1") // the same
	s.MustPay("A1")
	s.order("A1") // still the same order, paid since
	s.WantState("A1", paygate.StateSuccess)
	if n := len(s.Orders()); n != 1 {
		t.Errorf("there are %d orders, want 1", n)
	}
	for name, edit := range map[string]func(*paygate.Order){
		"total":      func(o *paygate.Order) { o.Total = 101 },
		"openid":     func(o *paygate.Order) { o.OpenID = "another" },
		"attach":     func(o *paygate.Order) { o.Attach = "x" },
		"created_at": func(o *paygate.Order) { o.CreatedAt = s.Time().Add(-time.Hour) },
		"state":      func(o *paygate.Order) { o.State = paygate.StateClosed },
		"coupons":    func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{ID: "1", Amount: 1}} },
	} {
		o := paygate.Order{OutTradeNo: "A1", Total: 100, OpenID: userA}
		edit(&o)
		if err := s.AddOrder(o); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("adding A1 with another %s gave %v, want a refusal that names it", name, err)
		}
	}
}

func TestAddOrderChecks(t *testing.T) {
	t.Parallel()
	s := start(t)
	for want, edit := range map[string]func(*paygate.Order){
		"out_trade_no":          func(o *paygate.Order) { o.OutTradeNo = "a b" },
		"is no merchant":        func(o *paygate.Order) { o.MchID = "1" },
		"sub_mchid":             func(o *paygate.Order) { o.SubMchID = "x" },
		"total":                 func(o *paygate.Order) { o.Total = 0 },
		"state":                 func(o *paygate.Order) { o.State = "PAID" },
		"NOTPAY, USERPAYING":    func(o *paygate.Order) { o.State = "PAID" },
		"trade_type":            func(o *paygate.Order) { o.TradeType = "jsapi" },
		"attach":                func(o *paygate.Order) { o.Attach = strings.Repeat("长", 129) },
		"XML":                   func(o *paygate.Order) { o.Attach = "\x00" },
		"coupons[0].coupon_id":  func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{Amount: 1}} },
		"coupons[0].amount":     func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{ID: "1"}} },
		"coupons[0].type":       func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{ID: "1", Amount: 1, Type: "X"}} },
		"coupons[0].scope":      func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{ID: "1", Amount: 1, Scope: "X"}} },
		"together 101 fen":      func(o *paygate.Order) { o.Coupons = []paygate.Coupon{{ID: "1", Amount: 101}} },
		"1 to 32 of digits":     func(o *paygate.Order) { o.OutTradeNo = strings.Repeat("1", 33) },
		"must be 1 to 32 digit": func(o *paygate.Order) { o.SubMchID = strings.Repeat("1", 33) },
	} {
		o := paygate.Order{OutTradeNo: "A1", Total: 100}
		edit(&o)
		if err := s.AddOrder(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("adding %+v gave %v, want a refusal that says %q", o, err, want)
		}
	}
	if n := len(s.Orders()); n != 0 {
		t.Errorf("there are %d orders, want none", n)
	}
}

// TestOwners: the same number of two owners is two orders.
func TestOwners(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.order("A1", ofSub)
	own := paygate.Owner{MchID: s.Merchant.MchID}
	sub := paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID}
	if _, err := s.Order("A1"); err == nil || !strings.Contains(err.Error(), own.String()) || !strings.Contains(err.Error(), sub.String()) {
		t.Errorf("Order(A1) gave %v, want an error that names both owners", err)
	}
	s.MustPay("A1", sub)
	s.WantState("A1", paygate.StateNotPay, own)
	s.WantState("A1", paygate.StateSuccess, sub)

	s.v3(s.closeSubV3("A1")).wantCode(400, "ORDER_PAID")
	s.v3(s.closeV3("A1")).want(204)
	s.WantState("A1", paygate.StateClosed, own)
	if _, err := s.Order("A2"); err == nil || !strings.Contains(err.Error(), "no order A2") {
		t.Errorf("Order(A2) gave %v, want an error that says so", err)
	}
}

// TestNoAliasing: what goes in and comes out is a copy.
func TestNoAliasing(t *testing.T) {
	t.Parallel()
	s := start(t)
	coupons := []paygate.Coupon{{ID: "1", Amount: 1, Goods: []paygate.Good{{ID: "g"}}}}
	s.order("A1", func(o *paygate.Order) { o.Coupons = coupons })
	coupons[0].Amount = 50
	s.MustOrder("A1").Coupons[0].Goods[0].ID = "changed"
	if got := s.MustOrder("A1").Coupons[0]; got.Amount != 1 || got.Goods[0].ID != "g" {
		t.Errorf("the order's coupon became %+v", got)
	}
}

func TestNotFoundSaysWhereElse(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1", ofSub)
	s.v3(s.queryV3("A1")).wantCode(404, "ORDER_NOT_EXIST")
	s.wantLast("refused", "one exists of sp_mchid "+s.Merchant.MchID+" sub_mchid "+subMchID)
	s.v2(s.queryV2("A1")).wantCode("ORDERNOTEXIST")
	s.v2(s.closeV2("B1")).wantCode("ORDERNOTEXIST")
	s.wantLast("refused", "there is no order B1")
	s.v3(s.closeV3("B1")).wantCode(404, "ORDER_NOT_EXIST")
}
