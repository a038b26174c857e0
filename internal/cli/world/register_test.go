package world

import (
	"path/filepath"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// The console reads the functions' register: its counts, an order by its name, and its parts in
// pages, by the emulator's clock. What is another merchant's is not registered here.
func TestRegisterForTheConsole(t *testing.T) {
	t.Parallel()
	w := &World{Language: &render.Language{}, Settings: desk.Settings{Region: "cn"}}
	w.Settings.Store = "sqlite:" + filepath.Join(t.TempDir(), "orders.db")
	opened, err := store.Open(w.Settings.Store)
	if err != nil {
		t.Skip("SKIPPED: this build has no SQLite: go test -tags sqlite ./internal/cli/world")
	}
	t.Cleanup(func() { _ = opened.Close() })
	if _, err := migrate.Up(t.Context(), w.Settings.Store); err != nil {
		t.Fatal(err)
	}
	mchID := w.Settings.Owner().MchID
	for _, number := range []string{"A1", "A2"} {
		entry := schedule.Entry{
			Ref: order.Ref{Region: order.Mainland, MchID: mchID, OutTradeNo: number}, API: order.V3, CloseAt: time.Now().Add(30 * time.Minute),
		}
		if _, err := opened.Register(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	ahead := time.Duration(0)
	reads, done, err := w.openRegister(func() time.Duration { return ahead })
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	status, err := reads.Status(t.Context())
	if err != nil || status.Waiting != 2 || status.Due != 0 {
		t.Errorf("got %+v, %v, want two that wait", status, err)
	}
	ahead = time.Hour
	if status, err = reads.Status(t.Context()); err != nil || status.Due != 2 || status.OldestDue < 29*time.Minute {
		t.Errorf("an hour later: got %+v, %v, want two that are due for half an hour", status, err)
	}
	first, next, err := reads.List(t.Context(), console.Waiting, "", 1)
	if err != nil || len(first) != 1 || next == "" {
		t.Fatalf("got %+v, %q, %v", first, next, err)
	}
	second, _, err := reads.List(t.Context(), console.Waiting, next, 1)
	if err != nil || len(second) != 1 || second[0].OutTradeNo == first[0].OutTradeNo || second[0].Progress != console.Waiting {
		t.Errorf("got %+v behind %+v, %v", second, first, err)
	}
	for _, progress := range []console.Progress{console.Stuck, console.Ended, console.Closing, console.Withdrawn} {
		if found, _, err := reads.List(t.Context(), progress, "", 9); err != nil || len(found) != 0 {
			t.Errorf("%s: got %+v, %v", progress, found, err)
		}
	}
	found, err := reads.Find(t.Context(), console.Key{Region: "cn", MchID: mchID, OutTradeNo: "A1"})
	if err != nil || found == nil || found.OutTradeNo != "A1" || found.CloseAt.IsZero() {
		t.Errorf("got %+v, %v", found, err)
	}
	for _, key := range []console.Key{{Region: "cn", MchID: mchID, OutTradeNo: "A3"}, {Region: "cn", MchID: "1900000099", OutTradeNo: "A1"}} {
		if found, err := reads.Find(t.Context(), key); err != nil || found != nil {
			t.Errorf("%+v: got %+v, %v", key, found, err)
		}
	}
}

// Each word of the register has one of the console's, and the other way round.
func TestProgressWords(t *testing.T) {
	t.Parallel()
	for shown, word := range map[console.Progress]schedule.Progress{
		console.Waiting: schedule.Waiting, console.Closing: schedule.Closing, console.Stuck: schedule.GaveUp,
		console.Withdrawn: schedule.Withdrawn, console.Ended: schedule.Done,
	} {
		if got := progressOf(shown); got != word {
			t.Errorf("%s: got %s, want %s", shown, got, word)
		}
		if got := registered(schedule.Record{Progress: word}).Progress; got != shown {
			t.Errorf("%s: got %s, want %s", word, got, shown)
		}
	}
}

// Every system has a program that opens an address.
func TestOpener(t *testing.T) {
	t.Parallel()
	for system, want := range map[string]string{"darwin": "open", "windows": "rundll32", "linux": "xdg-open", "freebsd": "xdg-open"} {
		if got := opener(system)[0]; got != want {
			t.Errorf("%s: got %s, want %s", system, got, want)
		}
	}
}
