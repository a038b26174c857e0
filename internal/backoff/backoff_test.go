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
	}
}

func TestJitter(t *testing.T) {
	t.Parallel()
	random := backoff.Exponential{First: time.Minute, Max: time.Hour, Jitter: 0.25}
	seen := map[time.Duration]bool{}
	for range 1000 {
		got := random.After(2)
		if got < 2*time.Minute || got > 150*time.Second {
			t.Fatalf("got %v, want two minutes and up to a quarter more", got)
		}
		seen[got] = true
	}
	if len(seen) < 100 {
		t.Errorf("got %d different pauses of 1000", len(seen))
	}
	if got := backoff.Jitter(-time.Second, 1); got != 0 {
		t.Errorf("a negative pause: got %v, want 0", got)
	}
}
