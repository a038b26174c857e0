package wxcloudrun

import "net/http"

// OwnTransport is the transport of clients that bring none.
func OwnTransport() *http.Transport {
	transport, _ := ownHTTPClient.Transport.(*http.Transport)
	return transport
}
