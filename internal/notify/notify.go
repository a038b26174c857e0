// Package notify delivers events to a web address of the merchant, as Standard Webhooks 1.0.0
// (https://github.com/standard-webhooks/standard-webhooks).
//
// # Format
//
// A delivery is a POST with one event (outbox.Event) as JSON and three headers:
//
//	webhook-id: the event's eventId, the same in each delivery of the event
//	webhook-timestamp: when this request was made, in seconds since 1970
//	webhook-signature: v1,BASE64, the HMAC-SHA256 of id, ".", timestamp, ".", body
//
// While two keys are set, webhook-signature has two signatures with a space between. A key that
// begins with whsec_ is decoded from base64; the bytes of any other are those of its text.
//
// For receivers of the release before there are three headers more, which go in the next release:
//
//	Cloudpay-Event: the event's number
//	Cloudpay-Timestamp: as webhook-timestamp
//	Cloudpay-Signature: v1=HEX, the HMAC-SHA256 of timestamp, ".", body, with the last key's text
//
// These receivers compare the whole header, so that it has one signature only.
//
// testdata has complete requests. docs/events.md says what a receiver does.
package notify

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cloudpay/internal/schedule/outbox"
	"cloudpay/pkg/wire"
)

// The headers of a delivery.
const (
	HeaderWebhookID        = "Webhook-Id"
	HeaderWebhookTimestamp = "Webhook-Timestamp"
	HeaderWebhookSignature = "Webhook-Signature"
)

// The headers of a delivery for receivers of the release before.
const (
	HeaderEvent     = "Cloudpay-Event"
	HeaderTimestamp = "Cloudpay-Timestamp"
	HeaderSignature = "Cloudpay-Signature"
)

// Webhook delivers to one web address. Make it with New. It is safe for concurrent use.
type Webhook struct {
	address string
	// secrets are the keys' bytes, and last is the last key.
	secrets [][]byte
	last    Key
	client  *http.Client
	now     func() time.Time
}

// Options are New's optional settings. The zero value is ready for use.
type Options struct {
	// Transport carries the requests; nil for a transport of the Webhook's own.
	Transport http.RoundTripper
	// Now is the clock; nil for time.Now.
	Now func() time.Time
}

const (
	dialTimeout = 5 * time.Second
	// timeout bounds one delivery if the caller's context allows longer. It leaves a receiver that
	// is a function the time of a cold start.
	timeout = 10 * time.Second
	// maxIdle is how many connections are kept, for as many deliveries at once.
	maxIdle = 64
)

// New makes a Webhook that signs with each of the keys. The address must be https; plain http is
// allowed to this machine, for tests. The error says what is wrong with the address or a key.
func New(address string, keys []Key, o Options) (*Webhook, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("the address must be one such as https://example.com/cloudpay")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("the address must have neither a user nor a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("the address must begin with https://, unless it is of this machine (http://127.0.0.1)")
	case len(keys) == 0:
		return nil, errors.New("there must be a key")
	}
	w := &Webhook{address: u.String(), last: keys[len(keys)-1], now: o.Now}
	for _, key := range keys {
		secret, err := key.bytes()
		if err != nil {
			return nil, err
		}
		w.secrets = append(w.secrets, secret)
	}
	if w.now == nil {
		w.now = time.Now
	}
	transport := o.Transport
	if transport == nil {
		transport = newTransport()
	}
	w.client = &http.Client{Transport: transport, Timeout: timeout}
	return w, nil
}

func newTransport() *http.Transport {
	transport := wire.NewTransport()
	transport.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	transport.TLSHandshakeTimeout = dialTimeout
	transport.MaxIdleConnsPerHost = maxIdle
	transport.IdleConnTimeout = 20 * time.Second
	return transport
}

// CloseIdleConnections is called before each run: a frozen instance cannot see its peers hang up,
// and a dead connection would cost a delivery its whole timeout.
func (w *Webhook) CloseIdleConnections() { w.client.CloseIdleConnections() }

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// maxReply bounds what is read of a reply's body. The body is read so that the connection can be
// used again, and is ignored.
const maxReply = 16 << 10

// Deliver delivers one event. The error is nil if the receiver answered 2xx, and a
// *outbox.DeliveryError if it answered otherwise. It is one line without the address's path or
// query, which may contain a secret.
func (w *Webhook) Deliver(ctx context.Context, e outbox.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding event %d: %w", e.Number, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("delivering event %d: the address is not one that a request can be sent to", e.Number)
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "cloudpay")
	w.sign(request.Header, e, body)
	// wire.Exchange does not follow redirects: that would send the event to another receiver than
	// the merchant configured.
	reply, err := wire.Exchange(w.client, request, maxReply)
	switch {
	case reply == nil:
		return fmt.Errorf("delivering event %d: %w", e.Number, withoutAddress(err))
	case reply.HTTPStatus/100 != 2:
		return &outbox.DeliveryError{Number: e.Number, Status: reply.HTTPStatus, RetryAfter: reply.RetryAfter(w.now)}
	}
	return nil // even if the body was cut off: the status says that the event is stored
}

// sign sets the headers by which a receiver recognises the event and its sender.
func (w *Webhook) sign(header http.Header, e outbox.Event, body []byte) {
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	header.Set(HeaderWebhookID, string(e.EventID))
	header.Set(HeaderWebhookTimestamp, timestamp)
	header.Set(HeaderWebhookSignature, Signature(w.secrets, string(e.EventID), timestamp, body))
	header.Set(HeaderEvent, strconv.FormatInt(e.Number, 10))
	header.Set(HeaderTimestamp, timestamp)
	header.Set(HeaderSignature, Sign(w.last, timestamp, body))
}

// withoutAddress unwraps a *url.Error, whose text contains the address.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}
