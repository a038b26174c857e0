package wxcloudrun_test

import (
	"io"
	"net/http"
	"regexp"
	"testing"

	"cloudpay/internal/wxcloudrun"
)

// recorded is what a link was sent.
type recorded struct {
	*http.Request
	body string
}

// record returns a client that keeps what it sends and is answered with body.
func record(t *testing.T, into *recorded, body string) *wxcloudrun.Client {
	t.Helper()
	return client(func(req *http.Request) (*http.Response, error) {
		sent, err := io.ReadAll(req.Body)
		if err != nil {
			t.Errorf("reading the request: %v", err)
		}
		*into = recorded{req, string(sent)}
		return respond(http.StatusOK, body), nil
	})
}

func TestZeroValueIsReady(t *testing.T) {
	t.Parallel()
	var got recorded
	c := record(t, &got, closeSample)
	if _, err := closeOne(t, c); err != nil {
		t.Fatal(err)
	}
	if url := got.URL.String(); url != "http://api.weixin.qq.com/_/pay/closeorder" {
		t.Errorf("sent to %s, want the documented address", url)
	}
	if agent := got.UserAgent(); agent != "cloudpay/wxcloudrun" {
		t.Errorf("User-Agent %q", agent)
	}
}

func TestRequestHeader(t *testing.T) {
	t.Parallel()
	var got recorded
	c := record(t, &got, closeSample)
	c.UserAgent = "shop/1"
	if _, err := closeOne(t, c); err != nil {
		t.Fatal(err)
	}
	if got.Method != http.MethodPost {
		t.Errorf("method %s, want POST", got.Method)
	}
	// Anything but these very words has been answered with errcode 45105.
	if kind := got.Header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("Content-Type %q, want application/json to the letter", kind)
	}
	if agent := got.UserAgent(); agent != "shop/1" {
		t.Errorf("User-Agent %q, want ours", agent)
	}
}

func TestNonceIsMade(t *testing.T) {
	t.Parallel()
	nonces := map[string]bool{}
	form := regexp.MustCompile(`^\{"nonce_str":"([A-Z2-7]{32})",`)
	for range 100 {
		var got recorded
		if _, err := closeOne(t, record(t, &got, closeSample)); err != nil {
			t.Fatal(err)
		}
		match := form.FindStringSubmatch(got.body)
		if match == nil {
			t.Fatalf("body %s, want a nonce_str of 32 letters and digits first", got.body)
		}
		nonces[match[1]] = true
	}
	if len(nonces) != 100 {
		t.Errorf("%d different nonces in 100 requests", len(nonces))
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"http://127.0.0.1:8080":   "http://127.0.0.1:8080/_/pay/closeorder",
		"http://127.0.0.1:8080//": "http://127.0.0.1:8080/_/pay/closeorder",
		"https://gate.test/relay": "https://gate.test/relay/_/pay/closeorder",
	} {
		var got recorded
		c := record(t, &got, closeSample)
		c.BaseURL = base
		if _, err := closeOne(t, c); err != nil {
			t.Errorf("%s: %v", base, err)
		} else if url := got.URL.String(); url != want {
			t.Errorf("%s: sent to %s, want %s", base, url, want)
		}
	}
}

func TestBadBaseURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"api.weixin.qq.com", "ftp://host", "http://", "http://user:secret@host", "http://user:secret@ho st",
		"http://host?a=b", "http://host#a", "http://host\x7f",
	} {
		c := client(func(*http.Request) (*http.Response, error) {
			t.Errorf("%q: something was sent", base)
			return respond(http.StatusOK, closeSample), nil
		})
		c.BaseURL = base
		_, err := closeOne(t, c)
		if err == nil || !regexp.MustCompile(`^closing order \w+: Client\.BaseURL`).MatchString(err.Error()) {
			t.Errorf("%q: error %v, want one that names BaseURL", base, err)
		} else if regexp.MustCompile(`secret`).MatchString(err.Error()) {
			t.Errorf("%q: the password is in the error %v", base, err)
		}
	}
}

// TestNoProxy: a proxy of the environment would take the requests away from the link.
func TestNoProxy(t *testing.T) {
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	t.Setenv("http_proxy", "http://127.0.0.1:1")
	server := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, closeSample) })
	if proxy := wxcloudrun.OwnTransport().Proxy; proxy != nil {
		t.Error("the package's own transport uses a proxy")
	}
	if _, err := closeOne(t, &wxcloudrun.Client{BaseURL: server}); err != nil {
		t.Error(err)
	}
}
