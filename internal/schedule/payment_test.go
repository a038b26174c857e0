package schedule_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
)

func TestPaymentIsAFinalPayment(t *testing.T) {
	t.Parallel()
	paid := schedule.Payment{
		Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}, TransactionID: "T1", Total: new(int64(1)),
		PaidAt: time.Unix(1795912201, 0),
	}
	want := schedule.Final{
		State: schedule.FinalPaid, TradeState: tradestate.Success, TransactionID: "T1", Total: paid.Total, PaidAt: paid.PaidAt,
	}
	if diff := cmp.Diff(want, paid.Final()); diff != "" {
		t.Errorf("a payment (-want +got):\n%s", diff)
	}
	refund := schedule.Payment{Ref: paid.Ref, Refunded: true}
	if diff := cmp.Diff(schedule.Final{State: schedule.FinalPaid, TradeState: tradestate.Refund}, refund.Final()); diff != "" {
		t.Errorf("a refund (-want +got):\n%s", diff)
	}
}

func TestUnregistered(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		record schedule.Record
		want   bool
	}{
		{schedule.Record{Progress: schedule.Done}, true},
		{schedule.Record{Progress: schedule.Done, Generation: 1}, false},
		{schedule.Record{}, false},
		{schedule.Tombstone{FinalState: schedule.FinalPaid}.Record(order.Ref{}), false},
	} {
		if got := test.record.Unregistered(); got != test.want {
			t.Errorf("%+v: got %t, want %t", test.record, got, test.want)
		}
	}
}

func TestPaidTwice(t *testing.T) {
	t.Parallel()
	paid := func(transaction string) schedule.Final {
		return schedule.Final{State: schedule.FinalPaid, TransactionID: transaction}
	}
	record := func(f schedule.Final) schedule.Record {
		return schedule.Record{
			Entry:      schedule.Entry{Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}},
			FinalState: f.State, TransactionID: f.TransactionID,
		}
	}
	for _, test := range []struct {
		recorded, said schedule.Final
		want           string // in the alarm's text; empty: no alarm
	}{
		{paid("T1"), paid("T2"), "by transaction T1 and is paid by transaction T2 too"},
		{paid("T1"), paid("T1"), ""},
		{paid("T1"), paid(""), ""},
		{paid(""), paid("T2"), ""},
		{schedule.Final{State: schedule.FinalClosed, TransactionID: "T1"}, paid("T2"), ""},
		{paid("T1"), schedule.Final{State: schedule.FinalClosed, TransactionID: "T2"}, ""},
	} {
		alarm := record(test.recorded).PaidTwice(test.said)
		if (alarm != nil) != (test.want != "") || alarm != nil && !strings.Contains(alarm.Error(), test.want) {
			t.Errorf("%+v after %+v: got %v, want %q", test.said, test.recorded, alarm, test.want)
		}
	}
}
