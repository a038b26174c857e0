package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
)

// typicalReply is the room to begin with when no length was announced.
const typicalReply = 2048

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	// Body is whole, but for an error. It is nil when [Asked] is false of the Status.
	Body []byte
	// Fresh reports that this reply can only be this request's: its connection carried no exchange
	// before it, or is HTTP/2, which numbers them. It is false where the transport does not tell
	// (net/http/httptrace), and says nothing of what a proxy may mix up that ends TLS.
	Fresh bool
}

// BodyError is a body that cannot be used: too long, or cut short.
type BodyError struct {
	TooLong bool
	Detail  string // one line
}

// Error returns the detail.
func (e *BodyError) Error() string { return e.Detail }

// Asked reports whether a status may answer a request of ours: 2xx, 4xx and 5xx. No request asks to
// switch protocols, and none is to be sent elsewhere.
func Asked(status int) bool {
	return status >= 200 && status < 300 || status >= 400
}

// Exchange sends req once through client and reads the reply, whose body is at most limit bytes
// long. It returns before req's context ends or client's Timeout is over, whatever the far side
// does.
//
// The error is a [*BodyError] for a body that is longer or was cut short; else it is the
// transport's, and errors.Is finds the context's in it. The Reply is nil when no head arrived; with
// any other error it holds what was read.
func Exchange(client *http.Client, req *http.Request, limit int) (*Reply, error) {
	var unused atomic.Bool // not what no transport has said
	req = req.WithContext(httptrace.WithClientTrace(req.Context(), &httptrace.ClientTrace{
		// The last one counts: net/http goes on to another connection when a kept one turns out
		// dead.
		GotConn: func(info httptrace.GotConnInfo) { unused.Store(!info.Reused) },
	}))
	resp, err := withoutRedirects(client).Do(req) //nolint:gosec // G704: where to is for the caller to say
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	reply := &Reply{Status: resp.StatusCode, Header: resp.Header, Fresh: unused.Load() || isHTTP2(resp)}
	if !Asked(reply.Status) {
		return reply, nil
	}
	reply.Body, err = readBody(resp, limit)
	return reply, bodyError(req.Context(), err, len(reply.Body), limit) //nolint:contextcheck // it is the caller's, traced
}

// isHTTP2 reports whether the connection is HTTP/2. It asks what the TLS handshake agreed on: the
// reply's own protocol is text that stands on its first line, over HTTP/1.1 too.
func isHTTP2(resp *http.Response) bool {
	return resp.TLS != nil && resp.TLS.NegotiatedProtocol == "h2"
}

// withoutRedirects returns a client that hands a redirect back as the reply that it is.
func withoutRedirects(client *http.Client) *http.Client {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &own
}

var errTooLong = errors.New("too long")

// readBody reads the body to its end, or to just past limit. It is io.ReadAll with a limit, and
// with one allocation where the length was announced.
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

// bodyError words what ended the reading of a body.
func bodyError(ctx context.Context, err error, read, limit int) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, errTooLong):
		return &BodyError{TooLong: true, Detail: "its body is longer than " + size(limit)}
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		// Transports differ in what a cancelled read returns, a body cut short among others; a
		// caller asks with errors.Is for the context's own error.
		return fmt.Errorf("%w (%w)", ctx.Err(), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return &BodyError{Detail: fmt.Sprintf("its body was cut short after %d bytes", read)}
	}
	return err
}

func size(limit int) string {
	const mib = 1 << 20
	if limit%mib == 0 {
		return fmt.Sprintf("%d MiB", limit/mib)
	}
	return fmt.Sprintf("%d bytes", limit)
}
