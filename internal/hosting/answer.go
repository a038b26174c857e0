package hosting

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"
	"time"

	"cloudpay/internal/telemetry"
)

// panicError is all that a caller is told of a panic: that it happened, and where the log has more.
type panicError struct{ requestID string }

func (e *panicError) Error() string {
	return fmt.Sprintf("the function panicked; its log tells where (request id %q)", e.requestID)
}

// answer calls the handler. A panic is an error, so that one bad event costs one answer and not the
// instance: net/rpc would end the process, and aws-lambda-go ends it itself. A panic in a goroutine
// that the handler starts cannot be recovered here.
func answer(ctx context.Context, h Handler, inv Invocation) (reply []byte, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicked(ctx, inv, value)
		}
	}()
	return h(ctx, inv)
}

// answerHTTP is answer for HTTP.
func answerHTTP(ctx context.Context, h HTTPHandler, inv Invocation, r Request) (response Response, err error) {
	defer func() {
		if value := recover(); value != nil {
			err = panicked(ctx, inv, value)
		}
	}()
	return h(ctx, inv, r)
}

// panicked logs a panic where it happened, and is the error that it becomes.
func panicked(ctx context.Context, inv Invocation, value any) error {
	slog.ErrorContext(ctx, "the function panicked",
		"panic", telemetry.PanicKind(value), "stack", string(debug.Stack()))
	return &panicError{requestID: inv.RequestID}
}

// errorType is what both platforms show beside an error's message: its Go type, without package and
// pointer.
func errorType(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}

// assumedLimit is how long an invocation may take when the platform does not say: the default of
// SCF, CloudBase and Lambda alike (SCF doc 583/11637), so it is never too long for a function with
// default settings.
const assumedLimit = 3 * time.Second

// deadline is when the platform stops waiting: the given moment if it is in the future, else now
// plus the configured time limit if there is one, else now plus assumedLimit. Whether the Go1
// platform always sends its Deadline is not documented, and the zero value reads as 1970.
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

// withDeadline gives parent a deadline in the future. A parent that is already over loses its end
// but keeps its values: its deadline was absent or wrong, not reached.
func withDeadline(parent context.Context, given time.Time, limit time.Duration) (context.Context, context.CancelFunc) {
	if parent.Err() != nil {
		parent = context.WithoutCancel(parent)
	}
	return context.WithDeadline(parent, deadline(time.Now(), given, limit))
}
