package hosting

import (
	"context"
	"time"
)

// assumedLimit is how long an invocation may take when the platform does not say: the default time limit of SCF,
// CloudBase and Lambda alike (SCF doc 583/11637), so assuming it is never too generous for a function left at defaults.
const assumedLimit = 3 * time.Second

// deadline is when the platform stops waiting: the given moment if it is still to come, else now plus the configured
// time limit if there is one, else now plus assumedLimit. Whether the Go1 platform always fills its Deadline is not
// documented, and its zero value reads as 1970.
func deadline(now, given time.Time, limit time.Duration) time.Time {
	switch {
	case given.After(now):
		return given
	case limit > 0:
		return now.Add(limit)
	default:
		return now.Add(assumedLimit)
	}
}

// withDeadline gives parent a deadline in the future. A parent that is over already loses its end but keeps its values:
// its deadline was absent or wrong, not reached.
func withDeadline(parent context.Context, given time.Time, limit time.Duration) (context.Context, context.CancelFunc) {
	if parent.Err() != nil {
		parent = context.WithoutCancel(parent)
	}
	return context.WithDeadline(parent, deadline(time.Now(), given, limit))
}
