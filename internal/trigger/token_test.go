package trigger_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"cloudpay/internal/trigger"
)

func TestTokenIsItselfOnly(t *testing.T) {
	t.Parallel()
	token := trigger.NewToken(serviceToken)
	for i := range len(serviceToken) {
		for _, given := range []string{serviceToken[:i], serviceToken[:i] + "x" + serviceToken[i+1:], serviceToken[:i] + "x" + serviceToken[i:]} {
			if token.Is(given) {
				t.Errorf("%q passes for %q", given, serviceToken)
			}
		}
	}
	if !token.Is(serviceToken) {
		t.Error("a token is not itself")
	}
	for _, zero := range []trigger.Token{{}, trigger.NewToken("")} {
		for _, given := range []string{"", "x", "redacted", serviceToken} {
			if zero.Is(given) {
				t.Errorf("%q passes for no token", given)
			}
		}
	}
}

// Either value of a token that is rotated is the token; the two together are not, nor is a part of
// either.
func TestTokenOfTwoValues(t *testing.T) {
	t.Parallel()
	const next = "next-kR7vQm2wZp9TnW4b"
	token := trigger.NewToken(serviceToken, next)
	for given, want := range map[string]bool{
		serviceToken: true, next: true,
		serviceToken + " " + next: false, next + serviceToken: false, serviceToken[1:]: false, httpToken: false, "": false,
	} {
		if got := token.Is(given); got != want {
			t.Errorf("%q: got %t, want %t", given, got, want)
		}
	}
	if alone := trigger.NewToken("", next); !alone.Is(next) || alone.Is("") {
		t.Error("an empty value is one, or hides the other")
	}
}

func TestTokenPrintsNothing(t *testing.T) {
	t.Parallel()
	token := trigger.NewToken(serviceToken, httpToken)
	access := trigger.Access{Service: token}
	var logs bytes.Buffer
	slog.New(slog.NewJSONHandler(&logs, nil)).Info("x", "token", token, "access", access)
	asJSON, err := json.Marshal(access)
	if err != nil {
		t.Fatal(err)
	}
	printed := logs.String() + string(asJSON) + token.String() + token.GoString()
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		printed += fmt.Sprintf(verb+verb, token, access)
	}
	if strings.Contains(printed, serviceToken[:8]) || strings.Contains(printed, httpToken[:8]) ||
		strings.Contains(printed, fmt.Sprintf("%x", serviceToken)) {
		t.Errorf("printed: %s", printed)
	}
	if n := strings.Count(printed, "redacted"); n < 10 {
		t.Errorf("got %d times redacted in %s", n, printed)
	}
}
