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

// TestRunningClock: business time is the wire's and what was added, in a later gateway too.
func TestRunningClock(t *testing.T) {
	t.Parallel()
	now := wireTime()
	opts := kept(t)
	opts.Running, opts.Now = true, func() time.Time { return now }
	s := start(t, opts)
	s.order("A1")
	want := func(at time.Time, ahead time.Duration) {
		t.Helper()
		if got := s.Time(); !got.Equal(at) || s.Ahead() != ahead {
			t.Errorf("the clock is at %s, %s ahead, want %s, %s ahead", got, s.Ahead(), at, ahead)
		}
	}
	want(wireTime(), 0)
	now = now.Add(90*time.Second + 5*time.Millisecond)
	want(wireTime().Add(90*time.Second), 0)
	s.MustAdvance(30 * time.Minute)
	want(wireTime().Add(30*time.Minute+90*time.Second), 30*time.Minute)
	s.admin("GET", "/clock", "").wantStatus(200).wantJSON(map[string]any{
		"now": "2026-03-01T12:31:30+08:00", "wire": "2026-03-01T12:01:30+08:00", "running": true, "ahead": "30m0s",
	})
	now = now.Add(time.Hour)
	opts.Start = wireTime().Add(-100 * time.Hour) // the file decides
	s = s.again(opts)
	want(wireTime().Add(91*time.Minute+30*time.Second), 30*time.Minute)
	s.WantState("A1", paygate.StateNotPay)
	now = now.Add(7 * 24 * time.Hour)
	s.WantState("A1", paygate.StateClosed)
	if err := s.Advance(1<<63 - 1); err == nil || !strings.Contains(err.Error(), "292 years") {
		t.Errorf("an endless advance gave %v", err)
	}
	if err := s.Advance(-time.Second); err == nil || !strings.Contains(err.Error(), "cannot go back") {
		t.Errorf("Advance(-1s) gave %v, want a refusal", err)
	}
}

// TestRunningClockStarts where it is told, and runs from there.
func TestRunningClockStarts(t *testing.T) {
	t.Parallel()
	now := wireTime()
	gate := paygate.RunT(t, paygate.Options{Running: true, Now: func() time.Time { return now }, Start: wireTime().Add(24 * time.Hour)})
	now = now.Add(time.Minute)
	if got, want := gate.Time(), wireTime().Add(24*time.Hour+time.Minute); !got.Equal(want) || gate.Ahead() != 24*time.Hour {
		t.Errorf("the clock is at %s, want %s", got, want)
	}
}

// TestStandingClockLasts: a clock that stands goes on where it stood.
func TestStandingClockLasts(t *testing.T) {
	t.Parallel()
	opts := kept(t)
	opts.Start = wireTime().Add(-time.Hour)
	s := start(t, opts)
	s.admin("GET", "/clock", "").wantJSON(map[string]any{"running": false, "ahead": "0s"})
	s = s.again(kept(t)) // a new file: it stands at the wire's time
	if !s.Time().Equal(wireTime()) {
		t.Errorf("Time is %s, want %s", s.Time(), wireTime())
	}
	s = s.again(opts)
	s.MustAdvance(time.Minute)
	opts.Start = wireTime()
	s = s.again(opts)
	if want := wireTime().Add(-59 * time.Minute); !s.Time().Equal(want) || s.Ahead() != time.Minute {
		t.Errorf("Time is %s, want %s", s.Time(), want)
	}
}
