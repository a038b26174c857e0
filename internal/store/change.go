package store

import (
	"context"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Change corrects a registration that waits and that no claim holds, or withdraws it, and adds what
// changed to its history in the same transaction. It returns the record as it is afterwards.
// Repeating it changes nothing, but that a time in seconds counts from the repetition.
//
// The error is a *schedule.TooLateError if the order's closing has begun, or it has ended, was
// pruned or is withdrawn; an *order.FieldError for a close_at before the order's creation; and a
// *schedule.NotRegisteredError if there is no such order.
func (s *Store) Change(ctx context.Context, ref order.Ref, c schedule.Change) (schedule.Record, error) {
	if err := registrable(ref); err != nil {
		return schedule.Record{}, err
	}
	return transact(ctx, s, "changing the registration of order "+ref.String(), func(t tx) (schedule.Record, error) {
		r, err := t.locked(refIs, refValues(ref)...)
		switch {
		case err != nil:
			return schedule.Record{}, err
		case r == nil:
			return schedule.Record{}, t.tooLate(ref)
		case c.Withdraw && r.Progress == schedule.Withdrawn:
			return r.Record, nil
		case r.Progress != schedule.Waiting:
			return schedule.Record{}, &schedule.TooLateError{Record: r.Record}
		}
		if err := t.change(*r, c); err != nil {
			return schedule.Record{}, err
		}
		r, err = t.locked("id = ?", r.ID)
		if err != nil || r == nil {
			return schedule.Record{}, err
		}
		return r.Record, nil
	})
}

// tooLate is the answer to changing an order that has no row.
func (t tx) tooLate(ref order.Ref) error {
	left, pruned, err := t.tombstone(ref)
	switch {
	case err != nil:
		return err
	case pruned:
		return &schedule.TooLateError{Record: left.Record(ref)}
	}
	return &schedule.NotRegisteredError{Ref: ref}
}

// change writes a change under the condition that the order still waits, and its history. It takes
// the last claim's token from the row: a retry or a giving up under it, repeated after a commit
// whose answer was lost, must not undo the change.
func (t tx) change(r row, c schedule.Change) error {
	e, changed, err := c.Apply(r.Entry, r.now)
	if err != nil {
		return err
	}
	set, args := "token = NULL, owner = ?, total = ?", []any{string(e.Owner), optional(e.Total)}
	switch {
	case c.Withdraw:
		set, args = "token = NULL, progress = 'gaveUp', withdrawn_at = {now}, due_at = NULL", args[:0]
		changed = []schedule.Changed{{By: c.By, Field: "progress", Was: string(schedule.Waiting), Became: string(schedule.Withdrawn)}}
	case len(changed) == 0:
		return nil
	case c.CloseAt != nil, c.CloseIn != nil:
		set += ", close_at = ?, close_in = NULL, due_at = {later}"
		args = append(args, t.d.at(e.CloseAt), t.d.at(e.CloseAt))
	}
	n, err := t.exec("UPDATE cloudpay_orders SET "+set+" WHERE id = ? AND progress = 'waiting'", append(args, r.ID)...)
	if err == nil && n == 0 {
		err = &schedule.TooLateError{Record: r.Record}
	}
	for i := 0; err == nil && i < len(changed); i++ {
		err = t.note(r.ID, changed[i])
	}
	return err
}

// note adds a line to an order's history.
func (t tx) note(id int64, c schedule.Changed) error {
	const most = 255
	_, err := t.exec("INSERT INTO cloudpay_changes (order_id, changed_at, changed_by, field, was, became) VALUES (?, {now}, ?, ?, ?, ?)",
		id, line(c.By, most), c.Field, c.Was, c.Became)
	return err
}

// Changes returns the history of a registration, oldest first, up to a thousand lines. It is empty
// if the registration was never changed, or there is none.
func (s *Store) Changes(ctx context.Context, ref order.Ref) ([]schedule.Changed, error) {
	if err := registrable(ref); err != nil {
		return nil, err
	}
	return transact(ctx, s, "reading the changes of order "+ref.String(), func(t tx) ([]schedule.Changed, error) {
		return query(t, func(scan scanner) (c schedule.Changed, err error) {
			var at moment
			err = scan(&at, &c.By, &c.Field, &c.Was, &c.Became)
			c.At = at.Time
			return c, err
		}, "SELECT changed_at, changed_by, field, was, became FROM cloudpay_changes WHERE "+ofOrder+" ORDER BY id LIMIT 1000",
			refValues(ref)...)
	})
}
