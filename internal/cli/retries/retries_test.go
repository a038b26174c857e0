package retries_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"cloudpay/internal/cli/retries"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var errAway = errors.New("the database is away")

// register has two pages of orders that were given up, and seven events in two pages. What is away
// fails with errAway.
type register struct {
	away     string // an order, or "events"
	requeued []int64
}

func (r *register) List(_ context.Context, of schedule.Selection, from string, _ int) (schedule.Page, error) {
	if of.Progress != schedule.GaveUp {
		return schedule.Page{}, errors.New("other orders were listed")
	}
	page := func(next string, numbers ...string) (p schedule.Page) {
		for _, number := range numbers {
			p.Orders = append(p.Orders, schedule.Record{Entry: schedule.Entry{Ref: order.Ref{OutTradeNo: number}}})
		}
		p.Next = next
		return p
	}
	if from == "" {
		return page("second", "A1", "A2"), nil
	}
	return page("", "A3", "A4"), nil
}

// Reopen finds A2 reopened by another.
func (r *register) Reopen(_ context.Context, ref order.Ref) (bool, error) {
	if ref.OutTradeNo == r.away {
		return false, errAway
	}
	return ref.OutTradeNo != "A2", nil
}

func (r *register) EventNamed(_ context.Context, _ order.Account, number int64, _ outbox.EventID) (outbox.Event, bool, error) {
	return outbox.Event{Number: max(number, 7)}, number < 8, nil
}

// Requeue finds that one event of the second page was pruned meanwhile.
func (r *register) Requeue(_ context.Context, _ order.Account, numbers []int64) (int, error) {
	if r.away == "events" {
		return 0, errAway
	}
	r.requeued = append(r.requeued, numbers...)
	return min(len(numbers), 3), nil
}

func (r *register) EachDead(_ context.Context, _ outbox.Selection, do func([]int64) error) error {
	if err := do([]int64{1, 2, 3}); err != nil {
		return err
	}
	return do([]int64{4, 5, 6, 7})
}

func (r *register) EachPending(_ context.Context, _ outbox.Selection, do func([]int64) error) error {
	return do([]int64{8})
}

func (r *register) EachSince(_ context.Context, _ outbox.Selection, since time.Time, do func([]int64) error) error {
	return do([]int64{since.Unix()})
}

// All pages are reopened; orders that were reopened meanwhile do not count, and those before an
// error do.
func TestReopenStuck(t *testing.T) {
	t.Parallel()
	for away, want := range map[string]int{"": 3, "A4": 2, "A1": 0} {
		got, err := retries.ReopenStuck(t.Context(), &register{away: away}, schedule.Selection{})
		if got != want || errors.Is(err, errAway) != (away != "") {
			t.Errorf("%q is away: got %d and %v, want %d", away, got, err, want)
		}
	}
}

// Each way selects its own events. Without dry they are requeued, and the register says how many.
func TestRequeue(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		which retries.Which
		dry   bool
		want  []int // progress
		sent  []int64
	}{
		{retries.Which{Dead: true}, false, []int{3, 6}, []int64{1, 2, 3, 4, 5, 6, 7}},
		{retries.Which{Dead: true}, true, []int{3, 7}, nil},
		{retries.Which{Pending: true}, false, []int{1}, []int64{8}},
		{retries.Which{Since: time.Unix(9, 0)}, false, []int{1}, []int64{9}},
	} {
		r := &register{}
		var progress []int
		err := retries.Requeue(t.Context(), r, outbox.Selection{}, test.which, test.dry, func(n int) { progress = append(progress, n) })
		if err != nil || !slices.Equal(progress, test.want) || !slices.Equal(r.requeued, test.sent) {
			t.Errorf("%+v, dry=%v: got %v, %v and %v, want %v and %v", test.which, test.dry, progress, r.requeued, err, test.want, test.sent)
		}
	}
	if err := retries.Requeue(t.Context(), &register{away: "events"}, outbox.Selection{}, retries.Which{Dead: true}, false, func(int) {
		t.Error("progress was said of a page that failed")
	}); !errors.Is(err, errAway) {
		t.Errorf("got %v, want the register's error", err)
	}
}

// One event is named by its number or its ID; one that there is not is not requeued, and keeps its
// name.
func TestEvent(t *testing.T) {
	t.Parallel()
	const id = "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11"
	for _, test := range []struct {
		id    string
		dry   bool
		found bool
		sent  []int64
	}{
		{"7", false, true, []int64{7}},
		{"7", true, true, nil},
		{id, false, true, []int64{7}},
		{"8", false, false, nil},
	} {
		r := &register{}
		event, found, err := retries.Event(t.Context(), r, order.Account{}, test.id, test.dry)
		if err != nil || found != test.found || !slices.Equal(r.requeued, test.sent) || event.Number == 0 {
			t.Errorf("%+v: got %+v, %v, %v and %v", test, event, found, r.requeued, err)
		}
	}
	for _, bad := range []string{"", "0", "-1", "x", id[:35]} {
		if _, _, err := retries.Event(t.Context(), &register{}, order.Account{}, bad, false); err == nil {
			t.Errorf("%q was taken for an event", bad)
		}
	}
}
