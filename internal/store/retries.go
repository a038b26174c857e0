package store

import (
	"context"
	"strconv"

	"cloudpay/internal/schedule"
)

// RetryAll is Retry for several claims. It records up to 64 in one transaction, as FinishAll does
// ends: when WeChat Pay is out of reach, all orders that are in flight are put off at once. It
// returns one error for each, as Retry's. What concerns one order does not keep the others of the
// batch from being recorded.
func (s *Store) RetryAll(ctx context.Context, postponed []schedule.Postponed) []error {
	return inBatches[schedule.Postponed]{
		store: s, doing: "putting off orders",
		claim:    func(p schedule.Postponed) schedule.Claim { return p.Claim },
		together: retryTogether,
		singly:   func(p schedule.Postponed) error { return s.Retry(ctx, p.Claim, p.Retry) },
	}.record(ctx, postponed)
}

// retryTogether records retries with one UPDATE. It asks for the tokens again: on an engine that
// locks no rows, another process may have claimed an order since held has read it.
func retryTogether(t tx, orders []schedule.Postponed) (written []int64, err error) {
	orders, err = held(t, hasNotEnded, orders, func(p schedule.Postponed) schedule.Claim { return p.Claim })
	if err != nil || len(orders) == 0 {
		return nil, err
	}
	written = make([]int64, len(orders))
	held := cases{key: "id"}
	for i, p := range orders {
		written[i] = p.Claim.ID
		held.when(p.Claim.ID, "?", p.Claim.Token)
	}
	assignments, args := postponing(orders...)
	n, err := t.exec("UPDATE cloudpay_orders {byID} SET "+assignments+" WHERE id IN ("+literals(written)+")"+
		" AND token = "+held.otherwise("NULL")+" AND "+hasNotEnded, append(args, held.args...)...)
	if err == nil && int(n) != len(orders) {
		err = errUnlocked
	}
	return written, err
}

// postponing are the assignments of retries, with their arguments.
func postponing(orders ...schedule.Postponed) (assignments string, args []any) {
	return assign("id", orders, func(p schedule.Postponed) int64 { return p.Claim.ID }, postponed)
}

// postponed are the columns that a retry changes.
var postponed = []assigned[schedule.Postponed]{
	{"lease_until", func(schedule.Postponed) (string, []any) { return "NULL", nil }},
	{"progress", func(p schedule.Postponed) (string, []any) {
		if p.Retry.InDoubt {
			return "'closing'", nil
		}
		return "'waiting'", nil
	}},
	{"closing_since", func(p schedule.Postponed) (string, []any) {
		if p.Retry.InDoubt {
			return "COALESCE(closing_since, {now})", nil
		}
		return "NULL", nil
	}},
	{"due_at", func(p schedule.Postponed) (string, []any) {
		return "{soon}", []any{max(p.Retry.After, 0).Microseconds()}
	}},
	{"trade_state", func(p schedule.Postponed) (string, []any) {
		if state := line(string(p.Retry.TradeState), maxWord); state != "" {
			return "?", []any{state}
		}
		return "", nil
	}},
	{"authenticated", func(p schedule.Postponed) (string, []any) {
		switch {
		case line(string(p.Retry.TradeState), maxWord) == "":
			return "", nil
		case p.Retry.Authenticated:
			return "TRUE", nil
		}
		return "FALSE", nil
	}},
	{"last_error", func(p schedule.Postponed) (string, []any) { return "?", []any{line(p.Retry.Reason, maxReason)} }},
	// Figures and no increments, so that another try writes the same.
	{"attempts", func(p schedule.Postponed) (string, []any) { return ifClockWait(p, p.Claim.Attempts-1), nil }},
	{"clock_waits", func(p schedule.Postponed) (string, []any) { return ifClockWait(p, p.Claim.ClockWaits+1), nil }},
}

// ifClockWait is a figure for an order that was put off because of a clock, as a literal.
func ifClockWait(p schedule.Postponed, figure int) string {
	if !p.Retry.ClockWait {
		return ""
	}
	return strconv.Itoa(figure)
}
