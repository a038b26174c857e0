package v2xml

import (
	"bytes"
	"cmp"
	"context"
	"net/http"
	"time"

	"cloudpay/pkg/wire"
)

// DefaultBaseURL is the mainland gateway's main host. Its backup is https://api2.mch.weixin.qq.com,
// and merchants outside the mainland use https://apihk.mch.weixin.qq.com.
const DefaultBaseURL = "https://api.mch.weixin.qq.com"

// maxBody is far above any reply, a few thousand bytes.
const maxBody = 1 << 20

// Client closes and queries the orders of one merchant. AppID, MchID and Key are required; the zero
// value of every other field is ready for use. It is safe for concurrent use once filled. It keeps
// no state, starts no goroutine and never retries: a failed attempt may or may not have reached the
// gateway.
type Client struct {
	// AppID is the app id that goes with MchID.
	AppID string
	// MchID is the merchant's number; in partner mode the service provider's.
	MchID string
	// Key signs the requests and verifies the replies: MchID's APIv2 key.
	Key Key
	// SignType is the algorithm of both, MD5 when empty.
	SignType SignType
	// BaseURL is the gateway's address, DefaultBaseURL when empty. The paths are appended to it.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/v2xml" when empty.
	UserAgent string
	// HTTPClient sends the requests. Its CheckRedirect is ignored: redirects are never followed.
	// When nil, package wire's own is used: 30 s for a call, no compression, connections kept.
	HTTPClient *http.Client
	// Now is the clock, time.Now when nil. Only a Retry-After that is a date is compared with it.
	Now func() time.Time
	// Nonce makes a request's nonce_str when the request has none: 1 to 32 letters and digits. When
	// nil, 32 characters from crypto/rand.
	Nonce func() string
}

// nonce returns the request's own nonce, or a new one.
func (c *Client) nonce(given string) string {
	switch {
	case given != "":
		return given
	case c.Nonce != nil:
		return c.Nonce()
	}
	return wire.NewNonce()
}

// reply is a reply as received and, once it is authenticated, its elements.
type reply struct {
	*wire.Reply
	document
}

// send makes one attempt and returns the reply, authenticated and about what r asks. Its
// result_code may be anything: a call checks that last, with refusal.
func (c *Client) send(ctx context.Context, path string, r *Request) (*reply, error) {
	body, err := c.encode(r)
	if err != nil {
		return nil, err
	}
	req, err := wire.NewRequest(ctx, http.MethodPost, cmp.Or(c.BaseURL, DefaultBaseURL), path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header["Content-Type"] = []string{"text/xml; charset=utf-8"}
	req.Header["User-Agent"] = []string{cmp.Or(c.UserAgent, "cloudpay/v2xml")}
	received, err := wire.Exchange(c.HTTPClient, req, maxBody)
	// With a status other than 200, the status decides, whatever is wrong with the body.
	if err != nil && (received == nil || received.HTTPStatus == http.StatusOK) {
		return nil, err
	}
	got := &reply{Reply: received}
	return got, c.authenticate(got, r)
}
