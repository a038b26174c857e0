package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

var watermarks = []sqlProof{
	{name: "claims without row locks", only: servers, prove: claimsWithoutLocks},
	{name: "writes without row locks", only: servers, prove: writesWithoutLocks},
	{name: "observing without row locks", only: servers, prove: observesWithoutLocks},
	{name: "an order that is committed late", prove: findsLateCommits},
	{name: "an event that is committed late", prove: findsLateEvents},
	{name: "an order due before all marks", prove: findsAllInFullPass},
	{name: "a locked order holds the mark", only: servers, prove: lockedOrdersHold},
	{name: "an order that is given back", prove: findsReleased},
	{name: "a locked order that a full pass finds", only: servers, prove: foundOrdersHold},
	{name: "marks stay behind the clock", prove: marksStayBehind},
	{name: "a transaction that is held open", only: servers, prove: findsHeldCommits},
	{name: "a full pass over many dead rows", prove: fullPassGoesOn},
	{name: "a deep pass after a pause", prove: deepPassGoesOn},
	{name: "claims after a pause", prove: headGoesOn},
	{name: "figures of a full register", prove: figuresCostLittle},
	{name: "surveys leave time", prove: surveysLeaveTime},
	{name: "surveys leave no query behind", only: servers, prove: surveysLeaveNothing},
}

// claimsWithoutLocks has two sweepers put off 1,200 orders, handle them and their events, all in
// batches, over connections that lock no rows. Each order must be put off once and handled once,
// and each event sent once.
func claimsWithoutLocks(e *sqlEnv) {
	const orders = 1200
	e.registerDue(numbers("N", orders)...)
	var mu sync.Mutex
	putOff, handled, sent := map[string]int{}, map[string]int{}, map[string]int{}
	count := func(counts map[string]int, what string) {
		mu.Lock()
		defer mu.Unlock()
		counts[what]++
	}
	total := func(counts map[string]int) int {
		mu.Lock()
		defer mu.Unlock()
		return len(counts)
	}
	var busy sync.WaitGroup
	for range 2 {
		s := e.unlockedStore()
		busy.Go(func() {
			for total(handled) < orders {
				claims, err := s.Claim(e.ctx, shop, 20, lease)
				if err != nil {
					e.Error(err)
					return
				}
				var again, last []schedule.Claim
				for _, c := range claims {
					if c.Attempts == 1 {
						count(putOff, c.OutTradeNo)
						again = append(again, c)
						continue
					}
					count(handled, c.OutTradeNo)
					last = append(last, c)
				}
				e.mustAll(s.RetryAll(e.ctx, allAgain(again, 0)), len(again))
				e.mustAll(s.FinishAll(e.ctx, allClosed(last)), len(last))
			}
			for total(sent) < orders {
				deliveries, err := s.ClaimDeliveries(e.ctx, shop, 20, lease)
				if err != nil {
					e.Error(err)
					return
				}
				var results []outbox.DeliveryResult
				for _, d := range deliveries {
					count(sent, d.OutTradeNo)
					results = append(results, outbox.DeliveryResult{Delivery: d, Outcome: outbox.DeliveryAcknowledged})
				}
				for _, err := range s.RecordDeliveries(e.ctx, shop, results) {
					if err != nil {
						e.Error(err)
					}
				}
			}
		})
	}
	busy.Wait()
	for _, no := range numbers("N", orders) {
		if putOff[no] != 1 || handled[no] != 1 || sent[no] != 1 {
			e.Errorf("order %s was put off %d times, handled %d times and told %d times, want once each", no, putOff[no], handled[no], sent[no])
		}
	}
}

// unlockedStore is a store whose statements lock no rows.
func (e *sqlEnv) unlockedStore() *store.Store {
	e.Helper()
	s, f := e.faultyStore(0, false, false)
	f.rewrite = withoutLocks
	return s
}

// withoutLocks is a statement that locks no rows.
func withoutLocks(statement string) string {
	return strings.NewReplacer("FOR UPDATE OF o SKIP LOCKED", "", "FOR UPDATE SKIP LOCKED", "", "FOR UPDATE", "").Replace(statement)
}

// leasedWrite writes under claims whose leases have run out. It returns an error for each.
type leasedWrite func(s *store.Store, claims []schedule.Claim, deliveries []outbox.Delivery) []error

// leasedWrites are all that a sweep writes under claims.
var leasedWrites = map[string]leasedWrite{
	"retries": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		return s.RetryAll(context.Background(), allAgain(claims, time.Hour))
	},
	"ends": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		return s.FinishAll(context.Background(), allClosed(claims))
	},
	"a retry": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		return s.RetryAll(context.Background(), allAgain(claims[:1], time.Hour))
	},
	"an end": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		return s.FinishAll(context.Background(), allClosed(claims[:1]))
	},
	"giving up": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		return []error{s.GiveUp(context.Background(), claims[0], schedule.Retry{Reason: "no"})}
	},
	"giving back": func(s *store.Store, claims []schedule.Claim, _ []outbox.Delivery) []error {
		if n, err := s.Release(context.Background(), claims[:1]); n == 1 || err != nil {
			return []error{err}
		}
		return []error{&schedule.LostClaimError{}}
	},
	"deliveries": func(s *store.Store, _ []schedule.Claim, deliveries []outbox.Delivery) []error {
		results := make([]outbox.DeliveryResult, len(deliveries))
		for i, d := range deliveries {
			results[i] = outbox.DeliveryResult{Delivery: d, Outcome: outbox.DeliveryFailed, Reason: "HTTP 500"}
		}
		return s.RecordDeliveries(context.Background(), shop, results)
	},
}

// writesWithoutLocks has another process claim the same orders and events before each statement of
// a write under claims, whose connection locks no rows. What the other process got stays its own.
func writesWithoutLocks(e *sqlEnv) {
	for name, write := range leasedWrites {
		for at, more := 1, true; more; at++ {
			e.clear()
			names := numbers("W", 3)
			e.endAll("D0000", "D0001", "D0002")
			deliveries := e.claimAll(3)
			e.registerDue(names...)
			claims := e.claim(names...)
			e.Pass(2 * lease)
			s, f := e.faultyStore(0, false, false)
			var taken []schedule.Claim
			var takenDeliveries []outbox.Delivery
			statements := 0
			f.rewrite = func(statement string) string {
				if statements++; statements == at {
					var err error
					taken, err = e.ClaimDoubtful(e.ctx, shop, 100, lease)
					e.must(err)
					takenDeliveries, err = e.ClaimDeliveries(e.ctx, shop, 100, lease)
					e.must(err)
				}
				return withoutLocks(statement)
			}
			errs := write(s, claims, deliveries)
			more = statements >= at
			lost := map[string]bool{}
			for i, err := range errs {
				no := claims[i].OutTradeNo
				if name == "deliveries" {
					no = deliveries[i].OutTradeNo
				}
				if lost[no] = isA[*schedule.LostClaimError](err); err != nil && !lost[no] {
					e.Errorf("%s, before statement %d: %v", name, at, detailed(err))
				}
			}
			for _, c := range taken {
				if err := e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}); err != nil || len(errs) > 0 && name != "deliveries" &&
					c.OutTradeNo == names[0] && !lost[names[0]] {
					e.Errorf("%s, before statement %d: order %s was claimed by two: %v", name, at, c.OutTradeNo, err)
				}
			}
			for _, d := range takenDeliveries {
				if err := e.acknowledge(d); err != nil || name == "deliveries" && !lost[d.OutTradeNo] {
					e.Errorf("%s, before statement %d: event %d was claimed by two: %v", name, at, d.Number, err)
				}
			}
		}
	}
}

// observesWithoutLocks has another process end the order before each statement of an Observe, whose
// connection locks no rows: the order ends once, and the other end is an alarm.
func observesWithoutLocks(e *sqlEnv) {
	for at, more := 1, true; more; at++ {
		e.clear()
		c := e.claimOne("A1")
		s, f := e.faultyStore(0, false, false)
		statements := 0
		f.rewrite = func(statement string) string {
			if statements++; statements == at {
				ctx, cancel := context.WithTimeout(e.ctx, time.Second) // the Observe may have the row
				defer cancel()
				_ = e.Finish(ctx, c, schedule.Final{State: schedule.FinalPaid})
			}
			return withoutLocks(statement)
		}
		err := s.Observe(e.ctx, c.Ref, schedule.Final{State: schedule.FinalClosed})
		more = statements >= at
		if e.show("A1").FinalState == schedule.FinalPaid {
			refused[*schedule.ContradictionError](e, err)
			e.wantEvents("A1", outbox.EventPaid, outbox.EventContradicted)
			continue
		}
		e.must(err)
		e.wantProgress("A1", schedule.Done, schedule.FinalClosed)
		refused[*schedule.ContradictionError](e, e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalPaid}))
		e.wantEvents("A1", outbox.EventClosed, outbox.EventContradicted)
	}
}

// commitLate inserts an order as one that was written so long ago and is committed only now.
func (e *sqlEnv) commitLate(no string, ago time.Duration) {
	e.Helper()
	e.registerDue(no)
	e.sql("UPDATE cloudpay_orders SET due_at = " + e.before("due_at", ago) + " WHERE out_trade_no = '" + no + "'")
}

// anew is the claim of a new process, which looks at once whether a survey is due.
func (e *sqlEnv) anew(want ...string) {
	e.Helper()
	claims, err := e.Another().Claim(e.ctx, shop, 100, lease)
	e.must(err)
	e.wantClaimed(claims, want...)
}

// findsLateCommits proves that an order whose registration took 30 seconds to be committed, or
// nearly as long as the margin, is claimed within a minute.
func findsLateCommits(e *sqlEnv) {
	for _, took := range []time.Duration{30 * time.Second, 115 * time.Second} {
		e.registerDue("before")
		e.anew("before") // makes the first survey
		e.Pass(3 * time.Second)
		e.anew() // raises the mark
		no := "late" + took.String()
		e.commitLate(no, took)
		e.anew() // the mark hides it, until the next survey from low
		e.Pass(20 * time.Second)
		e.anew(no)
		e.clear()
	}
}

func findsLateEvents(e *sqlEnv) {
	c := e.claimOne("A1")
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.wantEvents("A1", outbox.EventClosed)
	e.Pass(3 * time.Second)
	late := e.claimOne("A2")
	if _, err := e.Another().Events(e.ctx, shop, outbox.Cursor{}, 10); err != nil { // raises the mark
		e.Fatal(err)
	}
	e.must(e.Finish(e.ctx, late, schedule.Final{State: schedule.FinalClosed}))
	e.sql("UPDATE cloudpay_events SET due_at = " + e.before("due_at", 30*time.Second) + ", occurred_at = " +
		e.before("occurred_at", 30*time.Second) + " WHERE out_trade_no = 'A2'")
	e.Pass(20 * time.Second)
	s := e.Another()
	events, err := s.Events(e.ctx, shop, outbox.Cursor{}, 10)
	if err != nil || len(events) != 2 {
		e.Errorf("got %d events and error %v, want that of A2 too", len(events), err)
	}
	deliveries, err := s.ClaimDeliveries(e.ctx, shop, 10, lease)
	if err != nil || len(deliveries) != 2 {
		e.Errorf("got %d deliveries and error %v, want that of A2 too", len(deliveries), err)
	}
}

// findsAllInFullPass proves what programs of the release before rely on: they register an order
// with a close_at long past as due then.
func findsAllInFullPass(e *sqlEnv) {
	e.anew()
	e.Pass(3 * time.Second)
	e.anew()
	e.commitLate("old", 24*time.Hour)
	e.Pass(20 * time.Second)
	e.anew()
	e.Pass(5 * time.Minute)
	e.anew("old")
}

// lockedOrdersHold proves that an order that another transaction has locked is not passed: that
// claim may be rolled back.
func lockedOrdersHold(e *sqlEnv) {
	e.registerDue("locked", "free")
	e.Pass(time.Minute)
	tx, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	_, err = tx.ExecContext(e.ctx, fmt.Sprintf("SELECT id FROM cloudpay_orders WHERE id = %d FOR UPDATE", e.show("locked").ID))
	e.must(err)
	e.anew("free")
	e.anew()
	e.must(tx.Rollback())
	e.anew("locked")
}

// findsReleased proves that an order that is given back is due since it was before, and is found at
// once although claims read from a later time on.
func findsReleased(e *sqlEnv) {
	e.registerDue("A1", "A2")
	e.must(e.Retry(e.ctx, e.claim("A1", "A2")[1], schedule.Retry{Reason: "TIMEOUT", InDoubt: true}))
	e.Pass(2 * time.Minute)
	claims, err := e.ClaimDoubtful(e.ctx, shop, 10, time.Hour)
	e.must(err)
	e.wantClaimed(claims, "A2", "A1")
	e.registerDue("B1")
	e.Pass(2 * time.Minute)
	waiting, err := e.Claim(e.ctx, shop, 10, time.Hour)
	e.must(err)
	e.wantClaimed(waiting, "B1")
	e.Pass(3 * time.Second)
	for range 2 { // the marks are raised
		_, err := e.Another().ClaimDoubtful(e.ctx, shop, 10, lease)
		e.must(err)
		e.anew()
		e.Pass(3 * time.Second)
	}
	_, err = e.Release(e.ctx, append(claims, waiting...))
	e.must(err)
	status, err := e.Status(e.ctx, shop, ceiling)
	if err != nil || status.Due != 3 || status.OldestDue < 60 {
		e.Errorf("got %+v and error %v, want three due, the oldest for a minute at least", status, err)
	}
	e.anew("B1")
	claims, err = e.Another().ClaimDoubtful(e.ctx, shop, 10, lease)
	e.must(err)
	e.wantClaimed(claims, "A2", "A1")
}

// foundOrdersHold proves that an order that a full pass found is not passed by the surveys after
// it, although it lies before the range that they read.
func foundOrdersHold(e *sqlEnv) {
	e.anew()
	e.Pass(3 * time.Second)
	e.anew()
	e.commitLate("old", 24*time.Hour)
	tx, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	var id int64
	e.must(tx.QueryRowContext(e.ctx, "SELECT id FROM cloudpay_orders WHERE out_trade_no = 'old' FOR UPDATE").Scan(&id))
	for i := range 4 { // the first of them makes a full pass
		pass := "raised_at = " + e.before("raised_at", time.Minute) + ", deep_at = " + e.before("deep_at", time.Minute)
		if i == 0 {
			pass += ", full_at = " + e.before("full_at", 5*time.Minute)
		}
		e.sql("UPDATE cloudpay_watermarks SET " + pass)
		e.anew()
	}
	e.must(tx.Rollback())
	e.anew("old")
}

func marksStayBehind(e *sqlEnv) {
	e.registerDue("A")
	e.anew("A")
	e.Pass(3 * time.Second)
	e.anew()
	bound := func(column string, ago time.Duration) int {
		return e.count("SELECT COUNT(*) FROM cloudpay_watermarks WHERE what = 'waiting' AND " + column + " <= " + e.before(e.now(), ago))
	}
	if bound("head", time.Second) != 1 || bound("low", 2*time.Minute) != 1 {
		e.Error("head is less than a second ago, or low less than two minutes")
	}
	if bound("head", 10*time.Second) != 0 {
		e.Error("head is more than ten seconds ago, want it raised")
	}
}
