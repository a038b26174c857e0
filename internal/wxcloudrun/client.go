package wxcloudrun

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"strings"
	"time"
)

// DefaultBaseURL is the private link's address inside a container. It is HTTP on purpose: the link has no TLS.
const DefaultBaseURL = "http://api.weixin.qq.com"

const (
	defaultUserAgent = "cloudpay/wxcloudrun"

	// nonceBytes in base32 are exactly maxValue characters.
	nonceBytes = 20
)

// Client closes and queries orders over the private link. The zero value is ready for use: there is no key, and each
// request names its merchant. Safe for concurrent use once filled. It keeps no state, does nothing in the background and
// never retries: an attempt that failed may or may not have reached the gateway.
type Client struct {
	// BaseURL is the link's address, DefaultBaseURL when empty. The paths are appended to it.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/wxcloudrun" when empty.
	UserAgent string
	// HTTPClient sends the requests. Redirects are not followed, whatever it says of them. When nil, the package's
	// own is used: 30 s for a whole call, no proxy, no compression, a kept connection for as many callers as there are.
	HTTPClient *http.Client
	// Now is the clock, time.Now when nil. It is asked only to make sense of a Retry-After that is a date.
	Now func() time.Time
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

func (c *Client) baseURL() string {
	return strings.TrimRight(cmp.Or(c.BaseURL, DefaultBaseURL), "/")
}

func (c *Client) userAgent() string {
	return cmp.Or(c.UserAgent, defaultUserAgent)
}

func newNonce() string {
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than hand out weak bytes
	return base32.StdEncoding.EncodeToString(b[:])
}
