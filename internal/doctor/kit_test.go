package doctor_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/doctor"
	"cloudpay/internal/telemetry/telemetrytest"
	"cloudpay/pkg/paygate"
)

// testTimeout ends a test that hangs.
const testTimeout = 2 * time.Minute

// env is an environment with an emulated gateway, for a doctor to examine.
type env struct {
	*paygate.Server

	t      *testing.T
	vars   map[string]string
	doctor doctor.Doctor
}

func newEnv(t *testing.T, options ...paygate.Options) *env {
	t.Helper()
	gate := paygate.RunT(t, options...)
	vars := gate.Variables()
	vars["WXPAY_BACKUP_URL"], vars["CLOUDPAY_CALLER_POLICY"] = gate.BackupURL, "any"
	return &env{Server: gate, t: t, vars: vars}
}

// with sets variables; an empty value removes one.
func (e *env) with(vars map[string]string) *env {
	maps.Copy(e.vars, vars)
	return e
}

// onlyV2 removes APIv3's credentials.
func (e *env) onlyV2() *env {
	return e.with(map[string]string{
		"WXPAY_API": "v2", "WXPAY_SERIAL_NO": "", "WXPAY_PRIVATE_KEY": "", "WXPAY_PUBLIC_KEY_ID": "", "WXPAY_PUBLIC_KEY": "",
	})
}

// onlyV3 removes APIv2's credential.
func (e *env) onlyV3() *env { return e.with(map[string]string{"WXPAY_V2_KEY": ""}) }

// behind puts a server in front of the gateway's main domain, and removes the backup.
func (e *env) behind(h http.HandlerFunc) *env {
	e.t.Helper()
	server := httptest.NewServer(h)
	e.t.Cleanup(server.Close)
	return e.with(map[string]string{"WXPAY_BASE_URL": server.URL, "WXPAY_BACKUP_URL": ""})
}

// examined returns every finding of an examination with plenty of time.
func (e *env) examined() findings {
	e.t.Helper()
	ctx, cancel := context.WithTimeout(e.t.Context(), testTimeout)
	defer cancel()
	return e.examinedWithin(ctx)
}

// examineAll examines environments in parallel: most of them wait for a reply that does not come.
func examineAll[K comparable](t *testing.T, envs map[K]*env) map[K]findings {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), doctor.DefaultTimeout)
	defer cancel()
	var mu sync.Mutex
	var all sync.WaitGroup
	found := make(map[K]findings, len(envs))
	for name, w := range envs {
		all.Go(func() {
			list := w.examinedWithin(ctx)
			mu.Lock()
			defer mu.Unlock()
			found[name] = list
		})
	}
	all.Wait()
	return found
}

func (e *env) examinedWithin(ctx context.Context) findings {
	e.t.Helper()
	d := e.doctor
	d.Logs = telemetrytest.Output(e.t, telemetrytest.Logs)
	for name, value := range e.vars {
		d.Environ = append(d.Environ, name+"="+value)
		if kind, secret := kinds[name]; secret && len(value) >= 16 { // a short one is a case of its own
			telemetrytest.Secret(e.t, kind, value)
		}
	}
	var list findings
	for finding := range d.Examine(ctx) {
		if finding.Found.EN == "" || finding.Found.ZH == "" {
			e.t.Errorf("%s %s: a finding without words in both languages: %+v", finding.Check, finding.Subject, finding.Found)
		}
		for _, text := range []bilingual.Text{finding.Found, finding.Remedy} {
			if strings.Contains(strings.TrimSpace(text.EN), " ") && !strings.ContainsFunc(text.ZH, isHan) {
				e.t.Errorf("%s %s: a sentence without Chinese: %+v", finding.Check, finding.Subject, text)
			}
		}
		if (finding.Remedy.EN == "") != (finding.Remedy.ZH == "") {
			e.t.Errorf("%s %s: a remedy in one language only: %+v", finding.Check, finding.Subject, finding.Remedy)
		}
		if bad := finding.Level == doctor.LevelFault || finding.Level == doctor.LevelWarning; bad && finding.Remedy.EN == "" {
			e.t.Errorf("%s %s: no remedy for: %s", finding.Check, finding.Subject, finding.Found.EN)
		}
		list = append(list, finding)
	}
	_, _ = io.WriteString(telemetrytest.Output(e.t, telemetrytest.Terminal), list.text())
	e.wantNoSecret(list)
	return list
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// kinds are the variables that hold secrets.
var kinds = map[string]telemetrytest.Kind{
	"WXPAY_V2_KEY": telemetrytest.V2Key, "WXPAY_V3_KEY": telemetrytest.V3Key, "WXPAY_PRIVATE_KEY": telemetrytest.PrivateKey,
	"CLOUDPAY_SERVICE_TOKEN": telemetrytest.Token, "CLOUDPAY_HTTP_TOKEN": telemetrytest.Token,
	"CLOUDPAY_TIMER_TOKEN": telemetrytest.Token,
}

// wantNoSecret fails when a finding repeats a secret, or a piece of one.
func (e *env) wantNoSecret(list findings) {
	e.t.Helper()
	for name, value := range e.vars {
		if _, secret := kinds[name]; !secret || value == "" {
			continue
		}
		lines := strings.Split(strings.TrimSpace(value), "\n")
		piece := lines[len(lines)/2]
		for value := range strings.FieldsSeq(piece) { // a token that is rotated has two
			if text := list.text(); strings.Contains(text, value) {
				e.t.Errorf("the findings hold %s:\n%s", name, text)
			}
		}
	}
}

type findings []doctor.Finding

// text is all findings as text, for failures and for searching.
func (list findings) text() string {
	var text strings.Builder
	for _, f := range list {
		text.WriteString(strings.Join([]string{string(f.Check), string(f.Level), f.Subject, f.Found.EN, f.Found.ZH, f.Remedy.EN, f.Remedy.ZH}, " | "))
		text.WriteByte('\n')
	}
	return text.String()
}

// of are the findings of one check.
func (list findings) of(check doctor.Check) findings {
	var some findings
	for _, f := range list {
		if f.Check == check {
			some = append(some, f)
		}
	}
	return some
}

// about are the findings on one subject.
func (list findings) about(subject string) findings {
	var some findings
	for _, f := range list {
		if f.Subject == subject {
			some = append(some, f)
		}
	}
	return some
}

// want fails unless there is exactly one finding, of that level, saying that.
func (list findings) want(t *testing.T, level doctor.Level, saying string) {
	t.Helper()
	if len(list) != 1 {
		t.Fatalf("got %d findings, want one, %s saying %q:\n%s", len(list), level, saying, list.text())
	}
	if list[0].Level != level || !strings.Contains(list.text(), saying) {
		t.Errorf("got\n%swant %s saying %q", list.text(), level, saying)
	}
}

// wantNoFault fails if there is a fault.
func (list findings) wantNoFault(t *testing.T) {
	t.Helper()
	for _, f := range list {
		if f.Level == doctor.LevelFault {
			t.Errorf("a fault: %s", findings{f}.text())
		}
	}
}

func privatePEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func publicPEM(t *testing.T, key *rsa.PrivateKey) string {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// certificate describes one to be written for a merchant.
type certificate struct {
	name          string
	serial        string
	key           *rsa.PrivateKey
	notBefore, to time.Time
}

// issue writes a certificate to a file of its own and returns its path.
func issue(t *testing.T, c certificate) string {
	t.Helper()
	number, ok := new(big.Int).SetString(c.serial, 16)
	if !ok {
		t.Fatalf("serial %q", c.serial)
	}
	template := &x509.Certificate{
		SerialNumber: number, Subject: pkix.Name{CommonName: c.name}, NotBefore: c.notBefore, NotAfter: c.to,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &c.key.PublicKey, c.key)
	if err != nil {
		t.Fatal(err)
	}
	return writeFile(t, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

func writeFile(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "apiclient_cert.pem")
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func newKey(t *testing.T, bits int) *rsa.PrivateKey {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
