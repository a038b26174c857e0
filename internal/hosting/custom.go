package hosting

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/telemetry"
	"cloudpay/pkg/wire"
)

// The custom runtime's API (SCF doc 583/47274). One instance has one event at a time, so no path names a request.
const (
	customReady    = "/runtime/init/ready"          // POST, once the function can be called
	customNext     = "/runtime/invocation/next"     // GET, answered when there is an event
	customResponse = "/runtime/invocation/response" // POST the result; the first that arrives is final
	customError    = "/runtime/invocation/error"    // POST why there is none
)

const (
	// maxReply is the longest result that SCF hands on (SCF doc 583/11637); a longer one would only look like a platform
	// that is broken.
	maxReply = 6 << 20
	// maxEvent is far above what the platform delivers (6 MB), so that somebody who reads the event can still say in its
	// own form that it is too long.
	maxEvent = 16 << 20

	// maxFaults is how often in a row the API may fail before the process gives up and lets the platform start a new one.
	maxFaults = 5
	// firstPause is how long the first fault is waited out; each further pause is twice as long.
	firstPause = 100 * time.Millisecond
	// postTimeout ends a POST that nobody answers. Waiting for the next event has no end: that may be hours away.
	postTimeout = 10 * time.Second
)

// customHost answers SCF's custom runtime (an executable named bootstrap) with a handler. lambdaHost is its twin.
//
// A result that was lost on its way is asked for again: the API hands out the same event until one POST has succeeded, and
// the event is then answered anew. Closing and querying may be repeated, so no answers are kept for that.
type customHost struct {
	handler  Handler
	base     string // http://host:port
	function string
}

// customBase is the API's address. The port has a variable of its own, but one inside the host is taken too.
func customBase(host, port string) string {
	if port == "" {
		return "http://" + host
	}
	return "http://" + net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// customClient is a client for the API alone: no proxy, which the environment may name for the
// outside world.
func customClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true}}
}

// serve answers events until the API is gone, and returns what it said last.
func (c customHost) serve() error {
	client := customClient()
	ready := func() error { return c.post(client, customReady, nil) }
	if err := persist(ready); err != nil {
		return err
	}
	for {
		if err := persist(func() error { return c.turn(client) }); err != nil {
			return err
		}
	}
}

// persist repeats do until it succeeds, with pauses, and returns the error of the last of maxFaults failures in a row. A
// platform that is frozen and thawed, or restarts its agent, fails once; one that is gone fails for ever.
func persist(do func() error) error {
	pause := firstPause
	for faults := 1; ; faults++ {
		err := do()
		if err == nil {
			return nil
		}
		if faults == maxFaults {
			return fmt.Errorf("the custom runtime's API failed %d times in a row: %w", maxFaults, err)
		}
		slog.Warn("the custom runtime's API failed", "error", err.Error(), "faults", faults)
		<-time.After(pause)
		pause *= 2
	}
}

// turn takes one event and answers it. Its error is the API's; the handler's is an answer.
func (c customHost) turn(client *http.Client) error {
	inv, limit, err := c.next(client)
	if tooLong := (*eventTooLongError)(nil); errors.As(err, &tooLong) {
		return c.post(client, customError, []byte(err.Error()))
	}
	if err != nil {
		return err
	}
	ctx, cancel := withDeadline(context.Background(), time.Time{}, limit)
	defer cancel()
	reply, err := answer(telemetry.WithRequestID(ctx, inv.RequestID), c.handler, inv)
	if err == nil && len(reply) > maxReply {
		err = &replyTooLongError{length: len(reply)}
	}
	if err != nil {
		return c.post(client, customError, []byte(err.Error()))
	}
	return c.post(client, customResponse, reply)
}

// next waits for an event. The limit is 0 when the platform does not say.
func (c customHost) next(client *http.Client) (Invocation, time.Duration, error) {
	request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, c.base+customNext, http.NoBody)
	if err != nil {
		return Invocation{}, 0, fmt.Errorf("asking for the next event (from %s): %w", customAPIVariable, err)
	}
	reply, err := wire.Exchange(client, request, maxEvent)
	unusable, _ := errors.AsType[*wire.MalformedError](err)
	switch {
	case reply == nil:
		return Invocation{}, 0, fmt.Errorf("asking for the next event: %w", err)
	case reply.HTTPStatus != http.StatusOK:
		return Invocation{}, 0, fmt.Errorf("asking for the next event: got status %d, want 200", reply.HTTPStatus)
	case unusable != nil && unusable.TooLong:
		return Invocation{}, 0, &eventTooLongError{}
	case err != nil:
		return Invocation{}, 0, fmt.Errorf("reading the next event: %w", err)
	}
	inv := Invocation{
		Payload: reply.Body, RequestID: platformHeader(reply.Header, "request_id"), Function: c.function, Platform: SCFCustom,
	}
	return inv, milliseconds(platformHeader(reply.Header, "time_limit_in_ms")), nil
}

// post sends an answer; any 2xx takes it.
func (c customHost) post(client *http.Client, path string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), postTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base+path, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("posting to %s (from %s): %w", path, customAPIVariable, err)
	}
	reply, err := wire.Exchange(client, request, maxEvent)
	if reply == nil {
		return fmt.Errorf("posting to %s: %w", path, err)
	}
	if reply.HTTPStatus < 200 || reply.HTTPStatus > 299 {
		return fmt.Errorf("posting to %s: got status %d, want 2xx", path, reply.HTTPStatus)
	}
	return nil
}

// platformHeader returns a header of the platform's. The document writes request_id and time_limit_in_ms; proxies like to
// turn underscores into dashes, and where SCF speaks HTTP elsewhere it puts X-Scf- before the same words.
func platformHeader(header http.Header, name string) string {
	dashed := strings.ReplaceAll(name, "_", "-")
	return cmp.Or(header.Get(name), header.Get(dashed), header.Get("X-Scf-"+dashed))
}

// milliseconds reads a time limit, 0 when it is none.
func milliseconds(text string) time.Duration {
	limit, err := strconv.ParseInt(text, 10, 32)
	if err != nil || limit < 0 {
		return 0
	}
	return time.Duration(limit) * time.Millisecond
}

// eventTooLongError refuses an event that was not read to its end.
type eventTooLongError struct{}

func (e *eventTooLongError) Error() string {
	return fmt.Sprintf("the event must have at most %d MiB", maxEvent>>20)
}

// replyTooLongError stands for a result that the platform would not take.
type replyTooLongError struct{ length int }

func (e *replyTooLongError) Error() string {
	return fmt.Sprintf("the result has %d bytes, and the platform takes %d MiB", e.length, maxReply>>20)
}
