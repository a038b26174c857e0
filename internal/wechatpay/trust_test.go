package wechatpay

import (
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/verdict"
	"cloudpay/pkg/paygate"
)

// keptGateway has both APIs over the connections that functions use.
func keptGateway(t *testing.T, gate *paygate.Server, route order.Route) testGateway {
	t.Helper()
	gateway := newGateway(t, gate, &watch{time.Now()})
	client := NewHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	gateway.routes(route, route)
	for i := range gateway.v2 {
		gateway.v2[i].HTTPClient, gateway.v3[i].HTTPClient = client, client
	}
	return gateway
}

// TestFreshConnections: a kept connection is fresh once, and a call that asks for one gets one
// where that makes its answer count.
func TestFreshConnections(t *testing.T) {
	t.Parallel()
	for _, api := range []order.API{order.V2, order.V3} {
		for _, route := range []order.Route{order.RouteOwn, order.RouteForeign} {
			t.Run(fmt.Sprintf("%s %s", api, route), func(t *testing.T) {
				t.Parallel()
				gate := paygate.RunT(t)
				gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
				gateway := keptGateway(t, gate, route)
				ask := func(want bool, when string, fresh bool) {
					t.Helper()
					got := gateway.Query(t.Context(), order.Call{
						API: api, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: "A1"}, Fresh: fresh,
					})
					if got.Verdict != verdict.Stated || got.Fresh != want || got.Route != route {
						t.Errorf("%s: got %s, fresh %t over %s, want fresh %t over %s", when, got.Verdict, got.Fresh, got.Route, want, route)
					}
				}
				ask(true, "the first exchange", true)
				ask(false, "on the connection that it left", false)
				ask(route == order.RouteOwn, "on one of its own", true)
				ask(route == order.RouteOwn, "on another of its own", true)
				ask(false, "on the kept one, still", false)
			})
		}
	}
}

// TestUnnamedRouteIsForeign: what no route was said of proves nothing by itself.
func TestUnnamedRouteIsForeign(t *testing.T) {
	t.Parallel()
	gate := paygate.RunT(t)
	gateway := newGateway(t, gate, &watch{time.Now()})
	gateway.routes()
	for _, api := range []order.API{order.V2, order.V3} {
		got := gateway.Query(t.Context(), order.Call{API: api, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: "A1"}})
		if got.Route != order.RouteForeign || !got.Fresh || got.Conclusive() || got.Repeatable() {
			t.Errorf("%s: got %s over %s, want it to prove nothing over a foreign route", api, got.Verdict, got.Route)
		}
	}
}

// TestBackupHasItsOwnRoute: an answer's route is that of the domain which gave it.
func TestBackupHasItsOwnRoute(t *testing.T) {
	t.Parallel()
	gate := paygate.RunT(t)
	gate.MustSetDomain("main", false)
	gateway := newGateway(t, gate, &watch{time.Now()})
	gateway.routes(order.RouteOwn, order.RouteForeign)
	call := order.Call{API: order.V2, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: "A1"}}
	for range failuresToSwitch {
		if got := gateway.Query(t.Context(), call); got.Route != order.RouteOwn {
			t.Errorf("the main domain: got %s, want own", got.Route)
		}
	}
	if got := gateway.Query(t.Context(), call); got.Route != order.RouteForeign || !got.Authenticated() {
		t.Errorf("the backup: got %s over %s, want a proved answer over the foreign route", got.Verdict, got.Route)
	}
}

// TestReplaysAreNotBelieved: a reply that was believed is not believed again, in either dialect,
// success or refusal.
func TestReplaysAreNotBelieved(t *testing.T) {
	t.Parallel()
	gate := paygate.RunT(t)
	for _, number := range []string{"A1", "A2"} {
		gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100})
	}
	for _, api := range []order.API{order.V2, order.V3} {
		for name, number := range map[string]string{"success": map[order.API]string{order.V2: "A1", order.V3: "A2"}[api], "refusal": "B1"} {
			gateway := newGateway(t, gate, &watch{time.Now()})
			tape := &recorder{RoundTripper: http.DefaultTransport}
			gateway.v2[0].HTTPClient, gateway.v3[0].HTTPClient = &http.Client{Transport: tape}, &http.Client{Transport: tape}
			call := order.Call{API: api, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: number}}
			first := gateway.Close(t.Context(), call)
			tape.playing = true
			second := gateway.Close(t.Context(), call)
			if !first.Authenticated() || second.Verdict != verdict.Doubted || second.Code != errcode.BadSignature {
				t.Errorf("%s %s: got %s and then %s %s, want the second disbelieved", api, name, first.Verdict, second.Verdict, second.Code)
			}
			another := newGateway(t, gate, &watch{time.Now()})
			another.v2[0].HTTPClient, another.v3[0].HTTPClient = gateway.v2[0].HTTPClient, gateway.v3[0].HTTPClient
			if got := another.Close(t.Context(), call); !got.Authenticated() {
				t.Errorf("%s %s: another instance got %s %s, want it believed: it has not seen it", api, name, got.Verdict, got.Code)
			}
		}
	}
}

// recorder keeps the last reply, and plays it again while it is playing.
type recorder struct {
	http.RoundTripper

	playing bool
	head    http.Response
	body    []byte
}

func (r *recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	if !r.playing {
		response, err := r.RoundTripper.RoundTrip(req)
		if err != nil {
			return nil, err
		}
		r.head = *response
		if r.body, err = io.ReadAll(response.Body); err != nil {
			return nil, err
		}
		_ = response.Body.Close()
	}
	again := r.head
	again.Body = io.NopCloser(bytes.NewReader(r.body))
	return &again, nil
}

// TestReplaysAreForgotten: what is remembered is bounded in time and number.
func TestReplaysAreForgotten(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)
	var r replays
	timed := order.Answer{Sign: "timed", Clock: order.Clock{At: start, Signed: true}}
	untimed := order.Answer{Sign: "untimed"}
	for _, step := range []struct {
		after        time.Duration
		timed, third bool
	}{{0, true, true}, {5*time.Minute - 1, false, false}, {5 * time.Minute, true, false}, {10 * time.Minute, true, true}} {
		now := start.Add(step.after)
		if got := r.first(order.V3, timed, now); got != step.timed {
			t.Errorf("after %v, one signed at the start is new: %t", step.after, got)
		}
		if got := r.first(order.V2, untimed, now); got != step.third {
			t.Errorf("after %v, one without a time is new: %t", step.after, got)
		}
	}
	var many replays
	for i := range maxReplays + 10 {
		many.first(order.V2, order.Answer{Sign: fmt.Sprint(i)}, start)
	}
	if len(many.known) != maxReplays || len(many.queue) != maxReplays {
		t.Errorf("%d and %d are remembered, want %d", len(many.known), len(many.queue), maxReplays)
	}
	if many.first(order.V2, order.Answer{Sign: "9999"}, start) || !many.first(order.V2, order.Answer{Sign: "0"}, start) {
		t.Error("want the oldest forgotten first")
	}
}

// TestCertificatesThatDoNotHold: an unknown authority and another's name are no lost packets.
func TestCertificatesThatDoNotHold(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	trusting := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	for name, config := range map[string]*tls.Config{
		"unknown authority": {},
		"another name":      {RootCAs: trusting, ServerName: "pay.example"},
		"expired":           {RootCAs: trusting, Time: func() time.Time { return time.Now().AddDate(100, 0, 0) }},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := paygate.RunT(t)
			gateway := newGateway(t, gate, &watch{time.Now()})
			client := &http.Client{Transport: &http.Transport{TLSClientConfig: config}}
			for _, v2 := range gateway.v2 {
				v2.BaseURL, v2.HTTPClient = server.URL, client
			}
			for _, v3 := range gateway.v3 {
				v3.BaseURL, v3.HTTPClient = server.URL, client
			}
			for _, api := range []order.API{order.V2, order.V3} {
				got := gateway.Query(t.Context(), order.Call{API: api, AppID: gate.Merchant.AppID, Ref: order.Ref{MchID: gate.Merchant.MchID, OutTradeNo: "A1"}})
				if got.Verdict != verdict.Rejected || got.Code != "TLS_ERROR" {
					t.Errorf("%s: got %s %s (%s), want %s", api, got.Verdict, got.Code, got.Message, "TLS_ERROR")
				}
			}
		})
	}
}
