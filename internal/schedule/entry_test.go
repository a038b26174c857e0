package schedule_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

func entry() schedule.Entry {
	return schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}}
}

func TestEntryValidate(t *testing.T) {
	t.Parallel()
	negative, nothing := int64(-1), int64(0)
	for name, test := range map[string]struct {
		change func(*schedule.Entry)
		want   string // the field; empty when it is well formed
	}{
		"as it is":                 {func(*schedule.Entry) {}, ""},
		"every fact":               {func(e *schedule.Entry) { e.Owner, e.API, e.Total, e.CloseIn = "wx:a:b", order.V2, &nothing, time.Hour }, ""},
		"no region":                {func(e *schedule.Entry) { e.Region = "" }, "region"},
		"another region":           {func(e *schedule.Entry) { e.Region = "CN" }, "region"},
		"no merchant":              {func(e *schedule.Entry) { e.MchID = "" }, "mchid"},
		"letters on the mainland":  {func(e *schedule.Entry) { e.MchID = "abc" }, "mchid"},
		"letters overseas":         {func(e *schedule.Entry) { e.MchID, e.Region = "abc", order.Global }, ""},
		"a sub-merchant's letters": {func(e *schedule.Entry) { e.SubMchID = "abc" }, "sub_mch_id"},
		"no order number":          {func(e *schedule.Entry) { e.OutTradeNo = "" }, "out_trade_no"},
		"an order number too long": {func(e *schedule.Entry) { e.OutTradeNo = strings.Repeat("A", 33) }, "out_trade_no"},
		"a space":                  {func(e *schedule.Entry) { e.OutTradeNo = "A1 " }, "out_trade_no"},
		"an owner with a space":    {func(e *schedule.Entry) { e.Owner = "wx:a: b" }, "owner"},
		"an owner too long":        {func(e *schedule.Entry) { e.Owner = order.Owner(strings.Repeat("a", 256)) }, "owner"},
		"the longest owner": {func(e *schedule.Entry) {
			e.Owner = order.WeChatOwner(strings.Repeat("a", 32), strings.Repeat("b", 128))
		}, ""},
		"a sub_appid":              {func(e *schedule.Entry) { e.SubAppID = "wx-1" }, "sub_appid"},
		"another api":              {func(e *schedule.Entry) { e.API = "v4" }, "api"},
		"a negative total":         {func(e *schedule.Entry) { e.Total = &negative }, "total"},
		"milliseconds for seconds": {func(e *schedule.Entry) { e.CloseAt = time.Unix(1_800_000_000_000, 0) }, "close_at"},
		"a year in the past":       {func(e *schedule.Entry) { e.CreatedAt = time.Unix(1, 0) }, "created_at"},
		"both times":               {func(e *schedule.Entry) { e.CloseAt, e.CloseIn = time.Unix(1_800_000_000, 0), 1 }, "close_at"},
		"before now":               {func(e *schedule.Entry) { e.CloseIn = -1 }, "close_at"},
		"in eleven years":          {func(e *schedule.Entry) { e.CloseIn = 11 * 365 * 24 * time.Hour }, "close_at"},
	} {
		e := entry()
		test.change(&e)
		got := ""
		if fault := e.Validate(); fault != nil {
			got = fault.Field
		}
		if got != test.want {
			t.Errorf("%s: got a fault in %q, want %q", name, got, test.want)
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	partnered := order.Ref{Region: order.Global, MchID: "1", SubMchID: "2", OutTradeNo: "A1"}
	for got, want := range map[string]string{
		partnered.String():                            "global/1/2/A1",
		entry().String():                              "cn/1900000001/A1",
		partnered.Account().String():                  "global/1",
		order.Merchant{MchID: "1"}.Account().String(): "cn/1",
		string(order.WeChatOwner("wxa", "o1")):        "wx:wxa:o1",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Every error is one line that names the order.
func TestErrors(t *testing.T) {
	t.Parallel()
	ref := entry().Ref
	standing := schedule.Record{Entry: entry(), FinalState: schedule.FinalPaid}
	for _, err := range []error{
		&schedule.NotRegisteredError{Ref: ref}, &schedule.ConflictError{Ref: ref, Field: "total"}, &schedule.LostClaimError{Ref: ref},
		&schedule.ConflictError{Ref: ref, Field: "total", FinalState: schedule.FinalNotFound}, &schedule.WithdrawnError{Ref: ref},
		&schedule.BusyError{Record: standing}, &schedule.EndedError{Record: standing},
		&schedule.ContradictionError{Ref: ref, Had: schedule.FinalClosed, Said: schedule.FinalPaid},
	} {
		if text := err.Error(); !strings.Contains(text, "cn/1900000001/A1") || strings.Contains(text, "\n") {
			t.Errorf("got %q, want one line with the order's name", text)
		}
	}
}

// What the register calls its states in English is not in a Chinese sentence.
func TestStatesInErrors(t *testing.T) {
	t.Parallel()
	in := func(p schedule.Progress, f schedule.FinalState) schedule.Record {
		return schedule.Record{Entry: entry(), Progress: p, FinalState: f}
	}
	for _, tc := range []struct {
		err    interface{ Wording() bilingual.Text }
		en, zh string
	}{
		{&schedule.TooLateError{Record: in(schedule.Closing, "")}, "its closing has begun: `cloudpay orders show cn/1900000001/A1`", "已开始关单"},
		{&schedule.TooLateError{Record: in(schedule.Done, schedule.FinalClosed)}, "withdrawn: it has ended (closed): `cloudpay orders show", "已结束（已关单）"},
		{&schedule.TooLateError{Record: in(schedule.GaveUp, "")}, "it is stuck: `cloudpay orders reopen cn/1900000001/A1`", "已放弃"},
		{&schedule.TooLateError{Record: in(schedule.Withdrawn, "")}, "its registration is withdrawn: register it anew", "登记已撤回"},
		{&schedule.EndedError{Record: in(schedule.Done, schedule.FinalPaid)}, "has ended: paid", "已结束：已支付"},
		{
			&schedule.ContradictionError{Ref: entry().Ref, Had: schedule.FinalNotFound, Said: schedule.FinalPaid},
			"ended as notFound and is now signed as paid", "签名确认为 不存在，如今又签名为 已支付",
		},
	} {
		text := tc.err.Wording()
		if !strings.Contains(text.EN, tc.en) || !strings.Contains(text.ZH, tc.zh) {
			t.Errorf("got %+v, want %q and %q", text, tc.en, tc.zh)
		}
	}
}

func TestFinalFromResult(t *testing.T) {
	t.Parallel()
	total := int64(5)
	for name, test := range map[string]struct {
		result order.Result
		want   schedule.FinalState // empty: none is proved
	}{
		"closed":                   {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofSignature}, schedule.FinalClosed},
		"over the private link":    {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofPrivateLink}, schedule.FinalClosed},
		"without proof":            {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofNone}, ""},
		"nothing":                  {order.Result{}, ""},
		"closed before":            {order.Result{Outcome: order.OutcomeAlreadyClosed, Proof: order.ProofSignature}, schedule.FinalClosed},
		"paid":                     {order.Result{Outcome: order.OutcomePaid, Proof: order.ProofSignature}, schedule.FinalPaid},
		"not found":                {order.Result{Outcome: order.OutcomeNotFound, Proof: order.ProofSignature}, schedule.FinalNotFound},
		"found paid":               {order.Result{Outcome: order.OutcomeFound, TradeState: tradestate.Refund, Proof: order.ProofSignature}, schedule.FinalPaid},
		"found closed":             {order.Result{Outcome: order.OutcomeFound, TradeState: tradestate.Revoked, Proof: order.ProofSignature}, schedule.FinalClosed},
		"found unpaid":             {order.Result{Outcome: order.OutcomeFound, TradeState: tradestate.NotPay, Proof: order.ProofSignature}, ""},
		"found in a state unknown": {order.Result{Outcome: order.OutcomeFound, TradeState: "NEW", Proof: order.ProofSignature}, ""},
		"refused":                  {order.Result{Outcome: order.OutcomeRefused, Proof: order.ProofSignature}, ""},
		"unknown":                  {order.Result{Outcome: order.OutcomeUnknown, Proof: order.ProofSignature}, ""},
	} {
		test.result.TransactionID, test.result.TotalFee, test.result.TimeEnd = "42", &total, "20261105090203"
		got, ended := schedule.FinalFromResult(test.result)
		if got.State != test.want || ended != (test.want != "") {
			t.Errorf("%s: got %q (%v), want %q", name, got.State, ended, test.want)
		}
		at := time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC)
		if got.State == schedule.FinalPaid && (got.TransactionID != "42" || *got.Total != 5 || !got.PaidAt.Equal(at)) {
			t.Errorf("%s: got %+v, want its facts", name, got)
		}
		if got.State != schedule.FinalPaid && (got.TransactionID != "" || got.Total != nil || !got.PaidAt.IsZero()) {
			t.Errorf("%s: got %+v, want no payment's facts", name, got)
		}
	}
}

func TestEntryDiffers(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 5, 1, 2, 3, 123456789, time.UTC)
	one, other := int64(1), int64(2)
	first := entry()
	first.Total, first.CreatedAt, first.CloseAt = &one, at, at
	for name, test := range map[string]struct {
		change func(*schedule.Entry)
		want   string
	}{
		"nothing":               {func(*schedule.Entry) {}, ""},
		"another pointer":       {func(e *schedule.Entry) { e.Total = new(one) }, ""},
		"nanoseconds":           {func(e *schedule.Entry) { e.CreatedAt = at.Add(-700) }, ""},
		"another zone":          {func(e *schedule.Entry) { e.CloseAt = at.In(time.FixedZone("", 3600)) }, ""},
		"a microsecond":         {func(e *schedule.Entry) { e.CreatedAt = at.Add(time.Microsecond) }, "created_at"},
		"another time to close": {func(e *schedule.Entry) { e.CloseAt = at.Add(time.Second) }, "close_at"},
		"another way to say it": {func(e *schedule.Entry) { e.CloseIn = time.Second }, "close_at"},
		"another total":         {func(e *schedule.Entry) { e.Total = &other }, "total"},
		"no total":              {func(e *schedule.Entry) { e.Total = nil }, "total"},
		"another owner":         {func(e *schedule.Entry) { e.Owner = "wx:a:b" }, "owner"},
		"another sub_appid":     {func(e *schedule.Entry) { e.SubAppID = "wx" }, "sub_appid"},
		"another api":           {func(e *schedule.Entry) { e.API = order.V2 }, "api"},
	} {
		second := first
		test.change(&second)
		if got := first.Differs(second); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
		if got := second.Differs(first); got != test.want {
			t.Errorf("%s, the other way round: got %q, want %q", name, got, test.want)
		}
	}
}

// TestFinalOfUnknownAmount: a payment whose amount the gateway did not send is final.
func TestFinalOfUnknownAmount(t *testing.T) {
	t.Parallel()
	result := order.NewResult(order.Call{}, order.OutcomeFound, order.Answer{
		Facts: &order.Facts{TradeState: tradestate.Success, TransactionID: "4200001"}, Proof: order.ProofSignature,
	}, 1)
	if f, ended := schedule.FinalFromResult(result); !ended || f.State != schedule.FinalPaid || f.Total != nil {
		t.Errorf("got %+v, want a payment of an unknown amount", f)
	}
}

// TestEntryCall: a registered order is closed as it was registered, or not at all.
func TestEntryCall(t *testing.T) {
	t.Parallel()
	created := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	direct := order.Merchant{AppID: "wx1", MchID: "19000001", API: order.V3, APIs: []order.API{order.V2, order.V3}}
	partner := direct
	partner.Partner, partner.SubMchID, partner.SubAppID = true, "19000009", "wxs"
	registered := order.Ref{Region: order.Mainland, MchID: "19000001", OutTradeNo: "A1"}
	below := registered
	below.SubMchID = "19000009"
	for name, tc := range map[string]struct {
		merchant order.Merchant
		change   func(*order.Merchant)
		entry    schedule.Entry
		want     order.Call
		fault    string // its beginning
	}{
		"the least": {
			merchant: direct, entry: schedule.Entry{Ref: registered},
			want: order.Call{Ref: registered, API: order.V3, AppID: "wx1"},
		},
		"all there is": {
			merchant: partner, entry: schedule.Entry{Ref: below, SubAppID: "wx8", API: order.V2, CreatedAt: created, Owner: "tcb:u1"},
			want: order.Call{Ref: below, API: order.V2, AppID: "wx1", Partner: true, SubAppID: "wx8", CreatedAt: created},
		},
		"the default appid": {
			merchant: partner, entry: schedule.Entry{Ref: below},
			want: order.Call{Ref: below, API: order.V3, AppID: "wx1", Partner: true, SubAppID: "wxs"},
		},
		"a sub-merchant not allowed any more": {
			merchant: partner, change: func(m *order.Merchant) { m.SubMchID, m.SubMchIDs = "", []string{"19000008"} },
			entry: schedule.Entry{Ref: below}, fault: "sub_mch_id: is not one of the sub-merchants allowed",
		},
		"a default sub-merchant since": {
			merchant: partner, entry: schedule.Entry{Ref: registered},
			fault: "sub_mchid: the order was registered as cn/19000001/A1, and would be closed as cn/19000001/19000009/A1",
		},
		"no sub-merchants any more": {merchant: direct, entry: schedule.Entry{Ref: below}, fault: "sub_mch_id: must be this merchant's own"},
		"another merchant": {
			merchant: direct, change: func(m *order.Merchant) { m.MchID = "19000002" }, entry: schedule.Entry{Ref: registered},
			fault: "sub_mchid: the order was registered as cn/19000001/A1, and would be closed as cn/19000002/A1",
		},
		"another region": {
			merchant: direct, change: func(m *order.Merchant) { m.Region = order.HongKong }, entry: schedule.Entry{Ref: registered},
			fault: "sub_mchid: the order was registered as cn/19000001/A1, and would be closed as hk/19000001/A1",
		},
		"a dialect without credentials": {
			merchant: direct, entry: schedule.Entry{Ref: registered, API: order.WXCloudRun}, fault: "api: \"wxcloudrun\" has no credentials",
		},
		"a dialect that does not exist": {merchant: direct, entry: schedule.Entry{Ref: registered, API: "v4"}, fault: "api: must be"},
		"an appid that cannot be":       {merchant: partner, entry: schedule.Entry{Ref: below, SubAppID: "wx 8"}, fault: "sub_appid: must be"},
		"no number":                     {merchant: direct, fault: "region: must be"},
	} {
		if tc.change != nil {
			tc.change(&tc.merchant)
		}
		got, err := tc.entry.Call(tc.merchant)
		if fault := fmt.Sprint(err); (err != nil) != (tc.fault != "") || err != nil && !strings.HasPrefix(fault, tc.fault) {
			t.Errorf("%s: got %v, want %q", name, err, tc.fault)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}
