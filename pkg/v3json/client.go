package v3json

import (
	"cmp"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// DefaultBaseURL is the mainland gateway's main host; https://api2.mch.weixin.qq.com is its backup.
const DefaultBaseURL = "https://api.mch.weixin.qq.com"

const (
	defaultUserAgent = "cloudpay/v3json"

	// maxNumber is the length of mchid, out_trade_no, transaction_id and nonce_str alike: String(32).
	maxNumber = 32
	// nonceBytes in base32 are exactly maxNumber characters.
	nonceBytes = 20
)

// Client closes and queries the orders of one merchant. MchID, Key, and Keys or Certificates are required; the zero
// value of every other field is ready for use. Safe for concurrent use once filled. It keeps no state, does nothing in
// the background and never retries: an attempt that failed may or may not have reached the gateway. (net/http alone
// sends a request again, when the kept connection it went into turns out to have been dead.)
type Client struct {
	// Region is where the merchant signed up, Mainland when empty.
	Region Region
	// AppID is the combine_appid that combined orders were made with. Only [Client.CloseCombined] needs it.
	AppID string
	// MchID is the merchant's number; in partner mode the service provider's (overseas: the institution's), of
	// combined orders the combining merchant's.
	MchID string
	// Key signs the requests: the private key of MchID's API certificate, from [ParseKey].
	Key Key
	// Keys verify the replies: WeChat Pay's public keys and platform certificates, from [NewKeyring].
	Keys Keyring
	// Certificates, when given, are downloaded as needed, and verify replies together with Keys.
	Certificates *Certificates
	// BaseURL is the gateway's address, the main one of [Region.Hosts] when empty. A path in it is sent, and signed,
	// as given.
	BaseURL string
	// UserAgent is sent with each request, "cloudpay/v3json" when empty.
	UserAgent string
	// HTTPClient sends the requests. Redirects are not followed, whatever it says of them. When nil, the package's
	// own is used: 30 s for a whole call, no compression, a kept connection for as many callers as there are.
	HTTPClient *http.Client
	// Now is the clock that requests are dated by and replies judged by, time.Now when nil.
	Now func() time.Time
	// Nonce makes a request's nonce when the request brings none: 1 to 32 letters and digits, never the same
	// twice. When nil, 32 characters from crypto/rand.
	Nonce func() string
}

// Check names what keeps the client from being used at all: a field that is missing, or a key that stands where another
// belongs. Every call checks first, and sends nothing when there is something; nil means that there is not.
func (c *Client) Check() error {
	switch {
	case !c.Region.known():
		return fmt.Errorf("Region is %s: it must be Mainland (empty), Global (%q) or HongKong (%q)",
			name(string(c.Region)), string(Global), string(HongKong))
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

// nonce is the one given with the request, or else a new one.
func (c *Client) nonce(given string) (string, error) {
	nonce := given
	switch {
	case nonce != "":
	case c.Nonce != nil:
		nonce = c.Nonce()
	default:
		nonce = newNonce()
	}
	if !isNumber(nonce) {
		return "", errors.New("Nonce must be 1 to 32 letters and digits")
	}
	return nonce, nil
}

func newNonce() string {
	var b [nonceBytes]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process rather than hand out weak bytes
	return base32.StdEncoding.EncodeToString(b[:])
}

func (c *Client) baseURL() string {
	host, _ := c.Region.Hosts()
	return strings.TrimRight(cmp.Or(c.BaseURL, host), "/")
}

func (c *Client) userAgent() string {
	return cmp.Or(c.UserAgent, defaultUserAgent)
}

// isNumber reports whether s is one of the gateway's "numbers": 1 to 32 letters and digits. Anything else could end
// the quotes it stands in, in the Authorization header.
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
