package paynotify

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"cloudpay/pkg/wire"
)

const (
	// forwardLimit is how long the merchant's receiver has.
	forwardLimit = 4 * time.Second
	// maxForwarded bounds what of its answer's body is given back. WeChat Pay reads a few words.
	maxForwarded = 4 << 10
	// headerForwarded marks what was passed on, so that an address that leads back here is no loop.
	headerForwarded = "Cloudpay-Forwarded"
)

// Forwarder passes notifications on to the merchant's own receiver. Make it with NewForwarder.
type Forwarder struct {
	address string
	client  *http.Client
}

// NewForwarder makes a Forwarder for an address that is checked already. transport is nil for one
// of the Forwarder's own, which keeps no connection: a frozen instance could not see it end.
func NewForwarder(address string, transport http.RoundTripper) *Forwarder {
	if transport == nil {
		own := wire.NewTransport()
		own.DisableKeepAlives = true
		transport = own
	}
	return &Forwarder{address: address, client: &http.Client{Transport: transport}}
}

var errLoop = errors.New("it was passed on from here already: CLOUDPAY_PAYNOTIFY_FORWARD_URL leads back to this function")

// send passes a notification on, its body to the byte and WeChat Pay's headers, and returns the
// receiver's answer. The error is one line without the address, whose path or query may be a
// secret: the answer did not come whole in time, or its status is none of 2xx, 4xx and 5xx.
// Redirects are not followed. Of a body that is longer than maxForwarded the beginning is returned.
func (f *Forwarder) send(ctx context.Context, n Notice) (Answer, error) {
	if n.Header.Get(headerForwarded) != "" {
		return Answer{}, errLoop
	}
	ctx, cancel := context.WithTimeout(ctx, forwardLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, f.address, bytes.NewReader(n.Body))
	if err != nil {
		return Answer{}, errors.New("the address is not one that a request can be sent to")
	}
	for name, values := range n.Header {
		if isSigned(name) || http.CanonicalHeaderKey(name) == "Content-Type" {
			request.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	request.Header.Set(headerForwarded, "1")
	request.Header.Set("User-Agent", "cloudpay")
	reply, err := wire.Exchange(f.client, request, maxForwarded)
	if malformed, is := errors.AsType[*wire.MalformedError](err); is && malformed.TooLong {
		err = nil
	}
	if err != nil {
		return Answer{}, fmt.Errorf("passing it on: %w", withoutAddress(err))
	}
	if kind := reply.HTTPStatus / 100; kind != 2 && kind != 4 && kind != 5 {
		return Answer{}, fmt.Errorf("its receiver answered with status %d", reply.HTTPStatus)
	}
	return Answer{Status: reply.HTTPStatus, ContentType: reply.Header.Get("Content-Type"), Body: reply.Body}, nil
}

// withoutAddress unwraps a *url.Error, whose text contains the address.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
