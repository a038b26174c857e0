//go:build sqlite

package app_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// dropInSite is the process of functions/web as two deployments behind the emulated cloud: shop,
// which only wx.cloud.callHTTPFunction and callContainer reach, and shop-public, with routes and
// for logged-in users.
type dropInSite struct {
	*registerEnv

	url   string
	cloud *platform.Cloud
}

func newDropInSite(t *testing.T) *dropInSite {
	t.Helper()
	k := newRegisterEnv(t, mode{order.V3, false})
	cloud := &platform.Cloud{EnvID: "shop-1a2b", AppID: k.Merchant.AppID}
	server := httptest.NewServer(cloud)
	t.Cleanup(server.Close)
	t.Cleanup(func() { _ = cloud.Close() })
	k.vars["CLOUDPAY_ROUTES"] = "dropin"
	k.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	inner := k.onWithSQLite("web", platform.Web)
	delete(k.vars, "CLOUDPAY_BEHIND_WX_GATEWAY")
	k.vars["CLOUDPAY_LOGIN_ENV"], k.vars["CLOUDPAY_LOGIN_URL"] = cloud.EnvID, server.URL
	public := k.onWithSQLite("web", platform.Web)
	cloud.Functions = map[string]*platform.Function{"shop": inner, "shop-public": public}
	return &dropInSite{k, server.URL, cloud}
}

// send sends a request through a door, and returns the body of the answer, which must have status
// 200.
func (d *dropInSite) send(path, body string, header map[string]string) []byte {
	d.t.Helper()
	request, err := http.NewRequestWithContext(d.t.Context(), http.MethodPost, d.url+path, strings.NewReader(body))
	if err != nil {
		d.t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
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
	if response.StatusCode != http.StatusOK {
		d.t.Errorf("%s: got %d %s, want 200", path, response.StatusCode, text)
	}
	return text
}

// ask is send for an answer in the template's form.
func (d *dropInSite) ask(path, body string, header map[string]string) templateAnswer {
	d.t.Helper()
	return d.readTemplate(d.send(path, body, header))
}

// login is the Authorization header of a user who is logged in to the emulated CloudBase.
func (d *dropInSite) login(path, body string) map[string]string {
	d.t.Helper()
	return bearerOf(d.t, d.url+path, body)
}

const (
	closePath    = "/wx-pay/wxpay_close_order"
	queryPath    = "/wx-pay/wxpay_query_order_by_out_trade_no"
	queryIDPath  = "/wx-pay/wxpay_query_order_by_transaction_id"
	notAuthorize = "未授权访问"
)

// TestRegisteredDropInChecksTheOwner: the template closes and queries any number for any caller.
// Here another user's order is answered as one that does not exist, and WeChat Pay is not asked.
func TestRegisteredDropInChecksTheOwner(t *testing.T) {
	t.Parallel()
	d := newDropInSite(t)
	d.register("MINE", mine)
	d.register("THEIRS", `"close_at":3600,"openid":"`+otherOpenID+`"`)
	d.register("NOBODYS", `"close_at":3600`)
	d.order("UNREGISTERED")
	d.MustPay("THEIRS", d.owner())
	alice := map[string]string{"X-WX-OPENID": openID}
	before := len(d.Requests())
	for _, path := range []string{closePath, queryPath} {
		none := d.send("/wx/shop"+path, `{"out_trade_no":"NONE"}`, alice)
		for _, number := range []string{"THEIRS", "NOBODYS", "UNREGISTERED"} {
			got := d.send("/wx/shop"+path, `{"out_trade_no":"`+number+`"}`, alice)
			if want := bytes.ReplaceAll(none, []byte("NONE"), []byte(number)); !bytes.Equal(got, want) {
				t.Errorf("%s %s: got %s, want what a number that does not exist gets: %s", path, number, got, want)
			}
			if a := d.readTemplate(got); a.Code != -1 || a.Result.Outcome != order.OutcomeNotFound {
				t.Errorf("%s %s: got %s, want it not found", path, number, a)
			}
		}
	}
	if asked := len(d.Requests()); asked != before {
		t.Errorf("WeChat Pay was asked %d times about orders of others", asked-before)
	}
	// By WeChat Pay's number too, for which it must be asked.
	theirs := `{"transaction_id":"` + d.MustOrder("THEIRS", d.owner()).TransactionID + `"}`
	if a := d.ask("/wx/shop"+queryIDPath, theirs, alice); a.Code != -1 || a.Result.Outcome != order.OutcomeNotFound || a.Data != nil {
		t.Errorf("another's transaction_id: got %s, want it not found", a)
	}
	if a := d.ask("/wx/shop"+queryIDPath, theirs, map[string]string{"X-WX-OPENID": otherOpenID}); a.Code != 0 || a.Data["trade_state"] != "SUCCESS" {
		t.Errorf("one's own transaction_id: got %s, want it paid", a)
	}
	for _, number := range []string{"MINE", "NOBODYS", "UNREGISTERED"} {
		d.WantState(number, paygate.StateNotPay)
	}
	if a := d.ask("/wx/shop"+closePath, `{"out_trade_no":"MINE"}`, alice); a.Code != 0 {
		t.Errorf("one's own order: got %s, want it closed", a)
	}
	d.WantState("MINE", paygate.StateClosed)
}

// TestRegisteredDropInChecksTheCaller: each sign by which the template lets a caller pass, where it
// proves nothing, lets none pass here.
func TestRegisteredDropInChecksTheCaller(t *testing.T) {
	t.Parallel()
	d := newDropInSite(t)
	d.register("A1", mine)
	user := map[string]string{"X-WX-OPENID": openID, "X-WX-APPID": d.Merchant.AppID}
	// A token of three parts that names the user, without a signature.
	const unsigned = "eyJhbGciOiJub25lIn0.eyJwcm92aWRlcl9zdWIiOiJvVXBGOHVNdUFKT19NMnB4YjFROXpOaldlUzZvIn0.e30"
	signs := map[string]map[string]string{
		"no sign":                     {},
		"a text in three parts":       {"Authorization": "Bearer a.b.c"},
		"a token without a signature": {"Authorization": "Bearer " + unsigned},
		"the integration centre's":    {"X-Tcb-Integration-Id": "wxpay-1"},
		"a mini-program's":            {"X-WX-SOURCE": "wx_client"},
		"the developer tools'":        {"X-WX-SOURCE": "wx_devtools"},
		"a server's":                  {"X-AuthMethod": "WX_SERVER_AUTH"},
	}
	for name, sign := range signs {
		for _, door := range []string{"/http/shop", "/tcb/shop", "/http/shop-public", "/tcb/shop-public"} {
			for identity, header := range map[string]map[string]string{"": {}, "and a forged openid": user} {
				all := maps.Clone(sign)
				maps.Copy(all, header)
				for _, path := range []string{closePath, queryPath} {
					a := d.ask(door+path, `{"out_trade_no":"A1","payer":{"openid":"`+openID+`"}}`, all)
					if a.Code != -1 || a.Msg != notAuthorize || a.Result.ErrCode != "NOAUTH" || a.Data != nil {
						t.Errorf("%s %s at %s%s: got %s, want it refused", name, identity, door, path, a)
					}
				}
			}
		}
	}
	anonymous := d.login("/auth/v1/signin/anonymously", "")
	if a := d.ask("/tcb-auth/shop-public"+closePath, `{"out_trade_no":"A1"}`, anonymous); a.Msg != notAuthorize {
		t.Errorf("an anonymous user: got %s, want it refused", a)
	}
	d.WantState("A1", paygate.StateNotPay)
	for _, r := range d.Requests() {
		if r.OutTradeNo == "A1" {
			t.Errorf("WeChat Pay was asked: %+v", r)
		}
	}
}

// TestRegisteredDropInVerifiesReplies: the template answers code 0 to what WeChat Pay refused, to
// what did not arrive and to what was forged. Here none of it is.
func TestRegisteredDropInVerifiesReplies(t *testing.T) {
	t.Parallel()
	d := newDropInSite(t)
	spec := d.spec("web", dropInLimit) // forgeries are asked about again until then
	spec.Binary, spec.Runtime = sqliteBinary(t, "web"), platform.Web
	d.vars["CLOUDPAY_BEHIND_WX_GATEWAY"] = "1"
	spec.Env = environ(d.vars)
	d.cloud.SetFunctions(map[string]*platform.Function{"shop": d.startFunction(spec)})
	for _, number := range []string{"BAD", "NONE", "OTHER", "REFUSED", "PAID"} {
		d.register(number, mine)
	}
	d.MustInject(paygate.Fault{Action: paygate.BadSignature, OutTradeNo: "BAD"})
	d.MustInject(paygate.Fault{Action: paygate.Unsigned, OutTradeNo: "NONE"})
	d.MustInject(paygate.Fault{Action: paygate.WrongOrder, OutTradeNo: "OTHER"})
	// WeChat Pay's own refusals, which the template reports as a success.
	d.MustInject(paygate.Fault{Action: paygate.Refuse, Code: "SIGN_ERROR", OutTradeNo: "REFUSED"})
	d.MustPay("PAID", d.owner())
	var calls sync.WaitGroup
	for _, row := range []struct {
		number, path string
		want         order.Outcome
	}{
		{"BAD", closePath, order.OutcomeUnknown},
		{"BAD", queryPath, order.OutcomeUnknown},
		{"NONE", queryPath, order.OutcomeUnknown},
		{"OTHER", queryPath, order.OutcomeUnknown},
		{"REFUSED", closePath, order.OutcomeRefused},
		{"PAID", closePath, order.OutcomePaid},
	} {
		calls.Go(func() {
			a := d.ask("/wx/shop"+row.path, `{"out_trade_no":"`+row.number+`"}`, map[string]string{"X-WX-OPENID": openID})
			if a.Code != -1 || a.Data != nil || a.Result.Outcome != row.want {
				t.Errorf("%s%s: got %s, want code -1 and %s", row.number, row.path, a, row.want)
			}
		})
	}
	calls.Wait()
}

// TestRegisteredDropInByItsClients: the requests of the template's clients, each by its own door
// and in its own form, close and query the user's order.
func TestRegisteredDropInByItsClients(t *testing.T) {
	t.Parallel()
	d := newDropInSite(t)
	wx := map[string]string{"X-WX-OPENID": openID}
	container := map[string]string{"X-WX-OPENID": openID, "X-WX-SERVICE": "pay-common"}
	user := d.login("/v1/logins", `{"sub":"u-77"}`)
	byPath := func(door string) func(string) (path, member string) {
		return func(operation string) (string, string) { return door + "/wx-pay/" + operation, "" }
	}
	for i, client := range []struct {
		name, owner string
		header      map[string]string
		// request is the path and a member of the body for an operation.
		request func(operation string) (path, member string)
	}{
		{"miniprogram (callHTTPFunction)", mine, wx, byPath("/wx/shop")},
		{"miniprogram-cloudrun (callContainer)", mine, container, byPath("/wx/shop")},
		{"web (fetch to the access service)", `"close_at":3600,"owner":"tcb:u-77"`, user, byPath("/tcb/shop-public")},
		{"an older WeDa app (the HTTP API)", `"close_at":3600,"owner":"tcb:u-77"`, user, func(operation string) (string, string) {
			return "/v1/functions/shop-public?webfn=true", `"_action":"` + operation + `",`
		}},
		{"the HTTP API by path", `"close_at":3600,"owner":"tcb:u-77"`, user, func(operation string) (string, string) {
			return "/v1/functions/shop-public?webfn=true", `"path":"/wx-pay/` + operation + `","method":"POST",`
		}},
	} {
		number := fmt.Sprintf("C%d", i)
		d.register(number, client.owner)
		ask := func(operation string) templateAnswer {
			path, member := client.request(operation)
			return d.ask(path, `{`+member+`"out_trade_no":"`+number+`"}`, client.header)
		}
		query := ask("wxpay_query_order_by_out_trade_no")
		for page, read := range templatePages {
			if got := read(query.Data); query.Code != 0 || got["trade_state"] != "NOTPAY" || got["out_trade_no"] != number {
				t.Errorf("%s: the page %s reads %v of %s, want the unpaid order", client.name, page, got, query)
			}
		}
		for page, read := range templatePages {
			want := "closed"
			if d.MustOrder(number, d.owner()).State == paygate.StateClosed {
				query, want = ask("wxpay_query_order_by_out_trade_no"), "closed before"
			}
			if text := shownBy(read, query, func() templateAnswer { return ask("wxpay_close_order") }); text != want {
				t.Errorf("%s: the page %s shows %q, want %q", client.name, page, text, want)
			}
		}
		d.WantState(number, paygate.StateClosed)
	}
}
