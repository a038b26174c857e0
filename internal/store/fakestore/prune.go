package fakestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

// Prune deletes one step of the selected orders that ended and whose events are acknowledged.
func (s *Store) Prune(ctx context.Context, p pruning.Selection, archive func([]pruning.Order) error) (pruning.Step, error) {
	unlock, err := s.begin(ctx, "prune")
	if err != nil {
		return pruning.Step{}, err
	}
	defer unlock()
	if p.Resume {
		p.After = s.resume(p.Account)
	}
	ended := s.ended(p)
	ended = ended[:min(len(ended), max(p.Limit, 1))]
	done := pruning.Step{Next: p.After, More: len(ended) == max(p.Limit, 1)}
	var orders []pruning.Order
	for _, r := range ended {
		done.Next = pruning.Place{EndedAt: r.EndedAt, ID: r.ID}
		if events, acknowledged := s.told(r.Ref); acknowledged {
			orders = append(orders, pruning.Order{Record: r.Record, Events: events, Changes: r.changes})
			done.Events += len(events)
		}
	}
	done.Orders, done.Kept = len(orders), len(ended)-len(orders)
	if archive != nil && len(orders) > 0 {
		if err := archive(orders); err != nil {
			return pruning.Step{}, err
		}
	}
	for _, o := range orders {
		s.bury(o.Record)
	}
	if p.Resume && !done.Next.EndedAt.IsZero() {
		s.remember(p, done.Next)
	}
	return done, nil
}

// mark is how far pruning with Resume has got, and when it last began at the oldest order.
type mark struct {
	pruning.Place

	full time.Time
}

func (s *Store) remember(p pruning.Selection, next pruning.Place) {
	full := s.pruned[p.Account].full
	if p.After.EndedAt.IsZero() {
		full = s.now()
	}
	s.pruned[p.Account] = mark{next, full}
}

func (s *Store) resume(of order.Account) pruning.Place {
	if at := s.pruned[of]; s.now().Sub(at.full) < 24*time.Hour {
		return at.Place
	}
	return pruning.Place{}
}

// ended lists the orders that p selects, behind its place, whatever their events.
func (s *Store) ended(p pruning.Selection) []*row {
	before := p.Before
	if before.IsZero() {
		before = s.now().Add(-p.Age)
	}
	var found []*row
	for _, r := range s.at(p.Account, schedule.Done) {
		place := cmp.Or(r.EndedAt.Compare(p.After.EndedAt), cmp.Compare(r.ID, p.After.ID))
		if r.EndedAt.Before(before) && place > 0 && (p.SubMchID == "" || r.SubMchID == p.SubMchID) {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *row) int { return cmp.Or(a.EndedAt.Compare(b.EndedAt), cmp.Compare(a.ID, b.ID)) })
	return found
}

// told returns an order's events, and whether all are acknowledged.
func (s *Store) told(ref order.Ref) (events []outbox.Event, acknowledged bool) {
	acknowledged = true
	for _, d := range s.events {
		if d.Ref == ref {
			events = append(events, d.Event)
			acknowledged = acknowledged && d.due.IsZero() && !d.dead
		}
	}
	return events, acknowledged
}

// bury deletes an order and its events, and keeps its tombstone.
func (s *Store) bury(r schedule.Record) {
	delete(s.rows, r.Ref)
	s.byID = slices.DeleteFunc(s.byID, func(one *row) bool { return one.Ref == r.Ref })
	s.events = slices.DeleteFunc(s.events, func(d *delivery) bool { return d.Ref == r.Ref })
	if _, buried := s.tombstones[r.Ref]; !buried {
		s.tombstones[r.Ref] = schedule.Tombstone{FinalState: r.FinalState, Generation: r.Generation, EndedAt: r.EndedAt, PrunedAt: s.now()}
	}
}

// Prunable counts what Prune would delete and keep.
func (s *Store) Prunable(ctx context.Context, p pruning.Selection) (pruning.Count, error) {
	unlock, err := s.begin(ctx, "prunable")
	if err != nil {
		return pruning.Count{}, err
	}
	defer unlock()
	found := pruning.Count{Before: p.Before}
	if p.Before.IsZero() {
		found.Before = s.now().Add(-p.Age)
	}
	p.After = pruning.Place{}
	for _, r := range s.ended(p) {
		if _, acknowledged := s.told(r.Ref); acknowledged {
			found.Orders++
		} else {
			found.Kept++
		}
	}
	return found, nil
}

// observePruned is Observe for an order that is not there.
func (s *Store) observePruned(ref order.Ref, f schedule.Final) error {
	left, buried := s.tombstones[ref]
	switch {
	case !buried:
		return &schedule.NotRegisteredError{Ref: ref}
	case left.FinalState == f.State:
		return nil
	}
	s.tell(&row{Record: left.Record(ref)}, outbox.EventContradicted, keptFinal(f), "recorded as "+string(left.FinalState))
	return fmt.Errorf("recording an end: %w", &schedule.ContradictionError{Ref: ref, Had: left.FinalState, Said: f.State})
}

// Acknowledge records that a reader has handled all events up to a number.
func (s *Store) Acknowledge(ctx context.Context, of order.Account, through int64) (acknowledged int, err error) {
	unlock, err := s.begin(ctx, "acknowledge")
	if err != nil {
		return 0, err
	}
	defer unlock()
	for _, d := range s.events {
		if d.Account() == of && d.Number <= through && (d.dead || !d.due.IsZero()) {
			d.due, d.dead, d.Token, d.LastError = time.Time{}, false, "", ""
			acknowledged++
		}
	}
	return acknowledged, nil
}
