package v2xml

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// maxBody is far above any reply, a few thousand bytes.
	maxBody = 1 << 20

	callTimeout   = 30 * time.Second
	maxRetryAfter = 24 * time.Hour
)

// ownHTTPClient serves every Client that brings none, so that they share their connections.
var ownHTTPClient = &http.Client{Transport: wire.NewTransport(), Timeout: callTimeout}

func (c *Client) httpClient() *http.Client { return cmp.Or(c.HTTPClient, ownHTTPClient) }

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
	got, err := c.receive(req)
	// Whatever is wrong with the body of another status, the status is what there is to tell.
	if err != nil && (got == nil || got.HTTPStatus == http.StatusOK) {
		return nil, err
	}
	return got, c.authenticate(got, q)
}

// receive sends req and returns the reply, of which nothing is to be believed yet; nil when none
// came.
func (c *Client) receive(req *http.Request) (*reply, error) {
	received, err := wire.Exchange(c.httpClient(), req, maxBody)
	if received == nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	got := &reply{
		Envelope: Envelope{
			HTTPStatus: received.Status, RequestID: received.Header.Get("Request-Id"), Fresh: received.Fresh,
		},
		body: received.Body,
	}
	if after := received.Header.Get("Retry-After"); after != "" {
		got.retryAfter = parseRetryAfter(after, c.now())
	}
	if unusable, is := errors.AsType[*wire.BodyError](err); is {
		return got, got.malformed(unusable.Detail)
	}
	if err != nil {
		return got, fmt.Errorf("reading the reply with HTTP %d: %w", got.HTTPStatus, err)
	}
	return got, nil
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
