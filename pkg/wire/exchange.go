package wire

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"
)

// typicalReply is the first buffer's size when the reply announces no length.
const typicalReply = 2048

// callTimeout bounds an exchange of ownClient whose context has no deadline.
const callTimeout = 30 * time.Second

// ownClient serves the callers that have no client, which so share their connections.
var ownClient = &http.Client{Transport: NewTransport(), Timeout: callTimeout}

// Exchange sends req once through client and reads the reply, whose body is at most limit bytes
// long. A nil client is the package's own: [NewTransport], and 30 s for an exchange. Exchange
// returns before req's context ends or client's Timeout is over, whatever the peer does.
//
// The error is a [*MalformedError] for a body that is too long or cut short; otherwise it wraps the
// transport's, and errors.Is finds the context's in it. The Reply is nil when no head arrived; with
// any other error it holds what was read.
func Exchange(client *http.Client, req *http.Request, limit int) (*Reply, error) {
	ctx := req.Context()
	var unused atomic.Bool // false also where the transport does not call GotConn
	req = req.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		// The last call counts: net/http takes another connection when a kept one turns out dead.
		GotConn: func(info httptrace.GotConnInfo) { unused.Store(!info.Reused) },
	}))
	resp, err := withoutRedirects(cmp.Or(client, ownClient)).Do(req) //nolint:gosec // G704: the caller chooses the address
	if err != nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	reply := &Reply{
		Envelope: Envelope{
			HTTPStatus: resp.StatusCode, RequestID: resp.Header.Get("Request-Id"), Date: dateOf(resp),
			Fresh: unused.Load() || isHTTP2(resp),
		},
		Header: resp.Header,
	}
	if !reply.Asked() {
		return reply, nil
	}
	reply.Body, err = readBody(resp, limit)
	return reply, reply.bodyError(ctx, err, limit)
}

// dateOf returns the Date header, which may be of any zone, in UTC; zero without one that can be
// read.
func dateOf(resp *http.Response) time.Time {
	date, err := http.ParseTime(resp.Header.Get("Date"))
	if err != nil {
		return time.Time{}
	}
	return date.UTC()
}

// isHTTP2 reports whether the TLS handshake agreed on HTTP/2. The reply's own protocol proves
// nothing: it is text on the first line, which an HTTP/1.1 peer may choose.
func isHTTP2(resp *http.Response) bool {
	return resp.TLS != nil && resp.TLS.NegotiatedProtocol == "h2"
}

// withoutRedirects returns a copy of client that returns redirects as replies.
func withoutRedirects(client *http.Client) *http.Client {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

var errTooLong = errors.New("too long")

// readBody reads the body to its end, or to one byte past limit. It is io.ReadAll with a limit, and
// with one allocation where the reply announces its length.
func readBody(resp *http.Response, limit int) ([]byte, error) {
	room := min(typicalReply, limit+1)
	if announced := resp.ContentLength; announced > 0 && announced <= int64(limit) {
		room = int(announced) + 1 // one more, in which to see the end
	}
	body := make([]byte, 0, room)
	for {
		n, err := resp.Body.Read(body[len(body):min(cap(body), limit+1)])
		body = body[:len(body)+n]
		switch {
		case len(body) > limit:
			return body[:limit], errTooLong
		case err == io.EOF:
			return body, nil
		case err != nil:
			return body, err
		}
		if len(body) == cap(body) {
			body = slices.Grow(body, len(body))
		}
	}
}

// bodyError returns the error for what ended the reading of the body.
func (r *Reply) bodyError(ctx context.Context, err error, limit int) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		malformed := r.Malformed("its body is longer than " + size(limit))
		malformed.TooLong = true
		return malformed
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		// Transports differ in the error of a cancelled read, which may be a body cut short.
		err = fmt.Errorf("%w (%w)", ctx.Err(), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r.Malformed(fmt.Sprintf("its body was cut short after %d bytes", len(r.Body)))
	}
	return fmt.Errorf("reading the reply with HTTP %d: %w", r.HTTPStatus, err)
}

// size returns a limit in MiB where it is a whole number of them, in bytes otherwise.
func size(limit int) string {
	const mib = 1 << 20
	if limit%mib == 0 {
		return fmt.Sprintf("%d MiB", limit/mib)
	}
	return fmt.Sprintf("%d bytes", limit)
}
