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
	dialTimeout = 3 * time.Second
	// idleLimit is how long a kept connection is trusted. A function instance is frozen between
	// invocations, and its connections may be dead when it thaws without its having been told.
	idleLimit = 20 * time.Second
	// keptConnections is as many as there are callers.
	keptConnections = 1024
)

// NewHTTPClient returns the client that APIv2 and APIv3 share: connections are kept for as many
// callers as there are, and closed when none was used for long, so that a thawed instance does not
// wait on a dead one. Nothing is dialled before the first request.
func NewHTTPClient() *http.Client { return newHTTPClient(wire.NewTransport()) }

// NewLinkHTTPClient returns the private link's client, which uses no proxy: nothing but the sidecar
// may be on the link.
func NewLinkHTTPClient() *http.Client { return newHTTPClient(wxcloudrun.NewTransport()) }

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

// connections closes what is kept once nothing was sent for a while. The transport's own timers do
// that too, but on an instance that thaws they race with the first request.
type connections struct {
	kept *http.Transport
	// single dials for each request. Request.Close would not do: it closes a kept connection after
	// having used it.
	single *http.Transport

	lastUsed atomic.Int64 // Unix nanoseconds
}

// RoundTrip sends a request on a connection that was used a short while ago, or on a new one; on a
// new one in any case where the context says so. A new one is kept for the next request where none
// was used for long: one of these two then needs no handshake.
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

// freshConnection is the key of a context whose requests want a connection that carried no other.
type freshConnection struct{}

func onFreshConnection(ctx context.Context) context.Context {
	return context.WithValue(ctx, freshConnection{}, true)
}
