package calls_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// verifying is a cloud that verifies signatures by a key, AKID:secret, and says what it thinks of
// the last one.
type verifying struct {
	desk.Description

	signed bool
	err    error
}

func serveVerifying(t *testing.T) *verifying {
	t.Helper()
	v, keys := &verifying{}, access.Keys{{ID: "AKID", Secret: "secret"}}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		v.signed = r.Header.Get("Authorization") != ""
		switch {
		case r.Method == http.MethodGet: // the list of functions
		case r.URL.Path == "/admin":
			v.err = keys.VerifyCloudBase(r, body, time.Now())
		case r.URL.Path == "/":
			v.err = keys.VerifyTencent(r, body, "scf", time.Now())
		case strings.HasPrefix(r.URL.Path, "/2015-03-31/"):
			v.err = keys.VerifyAWS(r, body, "lambda", time.Now())
		default:
			v.err = nil
		}
	}))
	t.Cleanup(server.Close)
	v.CloudURL, v.Runtime, v.Env = server.URL, platform.Go1, map[string]string{"CLOUDPAY_SERVICE_TOKEN": "the-service-token"}
	return v
}

// send sends a call of a function, and returns what the cloud thinks of the signature.
func (v *verifying) send(t *testing.T, c calls.Call) error {
	t.Helper()
	checked, err := c.Check(t.Context(), v.Description)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = checked.Send(t.Context()) // the cloud has no answer
	return v.err
}

// A call by an SDK's API is signed with the key that the emulator demands, or with the one that was
// given. The names of functions are of all characters that a path can have.
func TestSigned(t *testing.T) {
	t.Parallel()
	v := serveVerifying(t)
	for _, trigger := range []string{"sdk", "scf", "aws"} {
		for _, function := range []string{"queryorder", "a-b_c", "中文 $&+=:@/;,?%2F"} {
			c := calls.Call{Function: function, Trigger: trigger, As: parse(t, "service"), Data: []byte(`{"a":" 中\n","b":[1.50]}`)}
			v.CloudKey = ""
			if err := v.send(t, c); v.signed || err == nil {
				t.Errorf("%s of %s without a key: got %v, want no signature", trigger, function, err)
			}
			v.CloudKey = "AKID:secret"
			if err := v.send(t, c); !v.signed || err != nil {
				t.Errorf("%s of %s: got %v, want a signature that holds", trigger, function, err)
			}
			c.Key = access.Key{ID: "AKID", Secret: "another"}
			if err := v.send(t, c); !v.signed || err == nil {
				t.Errorf("%s of %s with another key: got %v, want a signature that does not hold", trigger, function, err)
			}
			v.CloudKey, c.Key.Secret = "", "secret"
			if err := v.send(t, c); !v.signed || err != nil {
				t.Errorf("%s of %s with a key given: got %v, want a signature that holds", trigger, function, err)
			}
		}
	}
	v.CloudKey = "AKID:secret"
	for _, trigger := range []string{"call", "function-url", "timer", "sqs"} {
		c := calls.Call{Function: "queryorder", Trigger: trigger}
		if err := v.send(t, c); v.signed || err != nil {
			t.Errorf("%s: got a signature: %t", trigger, v.signed)
		}
	}
}
