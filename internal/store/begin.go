package store

import (
	"context"
	"fmt"
	"time"

	"cloudpay/internal/schedule"
)

// Begin leases one order for a close at once, due or not, and records the intent before anything is
// sent. If the process dies after that, the sweep finds the order in doubt when the lease has
// expired. seen is the record as Show gave it, which saves reading it again. It may also have its
// Entry alone: then Begin reads the record, and first registers an order that is not registered. An
// order that was given up or withdrawn is taken up again; that a withdrawal is undone so is a line
// in the order's history. The attempt is not counted: attempts belong to the sweep, and a caller
// could use them up otherwise. So the claim must not be given to Release.
//
// The error is a *schedule.BusyError if another claim's lease has not expired, a
// *schedule.EndedError if the order has ended, and an *order.FieldError if the entry is ill formed.
// After any other error nothing may be sent: no record would say so if the process died then.
func (s *Store) Begin(ctx context.Context, seen schedule.Record, lease time.Duration) (schedule.Claim, error) {
	if fault := seen.Validate(); fault != nil {
		return schedule.Claim{}, fmt.Errorf("beginning to close order %s: %w", seen, fault)
	}
	if seen.Progress == schedule.Done {
		return schedule.Claim{}, fmt.Errorf("beginning to close order %s: %w", seen, &schedule.EndedError{Record: seen})
	}
	token, first := newToken(), s.unbracketed
	if seen.Progress == schedule.Withdrawn {
		first = s.once // two tables are written
	}
	return resultOf(ctx, s, "beginning to close order "+seen.String(), first, func(t tx) (schedule.Claim, error) {
		for range maxChanges {
			if t.single && seen.Progress == schedule.Withdrawn { // meanwhile: again, in a transaction
				return schedule.Claim{}, errChanged
			}
			if until, begun, err := t.begin(seen, token, lease); err != nil || begun {
				return begunClaim(seen, token, until, lease), err
			}
			now, err := t.present(seen.Entry, token)
			switch {
			case err != nil:
				return schedule.Claim{}, err
			case now.token == token && !now.LeaseUntil.IsZero(): // by this call, whose answer was lost or is this one
				return begunClaim(seen, token, now.LeaseUntil, lease), nil
			case now.Progress == schedule.Done:
				return schedule.Claim{}, &schedule.EndedError{Record: now.Record}
			case now.LeaseUntil.After(now.now):
				return schedule.Claim{}, &schedule.BusyError{Record: now.Record}
			}
			seen = now.Record
		}
		return schedule.Claim{}, &schedule.BusyError{Record: seen}
	})
}

// maxChanges bounds how often an operation begins anew because the order was changed between two of
// its statements.
const maxChanges = 10

// begin leases an order that is as it was seen, and has no lease. Where an UPDATE returns nothing,
// begun is false even if it did: the token in the row says so.
func (t tx) begin(seen schedule.Record, token string, lease time.Duration) (until time.Time, begun bool, err error) {
	if seen.ID == 0 {
		return time.Time{}, false, nil
	}
	const leasing = "UPDATE cloudpay_orders SET round = CASE WHEN progress = 'gaveUp' THEN round + 1 ELSE round END, withdrawn_at = NULL," +
		" token = ?, lease_until = {soon}, due_at = {soon}, progress = 'closing', closing_since = COALESCE(closing_since, {now})" +
		" WHERE id = ? AND generation = ? AND round = ? AND progress = ? AND due_at {same} ? AND owner = ? AND total {same} ?" +
		" AND (lease_until IS NULL OR lease_until <= {now})"
	args := []any{
		token, lease.Microseconds(), lease.Microseconds(),
		seen.ID, seen.Generation, seen.Round, string(kept(seen.Progress)), t.d.at(seen.DueAt), string(seen.Owner), optional(seen.Total),
	}
	var end moment
	var written bool
	if t.d.returning {
		begun, err = t.one([]any{&end}, leasing+" RETURNING lease_until", args...)
		written = begun
	} else {
		var n int64
		n, err = t.exec(leasing, args...)
		written = n > 0
	}
	if err == nil && written && seen.Progress == schedule.Withdrawn {
		err = t.note(seen.ID, schedule.Changed{
			By: "close", Field: "progress", Was: string(schedule.Withdrawn), Became: string(schedule.Closing),
		})
	}
	return end.Time, begun, err
}

// kept is the progress as its column has it. A withdrawn order is one that was given up, for
// programs of the release before know no other word.
func kept(p schedule.Progress) schedule.Progress {
	if p == schedule.Withdrawn {
		return schedule.GaveUp
	}
	return p
}

// begunClaim is the claim on an order that was seen before it was leased.
func begunClaim(seen schedule.Record, token string, until time.Time, lease time.Duration) schedule.Claim {
	c := schedule.Claim{Record: seen, Token: token, ClaimedAt: until.Add(-lease), InDoubt: seen.Progress == schedule.Closing}
	c.LeaseUntil = until
	if kept(seen.Progress) == schedule.GaveUp {
		c.Round++
	}
	return c
}

// present reads an order's row, and registers the order first if need be. Of a pruned order, which
// is not registered again, it returns what its tombstone has.
func (t tx) present(e schedule.Entry, token string) (*row, error) {
	for n := range maxChanges {
		if now, err := t.locked(refIs, refValues(e.Ref)...); err != nil || now != nil {
			return now, err
		}
		if n > 0 {
			if left, pruned, err := t.tombstone(e.Ref); err != nil || pruned {
				return &row{Record: left.Record(e.Ref)}, err
			}
		}
		if err := t.add(e, token); err != nil {
			return nil, err
		}
	}
	return nil, fmt.Errorf("order %s is not there after it was registered", e)
}
