package v3json

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"cloudpay/pkg/wire"
)

// DefaultBaseURL is the mainland gateway's main host; https://api2.mch.weixin.qq.com is its backup.
const DefaultBaseURL = "https://api.mch.weixin.qq.com"

const (
	// maxBody is far above any order's JSON, a few thousand bytes.
	maxBody = 1 << 20

	// maxNumber is the length of mchid, out_trade_no, transaction_id and nonce_str alike:
	// String(32).
	maxNumber = 32
)

// Client closes and queries the orders of one merchant. MchID, Key, and Keys or Certificates are
// required; the zero value of every other field is ready for use. It is safe for concurrent use
// once filled. It keeps no state but Certificates, starts no goroutine and never retries: a failed
// attempt may or may not have reached the gateway. (net/http alone resends a close whose kept
// connection turns out dead before the request was written.)
type Client struct {
	// Region is where the merchant signed up, Mainland when empty.
	Region Region
	// AppID is the combine_appid of combined orders. Only [Client.CloseCombined] needs it.
	AppID string
	// MchID is the merchant's number; in partner mode the service provider's (overseas: the
	// institution's), for combined orders the combining merchant's.
	MchID string
	// Key signs the requests: the private key of MchID's API certificate, from [ParseKey].
	Key Key
	// Keys verify the replies: WeChat Pay's public keys and platform certificates, from
	// [NewKeyring].
	Keys Keyring
	// Certificates, when given, are downloaded as needed, and verify replies together with Keys.
	Certificates *Certificates
	// V3Key decrypts notifications, and only [Client.DecodeNotification] needs it. When empty, it
	// is that of Certificates.
	V3Key V3Key
	// BaseURL is the gateway's address, the first of [Region.Hosts] when empty. A path in it is
	// sent and signed as given.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/v3json" when empty.
	UserAgent string
	// HTTPClient sends the requests. Its CheckRedirect is ignored: redirects are never followed.
	// When nil, package wire's own is used: 30 s for a call, no compression, connections kept.
	HTTPClient *http.Client
	// Now is the clock that requests are dated by and replies judged by, time.Now when nil.
	Now func() time.Time
	// Nonce makes a request's nonce when the request has none: 1 to 32 letters and digits, never
	// the same twice. When nil, 32 characters from crypto/rand.
	Nonce func() string
}

// Check returns an error when no call of the client could succeed: a field is missing, or a key
// stands where another belongs. Every call checks first, and sends nothing after an error.
func (c *Client) Check() error {
	switch {
	case !c.Region.known():
		return fmt.Errorf("Region is %s: it must be Mainland (empty), Global (%q) or HongKong (%q)",
			wire.Quote(string(c.Region)), string(Global), string(HongKong))
	case !isNumber(c.MchID):
		return errors.New("MchID must be 1 to 32 letters and digits: the merchant's own number, or the service provider's")
	case c.Key.private == nil:
		return errors.New("Key is empty: read it with ParseKey from apiclient_key.pem")
	case c.Certificates != nil && c.Certificates.Key == V3Key{}:
		return errors.New("Certificates.Key is empty: read the APIv3 key with ParseV3Key")
	case c.Certificates == nil && c.Keys.Preferred() == "":
		return errors.New("Keys is empty, so no reply could be verified: " +
			"give NewKeyring the WeChat Pay public key or a platform certificate, or give Certificates")
	case c.Keys.find(c.Key.serial) != nil:
		return &OwnKeyError{ID: c.Key.serial}
	}
	for _, id := range c.Keys.ids {
		if c.Key.private.PublicKey.Equal(c.Keys.find(id)) {
			return &OwnKeyError{ID: id}
		}
	}
	return nil
}

func (c *Client) now() time.Time {
	if c.Now != nil {
		return c.Now()
	}
	return time.Now()
}

// nonce returns the request's own nonce, or a new one.
func (c *Client) nonce(given string) (string, error) {
	nonce := given
	switch {
	case nonce != "":
	case c.Nonce != nil:
		nonce = c.Nonce()
	default:
		nonce = wire.NewNonce()
	}
	if !isNumber(nonce) {
		return "", errors.New("Nonce must be 1 to 32 letters and digits")
	}
	return nonce, nil
}

// reply is a reply as received, and whether its signature was verified.
type reply struct {
	*wire.Reply
	authenticated bool
}

// send makes one attempt and returns the reply, which is authenticated or no success.
func (c *Client) send(ctx context.Context, u unsigned) (*reply, error) {
	if err := c.prepareCertificates(ctx); err != nil {
		return nil, err
	}
	got, err := c.exchange(ctx, u, c.preferred())
	if err != nil {
		return nil, err
	}
	if err := c.authenticate(got, c.finder(ctx)); err != nil {
		return nil, err
	}
	c.refreshCertificates(ctx)
	return got, nil
}

// preferred returns the id of the key that the reply is to be signed with, "" for the gateway's
// choice: a public key's when there is one, or the newest downloaded certificate's, or a given
// one's.
func (c *Client) preferred() string {
	given := c.Keys.Preferred()
	if c.Certificates == nil || isPublicKeyID(given) {
		return given
	}
	return cmp.Or(c.Certificates.preferred(c.now()), given)
}

// exchange makes one attempt and returns the reply, not authenticated.
func (c *Client) exchange(ctx context.Context, u unsigned, preferred string) (*reply, error) {
	req, err := c.newRequest(ctx, u, preferred)
	if err != nil {
		return nil, err
	}
	received, err := wire.Exchange(c.HTTPClient, req, maxBody)
	if err != nil {
		return nil, err
	}
	return &reply{Reply: received}, nil
}

// newRequest signs u as net/http will write it: RequestURI is what stands on the request line.
func (c *Client) newRequest(ctx context.Context, u unsigned, preferred string) (*http.Request, error) {
	host, _ := c.Region.Hosts()
	var body io.Reader
	if u.body != "" {
		body = strings.NewReader(u.body)
	}
	req, err := wire.NewRequest(ctx, u.method, cmp.Or(c.BaseURL, host), u.uri, body)
	if err != nil {
		return nil, err
	}
	authorization, err := c.authorization(u, req.URL.RequestURI())
	if err != nil {
		return nil, err
	}
	req.Header = http.Header{
		"Accept":        {"application/json"},
		"Authorization": {authorization},
		"User-Agent":    {cmp.Or(c.UserAgent, "cloudpay/v3json")},
	}
	if preferred != "" {
		req.Header[headerSerial] = []string{preferred}
	}
	if u.body != "" {
		req.Header["Content-Type"] = []string{"application/json"}
	}
	return req, nil
}

// isNumber reports whether s is one of the gateway's "numbers": 1 to 32 letters and digits.
// Anything else could end the quotes around it in the Authorization header.
func isNumber(s string) bool {
	if s == "" || len(s) > maxNumber {
		return false
	}
	for i := range len(s) {
		if !isAlphanumeric(s[i]) {
			return false
		}
	}
	return true
}

func isAlphanumeric(b byte) bool {
	return '0' <= b && b <= '9' || 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z'
}
