package hosting

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
	"github.com/tencentyun/scf-go-lib/functioncontext"

	"cloudpay/internal/telemetry"
)

// scfService is the service that the Go1 platform calls (scf-go-lib: rpc.Register of a type named
// Function).
const scfService = "Function"

// scfHost serves a handler to the Go1 platform. lambdaHost is its twin.
type scfHost struct{ handler Handler }

// serve answers every connection to l until l is closed, and returns l's error.
func (s scfHost) serve(l net.Listener) error {
	server := rpcServer{scfService + ".Ping": unary(s.ping), scfService + ".Invoke": unary(s.invoke)}
	for {
		conn, err := l.Accept()
		if err != nil {
			return fmt.Errorf("waiting for the platform on %s: %w", l.Addr(), err)
		}
		go server.serve(conn) // ends with the platform's connection
	}
}

// ping answers the platform's probe. It is reachable only when the function has been built.
func (s scfHost) ping(*messages.PingRequest, *messages.PingResponse) {}

// invoke answers one event. Every error is in response.Error, as the platform expects; a net/rpc
// error would look like a broken function process.
func (s scfHost) invoke(request *messages.InvokeRequest, response *messages.InvokeResponse) {
	inv, err := s.invocation(request)
	if err != nil {
		response.Error = s.failure(err)
		return
	}
	given := time.Unix(request.Deadline.Seconds, request.Deadline.Nanos)
	limit := time.Duration(request.TimeLimitInMs) * time.Millisecond
	ctx, cancel := withDeadline(context.Background(), given, limit)
	defer cancel()

	ctx = functioncontext.NewContext(ctx, s.platformContext(request, inv.Environment))
	payload, err := answer(telemetry.WithRequestID(ctx, inv.RequestID), s.handler, inv)
	if err != nil {
		response.Error = s.failure(err)
		return
	}
	response.Payload = payload
}

// invocation decodes the platform's request. The environment is a map of this invocation's own.
func (s scfHost) invocation(request *messages.InvokeRequest) (Invocation, error) {
	inv := Invocation{
		Payload:   request.Payload,
		RequestID: request.RequestId,
		Function:  request.FunctionName,
		Platform:  SCF,
		TraceID:   request.TraceId,
	}
	if request.Environment == "" {
		return inv, nil
	}
	if err := json.Unmarshal([]byte(request.Environment), &inv.Environment); err != nil {
		return Invocation{}, &environmentError{cause: err}
	}
	return inv, nil
}

// platformContext is the request in functioncontext's form. ClientContext stays empty: it is the
// caller's word, and unused, so a malformed one is no reason to refuse the call.
func (s scfHost) platformContext(
	request *messages.InvokeRequest, environment map[string]string,
) *functioncontext.FunctionContext {
	return &functioncontext.FunctionContext{
		RequestID:             request.RequestId,
		InvokedFunctionUnique: request.InvokedFunctionUnique,
		Namespace:             request.Namespace,
		FunctionName:          request.FunctionName,
		FunctionVersion:       request.FunctionVersion,
		MemoryLimitInMb:       request.MemoryLimitInMb,
		TimeLimitInMs:         request.TimeLimitInMs,
		Environment:           environment,
		TencentcloudRegion:    request.TencentcloudRegion,
		TencentcloudAppID:     request.TencentcloudAppID,
		TencentcloudUin:       request.TencentcloudUin,
		FunctionTrace:         request.FunctionTrace,
	}
}

// failure is an error in the platform's form. ShouldExit stays false: the process is sound.
func (s scfHost) failure(err error) *messages.InvokeResponse_Error {
	return &messages.InvokeResponse_Error{Message: err.Error(), Type: errorType(err)}
}

// environmentError refuses an Environment that is not a JSON object of strings. The caller cannot
// be identified without it, so the handler is not called. The cause has types and positions, never
// a value.
type environmentError struct{ cause error }

func (e *environmentError) Error() string {
	return fmt.Sprintf("InvokeRequest.Environment must be a JSON object whose values are strings: %v", e.cause)
}
