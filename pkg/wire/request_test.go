package wire_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/wire"
)

func TestNewRequest(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://host":           "https://host/path?q=1",
		"http://127.0.0.1:8080/": "http://127.0.0.1:8080/path?q=1",
		"https://host/relay//":   "https://host/relay/path?q=1",
	} {
		for _, body := range []string{"", "{}"} {
			var reader *strings.Reader
			req, err := wire.NewRequest(t.Context(), http.MethodGet, base, "/path?q=1", nil)
			if body != "" {
				reader = strings.NewReader(body)
				req, err = wire.NewRequest(t.Context(), http.MethodPost, base, "/path?q=1", reader)
			}
			if err != nil {
				t.Errorf("%s: %v", base, err)
				continue
			}
			if got := req.URL.String(); got != want {
				t.Errorf("%s: requests %s, want %s", base, got, want)
			}
			if resent := req.Body == nil || req.Body == http.NoBody || req.GetBody != nil; resent != (body != "") {
				t.Errorf("%s with body %q: net/http may resend it by itself: %t", base, body, resent)
			}
		}
	}
}

// TestBadBase: the error says what a base must be, and repeats nothing of this one.
func TestBadBase(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"api.mch.weixin.qq.com", "ftp://host", "https://", "https://user:hunter2@host", "https://host?x=1", "https://host#x",
		"https://user:hunter2@ho st", "://hunter2", "https://host\n",
	} {
		_, err := wire.NewRequest(t.Context(), http.MethodGet, base, "/path", nil)
		if err == nil || !strings.Contains(err.Error(), "Client.BaseURL") {
			t.Errorf("base %q: error %v, want one that names Client.BaseURL", base, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("base %q: the error repeats it: %q", base, err)
		}
	}
	var none context.Context
	if _, err := wire.NewRequest(none, http.MethodGet, "https://host", "/", nil); err == nil {
		t.Error("a request without a context")
	}
}

func TestNewNonce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		nonce := wire.NewNonce()
		if len(nonce) != 32 || strings.Trim(nonce, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567") != "" || seen[nonce] {
			t.Errorf("nonce %q, want 32 letters and digits that were not made before", nonce)
		}
		seen[nonce] = true
	}
}
