package archtest_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// cloudBaseDescription is what cloudbaserc.json says of functions and of the routes to them
// (docs.cloudbase.net/cli-v1/http-gateway).
type cloudBaseDescription struct {
	Functions []struct {
		Name string            `json:"name"`
		Env  map[string]string `json:"envVariables"`
		Path string            `json:"path"` // the route that tcb fn deploy --path makes
	} `json:"functions"`
	Gateway struct {
		Routes []struct {
			Path     string          `json:"path"`
			Upstream json.RawMessage `json:"upstream"`
			Function string          `json:"function"`
			Target   string          `json:"target"`
		} `json:"routes"`
	} `json:"gateway"`
}

// routedBehindGateway lists the functions of a description that believe X-WX-OPENID although a
// route leads to them. A route's target is a function's name, alone or behind "function:", in
// whichever member the tool's version has it.
func routedBehindGateway(t *testing.T, text string) []string {
	t.Helper()
	var d cloudBaseDescription
	if err := json.Unmarshal([]byte(text), &d); err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, f := range d.Functions {
		believes := f.Env["CLOUDPAY_BEHIND_WX_GATEWAY"] != "" && f.Env["CLOUDPAY_BEHIND_WX_GATEWAY"] != "0"
		routed := f.Path != ""
		for _, r := range d.Gateway.Routes {
			routed = routed || slices.Contains([]string{r.Function, strings.TrimPrefix(r.Target, "function:")}, f.Name) ||
				strings.Contains(string(r.Upstream), `"`+f.Name+`"`) || strings.Contains(string(r.Upstream), `"function:`+f.Name+`"`)
		}
		if believes && routed {
			found = append(found, f.Name)
		}
	}
	return found
}

// TestNoRouteBehindTheGateway: an identity header is worth nothing where a public door leads, so
// that no description of ours has the setting and a route for one function.
func TestNoRouteBehindTheGateway(t *testing.T) {
	t.Parallel()
	if got := routedBehindGateway(t, readFile(t, "cloudbaserc.json")); len(got) > 0 {
		t.Errorf("cloudbaserc.json: %v believe X-WX-OPENID and have a route: deploy such a function twice", got)
	}
	const functions = `"functions":[{"name":"cloudpay","envVariables":{"CLOUDPAY_BEHIND_WX_GATEWAY":"1"}},` +
		`{"name":"cloudpay-public","envVariables":{"CLOUDPAY_BEHIND_WX_GATEWAY":"0"}}]`
	for text, want := range map[string]int{
		`{` + functions + `}`: 0,
		`{` + functions + `,"gateway":{"routes":[{"path":"/p","target":"function:cloudpay-public"}]}}`:                                0, // the other function's
		`{` + functions + `,"gateway":{"routes":[{"path":"/p","target":"function:cloudpay"}]}}`:                                       1,
		`{` + functions + `,"gateway":{"routes":[{"path":"/p","upstream":{"type":"WEB_SCF","name":"cloudpay"}}]}}`:                    1,
		`{` + functions + `,"gateway":{"routes":[{"path":"/p","upstream":"function:cloudpay"},{"path":"/q","function":"cloudpay"}]}}`: 1,
		`{"functions":[{"name":"cloudpay","path":"/p","envVariables":{"CLOUDPAY_BEHIND_WX_GATEWAY":"1"}}]}`:                           1,
	} {
		if got := routedBehindGateway(t, text); len(got) != want {
			t.Errorf("%s: got %v, want %d", text, got, want)
		}
	}
}
