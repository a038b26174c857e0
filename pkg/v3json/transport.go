package v3json

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// maxBody is far above any order's JSON, a few thousand bytes.
	maxBody = 1 << 20

	callTimeout = 30 * time.Second
)

// ownHTTPClient serves every Client that brings none, so that they share their connections.
var ownHTTPClient = &http.Client{Transport: wire.NewTransport(), Timeout: callTimeout}

func (c *Client) httpClient() *http.Client { return cmp.Or(c.HTTPClient, ownHTTPClient) }

// reply is what came back, with the body read.
type reply struct {
	Envelope      // Nonce, Signature and Time once authenticated
	header        http.Header
	body          []byte
	authenticated bool
}

func (r *reply) successful() bool {
	return r.HTTPStatus >= http.StatusOK && r.HTTPStatus < http.StatusMultipleChoices
}

func (r *reply) disbelieve(reason Reason, detail string) *VerifyError {
	return &VerifyError{Reason: reason, HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

func (r *reply) malformed(detail string) *MalformedError {
	return &MalformedError{HTTPStatus: r.HTTPStatus, RequestID: r.RequestID, Detail: detail}
}

// send asks the question once and returns the reply, authenticated or else no success.
func (c *Client) send(ctx context.Context, q question) (*reply, error) {
	if fault := c.prepareCertificates(ctx); fault != nil {
		return nil, fault
	}
	got, err := c.exchange(ctx, q, c.preferred())
	if err != nil {
		return nil, err
	}
	if fault := c.authenticate(got, c.finder(ctx)); fault != nil {
		return nil, got.disbelieve(fault.Reason, fault.Detail)
	}
	c.refreshCertificates(ctx)
	return got, nil
}

// preferred is the id of the key that a reply is asked to be signed with, "" for whichever the gateway likes: a public key's
// when there is one, or else the newest downloaded certificate's, or else a given one's.
func (c *Client) preferred() string {
	given := c.Keys.Preferred()
	if c.Certificates == nil || isPublicKeyID(given) {
		return given
	}
	return cmp.Or(c.Certificates.preferred(c.now()), given)
}

// exchange asks the question once and returns the reply, of which nothing is to be believed yet.
func (c *Client) exchange(ctx context.Context, q question, preferred string) (*reply, error) {
	req, err := c.newRequest(ctx, q, preferred)
	if err != nil {
		return nil, err
	}
	received, err := wire.Exchange(c.httpClient(), req, maxBody)
	if received == nil {
		return nil, fmt.Errorf("no reply: %w", err)
	}
	got := &reply{
		Envelope: Envelope{
			HTTPStatus: received.Status, RequestID: received.Header.Get("Request-Id"), Fresh: received.Fresh,
		},
		header: received.Header,
		body:   received.Body,
	}
	if unusable, is := errors.AsType[*wire.BodyError](err); is {
		return nil, got.malformed(unusable.Detail)
	}
	if err != nil {
		return nil, fmt.Errorf("reading the reply with HTTP %d: %w", got.HTTPStatus, err)
	}
	return got, nil
}

// newRequest signs the question as it will stand on the wire: RequestURI is what net/http writes on the request line.
func (c *Client) newRequest(ctx context.Context, q question, preferred string) (*http.Request, error) {
	base := c.baseURL()
	var body io.Reader
	if q.body != "" {
		body = strings.NewReader(q.body)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, base+q.uri, body)
	if err != nil {
		if parsing, ok := errors.AsType[*url.Error](err); ok {
			return nil, fmt.Errorf("BaseURL: %w", parsing.Err) // without the URL, which may have a password in it
		}
		return nil, fmt.Errorf("making the request: %w", err)
	}
	u := req.URL
	if (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.User != nil || strings.ContainsAny(base, "?#") {
		return nil, errors.New("BaseURL must be https://host, without user, query or fragment")
	}
	if q.body == "" {
		// An empty body that cannot be read twice: net/http would send a GET again by itself when a kept connection turns
		// out dead, with the same nonce and unbeknown to whoever counts attempts.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
	authorization, err := c.authorization(q, u.RequestURI())
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Accept":        {"application/json"},
		"Authorization": {authorization},
		"User-Agent":    {c.userAgent()},
	}
	if preferred != "" {
		req.Header[headerSerial] = []string{preferred}
	}
	if q.body != "" {
		req.Header["Content-Type"] = []string{"application/json"}
	}
	return req, nil
}
