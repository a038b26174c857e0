package desk

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// call makes a call of the management API and returns the status and the body.
func (d *Desk) call(t *testing.T, method, path, body string, header ...string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, d.adminURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// TestScenario: GET /scenario has what goes wrong in both worlds, and POST /scenario sets it in
// another emulator, or changes nothing.
func TestScenario(t *testing.T) {
	t.Parallel()
	first, second := open(t, t.TempDir()), open(t, t.TempDir())
	for _, d := range []*Desk{first, second} {
		d.traffic.by(&platform.Cloud{}, "http://127.0.0.1:1")
	}
	if err := first.Gateway.Inject(paygate.Fault{Action: paygate.Drop, Op: "close", Probability: 0.5, Seed: 3}); err != nil {
		t.Fatal(err)
	}
	if err := first.traffic.cloud.Load().Inject(platform.Fault{Action: "throttle", Times: 2}); err != nil {
		t.Fatal(err)
	}
	_, _ = first.call(t, http.MethodPost, "/domains", `{"main":"down"}`)
	_, saved := first.call(t, http.MethodGet, "/scenario", "")
	for _, want := range []string{`"probability": 0.5`, `"seed": 3`, `"main": "down"`, `"probe_share": 0`, `"action": "throttle"`, `"times": 2`} {
		if !strings.Contains(saved, want) {
			t.Errorf("the scenario lacks %s:\n%s", want, saved)
		}
	}
	_, nothing := second.call(t, http.MethodGet, "/scenario", "")
	for text, phrase := range map[string]string{
		``: "it must be {", `{"wechatpay":{}} x`: "nothing after it", `{"weather":{}}`: `unknown field \"weather\"`,
		`{"wechatpay":{"faults":[{"action":"melt"}]},"cloud":{"faults":[{"action":"throttle"}]}}`: `wechatpay: fault 1: action`,
		`{"wechatpay":{"faults":[{"action":"drop"}]},"cloud":{"faults":[{"action":"melt"}]}}`:     `cloud: fault 1: action`,
	} {
		if status, got := second.call(t, http.MethodPost, "/scenario", text); status != http.StatusBadRequest || !strings.Contains(got, phrase) {
			t.Errorf("%s: got %d %s, want %q", text, status, got, phrase)
		}
	}
	if _, got := second.call(t, http.MethodGet, "/scenario", ""); got != nothing {
		t.Errorf("wrong scenarios have changed\n%s\nto\n%s", nothing, got)
	}
	if status, got := second.call(t, http.MethodPost, "/scenario", saved); status != http.StatusOK || got != saved {
		t.Errorf("got %d %s\nwant %s", status, got, saved)
	}
	if status, got := second.call(t, http.MethodPost, "/scenario", "{}"); status != http.StatusOK || got != nothing {
		t.Errorf("after an empty scenario: got %d %s, want %s", status, got, nothing)
	}
	if status, _ := second.call(t, http.MethodDelete, "/scenario", ""); status != http.StatusMethodNotAllowed {
		t.Errorf("DELETE: got %d, want 405", status)
	}
	if status, _ := second.call(t, http.MethodPost, "/scenario", saved, "Origin", "http://evil.example"); status != http.StatusForbidden {
		t.Errorf("of another origin: got %d, want 403", status)
	}
}

// Without a cloud there is WeChat Pay's part, and nothing else can be set.
func TestScenarioWithoutCloud(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	if _, got := d.call(t, http.MethodGet, "/scenario", ""); strings.Contains(got, `"cloud"`) || !strings.Contains(got, `"wechatpay"`) {
		t.Errorf("got %s", got)
	}
	if err := d.SetScenario([]byte(`{"cloud":{"faults":[]},"wechatpay":{"domains":{"backup":"down"}}}`)); err != nil || d.Gateway.DomainUp("backup") {
		t.Errorf("got the error %v, and the backup domain is up: %t", err, d.Gateway.DomainUp("backup"))
	}
	wantError(t, d.SetScenario([]byte(`{"cloud":{"faults":[{"action":"throttle"}]}}`)), "there is no cloud here")
}
