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

	// maxIdlePerHost is as many connections as there are callers. http.DefaultTransport keeps two
	// to a host: with more callers than that, most calls would wait for a TLS handshake.
	maxIdlePerHost = 4096

	// maxHead bounds a reply's status line and headers, informational replies (1xx) included. Real
	// ones have below 2 KiB; net/http allows 10 MiB.
	maxHead = 64 << 10

	// sessions is how many hosts' TLS sessions are remembered.
	sessions = 64
)

// NewTransport returns a transport of its own for one kind of peer: it opens nothing before the
// first request, resumes TLS sessions, asks for no compression (replies are signed as they are) and
// uses the proxy that the environment names. Change it before its first use.
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
