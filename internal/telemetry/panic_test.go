package telemetry_test

import (
	"errors"
	"testing"

	"cloudpay/internal/telemetry"
)

// What was in memory when a function panicked stays out of the log; what Go itself has to say does
// not.
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
