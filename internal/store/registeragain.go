package store

import (
	"context"
	"fmt"

	"cloudpay/internal/schedule"
)

// RegisterAgain registers an order anew, in place of a registration that was withdrawn or that
// ended because WeChat Pay had no such order: with other facts and the next generation, and a line
// in its history, by the one that asks for it. It returns true if it did, also when it is repeated
// after a lost connection. For any other order it changes nothing and returns false, or the error
// that registering it again has; a *schedule.NotRegisteredError if there is no such order.
func (s *Store) RegisterAgain(ctx context.Context, e schedule.Entry, by string) (again bool, err error) {
	const doing = "registering anew order "
	if fault := e.Validate(); fault != nil {
		return false, fmt.Errorf(doing+"%s: %w", e, fault)
	}
	token := newToken()
	return transact(ctx, s, doing+e.String(), func(t tx) (bool, error) {
		found, err := t.locked(refIs, refValues(e.Ref)...)
		switch {
		case err != nil:
			return false, err
		case found == nil:
			return false, t.unregistered(e)
		case found.Unregistered():
			return false, &schedule.NotRegisteredError{Ref: e.Ref}
		case found.token == token: // by the try before this one, whose answer was lost
			return true, nil
		case !found.MayReturn():
			return false, found.Refusal(e)
		}
		return true, t.registerAnew(*found, e, token, by)
	})
}

// unregistered is the answer to registering an order anew that has no row: nil if it was pruned.
func (t tx) unregistered(e schedule.Entry) error {
	_, pruned, err := t.tombstone(e.Ref)
	if err == nil && !pruned {
		err = &schedule.NotRegisteredError{Ref: e.Ref}
	}
	return err
}

// registerAnew makes an order's row that of another registration, under the condition that it still
// may return. The error is errChanged if it may not.
func (t tx) registerAnew(r row, e schedule.Entry, token, by string) error {
	due, at := t.dueAt(e)
	const names = 4 // the first values of an entry, which stay
	args := append([]any{token}, t.entryValues(e)[names:]...)
	n, err := t.exec("UPDATE cloudpay_orders SET token = ?, owner = ?, sub_appid = ?, api = ?, total = ?, created_at = ?, close_at = ?,"+
		" close_in = ?, due_at = "+due+", registered_at = {now}, generation = generation + 1, round = 1, progress = 'waiting',"+
		" trade_state = '', authenticated = FALSE, closing_since = NULL, lease_until = NULL, attempts = 0, last_error = '', clock_waits = 0,"+
		" ending = '', transaction_id = '', paid_total = NULL, paid_at = NULL, ended_at = NULL, withdrawn_at = NULL"+
		" WHERE id = ? AND generation = ? AND (progress = 'gaveUp' AND withdrawn_at IS NOT NULL OR progress = 'done' AND ending = 'notFound')",
		append(args, at, r.ID, r.Generation)...)
	switch {
	case err != nil:
		return err
	case n == 0:
		return errChanged
	}
	return t.note(r.ID, schedule.Changed{By: by, Field: "progress", Was: string(r.Progress), Became: string(schedule.Waiting)})
}
