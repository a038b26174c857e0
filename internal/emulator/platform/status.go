package platform

import (
	"encoding/json"
	"fmt"
	"strings"
)

// SCF's status codes, as far as this platform gives them (SCF doc 583/35311 "function status
// codes").
const (
	StatusOK               = 200 // the function answered
	statusRequestTooLarge  = 406 // the event is over 6 MB; no instance saw it
	statusResponseTooLarge = 407 // the function's answer is over 6 MB and is dropped
	statusUserError        = 430 // the function answered with an error
	statusConcurrency      = 432 // every instance that the function may have is busy
	// The function was killed at its time limit: whether its work was done is unknown.
	statusTimeLimit = 433
	// The function's process ended before it answered: whether its work was done is unknown.
	statusProcessExit = 439
	statusAborted     = 499 // the caller went away; only the log has it
)

// FunctionError is the reason for a missing result: in the function's own words for
// statusUserError, else in the platform's.
type FunctionError struct {
	Message    string
	Type       string   // the error's type, when the function gave one
	StackTrace []string // "path:line function" each, when the function gave one

	document json.RawMessage // the error as a Lambda function posted it
}

func (e *FunctionError) Error() string { return e.Message }

// refuse is the platform's own reply to a call without a result.
func refuse(requestID string, status int, format string, args ...any) Reply {
	return Reply{RequestID: requestID, Status: status, Err: &FunctionError{Message: fmt.Sprintf(format, args...)}}
}

// errorDocument is SCF's document in place of a result (SCF doc "function status codes").
func (r Reply) errorDocument() []byte {
	return encode(map[string]any{
		"errorCode": -1, "errorMessage": r.Err.Message, "requestId": r.RequestID, "statusCode": r.Status,
		"stackTrace": strings.Join(r.Err.StackTrace, "\n"),
	})
}
