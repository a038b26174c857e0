package fakestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// at lists a merchant's orders at one progress: the longest due first, and those that are due at
// the same time, or never, in the order of their registration.
func (s *Store) at(of order.Account, progress schedule.Progress) []*row {
	var found []*row
	for _, r := range s.byID {
		if r.Account() == of && r.Progress == progress {
			found = append(found, r)
		}
	}
	slices.SortStableFunc(found, func(a, b *row) int { return cmp.Or(a.DueAt.Compare(b.DueAt), a.EndedAt.Compare(b.EndedAt)) })
	return found
}

// Claim leases waiting orders that are due.
func (s *Store) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, schedule.Waiting)
}

// ClaimDoubtful leases due orders that are in doubt.
func (s *Store) ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	return s.claim(ctx, of, limit, lease, schedule.Closing)
}

func (s *Store) claim(
	ctx context.Context, of order.Account, limit int, lease time.Duration, from schedule.Progress,
) ([]schedule.Claim, error) {
	unlock, err := s.begin(ctx, "claim")
	if err != nil {
		return nil, err
	}
	defer unlock()
	now, token := s.now(), s.newToken()
	var claims []schedule.Claim
	for _, r := range s.at(of, from) {
		if len(claims) < limit && !r.DueAt.After(now) {
			r.Attempts++
			claims = append(claims, s.lease(r, lease, token))
		}
	}
	return claims, nil
}

func (s *Store) newToken() string {
	s.tokens++
	return "token-" + strconv.Itoa(s.tokens)
}

func (s *Store) lease(r *row, lease time.Duration, token string) schedule.Claim {
	now := s.now()
	claim := schedule.Claim{Record: r.Record, Token: token, ClaimedAt: now, InDoubt: r.Progress == schedule.Closing}
	claim.LeaseUntil = now.Add(lease)
	if r.Progress == schedule.GaveUp || r.Progress == schedule.Withdrawn {
		claim.Round++
	}
	if r.Progress == schedule.Withdrawn {
		r.changes = append(r.changes, s.changed("close", schedule.Withdrawn, schedule.Closing))
	}
	r.Round, r.WithdrawnAt = claim.Round, time.Time{}
	r.token, r.Progress, r.LeaseUntil, r.DueAt = token, schedule.Closing, claim.LeaseUntil, claim.LeaseUntil
	if r.ClosingSince.IsZero() {
		r.ClosingSince = now
	}
	return claim
}

// Begin leases one order, registered or not.
func (s *Store) Begin(ctx context.Context, seen schedule.Record, lease time.Duration) (schedule.Claim, error) {
	if fault := seen.Validate(); fault != nil {
		return schedule.Claim{}, fmt.Errorf("begin: %w", fault)
	}
	unlock, err := s.begin(ctx, "begin")
	if err != nil {
		return schedule.Claim{}, err
	}
	defer unlock()
	r, known := s.rows[seen.Ref]
	left, buried := s.tombstones[seen.Ref]
	switch {
	case known:
	case buried:
		return schedule.Claim{}, &schedule.EndedError{Record: left.Record(seen.Ref)}
	default:
		r = s.add(seen.Entry)
	}
	switch {
	case r.Progress == schedule.Done:
		return schedule.Claim{}, &schedule.EndedError{Record: r.Record}
	case r.LeaseUntil.After(s.now()):
		return schedule.Claim{}, &schedule.BusyError{Record: r.Record}
	}
	return s.lease(r, lease, s.newToken()), nil
}

// held is a claimed order's row; nil if the claim's token is not the order's.
func (s *Store) held(c schedule.Claim) *row {
	if r := s.rows[c.Ref]; r != nil && r.token == c.Token && c.Token != "" {
		return r
	}
	return nil
}

// Finish records a final state under a claim.
func (s *Store) Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error {
	unlock, err := s.begin(ctx, "finish")
	if err != nil {
		return err
	}
	defer unlock()
	return s.finish(c, f)
}

// FinishAll records several final states at once. Fault is asked once for the whole, and then as
// for a Finish of each.
func (s *Store) FinishAll(ctx context.Context, ended []schedule.Ended) []error {
	errs := make([]error, len(ended))
	unlock, err := s.begin(ctx, "finishAll")
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer unlock()
	for i, e := range ended {
		if errs[i] = s.fault("finish"); errs[i] == nil {
			errs[i] = s.finish(e.Claim, e.Final)
		}
	}
	return errs
}

func (s *Store) finish(c schedule.Claim, f schedule.Final) error {
	held, r := s.held(c), s.rows[c.Ref]
	switch {
	case r != nil && r.Progress == schedule.Done && r.FinalState != f.State:
		return s.contradict(r, f)
	case held == nil:
		return &schedule.LostClaimError{Ref: c.Ref}
	case held.Progress != schedule.Done:
		s.end(held, f)
	}
	return nil
}

// Observe records a final state without a claim.
func (s *Store) Observe(ctx context.Context, ref order.Ref, f schedule.Final) error {
	unlock, err := s.begin(ctx, "observe")
	if err != nil {
		return err
	}
	defer unlock()
	r, known := s.rows[ref]
	switch {
	case !known:
		return s.observePruned(ref, f)
	case r.Progress != schedule.Done:
		s.end(r, f)
	case r.FinalState != f.State:
		return s.contradict(r, f)
	}
	return nil
}

func (s *Store) end(r *row, f schedule.Final) {
	f = keptFinal(f)
	if f.State == schedule.FinalClosed && f.TradeState == "" {
		f.TradeState = tradestate.Closed
	}
	r.Progress, r.FinalState, r.TradeState, r.Authenticated = schedule.Done, f.State, f.TradeState, true
	r.TransactionID, r.PaidTotal, r.PaidAt, r.EndedAt = f.TransactionID, f.Total, f.PaidAt, s.now()
	r.ClosingSince, r.DueAt, r.LeaseUntil, r.LastError = time.Time{}, time.Time{}, time.Time{}, ""
	r.finals++
	s.tell(r, kindOf(r, f), f, "")
}

// kindOf is the kind of the event that tells a final state.
func kindOf(r *row, f schedule.Final) outbox.EventKind {
	kind := map[schedule.FinalState]outbox.EventKind{
		schedule.FinalClosed: outbox.EventClosed, schedule.FinalPaid: outbox.EventPaid, schedule.FinalNotFound: outbox.EventNotFound,
	}[f.State]
	if kind == outbox.EventPaid && f.Total != nil && r.Total != nil && *f.Total != *r.Total {
		return outbox.EventPaidOtherAmount
	}
	return kind
}

func keptFinal(f schedule.Final) schedule.Final {
	f.TradeState, f.TransactionID = tradestate.State(oneLine(string(f.TradeState), 32)), oneLine(f.TransactionID, 64)
	f.PaidAt = kept(f.PaidAt)
	return f
}

// contradict tells of another final state than the one recorded, once for each.
func (s *Store) contradict(r *row, f schedule.Final) error {
	told := slices.ContainsFunc(s.events, func(d *delivery) bool {
		return d.Ref == r.Ref && d.Kind == outbox.EventContradicted && d.FinalState == f.State
	})
	if !told {
		s.tell(r, outbox.EventContradicted, keptFinal(f), "recorded as "+string(r.FinalState))
	}
	return fmt.Errorf("recording an end: %w", &schedule.ContradictionError{Ref: r.Ref, Had: r.FinalState, Said: f.State})
}

// Retry puts an order off.
func (s *Store) Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	return s.putOff(ctx, "retry", c, s.postpone(c, b))
}

// postpone is what a Retry changes of an order.
func (s *Store) postpone(c schedule.Claim, b schedule.Retry) func(*row) {
	return func(r *row) {
		r.failed(b)
		if b.ClockWait {
			r.Attempts, r.ClockWaits = c.Attempts-1, c.ClockWaits+1
		}
		r.Progress, r.DueAt = schedule.Waiting, s.now().Add(max(b.After, 0).Truncate(time.Microsecond))
		if !b.InDoubt {
			r.ClosingSince = time.Time{}
			return
		}
		r.Progress = schedule.Closing
		if r.ClosingSince.IsZero() {
			r.ClosingSince = s.now()
		}
	}
}

// RetryAll puts several orders off at once. Fault is asked once for the whole, and then as for a
// Retry of each.
func (s *Store) RetryAll(ctx context.Context, postponed []schedule.Postponed) []error {
	errs := make([]error, len(postponed))
	unlock, err := s.begin(ctx, "retryAll")
	if err != nil {
		for i := range errs {
			errs[i] = err
		}
		return errs
	}
	defer unlock()
	for i, p := range postponed {
		if errs[i] = s.fault("retry"); errs[i] == nil {
			errs[i] = s.change(p.Claim, s.postpone(p.Claim, p.Retry))
		}
	}
	return errs
}

// GiveUp ends the attempts on an order.
func (s *Store) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	return s.putOff(ctx, "giveUp", c, func(r *row) {
		r.failed(b)
		r.Progress, r.DueAt = schedule.GaveUp, time.Time{}
		s.tell(r, outbox.EventGaveUp, keptFinal(schedule.Final{TradeState: b.TradeState}), r.LastError)
	})
}

// putOff changes an order that has not ended under its claim. Giving up twice is giving up once.
func (s *Store) putOff(ctx context.Context, op string, c schedule.Claim, change func(*row)) error {
	unlock, err := s.begin(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	if r := s.held(c); r != nil && r.Progress == schedule.GaveUp && op == "giveUp" {
		return nil
	}
	return s.change(c, change)
}

// change changes an order that has not ended under its claim.
func (s *Store) change(c schedule.Claim, change func(*row)) error {
	r := s.held(c)
	if r == nil || r.Progress != schedule.Waiting && r.Progress != schedule.Closing {
		return &schedule.LostClaimError{Ref: c.Ref}
	}
	change(r)
	return nil
}

// failed notes what an attempt learned.
func (r *row) failed(b schedule.Retry) {
	if state := oneLine(string(b.TradeState), 32); state != "" {
		r.TradeState, r.Authenticated = tradestate.State(state), b.Authenticated
	}
	r.LastError, r.LeaseUntil = oneLine(b.Reason, 300), time.Time{}
}

// Release undoes claims under which nothing was sent.
func (s *Store) Release(ctx context.Context, claims []schedule.Claim) (released int, err error) {
	unlock, err := s.begin(ctx, "release")
	if err != nil {
		return 0, err
	}
	defer unlock()
	for _, c := range claims {
		r := s.held(c)
		if r == nil || r.Progress != schedule.Closing || r.LeaseUntil.IsZero() {
			continue
		}
		if !c.InDoubt {
			r.Progress, r.ClosingSince = schedule.Waiting, time.Time{}
		}
		r.token, r.DueAt, r.LeaseUntil = "", c.DueAt, time.Time{}
		r.Attempts--
		released++
	}
	return released, nil
}

// Reopen schedules an order again that was given up.
func (s *Store) Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error) {
	r, unlock, err := s.named(ctx, "reopen", ref)
	if err != nil {
		return false, err
	}
	defer unlock()
	if r.Progress != schedule.GaveUp {
		return false, nil
	}
	r.Progress, r.DueAt, r.Attempts, r.token = schedule.Waiting, s.now(), 0, ""
	r.Round++
	if !r.ClosingSince.IsZero() {
		r.Progress = schedule.Closing
	}
	return true, nil
}
