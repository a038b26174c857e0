package store

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var errDown = errors.New("down")

// While connections fail, one is tried at a time, with pauses that grow to half a second. Other
// operations get the last error.
func TestDialingWhileNothingAnswers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d dialing
		tried := 0
		for range 10_000 { // ten seconds, with eight calls in each millisecond
			for range 8 {
				if _, err := d.begin(); err == nil {
					tried++
					d.ended(errDown)
				} else if !errors.Is(err, errDown) {
					t.Fatalf("got %v, want how the last try ended", err)
				}
			}
			<-time.After(time.Millisecond)
		}
		if tried < 15 || tried > 45 {
			t.Errorf("got %d tries in ten seconds, want two a second, or four with luck", tried)
		}
		<-time.After(2 * dials.Max)
		if _, err := d.begin(); err != nil {
			t.Fatalf("after a pause: got %v, want another try", err)
		}
		if _, err := d.begin(); err == nil {
			t.Error("beside a try that was not ended: got another, want one at a time")
		}
		d.ended(nil)
		for range 8 {
			if _, err := d.begin(); err != nil {
				t.Errorf("after a try that ended well: got %v, want as many as are needed", err)
			}
		}
	})
}

// Five tries pause for 0.15 s together on average. A connection that fails is tried again after a
// quarter to three quarters of a second.
func TestPausesBetweenTries(t *testing.T) {
	t.Parallel()
	const calls = 1000
	var all time.Duration
	shortest, longest := time.Hour, time.Duration(0)
	for range calls {
		for try := 1; try < tries; try++ {
			all += again.After(try)
		}
		pause := dials.After(100)
		shortest, longest = min(shortest, pause), max(longest, pause)
	}
	if mean := all / calls; mean < 140*time.Millisecond || mean > 160*time.Millisecond {
		t.Errorf("five tries pause for %v on average, want 150ms", mean)
	}
	if shortest < 250*time.Millisecond || shortest > 300*time.Millisecond || longest > 750*time.Millisecond {
		t.Errorf("connections are tried after %v to %v, want 250ms to 750ms", shortest, longest)
	}
	for range calls {
		d := dialing{failed: 100}
		now := time.Now()
		if _, err := d.begin(); err != nil {
			t.Fatal(err)
		}
		if wait := d.next.Sub(now); wait < dials.Max || wait > dials.Max+100*time.Millisecond {
			t.Fatalf("beside a try: the next after %v, want %v", wait, dials.Max)
		}
	}
}

// A server that takes no writes costs a call its connections once, and an instance one new
// connection every half second.
func TestDialingToAServerThatTakesNoWrites(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d dialing
		old, _ := d.begin()
		d.takesNoWrites(old, errDown)
		if !d.isDropped(old) {
			t.Fatal("the connection is kept, want it and all of its age dropped")
		}
		fresh, err := d.begin()
		if err != nil || d.isDropped(fresh) {
			t.Fatalf("got %v, want another connection at once", err)
		}
		if _, err := d.begin(); !errors.Is(err, errDown) {
			t.Errorf("got %v, want one to be tried, before more are", err)
		}
		d.takesNoWrites(old, errDown) // another old connection finds the same
		d.takesNoWrites(fresh, errDown)
		if d.isDropped(fresh) {
			t.Error("the new connection is dropped in the same call, want that once")
		}
		<-time.After(time.Second)
		d.takesNoWrites(fresh, errDown)
		if !d.isDropped(fresh) {
			t.Error("a call a second later keeps the connection, want it dropped")
		}
		good, err := d.begin()
		if err != nil {
			t.Fatalf("got %v, want another connection", err)
		}
		d.takesWrites(good)
		for range 8 {
			if _, err := d.begin(); err != nil {
				t.Errorf("got %v, want as many as are needed", err)
			}
		}
	})
}

// Each fault has a reason in both languages, without the driver's text.
func TestFaultReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for f := faultOther; f <= faultCertificate; f++ {
		reason, _ := f.reason()
		if reason.EN == "" || reason.ZH == "" || seen[reason.EN] {
			t.Errorf("fault %d: got %q, want a reason of its own", f, reason)
		}
		seen[reason.EN] = true
	}
	secret := "10.0.0.7 hunter2"
	for name, d := range dialects {
		s := &Store{d: d}
		err := s.worded("looking up order cn/1/A1", errors.New(secret))
		if strings.Contains(err.Error(), secret) || !strings.HasPrefix(err.Error(), "looking up order cn/1/A1: the database") {
			t.Errorf("%s: got %v, want it without the driver's words", name, err)
		}
	}
}

// The start-up parameters are numbers of milliseconds, as PostgreSQL reports them.
func TestPostgresSession(t *testing.T) {
	t.Parallel()
	for name, value := range postgresSession {
		if ms, err := strconv.Atoi(value); err != nil || ms < 1000 {
			t.Errorf("%s: got %q, want milliseconds", name, value)
		}
	}
}
