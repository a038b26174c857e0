package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"cloudpay/internal/config"
	"cloudpay/internal/telemetry/telemetrytest"
)

func TestSecretIsNeverPrinted(t *testing.T) {
	t.Parallel()
	const text = "s3cr3t"
	secret := config.NewSecret(text)
	holder := struct{ hidden config.Secret }{secret}
	var hex strings.Builder
	fmt.Fprintf(&hex, "%x", text)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%t", "%10s", "%U"} {
		if got := fmt.Sprintf(verb, secret); got != "redacted" {
			t.Errorf("%s: got %s, want redacted", verb, got)
		}
		for _, got := range []string{fmt.Sprintf(verb, &secret), fmt.Sprintf(verb, []any{secret}), fmt.Sprintf(verb, holder)} {
			if strings.Contains(got, text) || strings.Contains(strings.ToLower(got), hex.String()) {
				t.Errorf("%s: got %s, which holds the secret", verb, got)
			}
		}
	}
	if got := fmt.Sprintf("%p %T", secret, secret); strings.Contains(got, text) { // fmt asks no method for these two
		t.Errorf("%%p: got %s, which holds the secret", got)
	}
	if secret.String() != "redacted" || secret.GoString() != "redacted" {
		t.Errorf("got %s and %s, want redacted", secret.String(), secret.GoString())
	}
}

func TestSecretIsNeverLogged(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	c := forBoth().load(t)
	slog.New(slog.NewJSONHandler(&log, nil)).Info("config", "key", c.V2.Key, "config", c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("config", "key", c.V2.Key, "config", c)
	marshalled, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	inUse(t)
	for _, got := range []string{log.String(), string(marshalled)} {
		_, _ = telemetrytest.Output(t, telemetrytest.Logs).Write([]byte(got))
		if strings.Contains(got, v2Key) || strings.Contains(got, "PRIVATE KEY") {
			t.Errorf("got %s, which holds a secret", got)
		}
		if !strings.Contains(got, "redacted") {
			t.Errorf("got %s, want it to say redacted", got)
		}
	}
}

func TestZeroSecret(t *testing.T) {
	t.Parallel()
	var zero config.Secret
	if got := zero.Reveal() + fmt.Sprint(zero); got != "redacted" {
		t.Errorf("got %q, want an empty text that prints redacted", got)
	}
}
