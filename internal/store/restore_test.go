//go:build sqlite

package store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

// restorable is a register in a file that an older copy may replace.
type restorable struct {
	*testing.T

	path  string
	store *store.Store
}

// end records the end of an order, as a sweep does.
func (r *restorable) end(number string) {
	r.Helper()
	if err := r.store.Observe(r.Context(), shopRef(number), schedule.Final{State: schedule.FinalClosed}); err != nil {
		r.Fatal(err)
	}
}

// read returns the events behind a cursor, by their orders.
func (r *restorable) read(after outbox.Cursor) (orders []string, events []outbox.Event) {
	r.Helper()
	events, err := r.store.Events(r.Context(), shopRef("").Account(), after, 100)
	if err != nil {
		r.Fatal(err)
	}
	for _, e := range events {
		orders = append(orders, e.OutTradeNo)
	}
	return orders, events
}

// around closes the register, has work copy files, and opens it again.
func (r *restorable) around(work func()) {
	r.Helper()
	if err := r.store.Close(); err != nil {
		r.Fatal(err)
	}
	work()
	var err error
	if r.store, err = store.Open("sqlite:" + r.path); err != nil {
		r.Fatal(err)
	}
}

func shopRef(number string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}
}

// An older copy of the database is restored, and orders end again, in another order: the event that
// a reader read last is there again, by its number and its ID, behind an event that the reader has
// not read. The reader is told. A reader that goes by the IDs handles each event once.
func TestRestore(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite()
	address := db.Migrated(t)
	r := &restorable{T: t, path: strings.TrimPrefix(address, "sqlite:"), store: db.OpenAt(t, address)}
	t.Cleanup(func() { _ = r.store.Close() })
	for _, number := range []string{"A1", "A2", "A3", "A4"} {
		if _, err := r.store.Register(t.Context(), schedule.Entry{Ref: shopRef(number)}); err != nil {
			t.Fatal(err)
		}
	}
	r.end("A1")
	_, events := r.read(outbox.Cursor{})
	before := events[0].Cursor()
	backup := filepath.Join(t.TempDir(), "backup.db")
	r.around(func() { copyFile(t, r.path, backup) })
	r.end("A2")
	r.end("A3")
	_, events = r.read(before)
	last := events[1].Cursor()
	handled := map[outbox.EventID]string{}
	for _, e := range events {
		handled[e.EventID] = e.OutTradeNo
	}

	r.around(func() { copyFile(t, backup, r.path) })
	_, err := r.store.Events(t.Context(), shopRef("").Account(), last, 100)
	wantWentBack(t, "nothing was recorded yet", err)
	for _, number := range []string{"A4", "A3", "A2"} {
		r.end(number)
	}
	_, err = r.store.Events(t.Context(), shopRef("").Account(), last, 100)
	wantWentBack(t, "the last event is in its place again", err)
	orders, events := r.read(before)
	if !slices.Equal(orders, []string{"A4", "A3", "A2"}) {
		t.Errorf("behind an event of before the backup: got %v, want A4, A3, A2", orders)
	}
	if events[1].Number != last.Number || events[1].EventID != last.EventID {
		t.Errorf("got %v, want A3 under the number and ID that it had: the test shows nothing otherwise", events[1])
	}
	for _, e := range events {
		if was, known := handled[e.EventID]; known && was != e.OutTradeNo {
			t.Errorf("%s and %s have one ID", was, e.OutTradeNo)
		}
		handled[e.EventID] = e.OutTradeNo
	}
	if len(handled) != 3 {
		t.Errorf("got events of %v, want one of each order that ended since the backup", handled)
	}
}

func wantWentBack(t *testing.T, when string, err error) {
	t.Helper()
	if _, is := errors.AsType[*schedule.WentBackError](err); !is {
		t.Errorf("%s: got error %v, want that the numbers went back", when, err)
	}
}

// copyFile replaces a database, which nothing has open, by another.
func copyFile(t *testing.T, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"-wal", "-shm"} {
		if _, err := os.Stat(from + beside); err == nil {
			t.Fatalf("%s%s is there: the copy would not be whole", from, beside)
		}
		_ = os.Remove(to + beside)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}
