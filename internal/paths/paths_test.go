package paths_test

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"

	"cloudpay/internal/hosting"
	"cloudpay/internal/paths"
	"cloudpay/internal/trigger/event"
)

// served is a table of the routes named. Each answers 299 with its name and the path that it sees,
// and says of each head that it proves as much as the route's place in Names tells.
func served(names ...paths.Name) paths.Table {
	table := paths.Table{}
	for i, name := range paths.Names() {
		if !slices.Contains(names, name) {
			continue
		}
		table[name] = paths.Handler{
			Methods: methods[name],
			Serve: func(_ context.Context, _ hosting.Invocation, e event.Event, _ *event.Fault) (hosting.Response, error) {
				if e.Request.Relative {
					return paths.Reply(298, "the path is still said to be cut off")
				}
				return paths.Reply(299, []string{string(name), e.Request.Path, string(e.Request.Body)})
			},
			Standing: func(hosting.Request) hosting.Standing { return standings[i%len(standings)] },
		}
	}
	return table
}

var standings = []hosting.Standing{hosting.Unproved, hosting.Named, hosting.Proved}

var methods = map[paths.Name][]string{
	paths.PayNotify: {http.MethodPost}, paths.Sweep: {http.MethodPost}, paths.DropIn: {http.MethodPost},
	paths.Health: {http.MethodGet, http.MethodHead}, paths.Metrics: {http.MethodGet},
}

// led are paths, the route that each names, and the path that the route's handler sees.
var led = []struct {
	path string
	to   paths.Name
	as   string
}{
	{"/closeorder", paths.CloseOrder, "/closeorder"},
	{"/closeorder/", paths.CloseOrder, "/closeorder"},
	{"/closeorder/A1", paths.CloseOrder, "/closeorder/A1"},
	{"/pay/v1/closeorder", paths.CloseOrder, "/closeorder"},
	{"/queryorder", paths.QueryOrder, "/queryorder"},
	{"/queryorder/A1", paths.QueryOrder, "/queryorder/A1"},
	{"/release/queryorder/A1/", paths.QueryOrder, "/queryorder/A1"},
	{"/paynotify", paths.PayNotify, "/paynotify"},
	{"/pay/paynotify", paths.PayNotify, "/paynotify"},
	{"/sweep", paths.Sweep, "/sweep"},
	{"/ops/sweep/", paths.Sweep, "/sweep"},
	{"/healthz", paths.Health, "/healthz"},
	{"/metrics", paths.Metrics, "/metrics"},
	{"/wx-pay/wxpay_close_order", paths.DropIn, "/wx-pay/wxpay_close_order"},
	{"/api/wx-pay/x", paths.DropIn, "/wx-pay/x"},
	// One meaning, whatever else the last element may name.
	{"/queryorder/sweep", paths.QueryOrder, "/queryorder/sweep"},
	{"/closeorder/paynotify", paths.CloseOrder, "/closeorder/paynotify"},
	{"/wx-pay/metrics", paths.DropIn, "/wx-pay/metrics"},
	{"/closeorder/queryorder", paths.CloseOrder, "/closeorder/queryorder"},
	{"/queryorder/wx-pay/x", paths.DropIn, "/wx-pay/x"},
	// None.
	{"/A1", "", ""},
	{"/dropin", "", ""},
	{"/wx-pay", "", ""},
	{"/Sweep", "", ""},
	{"/sweep.", "", ""},
	{"/sweeps", "", ""},
	{"/sweep/x", "", ""},
	{"/paynotify/x", "", ""},
	{"/healthz/x", "", ""},
	{"/closeorder/A1/x", "", ""},
	{"/closeorders", "", ""},
	{"/favicon.ico", "", ""},
}

// TestTable: every path by every method, with every set of routes.
func TestTable(t *testing.T) {
	t.Parallel()
	allMethods := []string{
		http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
		http.MethodOptions, http.MethodConnect, http.MethodTrace, "post", "",
	}
	names := paths.Names()
	for set := range 1 << len(names) {
		var routes []paths.Name
		for i, name := range names {
			if set>>i&1 == 1 {
				routes = append(routes, name)
			}
		}
		table := served(routes...)
		for _, row := range led {
			for _, method := range allMethods {
				check(t, table, routes, row.path, method, row.to, row.as)
			}
		}
	}
}

func check(t *testing.T, table paths.Table, routes []paths.Name, path, method string, to paths.Name, as string) {
	t.Helper()
	want, wantStanding := 299, hosting.Refused
	switch {
	case !slices.Contains(routes, to):
		want = http.StatusNotFound
	case methods[to] != nil && !slices.Contains(methods[to], method):
		want = http.StatusMethodNotAllowed
	default:
		wantStanding = standings[slices.Index(paths.Names(), to)%len(standings)]
	}
	r := hosting.Request{Method: method, Path: path, Body: []byte("{}"), Relative: true}
	got, err := table.HandleHTTP(t.Context(), hosting.Invocation{Platform: hosting.Web}, r)
	if err != nil || got.Status != want {
		t.Errorf("%s %s with %v: got %d, %v, want %d", method, path, routes, got.Status, err, want)
	}
	if standing := table.Standing(hosting.Request{Method: method, Path: path}); standing != wantStanding {
		t.Errorf("%s %s with %v: got standing %d, want %d", method, path, routes, standing, wantStanding)
	}
	if allow := strings.Join(methods[to], ", "); want == http.StatusMethodNotAllowed && got.Header["Allow"] != allow {
		t.Errorf("%s %s: got Allow %q, want %q", method, path, got.Header["Allow"], allow)
	}
	if seen := string(got.Body); want == 299 && seen != `["`+string(to)+`","`+as+`","{}"]` {
		t.Errorf("%s %s: got %s, want route %s and path %s", method, path, seen, to, as)
	}
}

// TestRefusals: what the table refuses by itself has the keys of every result, and says that no
// order was looked for.
func TestRefusals(t *testing.T) {
	t.Parallel()
	table := served(paths.Sweep)
	for name, test := range map[string]struct {
		event  string
		status int
		field  string
	}{
		"no route":   {`{"httpMethod":"POST","path":"/x","headers":{}}`, http.StatusNotFound, "path"},
		"a method":   {`{"httpMethod":"GET","path":"/sweep","headers":{}}`, http.StatusMethodNotAllowed, "method"},
		"unreadable": {`{"httpMethod":"POST","path":7,"headers":{}}`, http.StatusBadRequest, "path"},
		"too large": {
			`{"httpMethod":"POST","path":"/","headers":{},"body":"` + strings.Repeat("x", 7<<20) + `"}`, http.StatusRequestEntityTooLarge, "event",
		},
	} {
		e, fault := event.Decode([]byte(test.event))
		got, err := table.Serve(t.Context(), hosting.Invocation{}, e, fault)
		if err != nil || got.Status != test.status {
			t.Errorf("%s: got %d %s, %v, want %d", name, got.Status, got.Body, err, test.status)
		}
		var result struct{ ReturnCode, ErrCode, ErrCodeDes, Outcome string }
		if err := json.Unmarshal(got.Body, &result); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if result.ReturnCode != "FAIL" || result.ErrCode != "PARAM_ERROR" || result.Outcome != "refused" || !strings.HasPrefix(result.ErrCodeDes, test.field) {
			t.Errorf("%s: got %s, want a refusal for %s", name, got.Body, test.field)
		}
		if got.Header["Cache-Control"] != "no-store" || got.Header["X-Content-Type-Options"] != "nosniff" {
			t.Errorf("%s: got headers %v", name, got.Header)
		}
	}
}

// TestTooManyNames: a request that cannot be read still reaches its route, which refuses it in its
// own words.
func TestTooManyNames(t *testing.T) {
	t.Parallel()
	header := map[string]string{}
	for range 10_000 {
		header[strconv.Itoa(len(header))] = ""
	}
	got, err := served(paths.Sweep).HandleHTTP(t.Context(), hosting.Invocation{}, hosting.Request{Method: "POST", Path: "/sweep", Header: header})
	if err != nil || got.Status != 299 {
		t.Errorf("got %d, %v, want the route's own answer", got.Status, err)
	}
}
