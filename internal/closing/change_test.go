package closing_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/schedule"
)

// TestChange corrects and withdraws registrations by calls, and asks WeChat Pay nothing.
func TestChange(t *testing.T) {
	t.Parallel()
	total := int64(90)
	for _, tc := range []struct {
		name    string
		params  order.Params
		outcome order.Outcome
		says    string // in the reply
		at      schedule.Progress
	}{
		{"another time", order.Params{Change: true, OutTradeNo: "A1", CloseAt: "2000-01-01T12:00:00Z"}, order.OutcomeScheduled, "", schedule.Waiting},
		{"in seconds", order.Params{Change: true, OutTradeNo: "A1", CloseAt: "0"}, order.OutcomeScheduled, "", schedule.Waiting},
		{"another amount", order.Params{Change: true, OutTradeNo: "A1", Total: &total}, order.OutcomeScheduled, "", schedule.Waiting},
		{"another owner", order.Params{Change: true, OutTradeNo: "A1", OpenID: "o2"}, order.OutcomeScheduled, "", schedule.Waiting},
		{"a time that is past", order.Params{Change: true, OutTradeNo: "A1", CloseAt: "1999-12-31T23:00:00Z"}, order.OutcomeRefused, "close_at: must be a time between", schedule.Waiting},
		{"nothing", order.Params{Change: true, OutTradeNo: "A1"}, order.OutcomeRefused, "change: must come with what changes", schedule.Waiting},
		{"nonsense", order.Params{Change: true, OutTradeNo: "A1", CloseAt: "tomorrow"}, order.OutcomeRefused, "close_at: must be a time", schedule.Waiting},
		{"another's", order.Params{Change: true, OutTradeNo: "B1", CloseAt: "1"}, order.OutcomeRefused, "out_trade_no: is not registered", ""},
		{"without a number", order.Params{Change: true, TransactionID: "42", CloseAt: "1"}, order.OutcomeRefused, "", ""},
		{"withdrawn", order.Params{Withdraw: true, OutTradeNo: "A1"}, order.OutcomeWithdrawn, "", schedule.Withdrawn},
		{"both", order.Params{Withdraw: true, Change: true, OutTradeNo: "A1", CloseAt: "1"}, order.OutcomeRefused, "withdraw: and change are two calls", schedule.Waiting},
		{"withdrawn, and more", order.Params{Withdraw: true, OutTradeNo: "A1", CloseAt: "1"}, order.OutcomeRefused, "withdraw: changes nothing else", schedule.Waiting},
		{"too late", order.Params{Withdraw: true, OutTradeNo: "late"}, order.OutcomeTooLate, "it is stuck", schedule.GaveUp},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				closer, store, gateway := closerWithStore(t)
				store.Add(t, "A1", func(e *schedule.Entry) { e.CloseIn = time.Hour })
				store.AddGivenUp(t, "late")
				for range 2 { // again changes nothing
					got := closer.Close(withLimit(t, 3*time.Second), tc.params)
					if got.Outcome != tc.outcome || !strings.Contains(got.ReturnMsg+got.ErrCodeDes+got.ResultMsg, tc.says) || got.Attempts != 0 {
						t.Errorf("got %+v, want %s and %q", got, tc.outcome, tc.says)
					}
				}
				if r := store.At(tc.params.OutTradeNo); r.Progress != tc.at {
					t.Errorf("got the order %s, want %s", r.Progress, tc.at)
				}
				gateway.wantAsked("")
			})
		})
	}
}

func TestChangeNeedsAStore(t *testing.T) {
	t.Parallel()
	got := (&closing.Closer{Gateway: script(t), Merchant: shop}).Close(t.Context(), order.Params{OutTradeNo: "A1", Withdraw: true})
	if got.ErrCode != errcode.ParamError || !strings.Contains(got.ReturnMsg, "CLOUDPAY_STORE") {
		t.Errorf("got %+v, want the setting that is missing", got)
	}
}

// TestOverdue refuses a close_at that is likely a mistake, and never one that was taken before.
func TestOverdue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		closer, store, _ := closerWithStore(t)
		at := func(d time.Duration) string { return time.Now().Add(d).Format(time.RFC3339) }
		soon := order.Params{OutTradeNo: "A1", CloseAt: at(time.Hour)}
		if got := closer.Close(t.Context(), soon); got.Outcome != order.OutcomeScheduled {
			t.Fatalf("got %+v, want it scheduled", got)
		}
		<-time.After(48 * time.Hour)
		if got := closer.Close(t.Context(), soon); got.Outcome != order.OutcomeScheduled {
			t.Errorf("the same facts, two days later: got %+v, want them taken", got)
		}
		for name, tc := range map[string]struct {
			params order.Params
			want   order.Outcome
			says   string
		}{
			"a little past":       {order.Params{OutTradeNo: "B1", CloseAt: at(-time.Hour)}, order.OutcomeScheduled, "due at once"},
			"long past":           {order.Params{OutTradeNo: "B2", CloseAt: at(-25 * time.Hour)}, order.OutcomeRefused, "24 hours"},
			"long past, as meant": {order.Params{OutTradeNo: "B3", CloseAt: at(-25 * time.Hour), Overdue: true}, order.OutcomeScheduled, "due at once"},
			"before its creation": {order.Params{OutTradeNo: "B4", CloseAt: at(time.Hour), CreatedAt: time.Now().Add(2 * time.Hour)}, order.OutcomeRefused, "created_at"},
			"other facts, long past": {
				order.Params{OutTradeNo: "A1", CloseAt: at(-30 * time.Hour)}, order.OutcomeRefused, "change: true",
			},
			"another time": {order.Params{OutTradeNo: "A1", CloseAt: at(3 * time.Hour)}, order.OutcomeRefused, "change: true"},
		} {
			got := closer.Close(t.Context(), tc.params)
			if got.Outcome != tc.want || !strings.Contains(got.ReturnMsg+got.ResultMsg, tc.says) {
				t.Errorf("%s: got %+v, want %s with %q", name, got, tc.want, tc.says)
			}
			if registered := store.At(tc.params.OutTradeNo).Progress != ""; registered != (tc.want == order.OutcomeScheduled || tc.params.OutTradeNo == "A1") {
				t.Errorf("%s: got it registered: %v", name, registered)
			}
		}
	})
}
