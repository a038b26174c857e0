// Package closing closes and queries single orders. Closer closes one and queries until
// its state is proved. Querier queries one. Lookup queries on behalf of a customer, who names the
// order by a number of WeChat Pay's.
//
// Each is a Run through one table: a state says what to request of the gateway next, eventOf says
// which event the answer is in that state, and transitions says to which state the event leads.
// docs/state-machine.md draws the table, and a test holds the drawing to it.
//
// With a register (the store), Closer records before a registered order is closed that it begins,
// under a lease of its own, and afterwards how it ended. See registered.go.
//
// Two rules hold in every state, so the table does not repeat them. Every exchange is bounded in
// time so that a query to resolve its doubt still fits before the caller's deadline; and a call
// always ends before that deadline, with the truth or with "unknown".
package closing

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/registering"
)

// Gateway is WeChat Pay. Each method makes one exchange, without retrying, and returns as soon as
// ctx is done.
type Gateway interface {
	// Close asks that the order be closed. It always gives an Answer: when none was had, or none
	// that can be believed, its Verdict is Doubted or Rejected and its Code says why.
	Close(ctx context.Context, c order.Call) order.Answer
	// Query asks what state the order is in. When that was learned the Verdict is Stated and Facts
	// are set; otherwise as for Close.
	Query(ctx context.Context, c order.Call) order.Answer
}

// Orders is the register, as Closer and Querier need it. Its errors are package schedule's, and
// otherwise the database's.
type Orders interface {
	registering.Register
	// Show returns an order, or *schedule.NotRegisteredError.
	Show(ctx context.Context, ref order.Ref) (schedule.Record, error)
	// Begin leases one order, as Show gave it, and records that its closing begins;
	// *schedule.BusyError while another process holds it, *schedule.EndedError when it has ended.
	// After an error nothing may be sent. It is not counted as an attempt.
	Begin(ctx context.Context, seen schedule.Record, lease time.Duration) (schedule.Claim, error)
	// Reopen has an order closed that was given up; false when it was not.
	Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error)
	// Change corrects a registration that waits, or withdraws it; *schedule.TooLateError when its
	// closing has begun, or it has ended; *order.FieldError for a close_at before its creation.
	Change(ctx context.Context, ref order.Ref, c schedule.Change) (schedule.Record, error)
	// Observe records a signed end that was learned without a claim.
	Observe(ctx context.Context, ref order.Ref, f schedule.Final) error
	// Finish records a signed end under a claim; *schedule.ContradictionError when another was
	// recorded before. It and Retry are a *schedule.LostClaimError, and write nothing, when another
	// process has the order.
	Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error
	// Retry records an attempt that ended nothing, and when the order is due again.
	Retry(ctx context.Context, c schedule.Claim, r schedule.Retry) error
}

const (
	// directLease outlives the longest call and the write after it. A process that dies under it
	// leaves the order to the next sweep after the lease.
	directLease = longestCall + 15*time.Second
	// storeTimeout bounds one call of the store, so that a store that hangs leaves time to say so.
	storeTimeout = 3 * time.Second
	// longestWrite bounds recording how one order ended.
	longestWrite = 5 * time.Second
)

// withStoreTimeout calls the store within a third of the time left, 3 seconds at most.
func withStoreTimeout[T any](ctx context.Context, call func(context.Context) (T, error)) (T, error) {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	return call(ctx)
}

// recorded says in a result whether the register knows it.
func recorded(result order.Result, is bool) order.Result {
	result.Recorded = &is
	return result
}

// isRecorded reports whether a write was made; if not, the log says why not. A contradiction is
// logged in the words of a sweep, which alarms look for (docs/alarms.md).
func isRecorded(ctx context.Context, log *slog.Logger, err error) bool {
	if err == nil {
		return true
	}
	message := "what became of an order could not be recorded"
	if _, contradicts := errors.AsType[*schedule.ContradictionError](err); contradicts {
		message = "two signed answers contradict each other"
	}
	logger(log).ErrorContext(ctx, message, "error", err)
	return false
}

// logger discards what is logged to a nil Log.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
