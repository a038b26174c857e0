// Package notify delivers events to a web address of the merchant.
//
// # Format
//
// A delivery is a POST with one event (schedule.Event) as JSON and three headers:
//
//	Cloudpay-Event: the event's id
//	Cloudpay-Timestamp: when this request was made, in seconds since 1970
//	Cloudpay-Signature: v1=HEX, the HMAC-SHA256 of timestamp, ".", body, with the shared key
//
// With the key "0123456789abcdef", the signed bytes and the signature are:
//
//	1700000000.{"id":1}
//	v1=4bcaced68dfea90a68df035b89cb7fb26692d899d32a1ccb1b0616cf48e4d1ed
//
// (testdata/vectors.json has complete requests.) A receiver checks the signature before it reads
// the body, refuses timestamps that are more than some minutes from its own clock, and answers 2xx
// once it has stored the event. After any other answer, a redirect included, the event is sent
// again.
package notify

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/pkg/wire"
)

const (
	HeaderEvent     = "Cloudpay-Event"
	HeaderTimestamp = "Cloudpay-Timestamp"
	HeaderSignature = "Cloudpay-Signature"
)

// Key is the secret with which events are signed. It prints as "redacted".
type Key string

const redacted = "redacted"

// String redacts the key.
func (Key) String() string { return redacted }

// GoString redacts the key.
func (Key) GoString() string { return redacted }

// Format redacts the key, whatever the verb.
func (Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts the key.
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue redacts the key.
func (Key) LogValue() slog.Value { return slog.StringValue(redacted) }

const leastKey = 16

// Webhook delivers to one web address. Make it with New. It is safe for concurrent use.
type Webhook struct {
	address string
	key     Key
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
)

// New makes a Webhook. The address must be https; plain http is allowed to this machine, for tests.
// The error says what is wrong with the address, or that the key has fewer than 16 characters.
func New(address string, key Key, o Options) (*Webhook, error) {
	u, err := url.Parse(address)
	switch {
	case err != nil || u.Host == "" || u.Opaque != "":
		return nil, errors.New("the address must be one such as https://example.com/cloudpay")
	case u.User != nil || u.Fragment != "":
		return nil, errors.New("the address must have neither a user nor a fragment")
	case u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())):
		return nil, errors.New("the address must begin with https://, unless it is of this machine (http://127.0.0.1)")
	case len(key) < leastKey:
		return nil, fmt.Errorf("the key must have at least %d characters", leastKey)
	}
	w := &Webhook{address: u.String(), key: key, now: o.Now}
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
	transport.MaxIdleConnsPerHost = 8
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

// Deliver delivers one event. The error is nil if the receiver answered 2xx. Otherwise it is one
// line without the address's path or query, which may contain a secret.
func (w *Webhook) Deliver(ctx context.Context, e schedule.Event) error {
	body, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("encoding event %d: %w", e.Number, err)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, w.address, bytes.NewReader(body))
	if err != nil {
		return fmt.Errorf("telling of event %d: the address is not one to be asked", e.Number)
	}
	timestamp := strconv.FormatInt(w.now().Unix(), 10)
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "cloudpay")
	request.Header.Set(HeaderEvent, strconv.FormatInt(e.Number, 10))
	request.Header.Set(HeaderTimestamp, timestamp)
	request.Header.Set(HeaderSignature, Sign(w.key, timestamp, body))
	// wire.Exchange does not follow redirects: that would send the event to another receiver than
	// the merchant configured.
	reply, err := wire.Exchange(w.client, request, maxReply)
	switch {
	case reply == nil:
		return fmt.Errorf("telling of event %d: %w", e.Number, withoutAddress(err))
	case reply.HTTPStatus/100 != 2:
		return fmt.Errorf("telling of event %d: the receiver answered %d, not 2xx", e.Number, reply.HTTPStatus)
	}
	return nil // even if the body was cut off: the status says that the event is stored
}

// withoutAddress unwraps a *url.Error, whose text contains the address.
func withoutAddress(err error) error {
	if wrapped, ok := errors.AsType[*url.Error](err); ok {
		return wrapped.Err
	}
	return err
}

// scheme names the signature's algorithm, so that another can be added beside it.
const scheme = "v1="

// Sign returns the value of HeaderSignature for a body and a timestamp in seconds since 1970.
func Sign(key Key, timestamp string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(key))
	mac.Write([]byte(timestamp + "."))
	mac.Write(body)
	return scheme + hex.EncodeToString(mac.Sum(nil))
}
