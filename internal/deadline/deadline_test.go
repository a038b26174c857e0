package deadline_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/deadline"
)

func TestSleep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for _, tc := range []struct {
			d, took time.Duration
			whole   bool
		}{
			{0, 0, true},
			{50 * time.Second, 50 * time.Second, true},
			{time.Hour, 10 * time.Second, false},
			{0, 0, false},
			{time.Hour, 0, false},
		} {
			start := time.Now()
			if whole := deadline.Sleep(ctx, tc.d); whole != tc.whole || time.Since(start) != tc.took {
				t.Errorf("Sleep(%v): got %v after %v, want %v after %v", tc.d, whole, time.Since(start), tc.whole, tc.took)
			}
		}
	})
}

func TestShareAndDetach(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		until := func(ctx context.Context, cancel context.CancelFunc) time.Duration {
			defer cancel()
			end, _ := ctx.Deadline()
			return time.Until(end)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		for name, tc := range map[string]struct{ got, want time.Duration }{
			"a third of the time":   {until(deadline.Share(ctx, 3, time.Minute)), 4 * time.Second},
			"the limit":             {until(deadline.Share(ctx, 3, time.Second)), time.Second},
			"no deadline":           {until(deadline.Share(t.Context(), 3, time.Minute)), time.Minute},
			"detached":              {until(deadline.Detach(ctx, time.Minute)), 12 * time.Second},
			"detached, the limit":   {until(deadline.Detach(ctx, time.Second)), time.Second},
			"detached, no deadline": {until(deadline.Detach(t.Context(), time.Minute)), time.Minute},
		} {
			if tc.got != tc.want {
				t.Errorf("%s: got %v, want %v", name, tc.got, tc.want)
			}
		}
		cancel()
		detached, stop := deadline.Detach(ctx, time.Second)
		defer stop()
		if detached.Err() != nil {
			t.Errorf("a detached context ended with its parent: %v", detached.Err())
		}
	})
}
