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
	unlock, err := s.begin(ctx, "change")
	if err != nil {
		return schedule.Record{}, err
	}
	defer unlock()
	r, known := s.rows[ref]
	left, buried := s.tombstones[ref]
	switch {
	case !known && buried:
		return schedule.Record{}, &schedule.TooLateError{Record: left.Record(ref)}
	case !known:
		return schedule.Record{}, &schedule.NotRegisteredError{Ref: ref}
	case c.Withdraw && r.Progress == schedule.Withdrawn:
		return r.Record, nil
	case r.Progress != schedule.Waiting:
		return schedule.Record{}, &schedule.TooLateError{Record: r.Record}
	}
	e, changed, err := c.Apply(r.Entry, s.now())
	switch {
	case err != nil:
		return schedule.Record{}, err
	case c.Withdraw:
		changed = []schedule.Changed{s.changed(c.By, schedule.Waiting, schedule.Withdrawn)}
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

// changed is a line of a history about an order's progress.
func (s *Store) changed(by string, was, became schedule.Progress) schedule.Changed {
	return schedule.Changed{At: s.now(), By: by, Field: "progress", Was: string(was), Became: string(became)}
}
