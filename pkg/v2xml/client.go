package v2xml

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"net/http"
	"strings"
	"time"
)

// DefaultBaseURL is the mainland gateway's main host; https://api2.mch.weixin.qq.com is its backup, and merchants
// outside the mainland use https://apihk.mch.weixin.qq.com.
const DefaultBaseURL = "https://api.mch.weixin.qq.com"

const (
	defaultUserAgent = "cloudpay/v2xml"

	// nonceBytes in base32 are exactly maxValue characters.
	nonceBytes = 20
)

// Client closes and queries the orders of one merchant. AppID, MchID and Key are required; the zero value of every
// other field is ready for use. Safe for concurrent use once filled. It keeps no state, does nothing in the
// background and never retries: an attempt that failed may or may not have reached the gateway.
type Client struct {
	// AppID is the app id that goes with MchID.
	AppID string
	// MchID is the merchant's number; in partner mode the service provider's.
	MchID string
	// Key signs the requests and verifies the replies: MchID's APIv2 key.
	Key Key
	// SignType is what requests are signed with and what replies must be, MD5 when empty.
	SignType SignType
	// BaseURL is the gateway's address, DefaultBaseURL when empty. The paths are appended to it.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/v2xml" when empty.
	UserAgent string
	// HTTPClient sends the requests. Redirects are not followed, whatever it says of them. When nil, the package's
	// own is used: 30 s for a whole call, no compression, a kept connection for as many callers as there are.
	HTTPClient *http.Client
	// Now is the clock, time.Now when nil. It is asked only to make sense of a Retry-After that is a date.
	Now func() time.Time
	// Nonce makes a request's nonce_str when the request brings none: 1 to 32 letters and digits. When nil, 32
	// characters from crypto/rand.
	Nonce func() string
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// nonce is the one given with the request, or else a new one.
func (c *Client) nonce(given string) string {
	switch {
	case given != "":
		return given
	case c.Nonce != nil:
		return c.Nonce()
	}
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than hand out weak bytes
	return base32.StdEncoding.EncodeToString(b[:])
}

func (c *Client) baseURL() string {
	return strings.TrimRight(cmp.Or(c.BaseURL, DefaultBaseURL), "/")
}

func (c *Client) userAgent() string {
	return cmp.Or(c.UserAgent, defaultUserAgent)
}
