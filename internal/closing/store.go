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
	Ends
}

// Ends is how a claim ends. Each write is an *order.LostClaimError, and writes nothing, when somebody else has the order.
type Ends interface {
	// Finish records a signed end; *order.ContradictionError when another was recorded before.
	Finish(ctx context.Context, c schedule.Claim, f schedule.Final) error
	// Retry records an attempt that ended nothing, and when the order is due again.
	Retry(ctx context.Context, c schedule.Claim, b schedule.Retry) error
}

// Due is where a Sweeper takes its work from.
type Due interface {
	// Claim takes orders of a merchant's that are due, and records that their closing begins; none when none are due.
	Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	// ClaimDoubtful is Claim for those alone whose closing began before.
	ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	// GiveUp records that no end was found in all the attempts there were.
	GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error
	// Release gives claims back under which nothing was sent.
	Release(ctx context.Context, claims []schedule.Claim) (released int, err error)
	Ends
}

// Quota is how fast a merchant number may ask, all who act for it together.
type Quota interface {
	// Rate is how many calls a second are allowed now, of the ceiling.
	Rate(ctx context.Context, of order.Account, ceiling float64) (perSecond float64, err error)
	// Take reserves n calls, unless the first may be made only after patience; wait says when in any case.
	Take(ctx context.Context, of order.Account, n int, ceiling float64, patience time.Duration) (
		wait time.Duration, granted bool, err error)
	// Limited records that the gateway said it was asked too often.
	Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error
}

// Outbox is what is to be told of orders. An event is told once at least.
type Outbox interface {
	// ClaimDeliveries takes events that are due to be told, under a lease.
	ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Delivery, error)
	Delivered(ctx context.Context, p schedule.Delivery) error
	Redeliver(ctx context.Context, p schedule.Delivery, after time.Duration, reason string) error
	// DeadLetter records that it is not tried again.
	DeadLetter(ctx context.Context, p schedule.Delivery, reason string) error
}

// Backlog is all that a Sweeper keeps its work in.
type Backlog interface {
	Due
	Quota
	Outbox
}
