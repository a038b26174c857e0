package accesstoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// by is a token of the key with that name.
func by(kid string) string {
	return sign(object{"alg": "RS256", "kid": kid}, claimsOf(object{"exp": issued.Add(20 * 24 * time.Hour).Unix()}), rsaKey())
}

// Invented names of keys cost one fetch a minute, however many they are and from however many
// callers.
func TestUnknownKeysCostOneFetchAMinute(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	const minutes = 5
	for minute := range minutes {
		var all sync.WaitGroup
		for caller := range 32 {
			all.Go(func() {
				for n := range 20 {
					k.wantRefused(by(fmt.Sprintf("x-%d-%d-%d", minute, caller, n)), "not among")
				}
			})
		}
		all.Wait()
		if got := k.fetches(); got != minute+1 {
			t.Errorf("after %d minutes: got %d fetches", minute+1, got)
		}
		k.wantOwner(by("r1"), "tcb:u-77")
		k.advance(time.Minute)
	}
}

// The same bound holds while the auth service fails in every way it can.
func TestFailingFetches(t *testing.T) {
	t.Parallel()
	always := func(r reply) func(*http.Request) reply { return func(*http.Request) reply { return r } }
	for name, fails := range map[string]func(*http.Request) reply{
		"no connection": always(reply{err: errors.New("connection refused")}),
		"a reset": func(*http.Request) reply {
			return reply{status: http.StatusOK, body: io.MultiReader(strings.NewReader(`{"keys":[`), failing{})}
		},
		"an error":            func(*http.Request) reply { return said(http.StatusInternalServerError, `{"keys":[]}`) },
		"a page":              func(*http.Request) reply { return said(http.StatusOK, "<html>") },
		"nothing":             func(*http.Request) reply { return said(http.StatusOK, "") },
		"no keys":             func(*http.Request) reply { return said(http.StatusOK, `{"keys":[]}`) },
		"another object":      func(*http.Request) reply { return said(http.StatusOK, `{"code":"INVALID_ENV"}`) },
		"too long a list":     func(*http.Request) reply { return said(http.StatusOK, `{"keys":[`+strings.Repeat(" ", 70<<10)+`]}`) },
		"too many keys":       func(*http.Request) reply { return said(http.StatusOK, `{"keys":[`+strings.Repeat(`{},`, 40)+`{}]}`) },
		"a switched protocol": func(*http.Request) reply { return said(http.StatusSwitchingProtocols, "") },
		"a redirect": func(*http.Request) reply {
			return reply{status: http.StatusFound, body: strings.NewReader(""), location: "https://attacker.example/certs"}
		},
		"a created list": func(*http.Request) reply {
			created := lists(rsaJWK("r1", rsaKey()))
			created.status = http.StatusCreated
			return created
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.fail(fails)
			for range 10 {
				k.wantRefused(login(nil), "not among")
			}
			if k.fetches() != 1 || len(k.reported) != 1 {
				t.Errorf("got %d fetches and the reports %q, want one", k.fetches(), k.reported)
			}
			k.list(rsaJWK("r1", rsaKey()))
			k.wantRefused(login(nil), "not among")
			k.advance(time.Minute)
			k.wantOwner(login(nil), "tcb:u-77")
		})
	}
}

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, errors.New("connection reset") }

// A key that is withdrawn is trusted for an hour at most; while the auth service is down, the keys
// are trusted for twelve hours, and calls go on.
func TestAgingKeys(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.wantOwner(by("r1"), "tcb:u-77")
	k.list(rsaJWK("r2", rsaKey()))
	k.advance(59 * time.Minute)
	k.wantOwner(by("r1"), "tcb:u-77")
	k.advance(time.Minute)
	k.wantRefused(by("r1"), "not among")
	k.wantOwner(by("r2"), "tcb:u-77")

	k.fail(func(*http.Request) reply { return reply{err: errors.New("down")} })
	for range 11 {
		k.advance(time.Hour)
		k.wantOwner(by("r2"), "tcb:u-77")
	}
	before := k.fetches()
	for range 10 {
		k.wantOwner(by("r2"), "tcb:u-77") // and without another fetch in the same minute
	}
	if got := k.fetches(); got != before {
		t.Errorf("got %d fetches more, want none", got-before)
	}
	k.advance(time.Hour)
	k.wantRefused(by("r2"), "not among")
	k.list(rsaJWK("r2", rsaKey()))
	k.advance(time.Minute)
	k.wantOwner(by("r2"), "tcb:u-77")
}

// A clock that is put back does not stop the fetches, and keys from the future are not young for
// ever.
func TestClocksThatJump(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.advance(10 * 24 * time.Hour)
	k.wantOwner(by("r1"), "tcb:u-77")
	k.list(rsaJWK("r2", rsaKey()))
	k.advance(-9 * 24 * time.Hour)
	k.wantOwner(by("r2"), "tcb:u-77")
	k.wantRefused(by("r1"), "not among")
}

// The list is read key by key: what cannot sign an access token is left out.
func TestKeysThatAreLeftOut(t *testing.T) {
	t.Parallel()
	short, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	big, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := big.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	with := func(key object, name string, value any) object { key[name] = value; return key }
	good := rsaJWK("good", otherKey())
	for name, key := range map[string]object{
		"for encryption":         with(rsaJWK("r1", rsaKey()), "use", "enc"),
		"for another algorithm":  with(rsaJWK("r1", rsaKey()), "alg", "RS512"),
		"for HMAC":               with(rsaJWK("r1", rsaKey()), "alg", "HS256"),
		"without a name":         with(rsaJWK("r1", rsaKey()), "kid", ""),
		"a name too long":        with(rsaJWK("r1", rsaKey()), "kid", strings.Repeat("k", 200)),
		"a short modulus":        rsaJWK("r1", short),
		"another curve":          {"kty": "EC", "crv": "P-384", "kid": "r1", "x": b64(point[1:49]), "y": b64(point[49:])},
		"a secret":               {"kty": "oct", "kid": "r1", "k": b64([]byte("secret of thirty-two bytes length"))},
		"of a kind of its own":   {"kty": "XYZ", "kid": "r1"},
		"half a key":             {"kty": "RSA", "kid": "r1", "e": "AQAB"},
		"a point off the curve":  {"kty": "EC", "crv": "P-256", "kid": "r1", "x": b64(point[1:33]), "y": b64(point[1:33])},
		"a certificate's secret": with(rsaJWK("r1", rsaKey()), "d", b64(rsaKey().D.Bytes())),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.list(key, good)
			k.wantRefused(by("r1"), "not among")
			k.wantOwner(sign(object{"alg": "RS256", "kid": "good"}, claimsOf(nil), otherKey()), "tcb:u-77")
		})
	}
	k := newKit(t)
	k.list(rsaJWK("r1", rsaKey()), rsaJWK("r1", otherKey()), good)
	k.wantRefused(by("r1"), "not among") // two keys of one name: neither counts
}

// One call fetches for all. The others wait for it within their own time, and no longer.
func TestOneFetchForAll(t *testing.T) {
	t.Parallel()
	_ = rsaKey() // made outside the bubble
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		release := make(chan struct{})
		k.fail(func(r *http.Request) reply {
			select {
			case <-release:
				return lists(rsaJWK("r1", rsaKey()))
			case <-r.Context().Done():
				return reply{err: r.Context().Err()}
			}
		})
		token := by("r1")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { k.wantOwner(token, "tcb:u-77") })
		}
		synctest.Wait()
		hurried, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		if owner, err := k.Owner(hurried, token); owner != "" || err == nil {
			t.Errorf("a call without time: got %q", owner)
		}
		close(release)
		all.Wait()
		if k.fetches() != 1 {
			t.Errorf("got %d fetches, want one", k.fetches())
		}
	})
}

// A dead connection costs a call half of its time, and three seconds at most.
func TestFetchesEnd(t *testing.T) {
	t.Parallel()
	_ = rsaKey()
	for name, c := range map[string]struct{ has, takes time.Duration }{
		"much time":   {time.Minute, 3 * time.Second},
		"little time": {2 * time.Second, time.Second},
		"no time":     {100 * time.Millisecond, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			token := by("r1")
			synctest.Test(t, func(t *testing.T) {
				k := newKit(t)
				k.fail(func(r *http.Request) reply { <-r.Context().Done(); return reply{err: r.Context().Err()} })
				ctx, cancel := context.WithTimeout(t.Context(), c.has)
				defer cancel()
				start := time.Now()
				if owner, err := k.Owner(ctx, token); owner != "" || err == nil {
					t.Errorf("got %q", owner)
				}
				if took := time.Since(start); took != c.takes {
					t.Errorf("got %v of fake time, want %v", took, c.takes)
				}
				if wanted := c.takes > 0; (k.fetches() == 1) != wanted {
					t.Errorf("got %d fetches", k.fetches())
				}
			})
		})
	}
}

// A transport that panics releases the calls that wait for it.
func TestAPanicReleasesTheOthers(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.fail(func(*http.Request) reply { panic("broken") })
	func() {
		defer func() {
			if recover() == nil {
				t.Error("got no panic")
			}
		}()
		_, _ = k.Owner(t.Context(), login(nil))
	}()
	k.list(rsaJWK("r1", rsaKey()))
	k.advance(time.Minute)
	k.wantOwner(login(nil), "tcb:u-77")
}
