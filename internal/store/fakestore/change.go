package fakestore

import (
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Change corrects a registration that waits, or withdraws it.
func (s *Store) Change(ctx context.Context, ref order.Ref, c schedule.Change) (schedule.Record, error) {
	r, unlock, err := s.named(ctx, "change", ref)
	if err != nil {
		return schedule.Record{}, err
	}
	defer unlock()
	e, changed := c.Apply(r.Entry, s.now())
	switch {
	case c.Withdraw && r.Progress == schedule.Withdrawn:
		return r.Record, nil
	case r.Progress != schedule.Waiting:
		return schedule.Record{}, &schedule.TooLateError{Record: r.Record}
	case c.Withdraw:
		changed = []schedule.Changed{{
			At: s.now(), By: c.By, Field: "progress", Was: string(schedule.Waiting), Became: string(schedule.Withdrawn),
		}}
		r.Progress, r.WithdrawnAt, r.DueAt = schedule.Withdrawn, s.now(), time.Time{}
	case len(changed) == 0:
		return r.Record, nil
	case c.CloseAt != nil, c.CloseIn != nil:
		e.CloseAt = kept(e.CloseAt)
		r.DueAt = e.CloseAt
		if r.DueAt.Before(s.now()) {
			r.DueAt = s.now()
		}
	}
	r.Entry, r.token = e, ""
	r.changes = append(r.changes, changed...)
	return r.Record, nil
}

// Changes returns the history of a registration.
func (s *Store) Changes(ctx context.Context, ref order.Ref) ([]schedule.Changed, error) {
	if ref.Validate() != nil {
		return nil, &schedule.NotRegisteredError{Ref: ref}
	}
	unlock, err := s.begin(ctx, "changes")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if r := s.rows[ref]; r != nil {
		return slices.Clone(r.changes), nil
	}
	return nil, nil
}
