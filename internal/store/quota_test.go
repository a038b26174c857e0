package store

import (
	"math"
	"testing"
	"time"
)

// The arithmetic of the quota alone; that it is shared is for the suite to prove.

var noon = time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)

func TestQuotaRate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		quota quota
		want  float64
	}{
		"never limited":          {quota{perSecond: 3}, 60},
		"limited just now":       {quota{perSecond: 3, changed: noon}, 3},
		"ten seconds ago":        {quota{perSecond: 3, changed: noon.Add(-10 * time.Second)}, 13},
		"long ago":               {quota{perSecond: 3, changed: noon.Add(-time.Hour)}, 60},
		"below the least":        {quota{perSecond: 0, changed: noon}, slowest},
		"above a lower ceiling":  {quota{perSecond: 100, changed: noon}, 60},
		"limited in the future":  {quota{perSecond: 3, changed: noon.Add(time.Hour)}, 3},
		"limited in part of one": {quota{perSecond: 0.5, changed: noon}, 0.5},
	} {
		if got := test.quota.rate(noon, 60); math.Abs(got-test.want) > 1e-9 {
			t.Errorf("%s: got %v, want %v", name, got, test.want)
		}
	}
}

func TestQuotaTake(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		opens   time.Time
		n       int
		maxWait time.Duration
		wait    time.Duration
		granted bool
		then    time.Time
	}{
		"open":                     {noon.Add(-time.Hour), 60, 0, 0, true, noon.Add(time.Second)},
		"reserved by others":       {noon.Add(3 * time.Second), 60, time.Minute, 3 * time.Second, true, noon.Add(4 * time.Second)},
		"for too long":             {noon.Add(3 * time.Second), 60, time.Second, 3 * time.Second, false, noon.Add(3 * time.Second)},
		"for as long as there is":  {noon.Add(time.Second), 60, time.Second, time.Second, true, noon.Add(2 * time.Second)},
		"before a clock went back": {noon.Add(time.Hour), 60, time.Second, 0, true, noon.Add(time.Second)},
		"very many":                {noon.Add(time.Second), 1e9, time.Second, time.Second, true, noon.Add(furthest)},
	} {
		q := quota{opens: test.opens}
		wait, granted := q.take(noon, test.n, 60, test.maxWait)
		if wait != test.wait || granted != test.granted || !q.opens.Equal(test.then) {
			t.Errorf("%s: got a wait of %v, granted %v, open at %v; want %v, %v, %v", name, wait, granted, q.opens, test.wait, test.granted, test.then)
		}
	}
}

func TestQuotaLimit(t *testing.T) {
	t.Parallel()
	q := quota{}
	q.limit(noon, 60, time.Minute)
	if q.perSecond != 30 || !q.opens.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %+v, want half the rate after a minute", q)
	}
	q.limit(noon.Add(oneIncident-1), 60, 2*time.Minute)
	if q.perSecond != 30 || !q.opens.Equal(noon.Add(oneIncident-1+2*time.Minute)) {
		t.Errorf("the same incident: got %+v, want the same rate, and the longer pause", q)
	}
	q.limit(noon.Add(oneIncident), 60, 0)
	if math.Abs(q.perSecond-15.5) > 1e-9 {
		t.Errorf("another incident: got %v, want half of the 31 a second that it had grown to", q.perSecond)
	}
	q.limit(noon.Add(time.Hour), 60, time.Hour)
	if want := noon.Add(time.Hour + furthest); !q.opens.Equal(want) {
		t.Errorf("a pause of an hour: got open at %v, want %v", q.opens, want)
	}
	q.limit(noon, 60, time.Second)
	if !q.opens.Equal(noon.Add(time.Second)) {
		t.Errorf("a clock that went back: got open at %v, want in a second", q.opens)
	}
}
