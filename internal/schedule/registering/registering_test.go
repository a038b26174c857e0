package registering_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
	"cloudpay/internal/store/fakestore"
)

var shop = order.Account{Region: order.Mainland, MchID: "1900000001"}

// TestAll registers orders in one call, among them each kind that is answered otherwise.
func TestAll(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	store := fakestore.New(shop, func() time.Time { return now })
	at := func(no string, d time.Duration) schedule.Entry {
		return schedule.Entry{Ref: store.Ref(no), CloseAt: now.Add(d)}
	}
	const long = -48 * time.Hour
	for _, no := range []string{"known", "withdrawn", "anew", "anewLongPast", "missing"} {
		store.Add(t, no, func(e *schedule.Entry) { e.CloseAt = now.Add(long) })
	}
	for _, no := range []string{"withdrawn", "anew", "anewLongPast"} {
		if _, err := store.Change(t.Context(), store.Ref(no), schedule.Change{Withdraw: true}); err != nil {
			t.Fatal(err)
		}
	}
	if err := store.Observe(t.Context(), store.Ref("missing"), schedule.Final{State: schedule.FinalNotFound}); err != nil {
		t.Fatal(err)
	}
	request := func(no string, d time.Duration, p order.Params) registering.Request {
		return registering.NewRequest(at(no, d), p, now)
	}
	requests := []registering.Request{
		request("longPast", long, order.Params{}), // 0: refused
		request("new", time.Hour, order.Params{}),
		request("meant", long, order.Params{Overdue: true}),
		request("known", long, order.Params{}),
		request("withdrawn", long, order.Params{}), // 4: stays so
		request("anew", time.Hour, order.Params{Again: true, ChangedBy: "lisi"}),
		request("anewLongPast", long, order.Params{Again: true}), // 6: refused
		request("missing", time.Hour, order.Params{Again: true}),
		request("new", time.Hour, order.Params{Again: true}), // 8: known by now
		request("meant", long, order.Params{}),               // 9: known by now
	}
	all, err := registering.All(t.Context(), store, requests)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []schedule.Registration{
		1: {Added: true}, 2: {Added: true}, 3: {}, 5: {Added: true, Again: true}, 7: {Added: true, Again: true}, 8: {}, 9: {},
	} {
		if got := all[i]; i != 0 && i != 4 && i != 6 && got != want {
			t.Errorf("request %d: got %+v, want %+v", i, got, want)
		}
	}
	for _, i := range []int{0, 6} {
		if fault, is := errors.AsType[*order.FieldError](all[i].Err); !is || fault != requests[i].Mistake || all[i].Added {
			t.Errorf("request %d: got %+v, want the mistake", i, all[i])
		}
	}
	if _, is := errors.AsType[*schedule.WithdrawnError](all[4].Err); !is {
		t.Errorf("got %+v, want it to stay withdrawn", all[4])
	}
	for no, by := range map[string]string{"anew": "lisi", "missing": "service"} {
		changes, err := store.Changes(t.Context(), store.Ref(no))
		if n := len(changes); err != nil || n == 0 || changes[n-1].By != by {
			t.Errorf("order %s: got the history %+v and error %v, want %s", no, changes, err, by)
		}
	}
	if got := store.At("longPast").Progress; got != "" {
		t.Errorf("a likely mistake was registered: %s", got)
	}
}

// TestOneFails: the database's error is that of the call.
func TestOneFails(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 18, 30, 0, 0, time.UTC)
	for op, p := range map[string]order.Params{"registerAll": {Overdue: true}, "known": {}, "registerAgain": {Overdue: true, Again: true}} {
		store := fakestore.New(shop, func() time.Time { return now })
		store.Add(t, "A1")
		if _, err := store.Change(t.Context(), store.Ref("A1"), schedule.Change{Withdraw: true}); err != nil {
			t.Fatal(err)
		}
		store.Break(op)
		e := schedule.Entry{Ref: store.Ref("A1"), CloseAt: now.Add(-48 * time.Hour)}
		if got, err := registering.One(context.Background(), store, registering.NewRequest(e, p, now)); !errors.Is(err, fakestore.ErrDown) {
			t.Errorf("%s: got %+v and error %v, want %v", op, got, err, fakestore.ErrDown)
		}
	}
}
