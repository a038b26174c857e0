package hosting

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"runtime/debug"

	"cloudpay/internal/telemetry"
)

// panicError is what the caller learns of a panic: that there was one, and where to read more.
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

// errorType is the name both platforms show beside an error's message: its Go type, without package or pointer.
func errorType(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
