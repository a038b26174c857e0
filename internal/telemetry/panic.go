package telemetry

import (
	"fmt"
	"runtime"
)

// PanicKind is what the log may have of a value that was recovered: its type, for the value may be anything that was in
// memory, a key included. Go's own faults have a text too, which is about indices and types.
func PanicKind(value any) string {
	kind := fmt.Sprintf("%T", value)
	if own, ok := value.(runtime.Error); ok {
		kind += ": " + own.Error()
	}
	return kind
}
