// Package accesstoken verifies the access tokens of users that are logged in to CloudBase, and
// returns the owner whose orders such a user may touch.
//
// # Tokens
//
// An access token of CloudBase's auth v2 is a JWT (RFC 7519): three parts of base64url with dots
// between, the header, the claims and the signature over both
// (docs.cloudbase.net/authentication-v2, "access token"):
//
//	{"alg":"RS256","kid":"emu-1","typ":"JWT"}
//	{"iss":"https://shop-1a2b.ap-shanghai.tcb-api.tencentcloudapi.com","aud":"shop-1a2b",
//	 "iat":1795912200,"exp":1795919400,"sub":"u-77","project_id":"shop-1a2b",
//	 "user_type":"external"}
//
// The keys are a JWKS (RFC 7517) at /auth/v1/certs of the environment's auth service. They come
// from the configured environment only. What a token says of keys (jku, x5u, jwk, x5c, iss) is
// never followed. A token names its key by kid; its alg must be that key's own, RS256 or ES256.
//
// # What a token must say
//
//	iss         one of the configured environment's addresses
//	aud         the environment, alone or in a list
//	project_id  the environment
//	exp         a time to come, at most 31 days away; publishable keys last for decades
//	iat, nbf    past times, where they are there
//	sub         the user
//	user_type   internal or external; or, without it, another sign of a login (loggedIn)
//
// Any sign of an anonymous session, of the publishable key or of an administrator's key refuses the
// token. Clocks may differ by a minute.
//
// # Owners
//
// The owner is tcb:SUB. It is wx:APPID:PROVIDER_SUB where [Verifier.WeChat] is configured and the
// token's provider claim has the configured value: then provider_sub is the openid below that
// appid.
package accesstoken

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloudpay/internal/order"
)

// Verifier verifies the tokens of one CloudBase environment. Env is required; the zero value of
// every other field is ready for use. It is used by pointer, is safe for concurrent use once
// filled, and makes no connection before a token needs a key.
type Verifier struct {
	// Env is the environment's id.
	Env string
	// Region is the environment's, ap-shanghai when empty.
	Region string
	// Address is where the auth service is, without a trailing slash; when empty, CloudBase's own
	// for Env and Region. A set Address is the only accepted issuer.
	Address string
	// WeChat maps logins by WeChat to openids. The zero value maps none.
	WeChat WeChat
	// HTTPClient fetches the keys. When nil, one that uses each connection once: a kept one may be
	// dead when an instance thaws, and a fetch an hour needs none.
	HTTPClient *http.Client
	// Now is the clock; time.Now when nil.
	Now func() time.Time
	// Report, when not nil, receives the errors of fetches that fail no call.
	Report func(context.Context, error)

	keys
}

// WeChat says which tokens are of logins by WeChat, and below which appid their openids are. No
// field has a default: the claim that names the provider is not documented.
type WeChat struct {
	AppID string
	// Claim is the name of the claim that names the provider; a dot leads into an object, as in
	// app_metadata.provider. Value is what it says of WeChat.
	Claim, Value string
}

const (
	// defaultRegion is that of environments that name none.
	defaultRegion = "ap-shanghai"
	// maxToken is more than a token has with every claim that is known: about 1.5 KiB.
	maxToken = 8 << 10
	// leeway is how far the issuer's clock and this one may differ.
	leeway = time.Minute
	// maxLife is the longest time that a token may have left. Access tokens have two hours, unless
	// the environment's console says otherwise.
	maxLife = 31 * 24 * time.Hour
)

// algorithms are those of CloudBase's keys. Neither none nor HMAC (HS256 …) is among them: with the
// latter, anyone who has the public key could sign.
func algorithms() []jose.SignatureAlgorithm {
	return []jose.SignatureAlgorithm{jose.RS256, jose.ES256}
}

// RefusedError is why a token proves nothing. It repeats no part of the token.
type RefusedError struct{ Why string }

func (e *RefusedError) Error() string { return e.Why }

func refused(format string, args ...any) error {
	return &RefusedError{Why: fmt.Sprintf(format, args...)}
}

// errUnknownKey is why a token of a key that is not held proves nothing.
var errUnknownKey = refused("the access token is signed by a key that is not among the environment's")

// Owner returns the owner that a token names. It may fetch keys, within ctx and at most once a
// minute. Every error is a [*RefusedError].
func (v *Verifier) Owner(ctx context.Context, token string) (order.Owner, error) {
	signed, kid, err := parse(token)
	if err != nil {
		return "", err
	}
	return v.owner(signed, v.find(ctx, kid))
}

// OwnerByHeldKeys is Owner without the network. known is false if only a fetch of keys could tell.
func (v *Verifier) OwnerByHeldKeys(token string) (owner order.Owner, known bool) {
	signed, kid, err := parse(token)
	if err != nil {
		return "", true
	}
	key, fresh := v.lookUp(kid)
	owner, err = v.owner(signed, key)
	return owner, fresh || !errors.Is(err, errUnknownKey)
}

// parse splits a token, and returns the name of its key. Nothing in it is believed yet.
func parse(token string) (signed *jose.JSONWebSignature, kid string, err error) {
	if len(token) > maxToken {
		return nil, "", refused("the access token has more than %d bytes", maxToken)
	}
	if strings.Count(token, ".") != 2 {
		return nil, "", refused("the bearer token is no access token of CloudBase's: it has not three parts")
	}
	signed, err = jose.ParseSignedCompact(token, algorithms())
	switch wrong, isWrong := errors.AsType[*jose.ErrUnexpectedSignatureAlgorithm](err); {
	case isWrong && wrong != nil:
		return nil, "", refused("the access token is signed by another algorithm than RS256 and ES256")
	case err != nil:
		return nil, "", refused("the access token cannot be read")
	}
	return signed, signed.Signatures[0].Protected.KeyID, nil
}

// owner verifies the signature, and then the claims: a token that is not authentic is refused
// before anything in it is looked at, so that nothing of the configuration shows in the answer's
// time.
func (v *Verifier) owner(signed *jose.JSONWebSignature, key *publicKey) (order.Owner, error) {
	if key == nil {
		return "", errUnknownKey
	}
	if signed.Signatures[0].Protected.Algorithm != string(key.algorithm) {
		return "", refused("the access token's alg is not its key's, %s", key.algorithm)
	}
	payload, err := signed.Verify(key.public)
	if err != nil {
		return "", refused("the access token's signature is wrong")
	}
	c, err := readClaims(payload)
	if err != nil {
		return "", err
	}
	for _, check := range checks {
		if err := check.verify(v, c); err != nil {
			return "", err
		}
	}
	return v.ownerOf(c)
}

// ownerOf names the user of an authentic token whose claims were checked.
func (v *Verifier) ownerOf(c claims) (order.Owner, error) {
	if w := v.WeChat; w.AppID != "" && w.Claim != "" && w.Value != "" && c.at(w.Claim) == w.Value {
		if owner, ok := order.NewOwner("wx", w.AppID, c.text("provider_sub")); ok {
			return owner, nil
		}
	}
	owner, ok := order.NewOwner("tcb", c.text("sub"))
	if !ok {
		return "", refused("the access token's sub is no user's id")
	}
	return owner, nil
}

// issuers are the accepted values of iss: the addresses under which the environment's auth service
// is documented, or the configured one alone.
func (v *Verifier) issuers() []string {
	if v.Address != "" {
		return []string{v.Address}
	}
	return []string{v.regional(), "https://" + v.Env + ".api.tcloudbasegateway.com"}
}

// address is where the auth service is.
func (v *Verifier) address() string {
	if v.Address != "" {
		return v.Address
	}
	return v.regional()
}

// regional is the auth service's documented address.
func (v *Verifier) regional() string {
	region := v.Region
	if region == "" {
		region = defaultRegion
	}
	return "https://" + v.Env + "." + region + ".tcb-api.tencentcloudapi.com"
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}
