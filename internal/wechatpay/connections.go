package wechatpay

import (
	"net"
	"net/http"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 3 * time.Second
	// idleLimit is how long a kept connection is trusted. A function instance is
	// frozen between invocations, and what froze with it may be long gone when it
	// thaws, without anybody having been told.
	idleLimit = 20 * time.Second
	// keptConnections is as many as there are callers.
	keptConnections = 1024
)

// NewHTTPClient makes the client that all dialects share: connections are kept
// for as many callers as there are, and let go when they have not been used for
// long, so that a thawed instance does not wait on a dead one. Nothing is dialled
// before the first request.
func NewHTTPClient() *http.Client {
	return &http.Client{Transport: &connections{
		Transport: http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{Timeout: dialTimeout}).DialContext,
			ForceAttemptHTTP2:   true,
			DisableCompression:  true, // replies are signed as they are
			MaxIdleConns:        keptConnections,
			MaxIdleConnsPerHost: keptConnections,
			IdleConnTimeout:     idleLimit,
			TLSHandshakeTimeout: dialTimeout,
		},
	}}
}

// connections lets go of what is kept once nothing was sent for a while. The
// transport's own timers do that too, but on an instance that thaws they race
// with the first request.
type connections struct {
	http.Transport

	lastUsed atomic.Int64 // Unix nanoseconds
}

// RoundTrip sends a request on a connection that was used a short while ago, or
// on a new one.
func (c *connections) RoundTrip(req *http.Request) (*http.Response, error) {
	now := time.Now().UnixNano()
	if last := c.lastUsed.Swap(now); last != 0 && now-last > int64(idleLimit) {
		c.CloseIdleConnections()
	}
	return c.Transport.RoundTrip(req) //nolint:wrapcheck // a transport around another: net/http words its errors
}
