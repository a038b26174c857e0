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

// answer calls the handler and turns a panic into an error, so that one bad event costs one answer and not the instance:
// net/rpc would let the panic end the process, and aws-lambda-go ends it itself. A panic in a goroutine that the handler
// starts cannot be caught here.
func answer(ctx context.Context, h Handler, inv Invocation) (reply []byte, err error) {
	defer func() {
		value := recover()
		if value == nil {
			return
		}
		slog.ErrorContext(ctx, "the function panicked",
			"panic", telemetry.PanicKind(value), "stack", string(debug.Stack()))
		reply, err = nil, &panicError{requestID: inv.RequestID}
	}()
	return h(ctx, inv)
}

// errorType is the name both platforms show beside an error's message: its Go type, without package or pointer.
func errorType(err error) string {
	t := reflect.TypeOf(err)
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return t.Name()
}
