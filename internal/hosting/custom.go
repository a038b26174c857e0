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

// The custom runtime's API (SCF doc 583/47274). One instance has one event at a time, so no path
// names a request.
const (
	customReady    = "/runtime/init/ready"          // POST, once the function can be called
	customNext     = "/runtime/invocation/next"     // GET, answered when there is an event
	customResponse = "/runtime/invocation/response" // POST the result; the first one is final
	customError    = "/runtime/invocation/error"    // POST why there is no result
)

const (
	// maxReply is the longest result that SCF passes on (SCF doc 583/11637). A longer one would
	// look like a broken platform to the caller.
	maxReply = 6 << 20
	// maxEvent is far above what the platform delivers (6 MB), so that package event can refuse an
	// event that is too long in its trigger's form.
	maxEvent = 16 << 20

	// maxFaults is how often in a row the API may fail before the process ends, so that the
	// platform starts a new one.
	maxFaults = 5
	// firstPause is the pause after the first failure; each further one is twice as long.
	firstPause = 100 * time.Millisecond
	// postTimeout ends a POST without an answer. Waiting for the next event has no timeout: it may
	// be hours away.
	postTimeout = 10 * time.Second
)

// customHost serves a handler to SCF's custom runtime (an executable named bootstrap). lambdaHost
// is its twin.
//
// A result that is lost on its way is computed again: the API hands out the same event until one
// POST has succeeded. Closing and querying are idempotent, so no results are kept for that.
type customHost struct {
	handler  Handler
	base     string // http://host:port
	function string
}

// customBase is the API's address. The port has a variable of its own, or is part of the host.
func customBase(host, port string) string {
	if port == "" {
		return "http://" + host
	}
	return "http://" + net.JoinHostPort(strings.Trim(host, "[]"), port)
}

// customClient is a client for the API only. It ignores the environment's proxy, which is for the
// outside world.
func customClient() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true}}
}

// serve answers events until the API fails for good, and returns its last error.
func (c customHost) serve() error {
	client := customClient()
	ready := func() error { return c.post(client, customReady, nil) }
	if err := persist(ready); err != nil {
		return err
	}
	for {
		if err := persist(func() error { return c.serveOne(client) }); err != nil {
			return err
		}
	}
}

// persist repeats do until it succeeds, with pauses, and returns the last error of maxFaults
// failures in a row. A platform that is frozen and thawed, or restarts its agent, fails once; one
// that is gone fails for ever.
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

// serveOne takes one event and answers it. Its error is the API's; the handler's error is an
// answer.
func (c customHost) serveOne(client *http.Client) error {
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

// next waits for an event. The time limit is 0 if the platform gives none. An event that is too
// long to be read is an *eventTooLongError, and is answered; every other error is the API's.
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

// post sends an answer. Any 2xx status accepts it.
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

// platformHeader is a header of the platform's. The document writes request_id and
// time_limit_in_ms; proxies turn underscores into dashes, and other HTTP interfaces of SCF's put
// X-Scf- before the same words.
func platformHeader(header http.Header, name string) string {
	dashed := strings.ReplaceAll(name, "_", "-")
	return cmp.Or(header.Get(name), header.Get(dashed), header.Get("X-Scf-"+dashed))
}

// milliseconds parses a time limit. It is 0 for anything but a number of milliseconds.
func milliseconds(text string) time.Duration {
	limit, err := strconv.ParseInt(text, 10, 32)
	if err != nil || limit < 0 {
		return 0
	}
	return time.Duration(limit) * time.Millisecond
}

// eventTooLongError refuses an event of more than maxEvent bytes, which was not read to its end.
type eventTooLongError struct{}

func (e *eventTooLongError) Error() string {
	return fmt.Sprintf("the event must have at most %d MiB", maxEvent>>20)
}

// replyTooLongError stands for a result of more than maxReply bytes, which the platform refuses.
type replyTooLongError struct{ length int }

func (e *replyTooLongError) Error() string {
	return fmt.Sprintf("the result has %d bytes, and the platform takes %d MiB", e.length, maxReply>>20)
}
