package platform

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/rpc"
	"strconv"
	"time"
)

// portVariable is the variable that tells a Go1 function its port.
const portVariable = "_LAMBDA_SERVER_PORT"

// go1 is the Go1 runtime's protocol: the platform dials the process and calls it over net/rpc
// (scf-go-lib, package cloudfunction).
type go1 struct {
	port   int
	client *rpc.Client // set by connect
}

func (g *go1) variables() []string {
	port := strconv.Itoa(g.port)
	return []string{"SCF_RUNTIME=Go1", "_SCF_SERVER_PORT=" + port, portVariable + "=" + port}
}

// connect dials the process until it listens, and pings it. A ping can fail without the process's
// fault: another process took the port first, answered, and died, so that the function gets the
// port after all. Pings are therefore repeated for timeouts.exit.
func (g *go1) connect(ctx context.Context, i *instance) error {
	var giveUp time.Time
	for {
		conn, err := i.dial(ctx, g.port, portVariable)
		if err != nil {
			return err
		}
		refusal, err := g.ping(ctx, i, conn)
		if err != nil || refusal == nil {
			return err
		}
		if now := time.Now(); giveUp.IsZero() {
			giveUp = now.Add(i.timeouts.exit)
		} else if now.After(giveUp) {
			return fmt.Errorf("%s does not serve Function.Ping on %s: %w", i.name, loopback(g.port), refusal)
		}
		if err := i.rest(ctx, lastDialPause, g.port, portVariable); err != nil {
			return err
		}
	}
}

// ping checks that the listener is a function, and keeps the connection if it is. refusal is the
// answer of something else, or its hanging up: another ping may succeed. err says why another one
// cannot.
func (g *go1) ping(ctx context.Context, i *instance, conn net.Conn) (refusal, err error) {
	client := rpc.NewClient(conn)
	ping := client.Go("Function.Ping", &pingRequest{}, &pingResponse{}, make(chan *rpc.Call, 1))
	select {
	case <-i.done:
		err = i.exitError()
	case <-ctx.Done():
		err = i.notReady(ctx, "does not answer Function.Ping on "+loopback(g.port))
	case <-ping.Done:
		refusal = ping.Error
	}
	if refusal != nil || err != nil {
		_ = client.Close() // the only error is that it was closed already
		return refusal, err
	}
	g.client = client
	return nil, nil
}

// answers pings the process. What is known on this side is not enough: done is closed some time
// after the death, a process that was sent SIGKILL is for a while neither dead nor able to answer,
// and the connection to a process that hangs stays open. A ping takes a fraction of an event's
// time.
func (g *go1) answers(ctx context.Context, i *instance) bool {
	ping := g.client.Go("Function.Ping", &pingRequest{}, &pingResponse{}, make(chan *rpc.Call, 1))
	timer := time.NewTimer(i.timeouts.ping)
	defer timer.Stop()
	select {
	case <-ping.Done:
		return ping.Error == nil
	case <-ctx.Done():
	case <-timer.C:
	}
	return false
}

// invoke calls Function.Invoke. If the server refuses the call itself, because the method is
// missing, that counts as the function's error.
func (g *go1) invoke(_ *instance, c call) (*answer, error) {
	response := &invokeResponse{}
	err := g.client.Call("Function.Invoke", c.invokeRequest(), response)
	var refused rpc.ServerError
	switch {
	case errors.As(err, &refused):
		return &answer{err: &FunctionError{Message: refused.Error(), Type: "ServerError"}}, nil
	case err != nil:
		return nil, err
	case response.Error != nil:
		return &answer{err: response.Error.functionError()}, nil
	default:
		return &answer{payload: response.Payload, size: int64(len(response.Payload))}, nil
	}
}

// close hangs up; there is no client when the start failed.
func (g *go1) close() {
	if g.client != nil {
		_ = g.client.Close() // the only error is that it was closed already
	}
}

// invokeRequest is the event in the protocol's form.
func (c call) invokeRequest() *invokeRequest {
	return &invokeRequest{
		Payload:            c.Payload,
		RequestId:          c.RequestID,
		Deadline:           timestamp{Seconds: c.deadline.Unix(), Nanos: int64(c.deadline.Nanosecond())},
		Namespace:          namespace,
		FunctionName:       c.spec.Name,
		FunctionVersion:    version,
		MemoryLimitInMb:    int64(c.spec.MemoryMB),
		TimeLimitInMs:      c.spec.TimeLimit.Milliseconds(),
		Environment:        environmentJSON(c.configured, c.Environment),
		TencentcloudRegion: region,
		TencentcloudAppID:  accountAppID,
		TencentcloudUin:    accountUin,
	}
}

// The Go1 runtime's messages, as github.com/tencentyun/scf-go-lib/cloudfunction/messages declares
// them. They are declared here a second time on purpose: gob matches structs by the names of their
// fields, so the emulator and the function need no common code, and a wrong name on one side cannot
// be wrong on both. The names keep the protocol's spelling for the same reason.
type (
	pingRequest  struct{}
	pingResponse struct{}

	timestamp struct{ Seconds, Nanos int64 } // absolute Unix time

	invokeRequest struct {
		Payload            []byte // the event
		RequestId          string
		Deadline           timestamp
		Namespace          string
		FunctionName       string
		FunctionVersion    string
		MemoryLimitInMb    int64  // int32 there: gob sends both alike
		TimeLimitInMs      int64  // likewise
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

// functionError converts the function's error to this package's type.
func (e *invokeError) functionError() *FunctionError {
	stack := make([]string, 0, len(e.StackTrace))
	for _, frame := range e.StackTrace {
		if frame != nil {
			stack = append(stack, fmt.Sprintf("%s:%d %s", frame.Path, frame.Line, frame.Label))
		}
	}
	return &FunctionError{Message: e.Message, Type: e.Type, StackTrace: stack}
}
