package wechatpay

import (
	"net/http"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
)

// A gateway's domains, taken down and up again.
func TestFailoverBetweenDomains(t *testing.T) {
	t.Parallel()
	for _, api := range []order.API{order.V2, order.V3} {
		t.Run(string(api), func(t *testing.T) {
			t.Parallel()
			gate := paygate.RunT(t)
			gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
			w := &watch{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
			gateway := newGateway(t, gate, w)
			ask := func(domain string, want verdict.Verdict, when string) {
				t.Helper()
				gate.ClearRequests()
				got := gateway.Query(t.Context(), order.Call{API: api, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: "A1"}})
				if got.Verdict != want {
					t.Errorf("%s: %+v, want %s", when, got, want)
				}
				if asked := gate.Requests(); len(asked) != 1 || asked[0].Domain != domain {
					t.Errorf("%s: asked %+v, want the %s domain, once", when, asked, domain)
				}
			}
			ask("main", verdict.Stated, "at first")
			gate.MustSetDomain("main", false)
			ask("main", verdict.Doubted, "the first failure")
			ask("main", verdict.Doubted, "the second failure in a row")
			ask("backup", verdict.Stated, "after two")
			w.time = w.time.Add(probation - time.Second)
			ask("backup", verdict.Stated, "still on probation")
			w.time = w.time.Add(time.Second)
			ask("main", verdict.Doubted, "tried again, and still down")
			ask("backup", verdict.Stated, "one failure was enough")
			gate.MustSetDomain("main", true)
			ask("backup", verdict.Stated, "up again, and still on probation")
			w.time = w.time.Add(probation)
			ask("main", verdict.Stated, "up again")
			gate.MustSetDomain("main", false)
			ask("main", verdict.Doubted, "down again: the first failure")
			ask("main", verdict.Doubted, "down again: the second")
			gate.MustSetDomain("backup", false)
			ask("backup", verdict.Doubted, "the backup is down too")
			ask("main", verdict.Doubted, "neither is better than the other")
		})
	}
}

// testGateway is a Gateway and what is in it.
type testGateway struct {
	*Gateway

	v2 []*v2xml.Client
	v3 []*v3json.Client
}

// newGateway returns a Gateway with both APIs at both of gate's domains. Each exchange has a
// connection of its own: net/http resends a GET when it finds a kept one cut.
func newGateway(t *testing.T, gate *paygate.Server, w *watch) testGateway {
	t.Helper()
	connections := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	key, err := v3json.ParseKey(gate.Merchant.SerialNo, gate.Merchant.PrivateKeyPEM())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := v3json.NewKeyring(v3json.PlatformKey{ID: gate.PublicKeyID(), Public: gate.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	domains := &Domains{Now: w.now}
	v2, v3 := &Failover{Domains: domains}, &Failover{Domains: domains}
	g := testGateway{Gateway: &Gateway{APIs: map[order.API]Exchanger{order.V2: v2, order.V3: v3}}}
	for _, address := range []string{gate.URL, gate.BackupURL} {
		g.v2 = append(g.v2, &v2xml.Client{
			AppID: gate.Merchant.AppID, MchID: gate.Merchant.MchID, Key: v2xml.Key(gate.Merchant.V2Key),
			BaseURL: address, HTTPClient: connections,
		})
		g.v3 = append(g.v3, &v3json.Client{
			MchID: gate.Merchant.MchID, Key: key, Keys: keys, BaseURL: address, HTTPClient: connections,
		})
	}
	for i := range g.v2 {
		v2.Exchangers, v3.Exchangers = append(v2.Exchangers, V2{g.v2[i]}), append(v3.Exchangers, V3{g.v3[i]})
	}
	g.routes(order.RouteOwn, order.RouteOwn)
	return g
}

// routes sets the ways to the two domains.
func (g testGateway) routes(routes ...order.Route) {
	for _, api := range g.APIs {
		api.(*Failover).Routes = routes
	}
}

// watch is a clock that moves when told.
type watch struct{ time time.Time }

func (w *watch) now() time.Time { return w.time }

func newDomains() (*Domains, *watch) {
	w := &watch{time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)}
	return &Domains{Now: w.now}, w
}

func TestBackupAfterConsecutiveFailures(t *testing.T) {
	t.Parallel()
	d, w := newDomains()
	want := func(domain int, when string) {
		t.Helper()
		if got := d.pick(2); got != domain {
			t.Errorf("%s: domain %d is asked, want %d", when, got, domain)
		}
	}
	want(mainDomain, "at first")
	d.report(mainDomain, false)
	want(mainDomain, "after one failure")
	d.report(mainDomain, true)
	d.report(mainDomain, false)
	want(mainDomain, "after two that were not in a row")
	d.report(mainDomain, false)
	want(backupDomain, "after two in a row")
	d.report(backupDomain, true)
	w.time = w.time.Add(probation - time.Second)
	want(backupDomain, "within the probation")
	w.time = w.time.Add(time.Second)
	want(mainDomain, "after the probation")
	d.report(mainDomain, false)
	want(backupDomain, "after one more failure")
	d.report(backupDomain, false)
	want(mainDomain, "when the backup is no better")
	w.time = w.time.Add(probation)
	d.report(mainDomain, true)
	d.report(mainDomain, false)
	want(mainDomain, "after a success, one failure is not enough")
}

func TestWithoutBackupTheMainIsAsked(t *testing.T) {
	t.Parallel()
	d, _ := newDomains()
	for range 5 {
		d.report(mainDomain, false)
	}
	if got := d.pick(1); got != mainDomain {
		t.Errorf("domain %d is asked, and there is one", got)
	}
}

func TestAReplyOfAnyKindIsReached(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		answer order.Answer
		want   bool
	}{
		{order.Answer{Code: errcode.NetworkError}, false},
		{order.Answer{Code: errcode.Timeout}, false},
		{order.Answer{Code: "TLS_ERROR"}, false},
		{order.Answer{Code: "HTTP_ERROR", HTTPStatus: 502}, true},
		{order.Answer{Code: errcode.BadSignature, HTTPStatus: 200}, true},
		{order.Answer{Verdict: verdict.Accepted, HTTPStatus: 204}, true},
		{order.Answer{Code: errcode.ConfigError}, true},
	} {
		if got := isReached(tc.answer); got != tc.want {
			t.Errorf("%+v: reached = %v", tc.answer, got)
		}
	}
}
