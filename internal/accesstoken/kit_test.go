package accesstoken_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"math/big"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/accesstoken"
)

const (
	env       = "shop-1a2b"
	issuer    = "https://shop-1a2b.ap-shanghai.tcb-api.tencentcloudapi.com"
	certsPath = "/auth/v1/certs"
)

// issued is when the tokens of these tests were issued.
var issued = time.Unix(1795912200, 0)

// rsaKey and ecKey sign the tests' tokens, otherKey those of an attacker.
var (
	rsaKey   = sync.OnceValue(newRSA)
	otherKey = sync.OnceValue(newRSA)
	ecKey    = sync.OnceValue(func() *ecdsa.PrivateKey {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			panic(err)
		}
		return key
	})
)

func newRSA() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
}

func b64(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func asJSON(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}

type object = map[string]any

// rsaJWK and ecJWK are public keys as a JWKS lists them.
func rsaJWK(kid string, key *rsa.PrivateKey) object {
	return object{
		"kty": "RSA", "alg": "RS256", "use": "sig", "kid": kid,
		"n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes()),
	}
}

func ecJWK(kid string, key *ecdsa.PrivateKey) object {
	point, _ := key.PublicKey.Bytes() // 4, X, Y
	return object{"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(point[1:33]), "y": b64(point[33:])}
}

// claimsOf are the claims of a logged-in user, with changes; a nil value takes a claim away.
func claimsOf(changes object) object {
	all := object{
		"iss": issuer, "aud": env, "iat": issued.Unix(), "exp": issued.Add(2 * time.Hour).Unix(),
		"sub": "u-77", "user_id": "u-77", "project_id": env, "user_type": "external",
	}
	maps.Copy(all, changes)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	return all
}

// sign makes a token with the standard library alone.
func sign(header, claims object, key crypto.Signer) string {
	input := b64(asJSON(header)) + "." + b64(asJSON(claims))
	sum := sha256.Sum256([]byte(input))
	var signature []byte
	switch key := key.(type) {
	case *rsa.PrivateKey:
		signature, _ = rsa.SignPKCS1v15(nil, key, crypto.SHA256, sum[:])
	case *ecdsa.PrivateKey:
		r, s, _ := ecdsa.Sign(rand.Reader, key, sum[:])
		signature = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	}
	return input + "." + b64(signature)
}

// login is a token of a logged-in user with changes to its claims, signed by the key r1.
func login(changes object) string {
	return sign(object{"alg": "RS256", "kid": "r1", "typ": "JWT"}, claimsOf(changes), rsaKey())
}

// authService is the environment's auth service. It notes what it was asked.
type authService struct {
	mu    sync.Mutex
	keys  []object
	asked []string
	// fails, when not nil, takes the place of the answer.
	fails func(*http.Request) reply
}

// reply is an answer of the auth service, or why there is none.
type reply struct {
	status   int
	body     io.Reader
	location string // of a redirect
	err      error
}

// said is a reply with a body.
func said(status int, body string) reply { return reply{status: status, body: strings.NewReader(body)} }

// lists is the reply with these keys.
func lists(keys ...object) reply {
	return said(http.StatusOK, string(asJSON(object{"keys": keys})))
}

func (s *authService) RoundTrip(r *http.Request) (*http.Response, error) {
	s.mu.Lock()
	s.asked = append(s.asked, r.Method+" "+r.URL.String())
	fails, got := s.fails, lists(s.keys...)
	s.mu.Unlock()
	if fails != nil {
		got = fails(r)
	}
	if got.err != nil {
		return nil, got.err
	}
	header := http.Header{}
	if got.location != "" {
		header.Set("Location", got.location)
	}
	return &http.Response{StatusCode: got.status, Header: header, Body: io.NopCloser(got.body), ContentLength: -1}, nil
}

// fetches is how often the keys were fetched.
func (s *authService) fetches() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.asked)
}

// list replaces what the service lists.
func (s *authService) list(keys ...object) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys, s.fails = keys, nil
}

// fail replaces the service's answer.
func (s *authService) fail(with func(*http.Request) reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails = with
}

// kit is a Verifier before an auth service, on a clock that moves when it is told to.
type kit struct {
	*accesstoken.Verifier
	*authService

	t        *testing.T
	mu       sync.Mutex
	now      time.Time
	reported []string
}

func newKit(t *testing.T) *kit {
	t.Helper()
	k := &kit{t: t, authService: &authService{}, now: issued.Add(time.Minute)}
	k.list(rsaJWK("r1", rsaKey()), ecJWK("e1", ecKey()))
	k.Verifier = &accesstoken.Verifier{
		Env: env, HTTPClient: &http.Client{Transport: k.authService},
		Now: func() time.Time { k.mu.Lock(); defer k.mu.Unlock(); return k.now },
		Report: func(_ context.Context, err error) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.reported = append(k.reported, err.Error())
		},
	}
	return k
}

// advance moves the clock.
func (k *kit) advance(by time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.now = k.now.Add(by)
}

// wantOwner wants a token to name an owner.
func (k *kit) wantOwner(token, want string) {
	k.t.Helper()
	if got, err := k.Owner(k.t.Context(), token); string(got) != want || err != nil {
		k.t.Errorf("got %q and error %v, want %q", got, err, want)
	}
}

// wantRefused wants a token to be refused with a reason that repeats no part of it.
func (k *kit) wantRefused(token, why string) {
	k.t.Helper()
	got, err := k.Owner(k.t.Context(), token)
	refused, isRefused := errors.AsType[*accesstoken.RefusedError](err)
	if got != "" || !isRefused || !strings.Contains(refused.Why, why) {
		k.t.Errorf("got %q and error %v, want a refusal with %q", got, err, why)
	}
	for part := range strings.SplitSeq(token, ".") {
		if len(part) > 8 && err != nil && strings.Contains(err.Error(), part) {
			k.t.Errorf("the refusal %q repeats a part of the token", err)
		}
	}
}

func readFile(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}
