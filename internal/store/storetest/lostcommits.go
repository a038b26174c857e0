package storetest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// Receiver is the shop's: a real one, to which events are really delivered.
type Receiver interface {
	// Deliver delivers an event; nil once it is acknowledged.
	Deliver(ctx context.Context, e outbox.Event) error
	// Acts returns how often the receiver acted for each order, by its number.
	Acts(t *testing.T) map[string]int
}

// PostgresLosesCommits proves what is told when a PostgreSQL primary fails whose asynchronous
// standby was behind.
func PostgresLosesCommits(t *testing.T, receiver Receiver) {
	t.Helper()
	losesCommits(t, receiver, PostgresPair(t))
}

// MariaDBLosesCommits is PostgresLosesCommits for a MariaDB server and its replica.
func MariaDBLosesCommits(t *testing.T, receiver Receiver) {
	t.Helper()
	losesCommits(t, receiver, MariaDBPair(t))
}

// shift is a sweep's work, and what was told while it was done.
type shift struct {
	*watch

	receiver Receiver
	// byID and byNumber have the orders of the events that were told under an ID or a number.
	byID     map[outbox.EventID]map[string]bool
	byNumber map[int64]map[string]bool
	// dropped are the orders that a receiver drops that goes by the number.
	dropped map[string]bool
}

// losesCommits ends a third of the orders before the standby falls behind, a third after it, and
// the rest on the standby, where the second third is to be ended again. Every event is told.
func losesCommits(t *testing.T, receiver Receiver, p *Pair) {
	t.Helper()
	const orders, part = 90, 30
	s := &shift{
		watch: &watch{T: t, forwarder: p.forwarder, store: open(t, p.Address)}, receiver: receiver,
		byID: map[outbox.EventID]map[string]bool{}, byNumber: map[int64]map[string]bool{}, dropped: map[string]bool{},
	}
	ctx := t.Context()
	for _, no := range numbers("L", orders) {
		if _, err := s.store.Register(ctx, due(no)); err != nil {
			t.Fatal(err)
		}
	}
	s.work(ctx, part)
	first := s.read(outbox.Cursor{})
	await(t, p.second, fmt.Sprintf("SELECT COUNT(*) = %d FROM cloudpay_events WHERE delivered_at IS NOT NULL", part))

	p.Part(t)
	s.work(ctx, part)
	last := s.read(first)
	p.FailOver(t)
	s.recovers("a failover with lost commits")
	// Other orders end first there. What is due longest was lost: it would get the numbers it had.
	for _, no := range numbers("N", 7) {
		if _, err := s.store.Register(ctx, due(no)); err != nil {
			t.Fatal(err)
		}
		if err := s.store.Observe(ctx, ref(no), schedule.Final{State: schedule.FinalClosed}); err != nil {
			t.Fatal(err)
		}
	}
	for s.work(ctx, part) > 0 {
		continue
	}
	var all int
	const count = "SELECT COUNT(*) FROM cloudpay_orders WHERE progress = 'done'"
	if err := Raw(t, p.second.address("shop")).QueryRowContext(ctx, count).Scan(&all); err != nil {
		t.Fatal(err)
	}
	if all < orders {
		t.Errorf("got %d orders that ended, want all %d, and more", all, orders)
	}
	s.judge(all, first, last)
}

// work ends up to limit orders and tells all events, and returns how many orders it ended.
func (s *shift) work(ctx context.Context, limit int) int {
	s.Helper()
	claims, err := s.store.Claim(ctx, shop, limit, lease)
	if err != nil {
		s.Fatal(err)
	}
	for _, c := range claims {
		if err := s.store.Finish(ctx, c, schedule.Final{State: schedule.FinalClosed}); err != nil {
			s.Fatal(err)
		}
	}
	for {
		deliveries, err := s.store.ClaimDeliveries(ctx, shop, limit, lease)
		if err != nil {
			s.Fatal(err)
		}
		if len(deliveries) == 0 {
			return len(claims)
		}
		for _, d := range deliveries {
			s.tell(ctx, d)
		}
	}
}

func (s *shift) tell(ctx context.Context, d outbox.Delivery) {
	s.Helper()
	if err := s.receiver.Deliver(ctx, d.Event); err != nil {
		s.Fatal(err)
	}
	result := outbox.DeliveryResult{Delivery: d, Outcome: outbox.DeliveryAcknowledged}
	if err := s.store.RecordDeliveries(ctx, shop, []outbox.DeliveryResult{result})[0]; err != nil {
		s.Fatal(err)
	}
	known := s.byNumber[d.Number]
	if known == nil {
		known = map[string]bool{}
		s.byNumber[d.Number] = known
	} else if !known[d.OutTradeNo] {
		s.dropped[d.OutTradeNo] = true
	}
	known[d.OutTradeNo] = true
	if s.byID[d.EventID] == nil {
		s.byID[d.EventID] = map[string]bool{}
	}
	s.byID[d.EventID][d.OutTradeNo] = true
}

// read reads on to the end, and returns the cursor there.
func (s *shift) read(after outbox.Cursor) outbox.Cursor {
	s.Helper()
	for {
		events, err := s.store.Events(context.Background(), shop, after, 100)
		if err != nil {
			s.Fatal(err)
		}
		if len(events) == 0 {
			return after
		}
		after = events[len(events)-1].Cursor()
	}
}

// judge counts what was told of all orders. first is the cursor of a reader from before the commits
// that were lost, last of one that has read them.
func (s *shift) judge(orders int, first, last outbox.Cursor) {
	s.Helper()
	shared, repeated := 0, 0
	for _, of := range s.byID {
		if len(of) > 1 {
			shared++
		}
	}
	for _, of := range s.byNumber {
		if len(of) > 1 {
			repeated++
		}
	}
	acts := s.receiver.Acts(s.T)
	twice, acted := 0, len(acts)
	for _, n := range acts {
		if n > 1 {
			twice++
		}
	}
	s.Logf("%d orders, %d numbers and %d ids of two orders; dropped by the number %d, by the id %d; acted upon twice %d",
		orders, repeated, shared, len(s.dropped), orders-acted, twice)
	if repeated == 0 || len(s.dropped) == 0 {
		s.Error("no number came again: the test shows nothing")
	}
	if shared != 0 || acted != orders || twice != 0 {
		s.Errorf("got %d ids with two orders, %d orders acted upon and %d twice, want 0, %d and 0", shared, acted, twice, orders)
	}
	_, err := s.store.Events(context.Background(), shop, last, 100)
	refused[*schedule.WentBackError](s.T, err)
	if end := s.read(first); end.Number != int64(orders) {
		s.Errorf("a reader from before reads up to %s, want the %d events there are", end, orders)
	}
}

// await waits until the answer to a question is true.
func await(t *testing.T, s *server, question string) {
	t.Helper()
	db := Raw(t, s.address("shop"))
	for deadline := time.Now().Add(timeout); ; {
		var answer bool
		err := db.QueryRowContext(context.Background(), question).Scan(&answer)
		if err == nil && answer {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s: got %v and error %v, want true", question, answer, err)
		}
		<-time.After(20 * time.Millisecond)
	}
}
