package wechatpay

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

const (
	// dialTimeout bounds the dial and the TLS handshake, each.
	dialTimeout = 3 * time.Second
	// idleLimit is how long a kept connection is trusted. A frozen instance cannot see peers hang
	// up, so its connections may be dead when it thaws.
	idleLimit = 20 * time.Second
	// keptConnections exceeds the number of concurrent callers.
	keptConnections = 1024
)

// NewHTTPClient returns the client that APIv2 and APIv3 share. It keeps connections for all
// callers, and closes them after a pause, so that a thawed instance does not wait on a dead one. It
// dials nothing before the first request.
func NewHTTPClient() *http.Client { return newHTTPClient(wire.NewTransport()) }

// NewLinkHTTPClient returns the private link's client. It uses no proxy, since only the sidecar may
// be on the link.
func NewLinkHTTPClient() *http.Client { return newHTTPClient(wxcloudrun.NewTransport()) }

// newHTTPClient returns a client over connections of kept, which it changes. Deadlines are the
// contexts': package closing gives each attempt its own.
func newHTTPClient(kept *http.Transport) *http.Client {
	kept.DialContext = (&net.Dialer{Timeout: dialTimeout}).DialContext
	kept.MaxIdleConns = keptConnections
	kept.MaxIdleConnsPerHost = keptConnections
	kept.IdleConnTimeout = idleLimit
	kept.TLSHandshakeTimeout = dialTimeout
	single := kept.Clone() // it resumes the same TLS sessions
	single.DisableKeepAlives = true
	return &http.Client{Transport: &connections{kept: kept, single: single}}
}

// connections closes kept connections after a pause. The transport's own timers do that too, but on
// a thawing instance they race with the first request.
type connections struct {
	kept *http.Transport
	// single dials for each request. Request.Close would not: it uses a kept connection, and closes
	// it afterwards.
	single *http.Transport

	lastUsed atomic.Int64 // Unix nanoseconds
}

// RoundTrip sends a request on a recently used connection or a new one, and on a new one in any
// case where the context says so. After a pause the request takes a new pooled connection, which
// the next request can reuse.
func (c *connections) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now().UnixNano()
	last := c.lastUsed.Swap(now)
	switch stale := now-last > int64(idleLimit); {
	case stale:
		c.kept.CloseIdleConnections()
	case req.Context().Value(freshConnection{}) != nil:
		return c.single.RoundTrip(req)
	}
	return c.kept.RoundTrip(req)
}

// CloseIdleConnections closes the kept connections that carry no request.
func (c *connections) CloseIdleConnections() { c.kept.CloseIdleConnections() }

// freshConnection is the key of a context whose requests need a connection that carried no other.
type freshConnection struct{}

// onFreshConnection returns a context for a request whose reply must not be another's. It costs a
// handshake, which the resumed TLS session makes one round trip shorter.
func onFreshConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshConnection{}, true)
}
