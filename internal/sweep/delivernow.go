package sweep

import (
	"context"
	"time"
)

// Deliver delivers the events that are due, as RunOnce does and without sweeping orders, until
// nothing is due or ctx's deadline is near. What it began is recorded before it returns. It does
// nothing without a Notifier. It reports nothing: an event that is not delivered stays due.
func (s *Sweeper) Deliver(ctx context.Context) {
	if s.Notifier == nil {
		return
	}
	w, ctx, cancel := s.begin(ctx, time.Now())
	defer cancel()
	close(w.wake) // no order will be swept that makes an event more
	(&delivery{sweep: w}).run(ctx)
}
