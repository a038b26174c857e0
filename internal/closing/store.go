package closing

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// Orders is where registered orders are kept, as Closer and Querier need it. Its errors are package order's
// (NotRegisteredError, ConflictError, BusyError, EndedError, LostClaimError, ContradictionError, FieldError), and else
// the database's.
type Orders interface {
	// Register has an order closed at its time. The same facts again change nothing; others are an *order.ConflictError.
	Register(ctx context.Context, e schedule.Entry) (added bool, err error)
	// Show returns an order, or *order.NotRegisteredError.
	Show(ctx context.Context, ref order.Ref) (schedule.Record, error)
	// Begin takes one order under a lease and records that its closing begins; *order.BusyError when somebody else holds it,
	// *order.EndedError when it has ended. With an error nothing may be sent. It is not counted as an attempt.
	Begin(ctx context.Context, e schedule.Entry, lease time.Duration) (schedule.Claim, error)
	// Reopen has an order closed that was given up; false when it was not.
	Reopen(ctx context.Context, ref order.Ref) (reopened bool, err error)
	// Observe records a signed end that was learned without a claim.
	Observe(ctx context.Context, ref order.Ref, f schedule.Final) error
	// Finish records a signed end under a claim; *schedule.ContradictionError when another was recorded
	// before. It and Retry are a *schedule.LostClaimError, and write nothing, when another process has
	// the order.
	Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error
	// Retry records an attempt that ended nothing, and when the order is due again.
	Retry(ctx context.Context, c schedule.Claim, r schedule.Retry) error
}
