//go:build sqlite && databases

package sweep_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/sweep"
	"cloudpay/pkg/paygate"
)

// Four sweepers at once, each with connections of its own to the database and to the gateway, end 20,000 orders: each is
// handled by one of them, once, and no other is touched.
func TestFourSweepers(t *testing.T) {
	const sweepers, concurrency, due = 4, 16, 20_000
	db := storetest.Postgres(t)
	address := db.Migrated(t)
	w := newTown(t)
	storetest.Fill(t, db, address, w.shop().Account(), 10*due) // of which a tenth is due
	for i := range due + 100 {
		w.order(fmt.Sprintf("N%09d", i+1)) // and some that are not
	}
	all := newHolders()
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	defer cancel()
	reports := make(chan sweep.Report)
	began := time.Now()
	for i := range sweepers {
		s := w.sweeper(fmt.Sprint("sweeper-", i), all.watch(open(t, address)), concurrency)
		go func() {
			report, err := s.RunOnce(ctx)
			if err != nil {
				t.Error(err)
			}
			reports <- report
		}()
	}
	ended := 0
	for range sweepers {
		r := <-reports
		ended += r.Closed
		if r.Claimed != r.Closed || r.Left || r.Claimed < due/sweepers/4 {
			t.Errorf("a sweep got %+v, want its share of orders, all closed", r)
		}
	}
	took := time.Since(began)
	if ended != due {
		t.Errorf("got %d orders closed, want %d", ended, due)
	}
	t.Logf("%d orders by %d sweepers in %v: %.0f a second", ended, sweepers, took.Round(time.Millisecond), float64(ended)/took.Seconds())
	all.wantEachOnce(t, due)
	w.wantEachOnce(due)
	kept := open(t, address)
	for no, kinds := range w.told(kept) {
		if len(kinds) != 1 || kinds[0] != outbox.EventClosed {
			t.Errorf("order %s: got events %v, want that it is closed, once", no, kinds)
		}
	}
	if n := count(t, address, "done"); n != due {
		t.Errorf("got %d orders done, want %d", n, due)
	}
	if n := count(t, address, "waiting"); n != 9*due {
		t.Errorf("got %d orders waiting, want the %d that are not due", n, 9*due)
	}
}

// wantEachOnce wants no order to have been claimed twice, nor held by two.
func (h *holders) wantEachOnce(t *testing.T, want int) {
	t.Helper()
	if h.overlaps != 0 || len(h.claimed) != want || len(h.finished) != want {
		t.Errorf("got %d orders claimed, %d finished, %d times one that another held; want %d, %d and none",
			len(h.claimed), len(h.finished), h.overlaps, want, want)
	}
	for id, times := range h.claimed {
		if times != 1 {
			t.Errorf("order %d was claimed %d times, as others may have been; want once", id, times)
			return
		}
	}
}

// wantEachOnce wants so many orders to be closed, each by a query, one close and a query that
// confirms it, all of the same sweeper's. A close on a connection that carried no other exchange
// needs no confirming.
func (w *town) wantEachOnce(want int) {
	w.Helper()
	for no, d := range w.known {
		if d.queries < 1 || d.queries > 2 || d.closes != 1 || d.overlaps != 0 || len(d.by) != 1 {
			w.Errorf("order %s, and perhaps others: got %d queries, %d closes and %d overlaps by %s, want two queries at most and one close by one of them",
				no, d.queries, d.closes, d.overlaps, names(d.by))
			break
		}
	}
	closed := 0
	for _, state := range w.states() {
		if state == paygate.StateClosed {
			closed++
		}
	}
	if closed != want || len(w.known) != want {
		w.Errorf("got %d orders closed and %d asked for, want %d", closed, len(w.known), want)
	}
}

func count(t *testing.T, address, progress string) int {
	t.Helper()
	var n int
	row := storetest.Raw(t, address).QueryRowContext(context.Background(),
		"SELECT COUNT(*) FROM cloudpay_orders WHERE progress = '"+progress+"'")
	if err := row.Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
