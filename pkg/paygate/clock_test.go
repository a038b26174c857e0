package paygate_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

func TestClockMovesWhenTold(t *testing.T) {
	t.Parallel()
	begin := time.Date(2026, 1, 31, 20, 0, 0, 999, time.UTC)
	gate := paygate.RunT(t, paygate.Options{Start: begin})
	if got, want := gate.Time(), begin.Truncate(time.Second); !got.Equal(want) {
		t.Errorf("Time is %s, want %s", got, want)
	}
	if got := gate.Time().Format(time.RFC3339); got != "2026-02-01T04:00:00+08:00" {
		t.Errorf("Time prints %s, want Beijing's time", got)
	}
	gate.MustAdvance(90 * time.Second)
	if got, want := gate.Time(), begin.Truncate(time.Second).Add(90*time.Second); !got.Equal(want) {
		t.Errorf("after an advance Time is %s, want %s", got, want)
	}
	if err := gate.Advance(-time.Second); err == nil || !strings.Contains(err.Error(), "cannot go back") {
		t.Errorf("Advance(-1s) gave %v, want a refusal", err)
	}
}

// TestClockEnds: beyond the year 9999 no time could be written any more.
func TestClockEnds(t *testing.T) {
	t.Parallel()
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("UTC+8", 8*60*60))
	gate := paygate.RunT(t, paygate.Options{Start: last.Add(-time.Second)})
	gate.MustAdvance(time.Second)
	if err := gate.Advance(time.Second); err == nil || !strings.Contains(err.Error(), "cannot go beyond the year 9999") {
		t.Errorf("Advance beyond 9999 gave %v, want a refusal", err)
	}
	if !gate.Time().Equal(last) {
		t.Errorf("Time is %s, want %s still", gate.Time(), last)
	}
}

func TestClockStartsWithTheWire(t *testing.T) {
	t.Parallel()
	gate := paygate.RunT(t, paygate.Options{Now: wireTime})
	if !gate.Time().Equal(wireTime()) {
		t.Errorf("Time is %s, want the wire clock's %s", gate.Time(), wireTime())
	}
}
