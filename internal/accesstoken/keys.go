package accesstoken

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"cloudpay/pkg/wire"
)

const (
	// refreshAge is the age at which the keys are fetched again, so that a key that was withdrawn
	// is not trusted for as long as an instance lives.
	refreshAge = time.Hour
	// maxAge is the age at which they are trusted no longer, if fetching them keeps failing.
	maxAge = 12 * time.Hour
	// pause is the shortest time between two fetches, whatever tokens arrive: a kid may be
	// invented.
	pause = time.Minute
	// A fetch takes at most half of the time that its call has left, and maxFetch. It does not
	// begin with less than minFetch.
	maxFetch = 3 * time.Second
	minFetch = 250 * time.Millisecond

	// maxList bounds the bytes of a list, and maxKeys its keys. CloudBase's has two.
	maxList = 64 << 10
	maxKeys = 32
	maxKid  = 128
	// The sizes of RSA keys. Longer ones cost more time than a request is worth.
	minModulus, maxModulus = 2048, 4096

	certsPath = "/auth/v1/certs"
)

// ownClient fetches for the Verifiers without a client. It keeps no connection.
var ownClient = sync.OnceValue(func() *http.Client {
	transport := wire.NewTransport()
	transport.DisableKeepAlives = true
	return &http.Client{Transport: transport}
})

// publicKey is one of the environment's keys.
type publicKey struct {
	public    any // *rsa.PublicKey or *ecdsa.PublicKey
	algorithm jose.SignatureAlgorithm
}

// keys is the state of a Verifier between calls.
type keys struct {
	mu      sync.Mutex // never held during a fetch
	held    map[string]*publicKey
	fetched time.Time     // when held was fetched
	tried   time.Time     // when the last fetch began
	flight  chan struct{} // closed when the fetch in progress ends; nil without one
}

// lookUp returns the held key of that name, nil without one. fresh reports that a fetch could not
// tell more: it is not due, or was made within the last minute.
func (v *Verifier) lookUp(kid string) (key *publicKey, fresh bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	key = v.current(kid, now)
	return key, key != nil || within(v.tried, now, pause) && v.flight == nil
}

// current returns the held key of that name, unless it is too old. It is called under mu.
func (v *Verifier) current(kid string, now time.Time) *publicKey {
	if kid == "" || !within(v.fetched, now, maxAge) {
		return nil
	}
	return v.held[kid]
}

// find returns the key of that name, after a fetch if the name is unknown or the keys are old; nil
// without one. One call fetches for all: those that have no key wait for it, and the others go on
// with the key that is held.
func (v *Verifier) find(ctx context.Context, kid string) *publicKey {
	if kid == "" || len(kid) > maxKid {
		return nil
	}
	key, mine, theirs := v.join(ctx, kid)
	switch {
	case mine != nil:
		v.refresh(ctx, mine)
	case theirs != nil && key == nil:
		select {
		case <-theirs:
		case <-ctx.Done():
		}
	default:
		return key
	}
	key, _ = v.lookUp(kid)
	return key
}

// join returns the held key, and the fetch to make or the one that another call makes.
func (v *Verifier) join(ctx context.Context, kid string) (key *publicKey, mine, theirs chan struct{}) {
	v.mu.Lock()
	defer v.mu.Unlock()
	now := v.now()
	key = v.current(kid, now)
	switch {
	case key != nil && within(v.fetched, now, refreshAge):
		return key, nil, nil
	case v.flight != nil:
		return key, nil, v.flight
	case within(v.tried, now, pause), budgetOf(ctx) < minFetch:
		return key, nil, nil
	}
	v.tried, v.flight = now, make(chan struct{})
	return key, v.flight, nil
}

// budgetOf is how long a fetch within ctx may take.
func budgetOf(ctx context.Context) time.Duration {
	deadline, bounded := ctx.Deadline()
	if !bounded {
		return maxFetch
	}
	return min(maxFetch, time.Until(deadline)/2)
}

// refresh makes a fetch and releases the calls that wait for it, even when a transport panics. A
// list that cannot be had leaves the keys as they are.
func (v *Verifier) refresh(ctx context.Context, mine chan struct{}) {
	var got map[string]*publicKey
	err := errors.New("it did not end")
	defer func() {
		v.mu.Lock()
		defer v.mu.Unlock()
		if err == nil {
			v.held, v.fetched = got, v.now()
		}
		v.flight = nil
		close(mine)
	}()
	ctx, cancel := context.WithTimeout(ctx, budgetOf(ctx))
	defer cancel()
	if got, err = v.fetch(ctx); err != nil && v.Report != nil {
		v.Report(ctx, fmt.Errorf("fetching the keys of CloudBase's access tokens: %w", err))
	}
}

// fetch gets the list of keys. Redirects are not followed: the keys are those of the configured
// address.
func (v *Verifier) fetch(ctx context.Context) (map[string]*publicKey, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.address()+certsPath, http.NoBody)
	if err != nil {
		return nil, errors.New("the address cannot be read")
	}
	request.Header.Set("Accept", "application/json")
	reply, err := wire.Exchange(cmp.Or(v.HTTPClient, ownClient()), request, maxList)
	switch {
	case err != nil:
		return nil, fmt.Errorf("asking for them: %w", err)
	case reply.HTTPStatus != http.StatusOK:
		return nil, fmt.Errorf("the auth service answered %d", reply.HTTPStatus)
	}
	return readKeys(reply.Body)
}

// readKeys reads a JWKS. Keys of other kinds and uses are left out, as RFC 7517 section 5 asks; so
// are names that come twice, of which it could not be said which key counts.
func readKeys(body []byte) (map[string]*publicKey, error) {
	var list struct {
		Keys []json.RawMessage `json:"keys"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, errors.New("the list is no JWKS")
	}
	if len(list.Keys) > maxKeys {
		return nil, fmt.Errorf("the list has %d keys, more than %d", len(list.Keys), maxKeys)
	}
	usable, times := map[string]*publicKey{}, map[string]int{}
	for _, raw := range list.Keys {
		kid, key := readKey(raw)
		times[kid]++
		if key != nil {
			usable[kid] = key
		}
	}
	for kid, n := range times {
		if n > 1 {
			delete(usable, kid)
		}
	}
	if len(usable) == 0 {
		return nil, fmt.Errorf("the list has %d keys, and none that can be used", len(list.Keys))
	}
	return usable, nil
}

// readKey reads one key of a JWKS; the key is nil if it is none that signs access tokens.
func readKey(raw []byte) (kid string, key *publicKey) {
	var jwk jose.JSONWebKey
	if err := jwk.UnmarshalJSON(raw); err != nil {
		return "", nil
	}
	kid = jwk.KeyID
	if kid == "" || len(kid) > maxKid || jwk.Use != "" && jwk.Use != "sig" {
		return kid, nil
	}
	key = &publicKey{public: jwk.Key}
	switch public := jwk.Key.(type) {
	case *rsa.PublicKey:
		if bits := public.N.BitLen(); bits < minModulus || bits > maxModulus {
			return kid, nil
		}
		key.algorithm = jose.RS256
	case *ecdsa.PublicKey:
		if public.Curve != elliptic.P256() {
			return kid, nil
		}
		key.algorithm = jose.ES256
	default: // a secret, or a private key
		return kid, nil
	}
	if jwk.Algorithm != "" && jwk.Algorithm != string(key.algorithm) {
		return kid, nil
	}
	return kid, key
}

// within reports whether less than limit lies between then and now, in either direction, so that no
// pause lasts for ever after a clock is put back. It compares wall clocks: the monotonic one stands
// still while an instance is frozen.
func within(then, now time.Time, limit time.Duration) bool {
	return now.Round(0).Sub(then.Round(0)).Abs() < limit
}
