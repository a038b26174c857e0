package storetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

var crashing = []sqlProof{
	{name: "a process that dies at any step", prove: dies},
	{name: "a connection that is lost at any step", prove: loses},
	{name: "an order that changes between two tries", prove: changesBetweenTries},
}

// operation is an operation of the store that is interrupted.
type operation struct {
	name string
	// prepare registers an order for the operation, and claims it if need be.
	prepare func(e *sqlEnv, no string) schedule.Claim
	run     func(e *sqlEnv, s *store.Store, no string, c schedule.Claim) error
	// progress, ending and events are the order's after the operation.
	progress schedule.Progress
	ending   schedule.FinalState
	events   []outbox.EventKind
}

func claimed(e *sqlEnv, no string) schedule.Claim { return e.claimOne(no) }

func absent(*sqlEnv, string) schedule.Claim { return schedule.Claim{} }

func withdrawnOrder(e *sqlEnv, no string) schedule.Claim {
	e.registerDue(no)
	e.must(withdrawn(e.env, no))
	return schedule.Claim{}
}

var operations = []operation{
	{
		name: "register", prepare: absent, progress: schedule.Waiting,
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Register(e.ctx, due(no))
			return err
		},
	},
	{
		name: "claim", progress: schedule.Closing,
		prepare: func(e *sqlEnv, no string) schedule.Claim { e.registerDue(no); return schedule.Claim{} },
		run: func(e *sqlEnv, s *store.Store, _ string, _ schedule.Claim) error {
			claims, err := untilUnlocked(func() ([]schedule.Claim, error) { return s.Claim(e.ctx, shop, 10, lease) })
			if err == nil && (len(claims) != 1 || claims[0].Attempts != 1) {
				e.Errorf("got claims %v, want one, in its first attempt", claims)
			}
			return err
		},
	},
	{
		name: "begin", prepare: absent, progress: schedule.Closing,
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Begin(e.ctx, schedule.Record{Entry: due(no)}, lease)
			return err
		},
	},
	{
		name: "register anew", progress: schedule.Waiting, prepare: withdrawnOrder,
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			again, err := s.RegisterAgain(e.ctx, schedule.Entry{Ref: ref(no), Total: fen(7)}, "shop")
			if err == nil && !again {
				e.Errorf("order %s: got that it was not registered anew", no)
			}
			return err
		},
	},
	{
		name: "begin of a withdrawn order", progress: schedule.Closing, prepare: withdrawnOrder,
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Begin(e.ctx, e.show(no), lease)
			return err
		},
	},
	{
		name: "begin of an order that was withdrawn meanwhile", progress: schedule.Closing, prepare: withdrawnOrder,
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Begin(e.ctx, schedule.Record{Entry: due(no)}, lease)
			return err
		},
	},
	{
		name: "finish", prepare: claimed, progress: schedule.Done, ending: schedule.FinalPaid, events: []outbox.EventKind{outbox.EventPaid},
		run: func(e *sqlEnv, s *store.Store, _ string, c schedule.Claim) error {
			return s.Finish(e.ctx, c, schedule.Final{State: schedule.FinalPaid})
		},
	},
	{
		name: "observe", prepare: claimed, progress: schedule.Done, ending: schedule.FinalClosed, events: []outbox.EventKind{outbox.EventClosed},
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			return s.Observe(e.ctx, ref(no), schedule.Final{State: schedule.FinalClosed})
		},
	},
	{
		name: "observe a payment", prepare: claimed, progress: schedule.Done, ending: schedule.FinalPaid, events: []outbox.EventKind{outbox.EventPaid},
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.ObservePayments(e.ctx, []schedule.Payment{payment(no)})
			return err
		},
	},
	{
		name: "observe a payment of an order that is not registered", prepare: absent, progress: schedule.Done, ending: schedule.FinalPaid,
		events: []outbox.EventKind{outbox.EventPaidUnregistered},
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.ObservePayments(e.ctx, []schedule.Payment{payment(no)})
			return err
		},
	},
	{
		name: "register a paid order", progress: schedule.Done, ending: schedule.FinalPaid,
		events:  []outbox.EventKind{outbox.EventPaidUnregistered, outbox.EventPaidOtherAmount},
		prepare: func(e *sqlEnv, no string) schedule.Claim { e.pay(payment(no)); return schedule.Claim{} },
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Register(e.ctx, schedule.Entry{Ref: ref(no), Total: fen(7)})
			return err
		},
	},
	{
		name: "retry", prepare: claimed, progress: schedule.Waiting,
		run: func(e *sqlEnv, s *store.Store, _ string, c schedule.Claim) error {
			return s.Retry(e.ctx, c, schedule.Retry{Reason: "again", After: lease})
		},
	},
	{
		name: "give up", prepare: claimed, progress: schedule.GaveUp, events: []outbox.EventKind{outbox.EventGaveUp},
		run: func(e *sqlEnv, s *store.Store, _ string, c schedule.Claim) error {
			return s.GiveUp(e.ctx, c, schedule.Retry{Reason: "no"})
		},
	},
	{
		name: "release", prepare: claimed, progress: schedule.Waiting,
		run: func(e *sqlEnv, s *store.Store, _ string, c schedule.Claim) error {
			_, err := s.Release(e.ctx, []schedule.Claim{c})
			return err
		},
	},
	{
		name: "change", progress: schedule.Waiting,
		prepare: func(e *sqlEnv, no string) schedule.Claim { e.registerDue(no); return schedule.Claim{} },
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			r, err := s.Change(e.ctx, ref(no), schedule.Change{Total: fen(7), By: "shop"})
			if err == nil && (r.Total == nil || *r.Total != 7) {
				e.Errorf("got %+v, want the total changed", r)
			}
			return err
		},
	},
	{
		name: "withdraw", progress: schedule.Withdrawn,
		prepare: func(e *sqlEnv, no string) schedule.Claim { e.registerDue(no); return schedule.Claim{} },
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			_, err := s.Change(e.ctx, ref(no), schedule.Change{Withdraw: true, By: "shop"})
			return err
		},
	},
	{
		name: "reopen", progress: schedule.Closing, events: []outbox.EventKind{outbox.EventGaveUp},
		prepare: func(e *sqlEnv, no string) schedule.Claim {
			e.must(e.GiveUp(e.ctx, e.claimOne(no), schedule.Retry{Reason: "no"}))
			return schedule.Claim{}
		},
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			reopened, err := s.Reopen(e.ctx, ref(no))
			if err == nil && !reopened {
				e.Errorf("order %s was not reopened", no)
			}
			return err
		},
	},
	{
		name: "read events", progress: schedule.Done, ending: schedule.FinalClosed, events: []outbox.EventKind{outbox.EventClosed},
		prepare: func(e *sqlEnv, no string) schedule.Claim {
			c := e.claimOne(no)
			e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
			return c
		},
		run: func(e *sqlEnv, s *store.Store, _ string, _ schedule.Claim) error {
			_, err := s.Events(e.ctx, shop, outbox.Cursor{}, 1000)
			return err
		},
	},
	{
		name: "deliver", progress: schedule.Done, ending: schedule.FinalClosed, events: []outbox.EventKind{outbox.EventClosed},
		prepare: func(e *sqlEnv, no string) schedule.Claim {
			c := e.claimOne(no)
			e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
			return c
		},
		run: func(e *sqlEnv, s *store.Store, no string, _ schedule.Claim) error {
			deliveries, err := untilUnlocked(func() ([]outbox.Delivery, error) { return s.ClaimDeliveries(e.ctx, shop, 100, lease) })
			if err == nil && (len(deliveries) != 1 || deliveries[0].OutTradeNo != no || deliveries[0].Attempts != 1) {
				e.Errorf("got deliveries %v, want one, the first", deliveries)
			}
			for _, p := range deliveries {
				err = errors.Join(err, errors.Join(s.RecordDeliveries(e.ctx, shop, []outbox.DeliveryResult{{Delivery: p, Outcome: outbox.DeliveryAcknowledged}})...))
			}
			return err
		},
	},
}

// untilUnlocked claims until it gets something. A claim passes over locked rows, and the server may
// hold the locks of a lost connection still when the claim is tried again.
func untilUnlocked[T any](claim func() ([]T, error)) (claimed []T, err error) {
	for range 1000 {
		if claimed, err = claim(); len(claimed) > 0 || err != nil {
			break
		}
	}
	return claimed, err
}

// steps runs an operation and counts its steps.
func (e *sqlEnv) steps(o operation) int {
	e.Helper()
	s, f := e.faultyStore(0, false, false)
	c := o.prepare(e, "count")
	e.must(o.run(e, s, "count", c))
	e.settle()
	if f.step < 1 {
		e.Fatalf("%s took %d steps, want a statement", o.name, f.step)
	}
	return f.step
}

// settle ends all orders, so that the next one is alone.
func (e *sqlEnv) settle() {
	e.Helper()
	e.Pass(10 * lease)
	doubtful, err := e.ClaimDoubtful(e.ctx, shop, 100, lease)
	e.must(err)
	waiting, err := e.Claim(e.ctx, shop, 100, lease)
	e.must(err)
	for _, c := range slices.Concat(doubtful, waiting) {
		e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	}
}

// eachFault tries each operation with a fault at each of its steps: before the step, and after it.
func eachFault(e *sqlEnv, forever bool, try func(o operation, no string, c schedule.Claim, s *store.Store)) {
	e.Helper()
	for i, o := range operations {
		e.clear()
		for at := range e.steps(o) {
			for _, late := range []bool{false, true} {
				e.clear()
				no := fmt.Sprintf("O%d-%d-%v", i, at+1, late)
				c := o.prepare(e, no)
				s, f := e.faultyStore(at+1, late, forever)
				alive := e.ctx
				e.ctx, f.die = context.WithCancel(alive)
				try(o, no, c, s)
				f.die()
				_ = s.Close() // the server's connections are for all tests
				e.ctx = alive
			}
		}
	}
}

// clear deletes all orders and events, and what is kept beside them.
func (e *sqlEnv) clear() {
	e.Helper()
	for _, table := range []string{"events", "orders", "numbers", "watermarks", "tombstones", "changes", "receivers"} {
		e.sql("DELETE FROM cloudpay_" + table)
	}
}

// dies ends the process at each step. The operation must be done completely or not at all, and the
// next process must end the order, once.
func dies(e *sqlEnv) {
	eachFault(e, true, func(o operation, no string, c schedule.Claim, s *store.Store) {
		if err := o.run(e, s, no, c); err == nil {
			e.Errorf("%s: got no error from a dead connection", no)
		}
		e.ctx = context.WithoutCancel(e.ctx)
		e.consistent(o.name, no)
		e.settle()
		e.consistent(o.name, no)
	})
}

// consistent wants an order and its events to fit: they are written in one transaction.
func (e *sqlEnv) consistent(doing, no string) {
	e.Helper()
	of := "SELECT COUNT(*) FROM cloudpay_events WHERE out_trade_no = '" + no + "' AND kind "
	ends, gaveUps := e.count(of+"NOT IN ('gaveUp', 'paidUnregistered')"), e.count(of+"= 'gaveUp'")
	s, err := e.Show(e.ctx, ref(no))
	if err != nil {
		refused[*schedule.NotRegisteredError](e, err)
		return
	}
	lines := "SELECT COUNT(*) FROM cloudpay_changes WHERE order_id = " + strconv.FormatInt(s.ID, 10) + " AND "
	// A round follows a giving up, or a withdrawal that a close undid.
	wantEnds, wantGaveUps := 0, s.Round-1-e.count(lines+"was = 'withdrawn' AND became = 'closing'")
	switch s.Progress {
	case schedule.Done:
		wantEnds = 1
		if s.Unregistered() { // its end is told when it is registered
			wantEnds = 0
			if told := e.count(of + "= 'paidUnregistered'"); told != 1 {
				e.Errorf("%s, order %s is paid and not registered: got %d events of that, want 1", doing, no, told)
			}
		}
	case schedule.GaveUp:
		wantGaveUps++
	case schedule.Waiting, schedule.Closing, schedule.Withdrawn:
	}
	if ends != wantEnds || gaveUps != wantGaveUps {
		e.Errorf("%s, order %s is %s: got %d events of an end and %d of giving up, want %d and %d",
			doing, no, s.Progress, ends, gaveUps, wantEnds, wantGaveUps)
	}
	stays := 0
	if s.Progress == schedule.Withdrawn {
		stays = 1
	}
	if made, undone := e.count(lines+"became = 'withdrawn'"), e.count(lines+"was = 'withdrawn'"); made-undone != stays {
		e.Errorf("%s, order %s is %s: its history has %d withdrawals, of which %d were undone", doing, no, s.Progress, made, undone)
	}
}

// loses cuts the connection once at each step. The operation must be done nevertheless, and once.
func loses(e *sqlEnv) {
	eachFault(e, false, func(o operation, no string, c schedule.Claim, s *store.Store) {
		if err := o.run(e, s, no, c); err != nil {
			e.Errorf("%s %s: %v", o.name, no, err)
			return
		}
		e.wantProgress(no, o.progress, o.ending)
		e.consistent(o.name, no)
		e.wantEvents(no, o.events...)
	})
}

// betweenTries is a write under a claim whose commit succeeds and whose answer is lost, and what
// becomes of the order before the store repeats the write.
type betweenTries struct {
	name  string
	write func(s *store.Store, claims []schedule.Claim) error
	// change changes the order. want is what the order is afterwards, whatever the write does.
	change func(e *sqlEnv, no string) error
	want   func(r schedule.Record) bool
	events []outbox.EventKind
}

var laterClose = time.Date(2050, 1, 2, 3, 4, 5, 0, time.UTC)

func again(s *store.Store, claims []schedule.Claim) error {
	return s.Retry(context.Background(), claims[0], schedule.Retry{Reason: "again"})
}

func againInBatch(s *store.Store, claims []schedule.Claim) error {
	return s.RetryAll(context.Background(), allAgain(claims, 0))[0]
}

func givingUp(s *store.Store, claims []schedule.Claim) error {
	return s.GiveUp(context.Background(), claims[0], schedule.Retry{Reason: "no"})
}

func closesLater(e *sqlEnv, no string) error {
	_, err := e.Change(e.ctx, ref(no), schedule.Change{CloseAt: &laterClose, By: "shop"})
	return err
}

func isWithdrawn(e *sqlEnv, no string) error {
	_, err := e.Change(e.ctx, ref(no), schedule.Change{Withdraw: true, By: "shop"})
	return err
}

func isReopened(e *sqlEnv, no string) error {
	if reopened, err := e.Reopen(e.ctx, ref(no)); err != nil || !reopened {
		return fmt.Errorf("reopened %v: %w", reopened, err)
	}
	return nil
}

func isLater(r schedule.Record) bool {
	return r.Progress == schedule.Waiting && r.DueAt.Equal(laterClose) && r.CloseAt.Equal(laterClose)
}

func isOpen(r schedule.Record) bool {
	return r.Progress == schedule.Closing && r.Round == 2 && r.Attempts == 0
}

var betweenTwoTries = []betweenTries{
	{name: "a retry, and a change", write: again, change: closesLater, want: isLater},
	{name: "a batch of retries, and a change", write: againInBatch, change: closesLater, want: isLater},
	{
		name: "a retry, and a withdrawal", write: again, change: isWithdrawn,
		want: func(r schedule.Record) bool { return r.Progress == schedule.Withdrawn && r.DueAt.IsZero() },
	},
	{name: "giving up, and a reopening", write: givingUp, change: isReopened, want: isOpen, events: []outbox.EventKind{outbox.EventGaveUp}},
}

// changesBetweenTries loses the answer to each write's commit, and changes the order before the
// store tries again: the second try must find its claim lost.
func changesBetweenTries(e *sqlEnv) {
	for _, test := range betweenTwoTries {
		e.clear()
		s, f := e.faultyStore(0, false, false)
		e.registerDue("A1", "A2")
		e.must(test.write(s, e.claim("A1", "A2")))
		steps := f.step
		e.clear()
		e.registerDue("A1", "A2")
		claims := e.claim("A1", "A2")
		s, f = e.faultyStore(steps, true, false)
		f.then = func() { e.must(test.change(e, "A1")) }
		refused[*schedule.LostClaimError](e, test.write(s, claims))
		if got := e.show("A1"); !test.want(got) {
			e.Errorf("%s: got %+v, want it as it was changed", test.name, got)
		}
		e.wantEvents("A1", test.events...)
		_ = s.Close()
	}
}
