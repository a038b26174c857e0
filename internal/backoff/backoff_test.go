package backoff_test

import (
	"testing"
	"time"

	"cloudpay/internal/backoff"
)

func TestAfter(t *testing.T) {
	t.Parallel()
	plain := backoff.Exponential{First: time.Second, Max: 5 * time.Second}
	for n, want := range map[int]time.Duration{
		0: time.Second, 1: time.Second, 2: 2 * time.Second, 3: 4 * time.Second, 4: 5 * time.Second, 1e9: 5 * time.Second,
	} {
		if got := plain.After(n); got != want {
			t.Errorf("after attempt %d: got %v, want %v", n, got, want)
		}
		random := backoff.Exponential{First: plain.First, Max: plain.Max, Early: 0.5, Late: 0.5}
		if got := random.Exactly(n); got != want {
			t.Errorf("exactly after attempt %d: got %v, want %v", n, got, want)
		}
	}
}

func TestRandomShare(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		early, late float64
		from, to    time.Duration
	}{
		{0, 0.25, 120 * time.Second, 150 * time.Second},
		{0.2, 0.2, 96 * time.Second, 144 * time.Second},
		{0.5, 0.5, 60 * time.Second, 180 * time.Second},
	} {
		random := backoff.Exponential{First: time.Minute, Max: time.Hour, Early: tc.early, Late: tc.late}
		shortest, longest := time.Hour, time.Duration(0)
		for range 1000 {
			got := random.After(2)
			shortest, longest = min(shortest, got), max(longest, got)
		}
		tenth := (tc.to - tc.from) / 10
		if shortest < tc.from || shortest > tc.from+tenth || longest > tc.to || longest < tc.to-tenth {
			t.Errorf("two minutes, %v early, %v late: got %v to %v, want %v to %v",
				tc.early, tc.late, shortest, longest, tc.from, tc.to)
		}
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	for range 1000 {
		if got := backoff.Jitter(time.Minute, 0.25); got < time.Minute || got > 75*time.Second {
			t.Fatalf("got %v, want a minute and up to a quarter more", got)
		}
	}
	if got := backoff.Jitter(-time.Second, 1); got != 0 {
		t.Errorf("a negative pause: got %v, want 0", got)
	}
}
