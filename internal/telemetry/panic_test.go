package telemetry_test

import (
	"errors"
	"testing"

	"cloudpay/internal/telemetry"
)

// A panic's value stays out of the log, unless it is a fault of Go's runtime.
func TestPanicKind(t *testing.T) {
	t.Parallel()
	index := func() (fault any) {
		defer func() { fault = recover() }()
		var none []int
		return none[0]
	}()
	for want, value := range map[string]any{
		"string":              "a secret",
		"*errors.errorString": errors.New("a secret"),
		"runtime.boundsError: runtime error: index out of range [0] with length 0": index,
	} {
		if got := telemetry.PanicKind(value); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
