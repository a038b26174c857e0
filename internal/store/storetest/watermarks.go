package storetest

import (
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
	{name: "an order that is committed late", prove: findsLateCommits},
	{name: "an event that is committed late", prove: findsLateEvents},
	{name: "an order due before all marks", prove: findsAllInFullPass},
	{name: "a locked order holds the mark", only: servers, prove: lockedOrdersHold},
	{name: "marks stay behind the clock", prove: marksStayBehind},
}

// claimsWithoutLocks has two sweepers handle 1,200 orders and their events over connections that
// lock no rows. Each order must be handled once, and each event sent once.
func claimsWithoutLocks(e *sqlEnv) {
	const orders = 1200
	e.registerDue(numbers("N", orders)...)
	var mu sync.Mutex
	handled, sent := map[string]int{}, map[string]int{}
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
				for _, c := range claims {
					count(handled, c.OutTradeNo)
					if err := s.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}); err != nil {
						e.Errorf("order %s: %v", c.OutTradeNo, err)
					}
				}
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
		if handled[no] != 1 || sent[no] != 1 {
			e.Errorf("order %s was handled %d times and told %d times, want once each", no, handled[no], sent[no])
		}
	}
}

// unlockedStore is a store whose statements lock no rows.
func (e *sqlEnv) unlockedStore() *store.Store {
	e.Helper()
	s, f := e.faultyStore(0, false, false)
	f.rewrite = strings.NewReplacer("FOR UPDATE SKIP LOCKED", "", "FOR UPDATE", "").Replace
	return s
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

func marksStayBehind(e *sqlEnv) {
	e.registerDue("A")
	e.anew("A")
	e.Pass(3 * time.Second)
	e.anew()
	now := map[string]string{"postgres": "now()", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "unixepoch('subsec') * 1000000"}[e.db.Name]
	bound := func(column string, ago time.Duration) int {
		return e.count("SELECT COUNT(*) FROM cloudpay_watermarks WHERE what = 'waiting' AND " + column + " <= " + e.before(now, ago))
	}
	if bound("head", time.Second) != 1 || bound("low", 2*time.Minute) != 1 {
		e.Error("head is less than a second ago, or low less than two minutes")
	}
	if bound("head", 10*time.Second) != 0 {
		e.Error("head is more than ten seconds ago, want it raised")
	}
}
