package storetest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var rolling = []sqlProof{{name: "a rolling upgrade", prove: upgrades}}

// program is what a program asks of the register in a rolling upgrade.
type program interface {
	RegisterAll(ctx context.Context, entries []schedule.Entry) ([]schedule.Registration, error)
	Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error
	Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error
	GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error
	Release(ctx context.Context, claims []schedule.Claim) (int, error)
	Reopen(ctx context.Context, ref order.Ref) (bool, error)
	ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error)
	RecordDeliveries(ctx context.Context, of order.Account, results []outbox.DeliveryResult) []error
}

// upgrade is what programs of both releases have done to one register.
type upgrade struct {
	*sqlEnv

	mu sync.Mutex
	// By order: how often it was registered, claimed, ended and given up.
	added, claims, ended, gaveUp map[string]int
	// By number: how often a delivery of the event was made, and acknowledged.
	sent, told map[int64]int
	// givenUp are the orders to be reopened.
	givenUp []string
}

// upgrades lets two programs of the release before and two of this one each end a quarter of the
// orders, on a database that is migrated already.
func upgrades(e *sqlEnv) {
	const orders = 200
	u := &upgrade{
		sqlEnv: e, added: map[string]int{}, claims: map[string]int{}, ended: map[string]int{}, gaveUp: map[string]int{},
		sent: map[int64]int{}, told: map[int64]int{},
	}
	before := &releaseBefore{db: Raw(e, e.address), dialect: spokenBefore[e.db.Name]}
	if e.db.Name == "sqlite" {
		before.db.SetMaxOpenConns(1)
	}
	ctx, cancel := context.WithTimeout(e.ctx, time.Minute)
	defer cancel()
	programs := []program{before, before, e.Another().(program), e.Another().(program)}
	var registering, all sync.WaitGroup
	registering.Add(len(programs))
	for i, p := range programs {
		all.Go(func() {
			u.register(ctx, p, numbers("R", orders)[i%2*orders/2:][:orders/2]) // each by one of either release
			registering.Done()
			registering.Wait()
			for left := orders / len(programs); !u.done(orders) && !e.Failed(); {
				left -= u.work(ctx, p, min(left, 5))
			}
		})
	}
	all.Wait()
	if e.Failed() {
		return
	}
	u.check(orders)
	u.numbersNothing(before, orders+orders/10)
}

func (u *upgrade) register(ctx context.Context, p program, list []string) {
	for part := range slices.Chunk(list, 20) {
		entries := make([]schedule.Entry, len(part))
		for i, no := range part {
			entries[i] = due(no)
		}
		results, err := p.RegisterAll(ctx, entries)
		u.noted(err)
		u.mu.Lock()
		for i, r := range results {
			if r.Added {
				u.added[part[i]]++
			}
			if r.Err != nil {
				u.Errorf("registering %s: %v", part[i], r.Err)
			}
		}
		u.mu.Unlock()
	}
}

// noted reports an error.
func (u *upgrade) noted(err error) {
	if err != nil {
		u.Error(detailed(err))
	}
}

// done reports whether all orders have ended and all events are acknowledged.
func (u *upgrade) done(orders int) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	return len(u.ended) == orders && len(u.told) == orders+len(u.gaveUp)
}

// work is one turn of a program, which claims at most so many orders and returns how many it ended.
func (u *upgrade) work(ctx context.Context, p program, limit int) (ended int) {
	claims, err := p.ClaimDoubtful(ctx, shop, limit, lease)
	u.noted(err)
	waiting, err := p.Claim(ctx, shop, limit-len(claims), lease)
	u.noted(err)
	for _, c := range slices.Concat(claims, waiting) {
		u.noted(u.attempt(ctx, p, c, &ended))
	}
	u.mu.Lock()
	reopen := u.givenUp
	u.givenUp = nil
	u.mu.Unlock()
	for _, no := range reopen {
		reopened, err := p.Reopen(ctx, ref(no))
		u.noted(err)
		if !reopened {
			u.Errorf("order %s was not reopened", no)
		}
	}
	deliveries, err := p.ClaimDeliveries(ctx, shop, 5, lease)
	if !errors.Is(err, errNumbersNothing) {
		u.noted(err)
	}
	u.deliver(ctx, p, deliveries)
	return ended
}

// attempt ends an order, or does something else first: what, its number says.
func (u *upgrade) attempt(ctx context.Context, p program, c schedule.Claim, ended *int) error {
	u.mu.Lock()
	u.claims[c.OutTradeNo]++
	first := u.claims[c.OutTradeNo] == 1
	u.mu.Unlock()
	switch last := c.OutTradeNo[len(c.OutTradeNo)-1]; {
	case first && last == '0':
		n, err := p.Release(ctx, []schedule.Claim{c})
		if n != 1 && err == nil {
			err = errors.New("a claim was not released")
		}
		return err
	case first && (last == '1' || last == '2'):
		return p.Retry(ctx, c, schedule.Retry{Reason: "again", InDoubt: last == '2'})
	case first && last == '3':
		err := p.GiveUp(ctx, c, schedule.Retry{Reason: "no"})
		u.mu.Lock()
		defer u.mu.Unlock()
		u.gaveUp[c.OutTradeNo]++
		u.givenUp = append(u.givenUp, c.OutTradeNo)
		return err
	}
	err := p.Finish(ctx, c, schedule.Final{State: schedule.FinalClosed})
	u.mu.Lock()
	defer u.mu.Unlock()
	u.ended[c.OutTradeNo]++
	*ended++
	return err
}

// deliver acknowledges deliveries; one event in four at the second one.
func (u *upgrade) deliver(ctx context.Context, p program, deliveries []outbox.Delivery) {
	for _, d := range deliveries {
		u.mu.Lock()
		u.sent[d.Number]++
		outcome := outbox.DeliveryAcknowledged
		if d.Number%4 == 0 && u.sent[d.Number] == 1 {
			outcome = outbox.DeliveryFailed
		} else {
			u.told[d.Number]++
		}
		u.mu.Unlock()
		u.noted(p.RecordDeliveries(ctx, shop, []outbox.DeliveryResult{{Delivery: d, Outcome: outcome, Reason: "503"}})[0])
	}
}

// check wants each order registered, ended and told once, and each event to have an ID of its own.
func (u *upgrade) check(orders int) {
	u.Helper()
	for _, no := range numbers("R", orders) {
		if u.added[no] != 1 || u.ended[no] != 1 {
			u.Errorf("order %s was registered %d times and ended %d times, want once", no, u.added[no], u.ended[no])
		}
		want := []outbox.EventKind{outbox.EventClosed}
		if strings.HasSuffix(no, "3") {
			want = []outbox.EventKind{outbox.EventGaveUp, outbox.EventClosed}
		}
		u.wantProgress(no, schedule.Done, schedule.FinalClosed)
		u.wantEvents(no, want...)
	}
	events, err := u.Events(u.ctx, shop, outbox.Cursor{}, 1000)
	u.must(err)
	ids := map[outbox.EventID]bool{}
	for i, event := range events {
		ids[event.EventID] = true
		if event.Number != int64(i+1) || u.told[event.Number] != 1 {
			u.Errorf("event %d of %s: got number %d, told %d times, want the next number, told once", i+1, event.OutTradeNo, event.Number, u.told[event.Number])
		}
		if want := outbox.NewEventID(event.Ref, 1, outbox.EventClosed, 1); event.Kind == outbox.EventClosed && event.EventID != want {
			u.Errorf("the end of %s: got ID %q, want %q", event.OutTradeNo, event.EventID, want)
		}
	}
	if len(ids) != len(events) || ids[""] {
		u.Errorf("got %d IDs for %d events, want one for each", len(ids), len(events))
	}
}

// numbersNothing wants a program of the release before to leave an event without a number, for one
// of this release to give it the next.
func (u *upgrade) numbersNothing(before *releaseBefore, events int) {
	u.Helper()
	u.register(u.ctx, before, []string{"last"})
	u.must(before.Finish(u.ctx, u.claim("last")[0], schedule.Final{State: schedule.FinalClosed}))
	if _, err := before.ClaimDeliveries(u.ctx, shop, 5, lease); !errors.Is(err, errNumbersNothing) {
		u.Errorf("got error %v, want that there is nothing to number with", err)
	}
	if n := u.count("SELECT COUNT(*) FROM cloudpay_events WHERE seq IS NULL"); n != 1 {
		u.Errorf("got %d events without a number, want 1", n)
	}
	left, err := u.ClaimDeliveries(u.ctx, shop, 5, lease)
	u.must(err)
	if len(left) != 1 || left[0].OutTradeNo != "last" || left[0].Number != int64(events+1) {
		u.Errorf("got deliveries %+v, want the last event with number %d", left, events+1)
	}
}
