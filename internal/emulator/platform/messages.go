package platform

import "fmt"

// The Go1 runtime's messages, as github.com/tencentyun/scf-go-lib/cloudfunction/messages declares them. They are written
// down here a second time on purpose: gob matches structs by the names of their fields, so the emulator and the function
// need no code in common, and a wrong name on one side cannot be wrong on both. That is also why the names keep the
// protocol's spelling.
type (
	pingRequest  struct{}
	pingResponse struct{}

	timestamp struct{ Seconds, Nanos int64 } // absolute Unix time

	invokeRequest struct {
		Payload            []byte // the event
		RequestId          string //nolint:staticcheck // the protocol's spelling
		Deadline           timestamp
		Namespace          string
		FunctionName       string
		FunctionVersion    string
		MemoryLimitInMb    int32
		TimeLimitInMs      int32
		Environment        string // a JSON object of strings
		TencentcloudRegion string
		TencentcloudAppID  string
		TencentcloudUin    string
	}

	invokeResponse struct {
		Payload []byte
		Error   *invokeError
	}

	invokeError struct {
		Message    string
		Type       string
		StackTrace []*stackFrame
		ShouldExit bool
	}

	stackFrame struct {
		Path  string
		Line  int32
		Label string
	}
)

// functionError is the function's error as callers of this package see it.
func (e *invokeError) functionError() *FunctionError {
	stack := make([]string, 0, len(e.StackTrace))
	for _, frame := range e.StackTrace {
		if frame != nil {
			stack = append(stack, fmt.Sprintf("%s:%d %s", frame.Path, frame.Line, frame.Label))
		}
	}
	return &FunctionError{Message: e.Message, Type: e.Type, StackTrace: stack}
}
