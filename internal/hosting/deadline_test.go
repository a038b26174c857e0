package hosting_test

import (
	"testing"
	"time"

	"cloudpay/internal/hosting"
)

func TestDeadline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		given time.Time
		limit time.Duration
		want  time.Time
	}{
		"future":                        {now.Add(time.Minute), 0, now.Add(time.Minute)},
		"future wins over the limit":    {now.Add(time.Minute), time.Second, now.Add(time.Minute)},
		"a nanosecond to come":          {now.Add(1), time.Second, now.Add(1)},
		"this very moment":              {now, 7 * time.Second, now.Add(7 * time.Second)},
		"past, with a limit":            {now.Add(-time.Hour), 7 * time.Second, now.Add(7 * time.Second)},
		"past, without a limit":         {now.Add(-time.Hour), 0, now.Add(3 * time.Second)},
		"1970, the protocol's zero":     {time.Unix(0, 0), 0, now.Add(3 * time.Second)},
		"absent, Go's zero":             {time.Time{}, 0, now.Add(3 * time.Second)},
		"past, with a negative limit":   {now.Add(-time.Hour), -time.Second, now.Add(3 * time.Second)},
		"1970, with the longest limit":  {time.Unix(0, 0), 900 * time.Second, now.Add(900 * time.Second)},
		"future, with a negative limit": {now.Add(time.Second), -1, now.Add(time.Second)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := hosting.Deadline(now, c.given, c.limit); !got.Equal(c.want) {
				t.Errorf("deadline(%v, %v, %v): got %v, want %v", now, c.given, c.limit, got, c.want)
			}
		})
	}
}
