package inspection_test

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"cloudpay/internal/cli/inspection"
	"cloudpay/internal/telemetry/telemetrytest"
)

// Tokens that must not be in an answer.
const (
	someToken  = "Zk4wQ9xTn2VbLr7HcPd5FmYs8GjUe3Ra"
	otherToken = "Wt6yBv1MqKz8NfXh3DgCs5RpLj9EuHa2"
)

// settings are the answer of GET /settings.
func settings(t *testing.T, lang string, functions ...inspection.Function) (answered, map[string]map[string]any) {
	t.Helper()
	h := inspection.Settings(func() []inspection.Function { return functions })
	got := ask(t, h, http.MethodGet, "/settings?lang="+lang, "").want(200)
	_, _ = telemetrytest.Output(t, telemetrytest.Terminal).Write([]byte(got.text))
	var answer struct {
		Functions []struct {
			Set []map[string]any `json:"set"`
		} `json:"functions"`
	}
	if err := json.Unmarshal([]byte(got.text), &answer); err != nil {
		t.Fatal(err)
	}
	set := map[string]map[string]any{}
	for _, function := range answer.Functions {
		for _, one := range function.Set {
			name, _ := one["name"].(string)
			set[name] = one
		}
	}
	return got, set
}

// Every variable of the table is explained; values are shown with their source, unless they may be
// a secret, in which case nothing of them is in the answer.
func TestSettings(t *testing.T) {
	t.Parallel()
	telemetrytest.Secret(t, telemetrytest.V2Key, someToken)
	telemetrytest.Secret(t, telemetrytest.V3Key, otherToken)
	keyFile := filepath.Join(t.TempDir(), "v3")
	if err := os.WriteFile(keyFile, []byte(otherToken), 0o600); err != nil {
		t.Fatal(err)
	}
	own := inspection.Function{Name: "closeorder", Own: true, Variables: []inspection.Variable{
		{"WXPAY_API", "v3", "emulator"}, {"WXPAY_MCHID", "1900000001", "emulator"}, {"WXPAY_V2_KEY", someToken, "emulator"},
		{"CLOUDPAY_HTTP_TOKEN", otherToken, "emulator"}, {"CLOUDPAY_SWEEP_PER_SECOND", "20", "--env"},
		{"CLOUDPAY_LOG_LEVEL", someToken, "--env-file"}, // a key in the wrong variable
		{"WXPAY_PUBLIC_KEY", "-----BEGIN PUBLIC KEY-----\nMIIB\n", "description"}, {"WXPAY_V3_KEY_FILE", keyFile, "description"},
		{"SHOP_PASSWORD", otherToken, "description"}, {"CLOUDPAY_ROUTES", "", "description"},
	}}
	got, set := settings(t, "en", own)
	for name, want := range map[string]any{
		"WXPAY_API": "v3", "WXPAY_MCHID": "1900000001", "CLOUDPAY_SWEEP_PER_SECOND": "20", "WXPAY_V3_KEY_FILE": keyFile,
	} {
		if set[name]["value"] != want {
			t.Errorf("%s: got %v, want %v", name, set[name], want)
		}
	}
	for _, name := range []string{"WXPAY_V2_KEY", "CLOUDPAY_HTTP_TOKEN", "CLOUDPAY_LOG_LEVEL", "WXPAY_PUBLIC_KEY", "SHOP_PASSWORD"} {
		if set[name]["masked"] != true || set[name]["value"] != nil {
			t.Errorf("%s: got %v, want it masked", name, set[name])
		}
	}
	if set["CLOUDPAY_SWEEP_PER_SECOND"]["source"] != "--env" || set["CLOUDPAY_ROUTES"]["masked"] != nil {
		t.Errorf("got %v and %v", set["CLOUDPAY_SWEEP_PER_SECOND"], set["CLOUDPAY_ROUTES"])
	}
	got.want(200, `"name": "CLOUDPAY_PRUNE_AFTER"`, "CLOUDPAY_LOG_LEVEL", "The least severe log records to write.", `"default": "v3"`)
	got.lacks(someToken, otherToken, "MIIB")
	chinese, _ := settings(t, "zh", own)
	chinese.want(200, "商户所在地").lacks("The least severe")
}

// A function of the user's own has variables of which nothing is known: none is shown, and none is
// a fault.
func TestSettingsOfOtherFunctions(t *testing.T) {
	t.Parallel()
	got, set := settings(t, "en", inspection.Function{Name: "shop", Variables: []inspection.Variable{{"DB_URL", someToken, "description"}, {"WXPAY_API", "v9", "description"}}})
	if set["DB_URL"]["masked"] != true {
		t.Errorf("got %v", set["DB_URL"])
	}
	got.lacks(`"faults"`, someToken)
	ask(t, inspection.Settings(func() []inspection.Function { return nil }), http.MethodPost, "/settings", "").want(405, "possible: GET")
}
