package main

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"cloudpay/internal/telemetry/telemetrytest"
)

const (
	v2Key  = "Zk81LmQpXv5TnRw3YbCs7HdJf9GtEa2U"
	token  = "n&7<Wq\"2%Lz+8\\Rk=4/x"
	openID = "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"
)

// run is a folder that tests write into.
type run struct {
	t   *testing.T
	dir string
}

// newRun is a run of tests that used a key and logged something harmless.
func newRun(t *testing.T) run {
	t.Helper()
	r := run{t: t, dir: t.TempDir()}
	t.Setenv("CLOUDPAY_TEST_OUTPUT", r.dir)
	r.secret(telemetrytest.V2Key, v2Key)
	r.wrote(telemetrytest.Logs, "nothing to see\n")
	return r
}

func (r run) secret(kind telemetrytest.Kind, value string) {
	r.t.Helper()
	telemetrytest.Secret(r.t, kind, value)
}

func (r run) write(name, text string) {
	r.t.Helper()
	file := filepath.Join(r.dir, name)
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(text), 0o600)); err != nil {
		r.t.Fatal(err)
	}
}

func (r run) wrote(form telemetrytest.Form, text string) {
	r.t.Helper()
	if _, err := telemetrytest.Output(r.t, form).Write([]byte(text)); err != nil {
		r.t.Fatal(err)
	}
}

// wantLeak expects that a leak is reported, and nothing of any secret.
func (r run) wantLeak(words string) string {
	r.t.Helper()
	var out strings.Builder
	err := check(r.dir, nil, nil, &out)
	if err == nil || !strings.Contains(err.Error(), "came out") || !strings.Contains(out.String(), words) {
		r.t.Fatalf("got error %v and %q, want a leak that says %q", err, out.String(), words)
	}
	return out.String()
}

func (r run) wantNone() {
	r.t.Helper()
	var out strings.Builder
	if err := check(r.dir, []string{"v2-key"}, []string{"logs"}, &out); err != nil || !strings.HasPrefix(out.String(), "none of ") {
		r.t.Errorf("got error %v and %q, want none", err, out.String())
	}
}

func inJSON(text string) string {
	encoded, _ := json.Marshal(text)
	return string(encoded)
}

func TestSecretIsFoundInEveryForm(t *testing.T) {
	for name, printed := range map[string]string{
		"as it is":                     token,
		"half of it":                   v2Key[8:24],
		"in small letters":             strings.ToLower(v2Key),
		"in JSON":                      inJSON(token),
		"in JSON in JSON":              inJSON(inJSON(v2Key)),
		"in JSON for no page":          plainHTML.Replace(inJSON(token)),
		"quoted":                       strconv.Quote(token),
		"in a query":                   url.QueryEscape(token),
		"in a path":                    url.PathEscape(token),
		"in XML":                       "n&amp;7&lt;Wq&#34;2%Lz+8\\Rk=4/x",
		"in hexadecimal":               hex.EncodeToString([]byte(v2Key)),
		"in capital hexadecimal":       strings.ToUpper(hex.EncodeToString([]byte(v2Key))),
		"in base64":                    base64.StdEncoding.EncodeToString([]byte(v2Key)),
		"inside of base64":             base64.StdEncoding.EncodeToString([]byte(`{"key":"` + v2Key + `"}`)),
		"inside of base64, one later":  base64.StdEncoding.EncodeToString([]byte(`{"key": "` + v2Key + `"}`)),
		"inside of base64, two later":  base64.StdEncoding.EncodeToString([]byte(`{"key":  "` + v2Key + `"}`)),
		"in base64 for addresses":      base64.URLEncoding.EncodeToString([]byte("\xff\xfe" + token)),
		"as bytes":                     fmt.Sprintf("%d", []byte(v2Key)),
		"as a list":                    strings.ReplaceAll(fmt.Sprintf("%d", []byte(v2Key)), " ", ","),
		"in a struct":                  fmt.Sprintf("%+v", struct{ Key string }{v2Key}),
		"behind much else":             strings.Repeat("a line of no interest\n", chunk/10) + v2Key,
		"across the end of a chunk":    strings.Repeat("x", chunk-10) + v2Key + "\n",
		"a chunk later, at its start":  strings.Repeat("x", chunk) + v2Key,
		"at the end of the last chunk": strings.Repeat("x", chunk-len(v2Key)) + v2Key,
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.secret(telemetrytest.Token, token)
			r.wrote(telemetrytest.Replies, "before "+printed+" after\n")
			report := r.wantLeak("output/replies/")
			for _, secret := range []string{v2Key, token} {
				for i := range len(secret) - window {
					if strings.Contains(strings.ToLower(report), strings.ToLower(secret[i:i+window])) {
						t.Errorf("got %q, which holds the secret", report)
					}
				}
			}
			if strings.Contains(report, "after") {
				t.Errorf("got %q, want nothing from behind the secret", report)
			}
		})
	}
}

func privateKeyPEM(t *testing.T) (*rsa.PrivateKey, string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return key, string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func TestPrivateKeyIsFoundInEveryForm(t *testing.T) {
	key, text := privateKeyPEM(t)
	lines := strings.Split(text, "\n")
	for name, printed := range map[string]string{
		"a line of it":        lines[15],
		"a piece of a line":   lines[20][7:23],
		"its last lines":      strings.Join(lines[24:], "\n"),
		"its first line":      lines[0],
		"in one line":         strings.Join(lines[1:len(lines)-2], ""),
		"in JSON":             inJSON(text),
		"in an address":       url.QueryEscape(lines[16] + lines[17]),
		"base64 of the file":  base64.StdEncoding.EncodeToString([]byte(text)),
		"a part of the same":  base64.StdEncoding.EncodeToString([]byte(text))[1600:1620],
		"pkcs#1 of the same":  base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key)),
		"its numbers":         fmt.Sprintf("%+v", *key),
		"its exponent":        key.D.String(),
		"a prime":             key.Primes[1].String(),
		"a prime in hex":      key.Primes[0].Text(16),
		"its exponent in JWK": base64.RawURLEncoding.EncodeToString(key.D.Bytes()),
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			r.secret(telemetrytest.PrivateKey, text)
			r.wrote(telemetrytest.Errors, printed+"\n")
			r.wantLeak("output/errors/")
		})
	}
}

// The part of a private key that is public is not a secret.
func TestPublicPartIsNoSecret(t *testing.T) {
	key, text := privateKeyPEM(t)
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	r := newRun(t)
	r.secret(telemetrytest.PrivateKey, text)
	r.secret(telemetrytest.PrivateKey, string(pem.EncodeToMemory(&pem.Block{
		Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key),
	})))
	r.wrote(telemetrytest.Logs, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public})))
	r.wrote(telemetrytest.Logs, base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&key.PublicKey)))
	r.wrote(telemetrytest.Logs, fmt.Sprintf("%v %x %s", key.PublicKey, key.N, strings.Split(text, "\n")[1]))
	r.wantNone()
}

// An openid belongs into the reply to its owner, and into no log.
func TestIdentitiesAreLookedForInLogs(t *testing.T) {
	r := newRun(t)
	r.secret(telemetrytest.Identity, openID)
	r.wrote(telemetrytest.Replies, openID)
	r.wrote(telemetrytest.Terminal, openID)
	r.wrote(telemetrytest.Logs, openID[:6]+"…")
	r.wantNone()
	r.wrote(telemetrytest.Logs, "caller="+openID)
	r.wantLeak("caller=[identity]")
}

func TestReportSaysWhere(t *testing.T) {
	r := newRun(t)
	r.write("output/logs/app.test-1/TestX-1.txt", "one\ntwo "+v2Key+", then "+v2Key+"\nthree\n"+strings.Repeat(v2Key+"\n", 10))
	const file = "output/logs/app.test-1/TestX-1.txt:"
	want := file + "2: two [v2-key]\n" + file + "2: , then [v2-key]\n" +
		file + "4: [v2-key]\n" + file + "5: [v2-key]\n" + file + "6: [v2-key]\n" + file + " and 7 more\n"
	if got := r.wantLeak("app.test-1"); got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestErrorsAreSearched(t *testing.T) {
	r := newRun(t)
	telemetrytest.Error(t, errors.New("harmless"))
	r.wantNone()
	telemetrytest.Error(t, fmt.Errorf("using %s", v2Key))
	r.wantLeak("TestErrorsAreSearched: using [v2-key]")
}

// A check that cannot find anything must fail.
func TestCheckOfNothingFails(t *testing.T) {
	for name, test := range map[string]struct {
		spoil func(r run)
		words string
	}{
		"an empty folder": {func(r run) {
			if err := errors.Join(os.RemoveAll(filepath.Join(r.dir, "secrets")), os.RemoveAll(filepath.Join(r.dir, "output"))); err != nil {
				r.t.Fatal(err)
			}
		}, "no such file"},
		"no secrets": {func(r run) {
			if err := os.RemoveAll(filepath.Join(r.dir, "secrets")); err != nil {
				r.t.Fatal(err)
			}
		}, "no test used a secret of the kind v2-key\nthere are 0 secrets"},
		"empty output": {func(r run) {
			if err := os.RemoveAll(filepath.Join(r.dir, "output")); err != nil {
				r.t.Fatal(err)
			}
			r.write("output/logs/empty.txt", "")
		}, "no test wrote anything in the form logs\nthere are 1 secrets and 0 bytes"},
		"a torn line":      {func(r run) { r.write("secrets/torn.txt", "v2-key all\n") }, "a line has 2 words"},
		"a torn secret":    {func(r run) { r.write("secrets/torn.txt", "v2-key all ?\n") }, "not base64"},
		"a scope of none":  {func(r run) { r.write("secrets/torn.txt", "v2-key none AAAA\n") }, "neither all nor logs"},
		"a key without it": {func(r run) { r.write("secrets/torn.txt", "private-key all AAAA\n") }, "not PEM"},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRun(t)
			test.spoil(r)
			var out bytes.Buffer
			err := check(r.dir, []string{"v2-key"}, []string{"logs"}, &out)
			if err == nil || !strings.Contains(err.Error(), test.words) {
				t.Errorf("got error %v, want one about %q", err, test.words)
			}
		})
	}
	r := newRun(t)
	err := check(r.dir, list("v2-key,token"), list("logs,terminal"), &bytes.Buffer{})
	if err == nil || err.Error() != "no test used a secret of the kind token\nno test wrote anything in the form terminal" {
		t.Errorf("got error %v, want one about tokens and terminals", err)
	}
}
