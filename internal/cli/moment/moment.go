// Package moment reads times and durations as they are given on a command line.
package moment

import (
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// forms are how a date or a time is written; one without a zone is in this machine's, as times
// are printed.
var forms = []string{
	time.RFC3339, "2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05 Z07:00", time.DateTime, "2006-01-02T15:04:05", "2006-01-02 15:04",
	"2006-01-02T15:04", time.DateOnly,
}

// Since reads a moment in the past: a date, a time, or how long before now.
func Since(text string, now time.Time) (time.Time, error) {
	if age, err := Age(text); err == nil {
		return now.Add(-age), nil
	}
	if at, is := Time(text, now.Location()); is {
		return at, nil
	}
	return time.Time{}, bilingual.Errorf(
		"must be a date (2026-11-29), a time (2026-11-29 10:00, or RFC 3339) or a duration before now (36h, 7d), not %q",
		"须为日期（2026-11-29）、时间（2026-11-29 10:00 或 RFC 3339）或距今的时长（36h、7d），而不是 %q", text)
}

// Time reads a date or a time. One without a zone is in the zone that is given.
func Time(text string, in *time.Location) (at time.Time, is bool) {
	for _, form := range forms {
		if at, err := time.ParseInLocation(form, text, in); err == nil {
			return at, true
		}
	}
	return time.Time{}, false
}

// Days reads a number of days: 7d.
func Days(text string) (age time.Duration, is bool) {
	const day = 24 * time.Hour
	number, is := strings.CutSuffix(text, "d")
	days, err := strconv.ParseUint(number, 10, 16)
	return time.Duration(days) * day, is && err == nil
}

// Age reads a duration that is not negative, as Go writes them, or in days: 36h, 7d.
func Age(text string) (time.Duration, error) {
	if age, is := Days(text); is {
		return age, nil
	}
	age, err := time.ParseDuration(text)
	if err != nil || age < 0 {
		return 0, bilingual.Errorf("must be a duration such as 36h or 7d, not %q", "须为时长，如 36h 或 7d，而不是 %q", text)
	}
	return age, nil
}
