// Package deadline waits, and bounds steps, within the time that a context has left. A platform
// kills a function at its deadline, so that a step that took all the time would leave none to
// record and answer what became of it.
package deadline

import (
	"context"
	"time"
)

// Sleep waits for d. It returns false if ctx ends first, and at once if ctx has ended.
func Sleep(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// Share bounds one step by limit and by a share of the time left, 1/parts, so that a step that
// hangs leaves time to answer.
func Share(ctx context.Context, parts int, limit time.Duration) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		limit = min(limit, time.Until(end)/time.Duration(parts))
	}
	return context.WithTimeout(ctx, limit)
}

// Detach bounds a step by limit and by ctx's deadline, and lets it go on when ctx is cancelled: a
// result is written down even when the caller has gone.
func Detach(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	until := time.Now().Add(limit)
	if end, ok := ctx.Deadline(); ok && end.Before(until) {
		until = end
	}
	return context.WithDeadline(context.WithoutCancel(ctx), until)
}
