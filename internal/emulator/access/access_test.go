package access_test

import (
	"fmt"
	"strings"
	"testing"

	"cloudpay/internal/emulator/access"
)

func TestCheckOrigin(t *testing.T) {
	t.Parallel()
	for _, origin := range []string{
		"http://localhost:5173", "https://shop.example", "http://127.0.0.1:8080", "http://[::1]:5173", "https://shop.example:8443",
	} {
		if err := access.CheckOrigin(origin); err != nil {
			t.Errorf("%s: %v", origin, err)
		}
	}
	for origin, words := range map[string]string{
		"":                            "is not the origin",
		"null":                        "is not the origin",
		"localhost:5173":              "is not the origin",
		"file:///tmp/a.html":          "is not the origin",
		"*":                           "is not the origin",
		"http://*.example":            "is a pattern",
		"http://localhost:5173/":      "did you mean http://localhost:5173?",
		"http://localhost:5173/a?b#c": "did you mean http://localhost:5173?",
		"HTTP://localhost:5173":       "did you mean http://localhost:5173?",
		"http://LOCALHOST:5173":       "did you mean http://localhost:5173?",
		"http://localhost:80":         "did you mean http://localhost?",
		"https://shop.example:443":    "did you mean https://shop.example?",
		"http://user@localhost:5173":  "did you mean http://localhost:5173?",
		"http://localhost:":           "did you mean http://localhost?",
		"http://[::1]:80":             "did you mean http://[::1]?",
		"http://local host":           "is not the origin",
	} {
		if err := access.CheckOrigin(origin); err == nil || !strings.Contains(err.Error(), words) {
			t.Errorf("%q: got %v, want %q", origin, err, words)
		}
	}
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	key, err := access.ParseKey("AKID:pa:ss+/=")
	if err != nil || key.ID != "AKID" || key.Secret != "pa:ss+/=" {
		t.Errorf("got %+v and %v, want the pair", key.ID, err)
	}
	if shown := fmt.Sprintf("%v %+v %#v %s", key, key, key, key.Secret); strings.Contains(shown, "pa:ss") {
		t.Errorf("printed as %s, want no secret", shown)
	}
	for _, text := range []string{"", "AKID", ":secret", "AKID:", "A KID:secret", "A/B:secret", "A,B:secret", "AKID: secret", "AKID:secret "} {
		if key, err := access.ParseKey(text); err == nil {
			t.Errorf("%q: got the key %q, want an error", text, key.ID)
		} else if strings.Contains(err.Error(), "secret ") && strings.Contains(err.Error(), text) {
			t.Errorf("%q: the error %q quotes it", text, err)
		}
	}
}
