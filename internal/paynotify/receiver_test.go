package paynotify_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/paynotify"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/v3json"
)

func total(fen int64) func(*schedule.Entry) { return func(e *schedule.Entry) { e.Total = &fen } }

// TestPayments: each kind of notification that proves a payment ends its order, is acknowledged in
// its dialect's words, and changes nothing when it is repeated.
func TestPayments(t *testing.T) {
	t.Parallel()
	hmac, withoutTotal, twice := paidV2("A1"), paidV2("A1"), paidV2("A1")
	hmac["sign_type"] = "HMAC-SHA256"
	delete(withoutTotal, "total_fee")
	twice["sub_mch_id"] = mchID // a direct order that names its merchant again
	untold := []string{"an absent total", "no amount", "APIv2, no total"}
	for name, test := range map[string]struct {
		notice paynotify.Notice
		event  string
		answer string
	}{
		"direct":             {paidNotice(direct("A1", total100)).sent(t), "paid", `{"code":"SUCCESS","message":"OK"}`},
		"another total":      {paidNotice(direct("A1", `"amount":{"total":90},`)).sent(t), "paidOtherAmount", `{"code":"SUCCESS"`},
		"an absent total":    {paidNotice(direct("A1", `"amount":{"currency":"CNY"},`)).sent(t), "paid", `{"code":"SUCCESS"`},
		"no amount":          {paidNotice(direct("A1")).sent(t), "paid", `{"code":"SUCCESS"`},
		"APIv2, no total":    {sentV2(withoutTotal, v2Key), "paid", "<xml><return_code><![CDATA[SUCCESS]]></return_code>"},
		"APIv2, named twice": {sentV2(twice, v2Key), "paid", "<xml><return_code><![CDATA[SUCCESS]]></return_code>"},
		"APIv2 by MD5":       {sentV2(paidV2("A1"), v2Key), "paid", "<xml><return_code><![CDATA[SUCCESS]]></return_code>"},
		"APIv2 by HMAC":      {sentV2(hmac, v2Key), "paid", "<xml><return_code><![CDATA[SUCCESS]]></return_code>"},
		"a refund":           {refundNotice("SUCCESS", `,"success_time":"2026-11-29T20:30:00+08:00"`).sent(t), "paid", `{"code":"SUCCESS"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.register.Add(t, "A1", total(100))
			for range 3 {
				if got := k.take(test.notice, http.StatusOK); !strings.HasPrefix(string(got.Body), test.answer) {
					t.Errorf("got %s, want %s", got.Body, test.answer)
				}
				k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
				k.wantKinds("A1", test.event)
			}
			k.wantLog(`"became":"repeated"`)
			got := k.register.At("A1")
			if (got.PaidTotal == nil) != slices.Contains(untold, name) {
				t.Errorf("got total %v, want it, and what was not said to be absent", got.PaidTotal)
			}
			if at := noon().Add(-time.Minute); !got.PaidAt.Equal(at) && (name != "a refund" || !got.PaidAt.IsZero()) {
				t.Errorf("got paid at %s, want %s, and no time of a refund", got.PaidAt, at)
			}
		})
	}
}

func TestPartnersPayment(t *testing.T) {
	t.Parallel()
	plain := `{"sp_mchid":"` + mchID + `","sp_appid":"wx1","sub_mchid":"` + subMchID + `","out_trade_no":"A1","transaction_id":"T1",` + total100 + `"trade_state":"SUCCESS"}`
	k := newKit(t, subMchID)
	k.take(paidNotice(plain).sent(t), http.StatusOK)
	ref := k.register.Ref("A1")
	ref.SubMchID = subMchID
	if got, err := k.register.Show(t.Context(), ref); err != nil || got.FinalState != schedule.FinalPaid || got.TransactionID != "T1" {
		t.Errorf("got %+v, %v, want the sub-merchant's order paid", got, err)
	}
	newKit(t, "1900000110").take(paidNotice(plain).sent(t), http.StatusServiceUnavailable) // another's sub-merchant
	newKit(t).take(paidNotice(plain).sent(t), http.StatusServiceUnavailable)               // a direct merchant has none
	k.take(paidNotice(direct("A1")).sent(t), http.StatusServiceUnavailable)                // a partner has no order of its own
}

// TestSubMerchants: a partner's payments are those of the sub-merchants that it lists, of its
// default one besides, and of any where it lists none.
func TestSubMerchants(t *testing.T) {
	t.Parallel()
	of := func(sub string) string {
		return `{"sp_mchid":"` + mchID + `","sp_appid":"` + appID + `","sub_appid":"wx2","sub_mchid":"` + sub +
			`","out_trade_no":"A1","transaction_id":"T1","trade_state":"SUCCESS"}`
	}
	for name, test := range map[string]struct {
		theDefault string
		listed     []string
		sub        string
		status     int
	}{
		"listed":                   {"", []string{"1900000110", subMchID}, subMchID, http.StatusOK},
		"the default":              {subMchID, []string{"1900000110"}, subMchID, http.StatusOK},
		"neither":                  {subMchID, []string{"1900000110"}, "1900000111", http.StatusServiceUnavailable},
		"none is listed":           {"", nil, subMchID, http.StatusOK},
		"another than the default": {subMchID, nil, "1900000111", http.StatusOK},
	} {
		k := newKit(t)
		k.Merchant.Partner, k.Merchant.SubMchID, k.Merchant.SubMchIDs = true, test.theDefault, test.listed
		k.AppIDs = []string{appID} // the partner's own appid counts
		k.take(paidNotice(of(test.sub)).sent(t), test.status)
		if got := len(k.register.Refs()) == 1; got != (test.status == http.StatusOK) {
			t.Errorf("%s: got it recorded: %t", name, got)
		}
	}
}

func combined(more string) string {
	return `{"combine_mchid":"` + mchID + `","combine_appid":"` + appID + `","combine_out_trade_no":"C1","sub_orders":[` +
		`{"mchid":"` + mchID + `","out_trade_no":"A1","transaction_id":"T1","trade_state":"SUCCESS","amount":{"total_amount":60}},` +
		`{"mchid":"` + mchID + `","out_trade_no":"A2","transaction_id":"T2","trade_state":"SUCCESS"},` +
		`{"mchid":"` + mchID + `","out_trade_no":"A3","trade_state":"CLOSED"}` + more + `]}`
}

// TestCombinedPayment: the parts that were paid end in one transaction, and the others are left
// alone.
func TestCombinedPayment(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for _, number := range []string{"A1", "A2", "A3"} {
		k.register.Add(t, number)
	}
	k.take(paidNotice(combined("")).sent(t), http.StatusOK)
	k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
	k.register.WantAt(t, "A2", schedule.Done, schedule.FinalPaid)
	k.register.WantAt(t, "A3", schedule.Waiting, "")
	if got := k.register.Calls()["observePayments"]; got != 1 {
		t.Errorf("the register was asked %d times, want one transaction", got)
	}
}

// TestPartsThatAreNotRecorded: another merchant's part of a combined order, and one whose number no
// order can have, are not recorded, and are not lost either. The others are recorded.
func TestPartsThatAreNotRecorded(t *testing.T) {
	t.Parallel()
	for _, part := range []string{
		`{"mchid":"1900000002","out_trade_no":"B1","transaction_id":"T4","trade_state":"SUCCESS"}`,
		`{"mchid":"` + mchID + `","out_trade_no":"B 1","transaction_id":"T4","trade_state":"SUCCESS"}`,
	} {
		k := newKit(t)
		k.register.Add(t, "A1")
		k.take(paidNotice(combined(","+part)).sent(t), http.StatusServiceUnavailable)
		k.wantLog(`"level":"ERROR"`)
		k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
		k.wantKinds("A2", "paidUnregistered")
		if got := len(k.register.Refs()); got != 2 {
			t.Errorf("the register has %d orders, want those of A1 and A2", got)
		}
	}
}

// TestContradiction: an order that the register knows closed stays so, and an event tells of it.
func TestContradiction(t *testing.T) {
	t.Parallel()
	for name, notice := range map[string]v3Notice{"a payment": paidNotice(direct("A1", total100)), "a refund": refundNotice("SUCCESS")} {
		k := newKit(t)
		k.register.Add(t, "A1")
		k.closed("A1")
		k.take(notice.sent(t), http.StatusOK)
		k.register.WantAt(t, "A1", schedule.Done, schedule.FinalClosed)
		k.wantKinds("A1", "closed", "contradicted")
		if k.wantLog(`"level":"ERROR"`); !strings.Contains(k.logs.String(), `"became":"contradicted"`) {
			t.Errorf("%s: the log is %s", name, k.logs)
		}
	}
}

// TestSecondPayment: a paid order that is paid by another transaction too is an ERROR that names
// both and an event, once; WeChat Pay is answered that it was taken.
func TestSecondPayment(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.register.Add(t, "A1", total(100))
	first := paidNotice(direct("A1", total100))
	second := paidNotice(strings.Replace(direct("A1", total100), "TA1", "TB1", 1))
	k.take(first.sent(t), http.StatusOK)
	k.take(first.sent(t), http.StatusOK)
	if strings.Contains(k.logs.String(), "ERROR") {
		t.Fatalf("a repetition is an alarm: %s", k.logs)
	}
	for range 2 {
		k.take(second.sent(t), http.StatusOK)
		k.wantKinds("A1", "paid", "contradicted")
	}
	k.wantLog(`"level":"ERROR"`)
	k.wantLog("was paid by transaction TA1 and is paid by transaction TB1 too")
	if at := k.register.At("A1"); at.TransactionID != "TA1" || at.FinalState != schedule.FinalPaid {
		t.Errorf("got %+v, want the first payment to stand", at)
	}
}

func TestUnregisteredPayment(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	for range 2 {
		k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK)
		k.wantKinds("A1", "paidUnregistered")
	}
	k.wantLog(`"became":"unregistered"`)
	k.register.Add(t, "A1", total(100))
	k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
	k.wantKinds("A1", "paidUnregistered", "paid")
}

func TestRefunds(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.register.Add(t, "A1")
	for _, status := range []string{"CLOSED", "ABNORMAL"} {
		k.take(refundNotice(status).sent(t), http.StatusOK)
		k.register.WantAt(t, "A1", schedule.Waiting, "")
	}
	failed := refundNotice("ABNORMAL")
	failed.event = "REFUND.SUCCESS"
	k.take(failed.sent(t), http.StatusOK)
	k.register.WantAt(t, "A1", schedule.Waiting, "")
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK)
	if got := k.register.At("A1").TradeState; got != "SUCCESS" {
		t.Errorf("got %s", got)
	}
	k.take(refundNotice("SUCCESS").sent(t), http.StatusOK)
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK) // late, and takes nothing back
	if got := k.register.At("A1").TradeState; got != "REFUND" {
		t.Errorf("got %s, want REFUND", got)
	}
	k.wantKinds("A1", "paid")
}

// TestAppIDs: the appid is compared where some are listed, and a refund has none.
func TestAppIDs(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.AppIDs = []string{"wx1", appID}
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK)
	k.take(sentV2(paidV2("A2"), v2Key), http.StatusOK)
	k.take(refundNotice("SUCCESS").sent(t), http.StatusOK)
	k.AppIDs = []string{"wx1"}
	k.take(paidNotice(direct("A3", total100)).sent(t), http.StatusServiceUnavailable)
	k.take(sentV2(paidV2("A3"), v2Key), http.StatusServiceUnavailable)
	k.wantLog("WXPAY_APPIDS")
	if got := len(k.register.Refs()); got != 2 {
		t.Errorf("the register has %d orders, want 2", got)
	}
}

// TestNotHandled: what is verified and not ours to record is not acknowledged, and not recorded.
func TestNotHandled(t *testing.T) {
	t.Parallel()
	failed := paidV2("A1")
	failed["result_code"] = "FAIL"
	for name, notice := range map[string]paynotify.Notice{
		"another event":    v3Notice{"TRANSACTION.FAIL", "transaction", direct("A1"), v3Key, "EmuNonce0001", wechatPay(), noon()}.sent(t),
		"another resource": v3Notice{"TRANSACTION.SUCCESS", "coupon", direct("A1"), v3Key, "EmuNonce0001", wechatPay(), noon()}.sent(t),
		"another state":    paidNotice(strings.Replace(direct("A1"), "SUCCESS", "NOTPAY", 1)).sent(t),
		"no number":        paidNotice(direct(strings.Repeat("A", 33))).sent(t),
		"APIv2's failure":  sentV2(failed, v2Key),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.register.Add(t, "A1")
			k.take(notice, http.StatusServiceUnavailable)
			k.wantLog(`"level":"ERROR"`)
			k.register.WantAt(t, "A1", schedule.Waiting, "")
			if got := len(k.register.Refs()); got != 1 {
				t.Errorf("the register has %d orders, want 1", got)
			}
		})
	}
}

// TestRegisterThatFails: a payment that is not recorded is not acknowledged, and is recorded when
// it comes again.
func TestRegisterThatFails(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.register.Add(t, "A1")
	for _, notice := range []paynotify.Notice{paidNotice(direct("A1", total100)).sent(t), sentV2(paidV2("A1"), v2Key)} {
		k.register.Break("observePayments")
		k.take(notice, http.StatusServiceUnavailable)
		k.register.WantAt(t, "A1", schedule.Waiting, "")
	}
	k.wantLog(`"level":"ERROR"`)
	k.register.Mend()
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK)
	k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
}

// TestDelivery: events are delivered in the call that recorded them, with WeChat Pay's patience in
// mind, and no more when a notification is repeated.
func TestDelivery(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	calls := 0
	k.Deliver = func(ctx context.Context) {
		calls++
		k.register.WantAt(t, "A1", schedule.Done, schedule.FinalPaid)
		if end, bounded := ctx.Deadline(); !bounded || time.Until(end) > 4*time.Second {
			t.Errorf("delivery may last until %s, want 4 s at most", end)
		}
	}
	notice := paidNotice(direct("A1", total100)).sent(t)
	short, cancel := context.WithTimeout(t.Context(), 1900*time.Millisecond)
	defer cancel()
	k.Take(short, paidNotice(direct("A0", total100)).sent(t))
	if calls != 0 {
		t.Errorf("events are delivered although less than 2 s are left")
	}
	for range 2 {
		k.take(notice, http.StatusOK)
	}
	if calls != 1 {
		t.Errorf("events are delivered %d times, want once", calls)
	}
}

// TestDeliveryOfContradictions: that an order which was closed is paid is told at once, too.
func TestDeliveryOfContradictions(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.register.Add(t, "A1")
	k.closed("A1")
	calls := 0
	k.Deliver = func(context.Context) {
		calls++
		k.wantKinds("A1", "closed", "contradicted")
	}
	if k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK); calls != 1 {
		t.Errorf("events are delivered %d times, want once", calls)
	}
}

// TestWordsOfRefusals: each dialect is refused in its own words, which say nothing of what the
// sender named; what is signed in the header is APIv3's, whatever its body is.
func TestWordsOfRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.register.Add(t, "A1")
	const json, xml = `{"code":"FAIL","message":"not verified"}`, "<return_msg><![CDATA[not verified]]></return_msg>"
	signedXML := sentV2(paidV2("A1"), "x")
	signedXML.Header.Set("wechatpay-serial", keyID)
	for name, test := range map[string]struct {
		notice paynotify.Notice
		status int
		want   string
	}{
		"APIv3":                 {v3Notice{"TRANSACTION.SUCCESS", "transaction", direct("A1"), v3Key, "EmuNonce0001", stranger(), noon()}.sent(t), 401, json},
		"APIv3, another order":  {v3Notice{"TRANSACTION.SUCCESS", "transaction", direct("B1"), v3Key, "EmuNonce0001", stranger(), noon()}.sent(t), 401, json},
		"APIv2":                 {sentV2(paidV2("A1"), "x"), 401, xml},
		"APIv2, another order":  {sentV2(paidV2("B1"), "x"), 401, xml},
		"XML below a signature": {signedXML, 401, json},
		"APIv2 with a mark":     {paynotify.Notice{Body: append([]byte("\ufeff"), sentV2(paidV2("A1"), "x").Body...)}, 401, xml},
		"half of APIv2":         {paynotify.Notice{Body: sentV2(paidV2("A1"), v2Key).Body[:100]}, 400, "<return_code><![CDATA[FAIL]]></return_code>"},
		"neither":               {paynotify.Notice{Body: []byte("x")}, 401, json},
		"nothing":               {paynotify.Notice{}, 401, json},
	} {
		if got := k.take(test.notice, test.status); !strings.Contains(string(got.Body), test.want) {
			t.Errorf("%s: got %s, want %s", name, got.Body, test.want)
		}
	}
	if calls := k.register.Calls(); calls["observePayments"] != 0 || strings.Contains(k.logs.String(), "A1") {
		t.Errorf("the register was asked %v, and the log is %s", calls, k.logs)
	}
}

// TestProbe: WeChat Pay signs a test wrongly, and it has to be refused.
func TestProbe(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	probe := paidNotice(direct("A1", total100)).sent(t)
	probe.Header.Set("Wechatpay-Signature", "WECHATPAY/SIGNTEST/"+probe.Header.Get("Wechatpay-Signature")[19:])
	if got := k.take(probe, http.StatusUnauthorized); string(got.Body) != `{"code":"FAIL","message":"not verified"}` {
		t.Errorf("got %s", got.Body)
	}
	k.wantLog(`"level":"INFO"`)
	if len(k.register.Refs()) != 0 {
		t.Error("a probe was believed")
	}
}

// TestDialectsThatAreNotConfigured: what cannot be verified is refused so that it comes again.
func TestDialectsThatAreNotConfigured(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.V2 = nil
	k.take(sentV2(paidV2("A1"), v2Key), http.StatusServiceUnavailable)
	k.wantLog(`"level":"WARN"`)
	k.V3.V3Key = v3json.V3Key{}
	k.take(paidNotice(direct("A1")).sent(t), http.StatusServiceUnavailable)
	k.wantLog(`"level":"ERROR"`) // the client's own fields are at fault
	k.V3 = nil
	k.take(paidNotice(direct("A1")).sent(t), http.StatusServiceUnavailable)
	if len(k.register.Refs()) != 0 {
		t.Error("what was not verified was believed")
	}
}
