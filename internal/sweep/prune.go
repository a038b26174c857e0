package sweep

import (
	"context"
	"time"

	"cloudpay/internal/deadline"
	"cloudpay/internal/schedule/pruning"
)

const (
	// pruneStep is how many orders one transaction looks at.
	pruneStep = 250
	// maxPruneSteps bounds what one run looks at: 2,000 orders.
	maxPruneSteps = 8
)

// prune deletes orders that ended long ago, with the time that the sweep has left: nothing while
// orders may still be due. It rests after each step. A fault ends it and is no fault of the sweep.
func (w *sweep) prune(ctx context.Context) {
	if w.PruneAfter <= 0 || w.DoubtfulOnly || w.report.Left || w.report.Fault != "" {
		return
	}
	for range maxPruneSteps {
		if w.noTimeLeft(ctx) {
			return
		}
		began := time.Now()
		step, err := w.pruneOnce(ctx)
		if err != nil {
			w.Log.WarnContext(ctx, "orders that ended long ago could not be pruned; the next sweep tries again", "error", err)
			return
		}
		w.report.Pruned += step.Orders
		rest := pruning.Rest(time.Since(began))
		if end, bounded := ctx.Deadline(); !step.More || bounded && time.Until(end) < rest || !deadline.Sleep(ctx, rest) {
			return
		}
	}
}

func (w *sweep) pruneOnce(ctx context.Context) (pruning.Step, error) {
	ctx, cancel := deadline.Share(ctx, 3, storeTimeout)
	defer cancel()
	return w.Store.Prune(ctx, pruning.Selection{
		Account: w.Merchant.Account(), Age: w.PruneAfter, Limit: pruneStep, Resume: true,
	}, nil)
}
