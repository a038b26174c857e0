package main

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// The emulated world runs what cloudbaserc.json describes: cloudpay, which
// wx.cloud.callHTTPFunction reaches, and cloudpay-public, to which WeChat Pay's notifications come.
// Each subtest below is a kind of caller, before the whole command.

// httpWorld is a running emulator with this repository's description.
type httpWorld struct {
	shop
}

// newHTTPWorld starts it, and has two orders registered: A1 for the mini-program's user oABC, A2
// for the web page's user u-77.
func newHTTPWorld(t *testing.T) httpWorld {
	t.Helper()
	root, err := filepath.Abs(repositoryRoot)
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t)
	w := httpWorld{s.emulate(s.folder(), "--functions", root, "--no-timers").open()}
	for number, owner := range map[string]string{"A1": `"openid":"oABC"`, "A2": `"owner":"tcb:u-77"`} {
		if !w.place(number, "") {
			t.Fatalf("the order %s was not placed", number)
		}
		if r, err := w.close(`{"out_trade_no":"` + number + `","close_at":36000,` + owner + `}`); err != nil || r.Outcome != "scheduled" {
			t.Fatalf("registering %s: got %+v, %v", number, r, err)
		}
	}
	return w
}

// post sends a JSON body to a path of the cloud.
func (w httpWorld) post(path, body string, header map[string]string) (status int, answer string) {
	w.Helper()
	request, err := http.NewRequestWithContext(w.Context(), http.MethodPost, w.CloudURL+path, strings.NewReader(body))
	if err != nil {
		w.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for name, value := range header {
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		w.Fatal(err)
	}
	return response.StatusCode, string(text)
}

// want posts to a path, and wants a status and an outcome.
func (w httpWorld) want(path, body string, header map[string]string, status int, outcome string) {
	w.Helper()
	got, answer := w.post(path, body, header)
	var r result
	if err := json.Unmarshal([]byte(answer), &r); got != status || err != nil || r.Outcome != outcome {
		w.Errorf("%s %s: got %d %s, want %d %s", path, body, got, answer, status, outcome)
	}
}

// token is the header of a caller that logged in to the emulated cloud by this request.
func (w httpWorld) token(path, body string) map[string]string {
	w.Helper()
	_, answer := w.post(path, body, nil)
	var got struct {
		Token string `json:"access_token"`
	}
	if err := json.Unmarshal([]byte(answer), &got); err != nil || got.Token == "" {
		w.Fatalf("%s: got %s, want a token", path, answer)
	}
	return map[string]string{"Authorization": "Bearer " + got.Token}
}

// wantStates fails unless WeChat Pay has these two orders in these states.
func (w httpWorld) wantStates(a1, a2 string) {
	w.Helper()
	if got1, got2 := w.state("A1"), w.state("A2"); got1 != a1 || got2 != a2 {
		w.Errorf("got A1 %s and A2 %s, want %s and %s", got1, got2, a1, a2)
	}
}

func TestEmulatedHTTPFunctions(t *testing.T) {
	t.Parallel()
	w := newHTTPWorld(t)
	defer w.stop() // while the test's context lasts
	on := func(t *testing.T) httpWorld {
		t.Helper()
		mine := w
		e := *w.emulator
		e.site = e.on(t)
		mine.emulator = &e
		return mine
	}
	// The refused callers come first, so that what they must not close is still open. The subtests
	// are not parallel for that.
	t.Run("an anonymous user is refused", func(t *testing.T) { on(t).refuseAnonymous() })
	t.Run("a forged header is refused at every door", func(t *testing.T) { on(t).refuseForged() })
	t.Run("a mini-program user calls callHTTPFunction", func(t *testing.T) { on(t).admitMiniProgram() })
	t.Run("a logged-in web user calls with a token", func(t *testing.T) { on(t).admitLogin() })
	t.Run("a payment is notified", func(t *testing.T) { on(t).notify() })
}

const (
	a1, a2 = `{"out_trade_no":"A1"}`, `{"out_trade_no":"A2"}`
	// httpAPI is the environment's HTTP API, by which every request arrives at /.
	httpAPI = "/v1/functions/cloudpay?webfn=true"
)

// refuseAnonymous: without a token, with an anonymous session's and with the publishable key.
func (w httpWorld) refuseAnonymous() {
	w.Helper()
	for _, header := range []map[string]string{
		nil, w.token("/auth/v1/signin/anonymously", ""), w.token("/v1/logins", `{"publishable":true}`),
	} {
		w.want(httpAPI, `{"path":"/closeorder","out_trade_no":"A2"}`, header, http.StatusUnauthorized, "refused")
		w.want("/tcb/cloudpay/closeorder", a2, header, http.StatusUnauthorized, "refused")
	}
	w.wantStates("NOTPAY", "NOTPAY")
}

// refuseForged: X-WX-OPENID by each door that a client can write it at, alone and beside what gets
// through there; and at cloudpay-public no door leads to an order at all.
func (w httpWorld) refuseForged() {
	w.Helper()
	forged := map[string]string{"X-WX-OPENID": "oABC", "X-WX-APPID": w.Merchant.AppID, "X-WX-SOURCE": "wx_client"}
	with := func(more map[string]string) map[string]string {
		all := maps.Clone(forged)
		maps.Copy(all, more)
		return all
	}
	publishable, user := w.token("/v1/logins", `{"publishable":true}`), w.token("/v1/logins", `{"sub":"u-1"}`)
	w.want(httpAPI, `{"path":"/closeorder","out_trade_no":"A1"}`, with(publishable), http.StatusUnauthorized, "refused")
	w.want("/tcb/cloudpay/closeorder", a1, forged, http.StatusUnauthorized, "refused")
	w.want("/tcb-auth/cloudpay/closeorder", a1, with(publishable), http.StatusUnauthorized, "refused")
	w.want("/http/cloudpay/closeorder", a1, forged, http.StatusUnauthorized, "refused")
	w.want("/wx/cloudpay/closeorder", a1, with(publishable), http.StatusUnauthorized, "refused")
	// A login counts for itself and lends the forged header nothing.
	w.want(httpAPI, `{"path":"/closeorder","out_trade_no":"A1"}`, with(user), http.StatusNotFound, "notFound")
	w.want("/tcb/cloudpay-public/closeorder", a1, forged, http.StatusNotFound, "refused")
	w.want("/wx/cloudpay-public/closeorder", a1, forged, http.StatusNotFound, "refused")
	w.wantStates("NOTPAY", "NOTPAY")
}

// admitMiniProgram: a user closes the own order, and no other's.
func (w httpWorld) admitMiniProgram() {
	w.Helper()
	own, other := map[string]string{"X-WX-OPENID": "oABC"}, map[string]string{"X-WX-OPENID": "oXYZ"}
	w.want("/wx/cloudpay/closeorder", a1, other, http.StatusNotFound, "notFound")
	w.want("/wx/cloudpay/queryorder", a1, own, http.StatusOK, "found")
	w.wantStates("NOTPAY", "NOTPAY")
	w.want("/wx/cloudpay/closeorder", a1, own, http.StatusOK, "closed")
	if want := w.CloudURL + "/wx/cloudpay"; w.HTTPFunctionURL != want {
		w.Errorf("emulator.json: got http_function_url %q, want %q", w.HTTPFunctionURL, want)
	}
	w.wantStates("CLOSED", "NOTPAY")
}

// admitLogin: a logged-in user, by the HTTP API, where the path is in the body.
func (w httpWorld) admitLogin() {
	w.Helper()
	w.want(httpAPI, `{"path":"/closeorder","out_trade_no":"A2"}`, w.token("/v1/logins", `{"sub":"u-78"}`), http.StatusNotFound, "notFound")
	w.wantStates("CLOSED", "NOTPAY")
	w.want(httpAPI, `{"path":"/closeorder","out_trade_no":"A2"}`, w.token("/v1/logins", `{"sub":"u-77"}`), http.StatusOK, "closed")
	w.wantStates("CLOSED", "CLOSED")
}

// notify: the payment of an order that was placed without a notify_url comes to cloudpay-public,
// which ends it in the register. A forged notification is refused there.
func (w httpWorld) notify() {
	w.Helper()
	if want := w.CloudURL + "/tcb/cloudpay-public/paynotify"; w.NotifyURL != want {
		w.Fatalf("emulator.json: got notify_url %q, want %q", w.NotifyURL, want)
	}
	if !w.place("A3", "") || !w.registers("A3") {
		w.Fatal("the order A3 was not placed and registered")
	}
	if status, _ := w.post("/tcb/cloudpay-public/paynotify", `{"event_type":"TRANSACTION.SUCCESS"}`, nil); status/100 != 4 {
		w.Errorf("a forged notification: got %d", status)
	}
	if status, answer := w.manage(http.MethodPost, "/orders/A3/pay", ""); status != http.StatusOK {
		w.Fatalf("paying: %d %s", status, answer)
	}
	waitUntil(w.T, func() bool {
		_, answer := w.manage(http.MethodGet, "/deliveries?order=A3&function=cloudpay-public&verdict=ok", "")
		return strings.Contains(answer, `"topic":"payment"`)
	})
	// The register has the payment, so that a close is not even tried.
	if r, err := w.close(`{"out_trade_no":"A3"}`); err != nil || r.Outcome != "paid" {
		w.Errorf("closing a paid order: got %+v, %v", r, err)
	}
	if status, answer := w.manage(http.MethodGet, "/requests?order=A3", ""); status != http.StatusOK || strings.Contains(answer, `"op": "close"`) {
		w.Errorf("got %d %s, want no close of A3 at WeChat Pay", status, answer)
	}
}
