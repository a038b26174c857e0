package app_test

import (
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/pkg/paygate"
)

func TestCloseUnpaid(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A|1*@")
		got := e.close("A|1*@")
		e.wantOutcome(got, order.OutcomeClosed, "")
		e.WantState("A|1*@", paygate.StateClosed, e.owner())
		if got.ReturnCode != "SUCCESS" || got.ResultCode != "SUCCESS" || got.Proof != order.ProofSignature || got.Sign == "" || got.Attempts != 1 {
			t.Errorf("got %+v", got)
		}
		again := e.close("A|1*@")
		e.wantOutcome(again, order.OutcomeAlreadyClosed, "ORDERCLOSED")
		e.wantAsked(2)
	})
}

func TestClosePaid(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.MustPay("A1", e.owner())
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomePaid, "ORDERPAID")
		if got.TradeState != tradestate.Success || got.TotalFee == nil || *got.TotalFee != 100 || got.TransactionID == "" || got.TimeEnd == "" {
			t.Errorf("a paid order without its facts: %+v", got)
		}
		e.MustRefund("A1", e.owner())
		got = e.close("A1")
		e.wantOutcome(got, order.OutcomePaid, "ORDERPAID")
		if got.TradeState != tradestate.Refund {
			t.Errorf("tradeState = %s", got.TradeState)
		}
	})
}

func TestQueryByEitherID(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		got := e.query("A1")
		e.wantOutcome(got, order.OutcomeFound, "")
		if got.TradeState != tradestate.NotPay || got.TransactionID != "" {
			t.Errorf("got %+v", got)
		}
		e.MustPay("A1", e.owner())
		paid := e.query("A1")
		byID := e.call(app.QueryOrder, map[string]string{"transactionId": paid.TransactionID}, patient)
		e.wantOutcome(byID, order.OutcomeFound, "")
		if byID.TradeState != tradestate.Success || byID.OutTradeNo != "A1" || byID.TransactionID != paid.TransactionID || *byID.TotalFee != 100 {
			t.Errorf("got %+v", byID)
		}
	})
}

func TestOrderNobodyMade(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.wantOutcome(e.close("B2"), order.OutcomeNotFound, "ORDERNOTEXIST")
		e.wantOutcome(e.query("B2"), order.OutcomeNotFound, "ORDERNOTEXIST")
		e.WantState("A1", paygate.StateNotPay, e.owner())
	})
}

// The close is carried out and its reply is lost: a query shows that it was.
func TestCommitThenDrop(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.inject(paygate.Drop, "close", 1)
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomeClosed, "")
		if got.TradeState != tradestate.Closed || got.Attempts != 2 {
			t.Errorf("not found out by a query: %+v", got)
		}
	})
}

// As above, but the customer pays just before the close.
func TestPaymentSlipsInBetween(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.inject(paygate.Pay, "close", 1)
		e.inject(paygate.Drop, "close", 1)
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomePaid, "ORDERPAID")
		if got.TradeState != tradestate.Success || got.Attempts != 2 {
			t.Errorf("not found out by a query: %+v", got)
		}
	})
}

// A spoilt reply is not believed, however it was spoilt, and a query with a good reply resolves the
// doubt.
func TestSpoiltReplyIsResolvedByQuery(t *testing.T) {
	t.Parallel()
	for _, spoil := range []struct {
		action paygate.Action
		v3Only bool
	}{
		{paygate.BadSignature, false},
		{paygate.Unsigned, false},
		{paygate.Truncate, false},
		{paygate.Oversize, false},
		{paygate.WrongMerchant, false},
		{paygate.Drop, false},
		{paygate.UnknownSerial, true},
		{paygate.Probe, true},
		{paygate.Stale, true},
	} {
		t.Run(string(spoil.action), func(t *testing.T) {
			t.Parallel()
			eachMode(t, func(t *testing.T, e *env) {
				t.Helper()
				if spoil.v3Only && e.vars["WXPAY_API"] == "v2" {
					t.Skip("APIv2 has no such thing")
				}
				e.order("A1")
				e.inject(spoil.action, "close", 1)
				got := e.close("A1")
				if got.Outcome != order.OutcomeClosed && got.Outcome != order.OutcomeAlreadyClosed {
					t.Errorf("got %+v\n%+v", got, e.Requests())
				}
				if got.Attempts < 2 {
					t.Errorf("believed at once: %+v", got)
				}
				e.WantState("A1", paygate.StateClosed, e.owner())
			})
		})
	}
}

// Without one believable reply the outcome is unknown, and the result says why.
func TestNeverBelievable(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		action  paygate.Action
		v2, v3  string
		closing bool // the close is carried out nevertheless
	}{
		{paygate.BadSignature, "BAD_SIGNATURE", "BAD_SIGNATURE", true},
		{paygate.Unsigned, "UNSIGNED_REPLY", "UNSIGNED_REPLY", true},
		{paygate.WrongOrder, "", "", false},
		{paygate.Probe, "", "SIGNATURE_PROBE", true},
		{paygate.Stale, "", "STALE_REPLY", true},
		{paygate.UnknownSerial, "", "UNKNOWN_SERIAL", true},
		{paygate.HTML502, "SERVICE_UNAVAILABLE", "SERVICE_UNAVAILABLE", false},
		{paygate.SystemError, "SYSTEMERROR", "SYSTEMERROR", false},
		{paygate.Reset, "NETWORK_ERROR", "NETWORK_ERROR", false},
		{paygate.Hang, "TIMEOUT", "TIMEOUT", false},
	} {
		t.Run(string(tc.action), func(t *testing.T) {
			t.Parallel()
			eachAPI(t, func(t *testing.T, e *env) {
				t.Helper()
				want := tc.v3
				if e.vars["WXPAY_API"] == "v2" {
					want = tc.v2
				}
				if want == "" {
					t.Skip("this API has no such thing, or cannot show it")
				}
				e.order("A1")
				e.inject(tc.action, "", 0)
				got := e.call(app.CloseOrder, map[string]string{"out_trade_no": "A1"}, time.Second)
				if got.Outcome != order.OutcomeUnknown || got.ReturnCode != "FAIL" || !got.Retryable || got.Proof != order.ProofNone {
					t.Errorf("got %+v", got)
				}
				if got.ErrCode != want && got.ErrCode != "TIMEOUT" { // the time left for the last attempt may be too short
					t.Errorf("errCode = %s, want %s", got.ErrCode, want)
				}
				e.ClearFaults()
				settled := e.close("A1")
				if !tc.closing {
					e.wantOutcome(settled, order.OutcomeClosed, "")
				}
				e.WantState("A1", paygate.StateClosed, e.owner())
			})
		})
	}
}

// At a platform limit of three seconds, a gateway that hangs once costs an attempt and not the
// answer, and the answer is true.
func TestHangIsCutShort(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.inject(paygate.Hang, "close", 1)
		got := e.call(app.CloseOrder, map[string]string{"out_trade_no": "A1"}, 3*time.Second)
		switch got.Outcome {
		case order.OutcomeClosed:
			e.WantState("A1", paygate.StateClosed, e.owner())
		case order.OutcomeUnknown:
		default:
			t.Errorf("got %+v", got)
		}
	})
}

func TestAskedTooOften(t *testing.T) {
	t.Parallel()
	eachAPI(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.MustInject(paygate.Fault{Action: paygate.RateLimit, Delay: 10 * time.Minute})
		got := e.call(app.CloseOrder, map[string]string{"out_trade_no": "A1"}, 5*time.Second)
		e.wantOutcome(got, order.OutcomeTooSoon, "FREQUENCY_LIMITED")
		if got.RetryAfter == 0 || !got.Retryable || got.Proof != order.ProofSignature {
			t.Errorf("got %+v", got)
		}
	})
}

func TestCustomerIsPaying(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.inject(paygate.UserPaying, "close", 1)
		e.wantOutcome(e.close("A1"), order.OutcomeClosed, "")
	})
}

func TestWrongKeyIsNamedAndNothingIsClaimed(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.vars["WXPAY_V2_KEY"] = e.Merchant.V3Key // the classic mix-up
		if e.vars["WXPAY_API"] == "v3" {
			e.vars["WXPAY_SERIAL_NO"] = "0123456789ABCDEF"
		}
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomeUnknown, "SIGNERROR")
		e.wantAsked(2) // a close and a query: more attempts would fail alike
		e.WantState("A1", paygate.StateNotPay, e.owner())
	})
}

func TestConfirmedClose(t *testing.T) {
	t.Parallel()
	eachMode(t, func(t *testing.T, e *env) {
		t.Helper()
		e.order("A1")
		e.vars["WXPAY_CONFIRM_CLOSE"] = "1"
		got := e.close("A1")
		e.wantOutcome(got, order.OutcomeClosed, "")
		if got.TradeState != tradestate.Closed || got.Attempts != 2 {
			t.Errorf("not confirmed by a query: %+v", got)
		}
		e.wantOutcome(e.close("A1"), order.OutcomeAlreadyClosed, "ORDERCLOSED")
	})
}

func TestSubMerchantsAreToldApart(t *testing.T) {
	t.Parallel()
	for _, m := range modes() {
		if !m.partner {
			continue
		}
		t.Run(m.String(), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, m)
			e.order("A1")
			e.MustAddOrder(paygate.Order{MchID: e.Merchant.MchID, SubMchID: "1900000110", OutTradeNo: "A1", Total: 7})
			e.MustAddOrder(paygate.Order{MchID: e.Merchant.MchID, OutTradeNo: "A1", Total: 8})
			got := e.call(app.CloseOrder, map[string]string{"out_trade_no": "A1", "sub_mch_id": "1900000110"}, patient)
			e.wantOutcome(got, order.OutcomeClosed, "")
			e.WantState("A1", paygate.StateClosed, paygate.Owner{MchID: e.Merchant.MchID, SubMchID: "1900000110"})
			e.WantState("A1", paygate.StateNotPay, e.owner())
			e.WantState("A1", paygate.StateNotPay, paygate.Owner{MchID: e.Merchant.MchID})
		})
	}
}
