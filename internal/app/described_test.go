//go:build sqlite

package app_test

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/telemetry/telemetrytest"
)

// descriptions read closeorder's environment from each file that describes a deployment.
var descriptions = map[string]func(text []byte) (map[string]string, error){
	"cloudbaserc.json": func(text []byte) (map[string]string, error) {
		var described struct {
			Functions []struct {
				Name         string            `json:"name"`
				EnvVariables map[string]string `json:"envVariables"`
			} `json:"functions"`
		}
		err := json.Unmarshal(text, &described)
		for _, f := range described.Functions {
			if f.Name == "closeorder" {
				return f.EnvVariables, err
			}
		}
		return nil, err
	},
	"serverless.yml": func(text []byte) (map[string]string, error) {
		var described struct {
			Provider struct {
				Environment struct {
					Variables map[string]string `yaml:"variables"`
				} `yaml:"environment"`
			} `yaml:"provider"`
		}
		err := yaml.Unmarshal(text, &described)
		return described.Provider.Environment.Variables, err
	},
	"serverless.aws.yml": func(text []byte) (map[string]string, error) {
		var described struct {
			Provider struct {
				Environment map[string]string `yaml:"environment"`
			} `yaml:"provider"`
		}
		err := yaml.Unmarshal(text, &described)
		return described.Provider.Environment, err
	},
}

// reference matches a variable that a description takes from the environment, with or without a
// default.
var reference = regexp.MustCompile(`^(?:\{\{env\.(\w+)\}\}|\$\{env:(\w+)(?:, '([^']*)')?\})$`)

// described returns the variables that a deployment by a description gives to a function. values
// are the merchant's.
func described(t *testing.T, file string, values map[string]string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", file))
	if err != nil {
		t.Fatal(err)
	}
	vars, err := descriptions[file](text)
	if err != nil || len(vars) == 0 {
		t.Fatalf("%s: got variables %v, %v", file, vars, err)
	}
	for name, value := range vars {
		source := reference.FindStringSubmatch(value)
		if source == nil {
			continue // the value itself
		}
		filled, known := values[source[1]+source[2]]
		if !known {
			filled = source[3]
		}
		if filled == "" {
			t.Fatalf("%s: %s takes %s, for which this test has no value", file, name, value)
		}
		vars[name] = filled
	}
	return vars
}

// A deployment by any of the root's files can do what the README promises first: register an order
// with its customer's openid, after which that customer may close it.
func TestRegisteredByEachDescription(t *testing.T) {
	t.Parallel()
	for _, file := range slices.Sorted(maps.Keys(descriptions)) {
		t.Run(file, func(t *testing.T) {
			t.Parallel()
			k := newRegisterEnv(t, mode{api: order.V3})
			base := k.vars["WXPAY_BASE_URL"]
			values := maps.Clone(k.vars)
			values["CLOUDPAY_HTTP_TOKEN"] = strings.Repeat("http-token-", 3)
			telemetrytest.Secret(t, telemetrytest.Token, values["CLOUDPAY_HTTP_TOKEN"])
			k.vars = described(t, file, values)
			_, hasService := k.vars["CLOUDPAY_SERVICE_TOKEN"]
			k.vars["WXPAY_BASE_URL"] = base // no description has to set it
			k.platform = map[bool]hosting.Platform{true: hosting.SCF, false: hosting.Lambda}[hasService]

			if k.vars["CLOUDPAY_METRICS"] != "emf" {
				t.Error("CLOUDPAY_METRICS=emf is missing: the rules of docs/alarms would read no figures")
			}
			k.order("A1")
			event := `{"out_trade_no":"A1","close_at":1800,"openid":"` + openID + `","total":100}`
			if hasService {
				event = strings.Replace(event, "{", `{"service_token":"`+serviceToken+`",`, 1)
			}
			k.wantOutcome(readResult(t, k.ask("closeorder", event, nil)), order.OutcomeScheduled, "")
			got, err := k.store.Show(t.Context(), k.ref("A1"))
			if want := order.WeChatOwner(k.Merchant.AppID, openID); err != nil || got.Owner != want {
				t.Errorf("got owner %q, %v; want %s", got, err, want)
			}
		})
	}
}

// The refusal says what is missing and which variable takes it.
func TestRegisteredByOpenIDWantsAnAppID(t *testing.T) {
	t.Parallel()
	k := newRegisterEnv(t, mode{api: order.V3})
	delete(k.vars, "WXPAY_APPID")
	delete(k.vars, "WXPAY_V2_KEY") // with it, the appid would be required anyway
	got := k.asService("closeorder", `{"out_trade_no":"A1","close_at":1800,"openid":"`+openID+`"}`)
	k.wantOutcome(got, order.OutcomeRefused, errcode.ParamError)
	if !strings.Contains(got.ErrCodeDes, "openid: ") || !strings.Contains(got.ErrCodeDes, "WXPAY_APPID") {
		t.Errorf("got %q, want the remedy", got.ErrCodeDes)
	}
	k.wantAsked(0)
}
