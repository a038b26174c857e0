package wxcloudrun

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	// maxBody is far above any reply, a few thousand bytes.
	maxBody = 1 << 20

	callTimeout     = 30 * time.Second
	dialTimeout     = 10 * time.Second
	keepAlivePeriod = 30 * time.Second
	idleTimeout     = 90 * time.Second
	maxIdlePerHost  = 4096

	maxRetryAfter = 24 * time.Hour
)

// ownHTTPClient serves every Client that brings none, so that they share their connections. It has no Proxy, unlike its
// twins: a proxy would take the request away from the sidecar that is the link, and could answer it in plain text. Making it
// opens nothing.
var ownHTTPClient = &http.Client{
	Transport: &http.Transport{
		DialContext:           (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlivePeriod}).DialContext,
		DisableCompression:    true,
		MaxIdleConnsPerHost:   maxIdlePerHost,
		IdleConnTimeout:       idleTimeout,
		TLSHandshakeTimeout:   dialTimeout,
		ExpectContinueTimeout: time.Second,
	},
	CheckRedirect: keepRedirect,
	Timeout:       callTimeout,
}

// keepRedirect hands a redirect back as the reply that it is: the link sends none, and leads nowhere else.
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
	overLink   bool
	retryAfter time.Duration
	body       []byte
	document   // WeChat Pay's part, once authenticated
}

func (r *reply) disbelieve(detail string) *VerifyError {
	return &VerifyError{Reason: ReasonMismatch, HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

func (r *reply) malformed(detail string) *MalformedError {
	return &MalformedError{HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

// send asks the question once and returns the reply, authenticated and about what was asked. Its result_code may still be
// anything: a call looks at it, with refusal, after the checks of its own.
func (c *Client) send(ctx context.Context, path string, q *question) (*reply, error) {
	body, err := q.encode()
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
	seqID := resp.Header.Get("X-Openapi-Seqid")
	got := &reply{
		Envelope:   Envelope{HTTPStatus: resp.StatusCode, RequestID: cmp.Or(seqID, resp.Header.Get("Request-Id"))},
		overLink:   seqID != "",
		retryAfter: parseRetryAfter(resp.Header.Get("Retry-After"), c.now),
	}
	// Whatever is wrong with the body of another status, the status is what there is to tell.
	if err := got.readBody(ctx, resp.Body); err != nil && got.HTTPStatus == http.StatusOK {
		return nil, err
	}
	return got, got.authenticate(q)
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
		return nil, errors.New("Client.BaseURL must be http://host, without user, query or fragment")
	}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["User-Agent"] = []string{c.userAgent()}
	return req, nil
}

// readBody reads the body once, whole.
func (r *reply) readBody(ctx context.Context, from io.Reader) error {
	body, err := io.ReadAll(io.LimitReader(from, maxBody+1))
	switch {
	case err != nil && ctx.Err() != nil:
		// Transports differ in what a cancelled read returns; a caller asks with errors.Is for the context's word.
		return fmt.Errorf("reading the reply with HTTP %d: %w (%w)", r.HTTPStatus, ctx.Err(), err)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return r.malformed(fmt.Sprintf("its body was cut short after %d bytes", len(body)))
	case err != nil:
		return fmt.Errorf("reading the reply with HTTP %d: %w", r.HTTPStatus, err)
	case len(body) > maxBody:
		return r.malformed("its body is longer than 1 MiB")
	}
	r.body = body
	return nil
}

// parseRetryAfter reads seconds or an HTTP date (RFC 9110, 10.2.3). What makes no sense or is over is 0.
func parseRetryAfter(value string, now func() time.Time) time.Duration {
	if seconds, err := strconv.ParseUint(value, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter)
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	return min(max(0, at.Sub(now())), maxRetryAfter)
}
