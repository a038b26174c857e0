package v2xml

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody is far above any reply, a few thousand bytes.
	maxBody = 1 << 20

	// typicalReply is room to start with when no length was announced.
	typicalReply = 2048

	callTimeout     = 30 * time.Second
	dialTimeout     = 10 * time.Second
	keepAlivePeriod = 30 * time.Second
	idleTimeout     = 90 * time.Second
	maxIdlePerHost  = 4096

	maxRetryAfter = 24 * time.Hour
)

// ownHTTPClient serves every Client that brings none, so that they share their connections. http.DefaultTransport keeps
// two idle connections to a host: with more callers than that, most calls would wait for a TLS handshake. Making it
// opens nothing.
var ownHTTPClient = &http.Client{
	Transport: &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlivePeriod}).DialContext,
		ForceAttemptHTTP2:     true,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   maxIdlePerHost,
		IdleConnTimeout:       idleTimeout,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: time.Second,
	},
	CheckRedirect: keepRedirect,
	Timeout:       callTimeout,
}

// keepRedirect hands a redirect back as the reply that it is: the gateway sends none, and a signed request is meant for
// nobody else.
func keepRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func (c *Client) httpClient() *http.Client {
	if c.HTTPClient == nil {
		return ownHTTPClient
	}
	own := *c.HTTPClient
	own.CheckRedirect = keepRedirect
	return &own
}

// reply is what came back, with the body read.
type reply struct {
	Envelope   // Nonce and Signature once authenticated
	retryAfter time.Duration
	body       []byte
	document   // the elements, once authenticated
}

func (r *reply) disbelieve(reason Reason, detail string) *VerifyError {
	return &VerifyError{Reason: reason, HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

func (r *reply) malformed(detail string) *MalformedError {
	return &MalformedError{HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

// send asks the question once and returns the reply, authenticated and about what was asked. Its result_code may still be
// anything: a call looks at it, with refusal, after the checks of its own.
func (c *Client) send(ctx context.Context, path string, q *question) (*reply, error) {
	body, err := c.encode(q)
	if err != nil {
		return nil, err
	}
	req, err := c.newRequest(ctx, path, body)
	if err != nil {
		return nil, err
	}
	resp, err := c.httpClient().Do(req)
	if err != nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	got := &reply{Envelope: Envelope{HTTPStatus: resp.StatusCode, RequestID: resp.Header.Get("Request-Id")}}
	if after := resp.Header.Get("Retry-After"); after != "" {
		got.retryAfter = parseRetryAfter(after, c.now())
	}
	// Whatever is wrong with the body of another status, the status is what there is to tell.
	if err := got.readBody(ctx, resp); err != nil && got.HTTPStatus == http.StatusOK {
		return nil, err
	}
	return got, c.authenticate(got, q)
}

// newRequest makes the HTTP request.
func (c *Client) newRequest(ctx context.Context, path string, body []byte) (*http.Request, error) {
	base := c.baseURL()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		if parsing, ok := errors.AsType[*url.Error](err); ok {
			err = parsing.Err // without the URL, which may have a password in it
		}
		return nil, fmt.Errorf("Client.BaseURL: %w", err)
	}
	u := req.URL
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return nil, errors.New("Client.BaseURL must be https://host, without user, query or fragment")
	}
	req.Header["Content-Type"] = []string{"text/xml; charset=utf-8"}
	req.Header["User-Agent"] = []string{c.userAgent()}
	return req, nil
}

// readBody reads the body once, whole; that is what is verified and decoded.
func (r *reply) readBody(ctx context.Context, resp *http.Response) error {
	body, err := readCapped(resp.Body, resp.ContentLength)
	switch {
	case err == nil && len(body) > maxBody:
		return r.malformed("its body is longer than 1 MiB")
	case err == nil:
		r.body = body
		return nil
	case ctx.Err() != nil && !errors.Is(err, ctx.Err()):
		// Transports differ in what a cancelled read returns; a caller asks with errors.Is for the context's word.
		return fmt.Errorf("reading the reply with HTTP %d: %w (%w)", r.HTTPStatus, ctx.Err(), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r.malformed(fmt.Sprintf("its body was cut short after %d bytes", len(body)))
	}
	return fmt.Errorf("reading the reply with HTTP %d: %w", r.HTTPStatus, err)
}

// readCapped reads from to its end, or to just past maxBody. It is io.ReadAll with a limit, and with one allocation where
// the length was announced.
func readCapped(from io.Reader, announced int64) ([]byte, error) {
	room := int64(typicalReply)
	if announced > 0 && announced <= maxBody {
		room = announced + 1 // one more, in which to see the end
	}
	body := make([]byte, 0, room)
	for {
		n, err := from.Read(body[len(body):min(cap(body), maxBody+1)])
		body = body[:len(body)+n]
		switch {
		case err == io.EOF:
			return body, nil
		case err != nil || len(body) > maxBody:
			return body, err //nolint:wrapcheck // readBody does
		}
		if len(body) == cap(body) {
			body = slices.Grow(body, len(body))
		}
	}
}

// parseRetryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3). What makes no sense or is over is 0.
func parseRetryAfter(value string, now time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now)), maxRetryAfter)
}
