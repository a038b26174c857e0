package order_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/internal/order"
)

func entry() order.Entry {
	return order.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}}
}

func TestEntryValidate(t *testing.T) {
	t.Parallel()
	negative, nothing := int64(-1), int64(0)
	for name, test := range map[string]struct {
		change func(*order.Entry)
		want   string // the field; empty when it is well formed
	}{
		"as it is":                 {func(*order.Entry) {}, ""},
		"every fact":               {func(e *order.Entry) { e.Owner, e.API, e.Total, e.CloseIn = "wx:a:b", order.V2, &nothing, time.Hour }, ""},
		"no region":                {func(e *order.Entry) { e.Region = "" }, "region"},
		"another region":           {func(e *order.Entry) { e.Region = "CN" }, "region"},
		"no merchant":              {func(e *order.Entry) { e.MchID = "" }, "mchid"},
		"letters on the mainland":  {func(e *order.Entry) { e.MchID = "abc" }, "mchid"},
		"letters overseas":         {func(e *order.Entry) { e.MchID, e.Region = "abc", order.Global }, ""},
		"a sub-merchant's letters": {func(e *order.Entry) { e.SubMchID = "abc" }, "sub_mch_id"},
		"no order number":          {func(e *order.Entry) { e.OutTradeNo = "" }, "out_trade_no"},
		"an order number too long": {func(e *order.Entry) { e.OutTradeNo = strings.Repeat("A", 33) }, "out_trade_no"},
		"a space":                  {func(e *order.Entry) { e.OutTradeNo = "A1 " }, "out_trade_no"},
		"an owner with a space":    {func(e *order.Entry) { e.Owner = "wx:a: b" }, "owner"},
		"an owner too long":        {func(e *order.Entry) { e.Owner = order.Owner(strings.Repeat("a", 256)) }, "owner"},
		"the longest owner": {func(e *order.Entry) {
			e.Owner = order.WeChatOwner(strings.Repeat("a", 32), strings.Repeat("b", 128))
		}, ""},
		"a sub_appid":              {func(e *order.Entry) { e.SubAppID = "wx-1" }, "sub_appid"},
		"another api":              {func(e *order.Entry) { e.API = "v4" }, "api"},
		"a negative total":         {func(e *order.Entry) { e.Total = &negative }, "total"},
		"milliseconds for seconds": {func(e *order.Entry) { e.CloseAt = time.Unix(1_800_000_000_000, 0) }, "close_at"},
		"a year in the past":       {func(e *order.Entry) { e.CreatedAt = time.Unix(1, 0) }, "created_at"},
		"both times":               {func(e *order.Entry) { e.CloseAt, e.CloseIn = time.Unix(1_800_000_000, 0), 1 }, "close_at"},
		"before now":               {func(e *order.Entry) { e.CloseIn = -1 }, "close_at"},
		"in eleven years":          {func(e *order.Entry) { e.CloseIn = 11 * 365 * 24 * time.Hour }, "close_at"},
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
		partnered.String():                                                    "global/1/2/A1",
		entry().String():                                                      "cn/1900000001/A1",
		partnered.Account().String():                                          "global/1",
		order.Merchant{MchID: "1"}.Account().String():                         "cn/1",
		order.Call{MchID: "1", OutTradeNo: "A"}.Ref("").String():              "cn/1/A",
		order.Call{MchID: "1", SubMchID: "2"}.Ref("hk").String():              "hk/1/2/",
		string(order.WeChatOwner("wxa", "o1")):                                "wx:wxa:o1",
		order.Event{Region: "cn", MchID: "1", OutTradeNo: "A"}.Ref().String(): "cn/1/A",
	} {
		if got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

// Every error is one line that names the order.
func TestStandingFaults(t *testing.T) {
	t.Parallel()
	ref := entry().Ref
	standing := order.Standing{Entry: entry(), Ending: order.EndedPaid}
	for _, err := range []error{
		&order.NotRegisteredError{Ref: ref}, &order.ConflictError{Ref: ref, Field: "total"}, &order.LostClaimError{Ref: ref},
		&order.BusyError{Standing: standing}, &order.EndedError{Standing: standing},
		&order.ContradictionError{Ref: ref, Had: order.EndedClosed, Said: order.EndedPaid},
	} {
		if text := err.Error(); !strings.Contains(text, "cn/1900000001/A1") || strings.Contains(text, "\n") {
			t.Errorf("got %q, want one line with the order's name", text)
		}
	}
}

func TestFinalOf(t *testing.T) {
	t.Parallel()
	total := int64(5)
	for name, test := range map[string]struct {
		result order.Result
		want   order.Ending // empty: none is proved
	}{
		"closed":                   {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofSignature}, order.EndedClosed},
		"over the private link":    {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofPrivateLink}, order.EndedClosed},
		"without proof":            {order.Result{Outcome: order.OutcomeClosed, Proof: order.ProofNone}, ""},
		"nothing":                  {order.Result{}, ""},
		"closed before":            {order.Result{Outcome: order.OutcomeAlreadyClosed, Proof: order.ProofSignature}, order.EndedClosed},
		"paid":                     {order.Result{Outcome: order.OutcomePaid, Proof: order.ProofSignature}, order.EndedPaid},
		"not found":                {order.Result{Outcome: order.OutcomeNotFound, Proof: order.ProofSignature}, order.EndedNotFound},
		"found paid":               {order.Result{Outcome: order.OutcomeFound, TradeState: order.Refund, Proof: order.ProofSignature}, order.EndedPaid},
		"found closed":             {order.Result{Outcome: order.OutcomeFound, TradeState: order.Revoked, Proof: order.ProofSignature}, order.EndedClosed},
		"found unpaid":             {order.Result{Outcome: order.OutcomeFound, TradeState: order.NotPay, Proof: order.ProofSignature}, ""},
		"found in a state unknown": {order.Result{Outcome: order.OutcomeFound, TradeState: "NEW", Proof: order.ProofSignature}, ""},
		"refused":                  {order.Result{Outcome: order.OutcomeRefused, Proof: order.ProofSignature}, ""},
		"unknown":                  {order.Result{Outcome: order.OutcomeUnknown, Proof: order.ProofSignature}, ""},
	} {
		test.result.TransactionID, test.result.TotalFee, test.result.TimeEnd = "42", &total, "20261105090203"
		got, ended := order.FinalOf(test.result)
		if got.Ending != test.want || ended != (test.want != "") {
			t.Errorf("%s: got %q (%v), want %q", name, got.Ending, ended, test.want)
		}
		at := time.Date(2026, 11, 5, 1, 2, 3, 0, time.UTC)
		if got.Ending == order.EndedPaid && (got.TransactionID != "42" || *got.Total != 5 || !got.PaidAt.Equal(at)) {
			t.Errorf("%s: got %+v, want its facts", name, got)
		}
		if got.Ending != order.EndedPaid && (got.TransactionID != "" || got.Total != nil || !got.PaidAt.IsZero()) {
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
		change func(*order.Entry)
		want   string
	}{
		"nothing":               {func(*order.Entry) {}, ""},
		"another pointer":       {func(e *order.Entry) { e.Total = new(one) }, ""},
		"nanoseconds":           {func(e *order.Entry) { e.CreatedAt = at.Add(-700) }, ""},
		"another zone":          {func(e *order.Entry) { e.CloseAt = at.In(time.FixedZone("", 3600)) }, ""},
		"a microsecond":         {func(e *order.Entry) { e.CreatedAt = at.Add(time.Microsecond) }, "created_at"},
		"another time to close": {func(e *order.Entry) { e.CloseAt = at.Add(time.Second) }, "close_at"},
		"another way to say it": {func(e *order.Entry) { e.CloseIn = time.Second }, "close_at"},
		"another total":         {func(e *order.Entry) { e.Total = &other }, "total"},
		"no total":              {func(e *order.Entry) { e.Total = nil }, "total"},
		"another owner":         {func(e *order.Entry) { e.Owner = "wx:a:b" }, "owner"},
		"another sub_appid":     {func(e *order.Entry) { e.SubAppID = "wx" }, "sub_appid"},
		"another api":           {func(e *order.Entry) { e.API = order.V2 }, "api"},
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
