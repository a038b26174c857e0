package moment_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/internal/cli/moment"
)

// A moment in the past is a date, a time, or an age.
func TestSince(t *testing.T) {
	t.Parallel()
	shanghai := time.FixedZone("", 8*60*60)
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, shanghai)
	for text, want := range map[string]string{
		"7d":                        "2026-11-22T12:00:00+08:00",
		"0d":                        "2026-11-29T12:00:00+08:00",
		"36h":                       "2026-11-28T00:00:00+08:00",
		"1h30m":                     "2026-11-29T10:30:00+08:00",
		"2026-11-01":                "2026-11-01T00:00:00+08:00",
		"2026-11-01 10:00":          "2026-11-01T10:00:00+08:00",
		"2026-11-01T10:00":          "2026-11-01T10:00:00+08:00",
		"2026-11-01 10:00:05":       "2026-11-01T10:00:05+08:00",
		"2026-11-01T10:00:05Z":      "2026-11-01T18:00:05+08:00",
		"2026-11-01 10:00:05+01:00": "2026-11-01T17:00:05+08:00",
	} {
		at, err := moment.Since(text, now)
		if got := at.In(shanghai).Format(time.RFC3339); err != nil || got != want {
			t.Errorf("%q: got %s and error %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "yesterday", "-1h", "-7d", "1.5d", "99999d", "2026-13-01", "29/11/2026"} {
		if at, err := moment.Since(text, now); err == nil || !strings.Contains(err.Error(), "must be a date (2026-11-29)") {
			t.Errorf("%q: got %v and error %v, want the forms that there are", text, at, err)
		}
	}
}
