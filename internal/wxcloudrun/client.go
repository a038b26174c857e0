package wxcloudrun

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"cloudpay/pkg/wire"
)

// DefaultBaseURL is the private link's address inside a container. It is HTTP on purpose: the link
// has no TLS.
const DefaultBaseURL = "http://api.weixin.qq.com"

const (
	// maxBody is far above any reply, a few thousand bytes.
	maxBody = 1 << 20

	callTimeout = 30 * time.Second
)

// Client closes and queries orders over the private link. The zero value is ready for use: there is
// no key, and each request names its merchant. It is safe for concurrent use once filled. It keeps
// no state, starts no goroutine and never retries: a failed attempt may or may not have reached the
// gateway.
type Client struct {
	// BaseURL is the link's address, DefaultBaseURL when empty. The paths are appended to it.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/wxcloudrun" when empty.
	UserAgent string
	// HTTPClient sends the requests. Its CheckRedirect is ignored: redirects are never followed.
	// When nil, the package's own is used: 30 s for a call, and [NewTransport].
	HTTPClient *http.Client
	// Now is the clock, time.Now when nil. Only a Retry-After that is a date is compared with it.
	Now func() time.Time
}

// ownHTTPClient serves every Client without an HTTPClient, which so share their connections.
var ownHTTPClient = &http.Client{Transport: NewTransport(), Timeout: callTimeout}

// NewTransport returns a transport for the private link. Unlike [wire.NewTransport]'s it uses no
// proxy: a proxy would divert the requests from the sidecar, and could answer them in plain text.
func NewTransport() *http.Transport {
	transport := wire.NewTransport()
	transport.Proxy = nil
	return transport
}

// reply is a reply as received and, once it is authenticated, WeChat Pay's part of it.
type reply struct {
	*wire.Reply
	document

	overLink bool // the link's own header is there
}

// send makes one attempt and returns the reply, authenticated and about what r asks. Its
// result_code may be anything: a call checks that last, with refusal.
func (c *Client) send(ctx context.Context, path string, r *Request) (*reply, error) {
	body, err := r.encode()
	if err != nil {
		return nil, err
	}
	req, err := wire.NewRequest(ctx, http.MethodPost, cmp.Or(c.BaseURL, DefaultBaseURL), path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header["Content-Type"] = []string{"application/json"}
	req.Header["User-Agent"] = []string{cmp.Or(c.UserAgent, "cloudpay/wxcloudrun")}
	received, err := wire.Exchange(cmp.Or(c.HTTPClient, ownHTTPClient), req, maxBody)
	if received == nil {
		return nil, err
	}
	seqID := received.Header.Get("X-Openapi-Seqid")
	received.RequestID = cmp.Or(seqID, received.RequestID)
	// With a status other than 200, the status decides, whatever is wrong with the body.
	if err != nil && received.HTTPStatus == http.StatusOK {
		if malformed, is := errors.AsType[*wire.MalformedError](err); is {
			malformed.RequestID = received.RequestID // the link's own, which Exchange does not know
		}
		return nil, err
	}
	got := &reply{Reply: received, overLink: seqID != ""}
	return got, c.authenticate(got, r)
}
