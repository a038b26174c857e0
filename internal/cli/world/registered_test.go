package world

import (
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/registerapi"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/migrate"
)

// openedRegister is a register with two orders that are to be closed in half an hour, as the
// management API has it, and the store behind it. ahead is how far the clock was moved on.
func openedRegister(t *testing.T, ahead *time.Duration) (*registered, *store.Store) {
	t.Helper()
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
	opened.ShiftClock(func() (time.Duration, error) { return *ahead, nil })
	for _, number := range []string{"A1", "A2"} {
		entry := schedule.Entry{Ref: shopOrder(w, number), API: order.V3, CloseAt: time.Now().Add(30 * time.Minute)}
		if _, err := opened.Register(t.Context(), entry); err != nil {
			t.Fatal(err)
		}
	}
	reads, done, err := w.openRegister(func() time.Duration { return *ahead })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(done)
	return reads, opened
}

// shopOrder is the name of an order of the emulated merchant's.
func shopOrder(w *World, number string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: w.Settings.Owner().MchID, OutTradeNo: number}
}

// The register's counts, an order by its name, and its parts in pages, by the emulator's clock.
// What is another merchant's is not registered here.
func TestRegisterIsRead(t *testing.T) {
	t.Parallel()
	ahead := time.Duration(0)
	reads, _ := openedRegister(t, &ahead)
	reads.follow([]platform.Spec{
		{Name: "queryorder", Env: []string{"CLOUDPAY_SWEEP_PER_SECOND=3"}},
		{Name: "closeorder", Env: []string{"CLOUDPAY_SWEEP_PER_SECOND=7", "CLOUDPAY_NOTIFY_URL=http://127.0.0.1:1/events?token=qzjvxwkpyhbn"}},
	})
	status, err := reads.Status(t.Context())
	if err != nil || status.Waiting != 2 || status.Due != 0 || status.Rate != 7 || status.ConfiguredRate != 7 || status.BackingOff {
		t.Errorf("got %+v, %v, want two that wait, and seven calls a second", status, err)
	}
	if got := status.Receiver.URL; got != "http://127.0.0.1:1/events" {
		t.Errorf("got the receiver %s, want it without what may be a secret", got)
	}
	ahead = time.Hour
	if status, err = reads.Status(t.Context()); err != nil || status.Due != 2 || status.OldestDue < 29*60 {
		t.Errorf("an hour later: got %+v, %v, want two that are due for half an hour", status, err)
	}
	first, next, err := reads.Orders(t.Context(), registerapi.Waiting, "", 1)
	if err != nil || len(first) != 1 || next == "" {
		t.Fatalf("got %+v, %q, %v", first, next, err)
	}
	second, _, err := reads.Orders(t.Context(), registerapi.Waiting, next, 1)
	if err != nil || len(second) != 1 || second[0].OutTradeNo == first[0].OutTradeNo || second[0].Progress != registerapi.Waiting {
		t.Errorf("got %+v behind %+v, %v", second, first, err)
	}
	for _, progress := range []registerapi.Progress{registerapi.Stuck, registerapi.Ended, registerapi.Closing, registerapi.Withdrawn} {
		if found, _, err := reads.Orders(t.Context(), progress, "", 9); err != nil || len(found) != 0 {
			t.Errorf("%s: got %+v, %v", progress, found, err)
		}
	}
	if _, _, err := reads.Orders(t.Context(), registerapi.Waiting, "no place", 9); !isMistake(err, 400) {
		t.Errorf("a place that no page had: got %v", err)
	}
	found, err := reads.Find(t.Context(), registerapi.Key{OutTradeNo: "A1"})
	if err != nil || found == nil || found.OutTradeNo != "A1" || found.CloseAt.IsZero() {
		t.Errorf("got %+v, %v", found, err)
	}
	for _, key := range []registerapi.Key{{OutTradeNo: "A3"}, {MchID: "1900000099", OutTradeNo: "A1"}} {
		if found, err := reads.Find(t.Context(), key); err != nil || found != nil {
			t.Errorf("%+v: got %+v, %v", key, found, err)
		}
	}
}

// isMistake reports whether an error is one of the request's with a status.
func isMistake(err error, status int) bool {
	wrong, is := errors.AsType[*registerapi.RequestError](err)
	return is && wrong.Status == status
}

// An order that was given up is reopened by itself or with all others, once, and is then due.
func TestReopening(t *testing.T) {
	t.Parallel()
	ahead := time.Hour
	reads, opened := openedRegister(t, &ahead)
	type claim func(context.Context, order.Account, int, time.Duration) ([]schedule.Claim, error)
	giveUp := func(claim claim, limit int) {
		t.Helper()
		claims, err := claim(t.Context(), reads.account, limit, time.Minute)
		if err != nil || len(claims) != limit {
			t.Fatalf("got %d claims and %v, want %d", len(claims), err, limit)
		}
		for _, claim := range claims {
			if err := opened.GiveUp(t.Context(), claim, schedule.Retry{Reason: "SIGN_ERROR"}); err != nil {
				t.Fatal(err)
			}
		}
	}
	giveUp(opened.Claim, 2)
	stuck, _, err := reads.Orders(t.Context(), registerapi.Stuck, "", 9)
	if err != nil || len(stuck) != 2 || stuck[0].LastError != "SIGN_ERROR" || stuck[0].Attempts != 1 {
		t.Fatalf("got %+v, %v, want both, after one attempt", stuck, err)
	}
	for want := 1; want >= 0; want-- {
		if n, err := reads.Reopen(t.Context(), &registerapi.Key{OutTradeNo: "A1"}); err != nil || n != want {
			t.Errorf("got %d reopened and %v, want %d", n, err, want)
		}
	}
	for _, key := range []registerapi.Key{{OutTradeNo: "A3"}, {MchID: "1900000099", OutTradeNo: "A1"}} {
		if _, err := reads.Reopen(t.Context(), &key); !isMistake(err, 404) {
			t.Errorf("%+v: got %v, want 404", key, err)
		}
	}
	giveUp(opened.ClaimDoubtful, 1) // its first attempt may have closed it
	if n, err := reads.Reopen(t.Context(), nil); err != nil || n != 2 {
		t.Errorf("got %d reopened and %v, want both", n, err)
	}
	if status, err := reads.Status(t.Context()); err != nil || status.Stuck != 0 || status.Due != 2 {
		t.Errorf("got %+v, %v, want both due", status, err)
	}
}

// Events are listed with how their delivery stands, and delivered again by their number, by their
// ID, by time, and all that wait or are dead.
func TestRedelivering(t *testing.T) {
	t.Parallel()
	ahead := time.Hour
	reads, opened := openedRegister(t, &ahead)
	for _, number := range []string{"A1", "A2"} {
		ref := order.Ref{Region: reads.account.Region, MchID: reads.account.MchID, OutTradeNo: number}
		if err := opened.Observe(t.Context(), ref, schedule.Final{State: schedule.FinalClosed}); err != nil {
			t.Fatal(err)
		}
	}
	deliver := func(first, second outbox.DeliveryOutcome) {
		t.Helper()
		claimed, err := opened.ClaimDeliveries(t.Context(), reads.account, 9, time.Minute)
		if err != nil || len(claimed) != 2 {
			t.Fatalf("got %d deliveries and %v, want two", len(claimed), err)
		}
		for i, outcome := range []outbox.DeliveryOutcome{first, second} {
			results := []outbox.DeliveryResult{{Delivery: claimed[i], Outcome: outcome, After: time.Hour, Reason: "HTTP 503"}}
			if err := errors.Join(opened.RecordDeliveries(t.Context(), reads.account, results)...); err != nil {
				t.Fatal(err)
			}
		}
	}
	list := func(of registerapi.EventQuery) []registerapi.Event {
		t.Helper()
		of.Limit = 9
		events, err := reads.Events(t.Context(), of)
		if err != nil {
			t.Fatal(err)
		}
		return events
	}
	states := func() (all []registerapi.State) {
		for _, e := range list(registerapi.EventQuery{}) {
			all = append(all, e.State)
		}
		return all
	}
	again := func(of registerapi.Redelivery, want int) {
		t.Helper()
		if n, err := reads.Redeliver(t.Context(), of); err != nil || n != want {
			t.Errorf("%+v: got %d and %v, want %d", of, n, err, want)
		}
	}
	deliver(outbox.DeliveryDead, outbox.DeliveryAcknowledged)
	if got := states(); !slices.Contains(got, registerapi.Dead) || !slices.Contains(got, registerapi.Delivered) {
		t.Errorf("got %v, want one dead and one delivered", got)
	}
	dead := list(registerapi.EventQuery{State: registerapi.Dead})
	if len(dead) != 1 || dead[0].LastError != "HTTP 503" || dead[0].Attempts != 1 {
		t.Fatalf("got %+v, want the dead one", dead)
	}
	var told struct {
		EventID string `json:"eventId"`
	}
	if err := json.Unmarshal(dead[0].Event, &told); err != nil {
		t.Fatal(err)
	}
	again(registerapi.Redelivery{State: registerapi.Dead}, 1)
	again(registerapi.Redelivery{State: registerapi.Dead}, 0)
	again(registerapi.Redelivery{State: registerapi.Pending}, 1)
	again(registerapi.Redelivery{ID: strconv.FormatInt(3-dead[0].Number, 10)}, 1)
	again(registerapi.Redelivery{ID: told.EventID}, 1)
	if pending := list(registerapi.EventQuery{State: registerapi.Pending}); len(pending) != 2 || pending[0].DueAt.IsZero() {
		t.Errorf("got %+v, want both due", pending)
	}
	deliver(outbox.DeliveryAcknowledged, outbox.DeliveryAcknowledged)
	again(registerapi.Redelivery{Since: time.Now().Add(2 * time.Hour)}, 0)
	again(registerapi.Redelivery{Since: time.Now()}, 2)
	for id, status := range map[string]int{"99": 404, "no id": 400, "0": 400, "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11": 404} {
		if _, err := reads.Redeliver(t.Context(), registerapi.Redelivery{ID: id}); !isMistake(err, status) {
			t.Errorf("event %s: got %v, want %d", id, err, status)
		}
	}
}

// Each word of the register has one of the API's, and the other way round.
func TestProgressWords(t *testing.T) {
	t.Parallel()
	for shown, word := range map[registerapi.Progress]schedule.Progress{
		registerapi.Waiting: schedule.Waiting, registerapi.Closing: schedule.Closing, registerapi.Stuck: schedule.GaveUp,
		registerapi.Withdrawn: schedule.Withdrawn, registerapi.Ended: schedule.Done,
	} {
		if got := progressOf(shown); got != word {
			t.Errorf("%s: got %s, want %s", shown, got, word)
		}
		if got := orderOf(schedule.Record{Progress: word}).Progress; got != shown {
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
