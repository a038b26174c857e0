package schedule

import (
	"math"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 5, 12, 0, 0, 0, time.UTC)

func TestQuotaRate(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		quota Quota
		want  float64
	}{
		"never limited":          {Quota{PerSecond: 3}, 60},
		"limited just now":       {Quota{PerSecond: 3, Changed: noon}, 3},
		"ten seconds ago":        {Quota{PerSecond: 3, Changed: noon.Add(-10 * time.Second)}, 13},
		"long ago":               {Quota{PerSecond: 3, Changed: noon.Add(-time.Hour)}, 60},
		"below the least":        {Quota{PerSecond: 0, Changed: noon}, slowest},
		"above a lower ceiling":  {Quota{PerSecond: 100, Changed: noon}, 60},
		"limited in the future":  {Quota{PerSecond: 3, Changed: noon.Add(time.Hour)}, 3},
		"limited in part of one": {Quota{PerSecond: 0.5, Changed: noon}, 0.5},
	} {
		if got := test.quota.Rate(noon, 60); math.Abs(got-test.want) > 1e-9 {
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
		q := Quota{Opens: test.opens}
		wait, granted := q.Take(noon, test.n, 60, test.maxWait)
		if wait != test.wait || granted != test.granted || !q.Opens.Equal(test.then) {
			t.Errorf("%s: got a wait of %v, granted %v, open at %v; want %v, %v, %v", name, wait, granted, q.Opens, test.wait, test.granted, test.then)
		}
	}
}

func TestQuotaLimit(t *testing.T) {
	t.Parallel()
	q := Quota{}
	q.Limit(noon, 60, time.Minute)
	if q.PerSecond != 30 || !q.Opens.Equal(noon.Add(time.Minute)) {
		t.Errorf("got %+v, want half the rate after a minute", q)
	}
	q.Limit(noon.Add(oneIncident-1), 60, 2*time.Minute)
	if q.PerSecond != 30 || !q.Opens.Equal(noon.Add(oneIncident-1+2*time.Minute)) {
		t.Errorf("the same incident: got %+v, want the same rate, and the longer pause", q)
	}
	q.Limit(noon.Add(oneIncident), 60, 0)
	if math.Abs(q.PerSecond-15.5) > 1e-9 {
		t.Errorf("another incident: got %v, want half of the 31 a second that it had grown to", q.PerSecond)
	}
	q.Limit(noon.Add(time.Hour), 60, time.Hour)
	if want := noon.Add(time.Hour + furthest); !q.Opens.Equal(want) {
		t.Errorf("a pause of an hour: got open at %v, want %v", q.Opens, want)
	}
	q.Limit(noon, 60, time.Second)
	if !q.Opens.Equal(noon.Add(time.Second)) {
		t.Errorf("a clock that went back: got open at %v, want in a second", q.Opens)
	}
}
