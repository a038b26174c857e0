//go:build sqlite

package app_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// doorsEnv is the emulated cloud before two deployments of one function: cloudpay, to which only
// wx.cloud.callHTTPFunction leads, and cloudpay-public, with routes and for logged-in users.
type doorsEnv struct {
	*registerEnv

	url string
}

func newDoorsEnv(t *testing.T) *doorsEnv {
	t.Helper()
	k := newRegisterEnv(t, mode{order.V2, false})
	cloud := &platform.Cloud{EnvID: "shop-1a2b", AppID: k.Merchant.AppID}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = cloud.Close() })
	k.vars["CLOUDPAY_HTTP_TOKEN"] = httpToken
	k.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	inner := k.onWithSQLite("closeorder", platform.Web)
	delete(k.vars, "CLOUDPAY_BEHIND_WX_GATEWAY")
	k.vars["CLOUDPAY_LOGIN_ENV"], k.vars["CLOUDPAY_LOGIN_URL"] = cloud.EnvID, server.URL
	public := k.onWithSQLite("closeorder", platform.Web)
	cloud.Functions = map[string]*platform.Function{"cloudpay": inner, "cloudpay-public": public}
	return &doorsEnv{k, server.URL}
}

// post sends a body through a door, and returns the result.
func (d *doorsEnv) post(path, body string, header map[string]string) (int, order.Result) {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		d.t.Fatal(err)
	}
	d.replied(text)
	return response.StatusCode, readResult(d.t, string(text))
}

// token is bearerOf at the site's own address.
func (d *doorsEnv) token(path, body string) map[string]string {
	d.t.Helper()
	return bearerOf(d.t, d.url+path, body)
}

// bearerOf logs a user in to the emulated CloudBase, and returns the Authorization header.
func bearerOf(t testing.TB, url, body string) map[string]string {
	t.Helper()
	response, err := http.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil || got.Token == "" {
		t.Fatalf("%s: got no token: %v", url, err)
	}
	return map[string]string{"Authorization": "Bearer " + got.Token}
}

// A mini-program's user by callHTTPFunction and a web page's by access token close their own orders
// and no other's, an anonymous one none; a forged header gets nowhere by any door.
func TestDoorsOfTheEmulatedCloud(t *testing.T) {
	t.Parallel()
	d := newDoorsEnv(t)
	bearer := map[string]string{"Authorization": "Bearer " + httpToken}
	for number, owner := range map[string]string{"A1": mine, "A2": `"close_at":3600,"owner":"tcb:u-77"`} {
		d.order(number)
		if status, got := d.post("/tcb/cloudpay-public/closeorder", `{"out_trade_no":"`+number+`",`+owner+`}`, bearer); status != http.StatusAccepted {
			t.Fatalf("registering %s: got %d %+v", number, status, got)
		}
	}
	alice := map[string]string{"X-WX-OPENID": openID, "X-WX-APPID": d.Merchant.AppID}
	user, other := d.token("/v1/logins", `{"sub":"u-77"}`), d.token("/v1/logins", `{"sub":"u-78"}`)
	anonymous, publishable := d.token("/auth/v1/signin/anonymously", ""), d.token("/v1/logins", `{"publishable":true}`)
	both := func(one, two map[string]string) map[string]string {
		all := map[string]string{}
		for _, header := range []map[string]string{one, two} {
			maps.Copy(all, header)
		}
		return all
	}
	for _, test := range []struct {
		name, path, number string
		header             map[string]string
		status             int
		want               order.Outcome
	}{
		{"another mini-program user", "/wx/cloudpay/closeorder", "A1", map[string]string{"X-WX-OPENID": otherOpenID}, 404, order.OutcomeNotFound},
		{"a client that adds a login", "/wx/cloudpay/closeorder", "A1", both(alice, user), 401, order.OutcomeRefused},
		{"the HTTP API, forged", "/v1/functions/cloudpay?webfn=true", "A1", both(alice, publishable), 401, order.OutcomeRefused},
		{"the access service, forged", "/tcb/cloudpay/closeorder", "A1", alice, 401, order.OutcomeRefused},
		{"enableAuth and the publishable key, forged", "/tcb-auth/cloudpay/closeorder", "A1", both(alice, publishable), 401, order.OutcomeRefused},
		{"the function URL, forged", "/http/cloudpay/closeorder", "A1", alice, 401, order.OutcomeRefused},
		{"the public function, forged", "/tcb/cloudpay-public/closeorder", "A1", alice, 401, order.OutcomeRefused},
		{"no token", "/tcb/cloudpay-public/closeorder", "A2", nil, 401, order.OutcomeRefused},
		{"an anonymous user", "/tcb/cloudpay-public/closeorder", "A2", anonymous, 401, order.OutcomeRefused},
		{"the publishable key", "/tcb-auth/cloudpay-public/closeorder", "A2", publishable, 401, order.OutcomeRefused},
		{"another user", "/tcb/cloudpay-public/closeorder", "A2", other, 404, order.OutcomeNotFound},
		{"a user's token where none is configured", "/tcb/cloudpay/closeorder", "A2", user, 401, order.OutcomeRefused},
		{"the user, another's order", "/tcb/cloudpay-public/closeorder", "A1", user, 404, order.OutcomeNotFound},

		{"the mini-program's user", "/wx/cloudpay/closeorder", "A1", alice, 200, order.OutcomeClosed},
		{"the logged-in user", "/tcb/cloudpay-public/closeorder", "A2", user, 200, order.OutcomeClosed},
		{"the same by the HTTP API", "/v1/functions/cloudpay-public?webfn=true", "A2", user, 200, order.OutcomeAlreadyClosed},
	} {
		status, got := d.post(test.path, `{"out_trade_no":"`+test.number+`"}`, test.header)
		if status != test.status || got.Outcome != test.want {
			t.Errorf("%s: got %d %s %s, want %d %s", test.name, status, got.Outcome, got.ErrCode, test.status, test.want)
		}
		if strings.HasPrefix(test.name, "the user, another's") {
			d.WantState("A1", paygate.StateNotPay)
			d.WantState("A2", paygate.StateNotPay)
		}
	}
	d.WantState("A1", paygate.StateClosed)
	d.WantState("A2", paygate.StateClosed)
}
