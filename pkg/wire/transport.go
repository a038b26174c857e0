package wire

import (
	"crypto/tls"
	"net"
	"net/http"
	"time"
)

const (
	dialTimeout     = 10 * time.Second
	keepAlivePeriod = 30 * time.Second
	idleTimeout     = 90 * time.Second

	// maxIdlePerHost exceeds the number of concurrent callers. http.DefaultTransport keeps two
	// connections to a host: with more callers, most calls would wait for a TLS handshake.
	maxIdlePerHost = 4096

	// maxHead bounds a reply's status line and headers, informational replies (1xx) included. Real
	// ones have below 2 KiB; net/http allows 10 MiB.
	maxHead = 64 << 10

	// sessions is the number of hosts whose TLS sessions are kept for resumption.
	sessions = 64
)

// NewTransport returns a transport for one kind of peer. It dials nothing before the first request,
// resumes TLS sessions, requests no compression (signatures cover the body as sent) and uses the
// environment's proxy. Change it only before its first use.
func NewTransport() *http.Transport {
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: dialTimeout, KeepAlive: keepAlivePeriod}).DialContext,
		ForceAttemptHTTP2:      true,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    maxIdlePerHost,
		MaxResponseHeaderBytes: maxHead,
		IdleConnTimeout:        idleTimeout,
		TLSHandshakeTimeout:    dialTimeout,
		ExpectContinueTimeout:  time.Second,
		TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			ClientSessionCache: tls.NewLRUClientSessionCache(sessions),
		},
	}
}
