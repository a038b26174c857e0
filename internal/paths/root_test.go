package paths_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/paths"
)

// asked is what a handler of served saw.
type asked struct {
	route, path, body string
}

func ask(t *testing.T, table paths.Table, r hosting.Request) (status int, seen asked) {
	t.Helper()
	got, err := table.HandleHTTP(t.Context(), hosting.Invocation{Platform: hosting.Web}, r)
	if err != nil {
		t.Fatal(err)
	}
	var words []string
	if got.Status == 299 {
		if err := json.Unmarshal(got.Body, &words); err != nil {
			t.Fatalf("%s: %v", got.Body, err)
		}
		seen = asked{words[0], words[1], words[2]}
	}
	return got.Status, seen
}

// TestBodyNamesRoute: where only / arrives, the body tells the route, and the route does not see
// that.
func TestBodyNamesRoute(t *testing.T) {
	t.Parallel()
	table := served(paths.CloseOrder, paths.QueryOrder, paths.DropIn, paths.Sweep, paths.PayNotify, paths.Health, paths.Metrics)
	for body, want := range map[string]asked{
		`{"path":"/closeorder","out_trade_no":"A1"}`:                      {"closeorder", "/closeorder", `{"out_trade_no":"A1"}`},
		"{ \"out_trade_no\" :\t\"A1\" , \"path\" : \"/api/closeorder\" }": {"closeorder", "/closeorder", "{\"out_trade_no\" :\t\"A1\"}"},
		`{"path":"/queryorder/A1"}`:                                       {"queryorder", "/queryorder/A1", `{}`},
		`{"path":"/queryorder/A1","method":"get"}`:                        {"queryorder", "/queryorder/A1", `{}`},
		`{"_action":"queryorder","transaction_id":"4","n":1.50,"n":[{}]}`: {"queryorder", "/queryorder", `{"transaction_id":"4","n":1.50,"n":[{}]}`},
		`{"_action":"/closeorder/A1","path":"/queryorder"}`:               {"closeorder", "/closeorder/A1", `{}`},
		`{"\u0070ath":"/closeorder"}`:                                     {"closeorder", "/closeorder", `{}`},
		`{"_action":null,"path":"closeorder"}`:                            {"closeorder", "/closeorder", `{}`},
		`{"Path":"/queryorder","path":"/closeorder"}`:                     {"closeorder", "/closeorder", `{"Path":"/queryorder"}`},
		// pay-common's.
		`{"_action":"wxpay_close_order","out_trade_no":"A1"}`:         {"dropin", "/wx-pay/wxpay_close_order", `{"out_trade_no":"A1"}`},
		`{"_action":"/wx-pay/wxpay_close_order","out_trade_no":"A1"}`: {"dropin", "/wx-pay/wxpay_close_order", `{"out_trade_no":"A1"}`},
		`{"path":"/x/wx-pay/wxpay_refund","method":"POST"}`:           {"dropin", "/wx-pay/wxpay_refund", `{}`},
	} {
		for _, path := range []string{"/", "", "//"} {
			status, got := ask(t, table, hosting.Request{Method: "POST", Path: path, Body: []byte(body)})
			if status != 299 || got != want {
				t.Errorf("%s: got %d %+v, want %+v", body, status, got, want)
			}
		}
		if status, _ := ask(t, table, hosting.Request{Method: "POST", Path: "/elsewhere", Body: []byte(body)}); status != http.StatusNotFound {
			t.Errorf("%s at another path: got %d, want 404", body, status)
		}
		for _, method := range []string{"GET", "PUT", "DELETE", "HEAD"} {
			if status, _ := ask(t, table, hosting.Request{Method: method, Path: "/", Body: []byte(body)}); status != http.StatusNotFound {
				t.Errorf("%s %s: got %d, want 404", method, body, status)
			}
		}
	}
}

// TestBodyNamesNone: a body names no route that takes no parameters, none that is not served, and
// nothing by anything but a text.
func TestBodyNamesNone(t *testing.T) {
	t.Parallel()
	all := served(paths.Names()...)
	some := served(paths.QueryOrder)
	for _, row := range []struct {
		table  paths.Table
		body   string
		status int
	}{
		{all, `{"path":"/sweep"}`, http.StatusNotFound},
		{all, `{"path":"/paynotify"}`, http.StatusNotFound},
		{all, `{"path":"/healthz","method":"GET"}`, http.StatusNotFound},
		{all, `{"path":"/metrics","method":"GET"}`, http.StatusNotFound},
		{all, `{"_action":"unifiedOrderTrigger"}`, http.StatusNotFound},
		{all, `{"_action":"dropin"}`, http.StatusNotFound},
		{all, `{"path":"/"}`, http.StatusNotFound},
		{all, `{"out_trade_no":"A1"}`, http.StatusNotFound},
		{all, `{}`, http.StatusNotFound},
		{all, `{"_action":"wxpay_close_order","method":"GET"}`, http.StatusMethodNotAllowed},
		{all, ``, http.StatusBadRequest},
		{all, `[]`, http.StatusBadRequest},
		{all, `"closeorder"`, http.StatusBadRequest},
		{all, `{"path":"/closeorder"`, http.StatusBadRequest},
		{all, `{"path":"/closeorder"}{}`, http.StatusBadRequest},
		{all, `{"path":7}`, http.StatusBadRequest},
		{all, `{"path":["/closeorder"]}`, http.StatusBadRequest},
		{all, `{"path":"/closeorder","path":"/queryorder"}`, http.StatusBadRequest},
		{all, `{"path":"/closeorder","method":true}`, http.StatusBadRequest},
		{all, `{"path":"/closeorder","x":"` + strings.Repeat("x", order.MaxObject) + `"}`, http.StatusRequestEntityTooLarge},
		{some, `{"path":"/closeorder"}`, http.StatusNotFound},
		{some, `{"_action":"wxpay_close_order"}`, http.StatusNotFound},
		{some, `{"path":"/queryorder"}`, 299},
		{served(paths.Sweep, paths.Health), `{"path":"/sweep"}`, http.StatusNotFound},
	} {
		if status, seen := ask(t, row.table, hosting.Request{Method: "POST", Path: "/", Body: []byte(row.body)}); status != row.status {
			t.Errorf("%.60s: got %d %+v, want %d", row.body, status, seen, row.status)
		}
	}
}

// TestNoticeAtRoot: a notification whose path a gateway has removed reaches its route to the byte,
// told by its head.
func TestNoticeAtRoot(t *testing.T) {
	t.Parallel()
	signed := map[string]string{"wechatpay-signature": "x"}
	xml := map[string]string{"content-type": "text/XML; charset=utf-8"}
	both, public := served(paths.CloseOrder, paths.PayNotify), served(paths.PayNotify, paths.Sweep, paths.Health)
	const body = `{"id":"1" , "path":"/closeorder"}`
	for i, row := range []struct {
		table  paths.Table
		method string
		header map[string]string
		route  paths.Name
		path   string
	}{
		{both, "POST", signed, paths.PayNotify, "/paynotify"},
		{both, "POST", xml, paths.PayNotify, "/paynotify"},
		{both, "POST", nil, paths.CloseOrder, "/closeorder"},
		{public, "POST", nil, paths.PayNotify, "/paynotify"},
		{public, "POST", signed, paths.PayNotify, "/paynotify"},
		{public, "GET", signed, "", ""},
		{both, "GET", signed, "", ""},
		{served(paths.Sweep), "POST", signed, "", ""},
		{served(paths.CloseOrder), "POST", signed, paths.CloseOrder, "/closeorder"},
	} {
		status, got := ask(t, row.table, hosting.Request{Method: row.method, Path: "/", Header: row.header, Body: []byte(body)})
		if row.route == "" {
			if status != http.StatusNotFound {
				t.Errorf("row %d: got %d, want 404", i, status)
			}
			continue
		}
		if status != 299 || got.route != string(row.route) || got.path != row.path {
			t.Errorf("row %d: got %d %+v, want %s", i, status, got, row.route)
		}
		if row.route == paths.PayNotify && got.body != body {
			t.Errorf("row %d: got the body %s, want it to the byte", i, got.body)
		}
	}
}

// TestRootStanding: what a head proves at / is what it proves on the routes that it may reach.
func TestRootStanding(t *testing.T) {
	t.Parallel()
	signed := map[string]string{"wechatpay-signature": "x"}
	for i, row := range []struct {
		table  paths.Table
		method string
		header map[string]string
		want   hosting.Standing
	}{
		{served(paths.CloseOrder), "POST", nil, standings[0]},
		{served(paths.QueryOrder, paths.PayNotify), "POST", nil, standings[1]},
		{served(paths.QueryOrder, paths.PayNotify), "POST", signed, standings[2]},
		{served(paths.PayNotify), "POST", nil, standings[2]},
		{served(paths.CloseOrder), "OPTIONS", nil, standings[0]},
		{served(paths.CloseOrder), "GET", nil, hosting.Refused},
		{served(paths.DropIn), "OPTIONS", nil, hosting.Refused},
		{served(paths.Sweep, paths.Metrics, paths.Health), "POST", nil, hosting.Refused},
		{served(), "POST", signed, hosting.Refused},
	} {
		if got := row.table.Standing(hosting.Request{Method: row.method, Path: "/", Header: row.header}); got != row.want {
			t.Errorf("row %d: got %d, want %d", i, got, row.want)
		}
	}
}

// TestWithheldAtRoot: a request that may do nothing, so that its body was not read, is refused by
// the handler, and not for what its body would have named.
func TestWithheldAtRoot(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		names []paths.Name
		want  string
	}{
		{[]paths.Name{paths.QueryOrder, paths.DropIn}, `["queryorder","/queryorder",""]`},
		{[]paths.Name{paths.DropIn}, `["dropin","/wx-pay/",""]`},
	} {
		got, err := served(row.names...).HandleHTTP(t.Context(), hosting.Invocation{Withheld: true}, hosting.Request{Method: "POST", Path: "/"})
		if err != nil || string(got.Body) != row.want {
			t.Errorf("%v: got %d %s, %v, want %s", row.names, got.Status, got.Body, err, row.want)
		}
	}
}

// FuzzBody: whatever a body is, its members but the directions reach the route unchanged, or the
// request is refused.
func FuzzBody(f *testing.F) {
	for _, seed := range []string{
		`{"path":"/closeorder","a":1}`, `{"a":{"path":1},"_action":"queryorder"}`, "{\"a\" :\t1 ,\n\"path\":\"closeorder\"}", `{`, `{"path":"/closeorder",}`, "{\"\xff\":1,\"path\":\"/closeorder\"}",
	} {
		f.Add([]byte(seed))
	}
	table := served(paths.CloseOrder, paths.QueryOrder)
	f.Fuzz(func(t *testing.T, body []byte) {
		status, seen := ask(t, table, hosting.Request{Method: "POST", Path: "/", Body: body})
		if status != 299 || !utf8.Valid(body) { // the test's own encoding of what was seen would replace bytes
			return
		}
		var before, after map[string]json.RawMessage
		if err := json.Unmarshal(body, &before); err != nil {
			t.Fatalf("%q was led on, and is no JSON: %v", body, err)
		}
		if err := json.Unmarshal([]byte(seen.body), &after); err != nil {
			t.Fatalf("%q became %q: %v", body, seen.body, err)
		}
		for _, direction := range []string{"path", "_action", "method"} {
			delete(before, direction)
			if _, there := after[direction]; there {
				t.Fatalf("%q became %q, with %s", body, seen.body, direction)
			}
		}
		if len(before) != len(after) {
			t.Fatalf("%q became %q", body, seen.body)
		}
		for key, value := range before {
			if string(after[key]) != string(value) {
				t.Fatalf("%q became %q: %s", body, seen.body, key)
			}
		}
	})
}
