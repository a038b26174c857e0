package sweep

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

// Due is where a Sweeper takes its work from. Each write under a claim is a
// *schedule.LostClaimError, and writes nothing, when another process has the order.
type Due interface {
	// Claim leases up to limit of a merchant's waiting orders that are due, and records that their
	// closing begins; none when none are due.
	Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	// ClaimDoubtful is Claim for those whose closing began before and has no recorded result.
	ClaimDoubtful(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error)
	// FinishAll records signed ends, and returns one error for each: nil when it is recorded,
	// *schedule.ContradictionError when another end was recorded before.
	FinishAll(ctx context.Context, ended []schedule.Ended) []error
	// RetryAll records attempts that ended nothing, and when their orders are due again. It returns
	// one error for each.
	RetryAll(ctx context.Context, postponed []schedule.Postponed) []error
	// GiveUp records that no end was found in all the attempts there were.
	GiveUp(ctx context.Context, c schedule.Claim, r schedule.Retry) error
	// Release undoes claims under which nothing was sent.
	Release(ctx context.Context, claims []schedule.Claim) (released int, err error)
}

// Quota is the schedule.Quota of a merchant number, shared by all processes that sweep for it.
type Quota interface {
	// Rate is how many calls a second are allowed now, of the ceiling.
	Rate(ctx context.Context, of order.Account, ceiling float64) (perSecond float64, err error)
	// Take reserves n calls, unless the first may be made only after maxWait; wait says when in any
	// case.
	Take(ctx context.Context, of order.Account, n int, ceiling float64, maxWait time.Duration) (
		wait time.Duration, granted bool, err error)
	// Limited records that the gateway said it was asked too often.
	Limited(ctx context.Context, of order.Account, ceiling float64, pause time.Duration) error
}

// Outbox is the events to deliver. An event is delivered at least once.
type Outbox interface {
	// ClaimDeliveries leases events that are due to be delivered.
	ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error)
	// ClaimNewestDeliveries is ClaimDeliveries for the other end of the queue: the newest events
	// with the fewest attempts.
	ClaimNewestDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error)
	// RecordDeliveries records what became of deliveries, with an error for each: nil once it is
	// recorded, a *schedule.LostClaimError when another process has the event.
	RecordDeliveries(ctx context.Context, of order.Account, results []outbox.DeliveryResult) []error
	// Waiting counts the events that are still to be delivered, at most so many.
	Waiting(ctx context.Context, of order.Account, most int) (int, error)
}

// Receivers is what is known of the receiver of a merchant's events, for all processes that deliver
// to it.
type Receivers interface {
	// Receiver returns what is kept; the zero Receiver when none of its deliveries failed.
	Receiver(ctx context.Context, of order.Account) (outbox.Receiver, error)
	// ReceiverFailed records that a delivery failed.
	ReceiverFailed(ctx context.Context, of order.Account, reason string) error
	// ReceiverRecovered records that a delivery was acknowledged after others had failed. A pause
	// is kept.
	ReceiverRecovered(ctx context.Context, of order.Account) error
	// PauseReceiver records for how long the receiver wants no deliveries.
	PauseReceiver(ctx context.Context, of order.Account, pause time.Duration) error
}

// Pruner deletes orders that ended long ago.
type Pruner interface {
	// Prune deletes one step of the selected orders; archive may be nil.
	Prune(ctx context.Context, p pruning.Selection, archive func([]pruning.Order) error) (pruning.Step, error)
}

// Figures are how the register stands.
type Figures interface {
	// Status returns them; ceiling is the configured number of calls a second.
	Status(ctx context.Context, of order.Account, ceiling float64) (schedule.Status, error)
}

// Backlog is the store of a Sweeper.
type Backlog interface {
	Due
	Quota
	Outbox
	Receivers
	Pruner
	Figures
}
