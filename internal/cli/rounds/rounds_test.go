package rounds_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/cli/rounds"
	"cloudpay/internal/sweep"
)

// play runs rounds whose sweeps end with the reports, one after the other, each after it took so
// long. It ends when there are no more reports, and returns when each sweep began.
func play(t *testing.T, took time.Duration, once bool, sweeps ...sweep.Report) (began []time.Duration, fault error) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		told := 0
		r := rounds.Rounds{
			Every: time.Minute,
			Sweep: func(ctx context.Context) (sweep.Report, error) {
				if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > rounds.Longest {
					t.Errorf("a sweep has until %v, want a minute at most", deadline)
				}
				began = append(began, time.Since(start))
				<-time.After(took)
				return sweeps[len(began)-1], nil
			},
			Tell: func(report sweep.Report, _ error) {
				if report.Closed != sweeps[told].Closed {
					t.Errorf("sweep %d: told %+v, want %+v", told, report, sweeps[told])
				}
				if told++; told == len(sweeps) {
					stop()
				}
			},
		}
		run := r.Run
		if once {
			run = r.Once
		}
		fault = run(ctx)
		if told != len(began) {
			t.Errorf("told of %d sweeps, want %d", told, len(began))
		}
	})
	return began, fault
}

func TestRunBeginsEveryMinute(t *testing.T) {
	began, fault := play(t, 7*time.Second, false, sweep.Report{}, sweep.Report{Closed: 3}, sweep.Report{})
	want := []time.Duration{0, time.Minute, 2 * time.Minute}
	if len(began) != 3 || began[1] != want[1] || began[2] != want[2] || fault != nil {
		t.Errorf("sweeps began after %v (fault %v), want %v", began, fault, want)
	}
}

func TestRunGoesOnAtOnceWithABacklog(t *testing.T) {
	began, _ := play(t, time.Second, false, sweep.Report{Closed: 3, Left: true}, sweep.Report{Left: true}, sweep.Report{})
	want := []time.Duration{0, time.Second, 61 * time.Second}
	if len(began) != 3 || began[1] != want[1] || began[2] != want[2] {
		t.Errorf("sweeps began after %v, want %v: at once after ends, and not after none", began, want)
	}
}

func TestOnceSweepsUntilNothingIsLeft(t *testing.T) {
	began, fault := play(t, time.Second, true, sweep.Report{Closed: 3, Left: true}, sweep.Report{Paid: 1, Left: true}, sweep.Report{Closed: 1})
	if len(began) != 3 || fault != nil {
		t.Errorf("got %d sweeps and fault %v, want 3 and none", len(began), fault)
	}
}

func TestOnceReturnsWhatIsNotAsItShouldBe(t *testing.T) {
	left := &rounds.LeftError{}
	for name, report := range map[string]sweep.Report{
		"left":       {Left: true},
		"failed":     {Failed: 1, Retried: 1},
		"unrecorded": {Unrecorded: 2},
		"ended":      {Fault: "the store is gone", Closed: 1},
	} {
		began, fault := play(t, time.Second, true, report)
		if len(began) != 1 || fault == nil || errors.As(fault, &left) != (name == "left") {
			t.Errorf("%s: got %d sweeps and fault %v, want one and its fault", name, len(began), fault)
		}
	}
	if _, fault := play(t, time.Second, true, sweep.Report{Retried: 2, GaveUp: 1}); fault != nil {
		t.Errorf("orders that are too young, or were given up: got fault %v, want none", fault)
	}
}

func TestRunOutlivesAStoreThatIsGone(t *testing.T) {
	gone := errors.New("gone")
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		var faults []error
		r := rounds.Rounds{
			Every: time.Minute,
			Sweep: func(context.Context) (sweep.Report, error) {
				if len(faults) < 2 {
					return sweep.Report{}, gone
				}
				return sweep.Report{}, nil
			},
			Tell: func(_ sweep.Report, fault error) {
				if faults = append(faults, fault); len(faults) == 3 {
					stop()
				}
			},
		}
		if fault := r.Run(ctx); fault != nil || !errors.Is(faults[1], gone) || faults[2] != nil {
			t.Errorf("got %v, and told %v, want two faults and then none", fault, faults)
		}
	})
}
