package desk

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/pkg/paygate"
)

// deliveries are what the management API shows.
func deliveries(t *testing.T, d *Desk, query string) []traffic.Delivery {
	t.Helper()
	response, err := http.Get(d.adminURL + "/deliveries" + query)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var page traffic.DeliveryPage
	if err := json.NewDecoder(response.Body).Decode(&page); err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%s: got %d and %v", query, response.StatusCode, err)
	}
	return page.Deliveries
}

// pay has an order paid that is notified to an address.
func pay(t *testing.T, d *Desk, no, address string) {
	t.Helper()
	err := d.Gateway.AddOrder(paygate.Order{OutTradeNo: no, MchID: mchID, Total: 100, NotifyURL: address})
	if err == nil {
		err = d.Gateway.Pay(no)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// What WeChat Pay sends to a shop, what it must not send, and what comes to the event sink is
// shown, and watched from the beginning. IDs go on in the next run.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/busy" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer shop.Close()
	dir := t.TempDir()
	d := open(t, dir)
	events, err := d.ServeEvents(t.Context(), AnyPort)
	if err != nil {
		t.Fatal(err)
	}
	pay(t, d, "A1", shop.URL+"/notify")
	if _, err := d.Gateway.AwaitNotified(t.Context(), "A1"); err != nil {
		t.Fatal(err)
	}
	pay(t, d, "A2", "http://shop.example/n")
	response, err := http.Post(events, "application/json", strings.NewReader(`{"kind":"closed","outTradeNo":"A3"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	pay(t, d, "A4", shop.URL+"/busy")
	_, _ = d.Gateway.AwaitNotified(t.Context(), "A4") // an error: it is not acknowledged

	all := deliveries(t, d, "")
	if len(all) != 4 {
		t.Fatalf("got %+v, want four", all)
	}
	for i, want := range []traffic.Delivery{
		{From: "wechatpay", To: shop.URL + "/notify", API: "v3", Topic: "payment", OutTradeNo: "A1", Attempt: 1, HTTPStatus: 204, Verdict: "ok", State: "acknowledged"},
		{From: "wechatpay", To: "http://shop.example/n", API: "v3", Topic: "payment", OutTradeNo: "A2", Verdict: "refused", State: "refused"},
		{From: "functions", To: "event sink", Topic: "closed", OutTradeNo: "A3", HTTPStatus: 401, Verdict: "unauthentic"},
		{From: "wechatpay", To: shop.URL + "/busy", API: "v3", Topic: "payment", OutTradeNo: "A4", Attempt: 1, HTTPStatus: 503, Verdict: "failed", State: "pending"},
	} {
		got := all[i]
		if got.ID != int64(i+1) || got.Time.IsZero() || got.From != want.From || got.To != want.To || got.API != want.API ||
			got.Topic != want.Topic || got.OutTradeNo != want.OutTradeNo || got.Attempt != want.Attempt ||
			got.HTTPStatus != want.HTTPStatus || got.Verdict != want.Verdict || got.State != want.State ||
			(got.Reason == "") != (got.Verdict == "ok") || got.Next.IsZero() == (got.State == "pending") {
			t.Errorf("delivery %d: got %+v, want %+v", i+1, got, want)
		}
	}
	if !strings.Contains(all[1].Reason, "start with --notify-hosts shop.example") {
		t.Errorf("a foreign host: got %q, want what to do", all[1].Reason)
	}
	if some := deliveries(t, d, "?verdict=refused"); len(some) != 2 || some[0].OutTradeNo != "A2" || some[1].OutTradeNo != "A3" {
		t.Errorf("refused: got %+v, want A2 and A3", some)
	}
	var watched []int64
	d.WatchDeliveries(func(one traffic.Delivery) { watched = append(watched, one.ID) })
	if len(watched) != 4 {
		t.Errorf("watched %v, want those that there are", watched)
	}
	d.Close()
	next := open(t, dir)
	pay(t, next, "A5", "http://shop.example/n")
	if all := deliveries(t, next, "?after=4"); len(all) != 1 || all[0].ID != 5 {
		t.Errorf("the next run: got %+v, want delivery 5", all)
	}
}

// The deliveries are for this machine, as the rest of the management API.
func TestDeliveriesAreForThisMachine(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	for header, value := range map[string]string{"Host": "shop.example", "Origin": "http://shop.example"} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.adminURL+"/deliveries", nil)
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set(header, value)
		if header == "Host" {
			request.Host = value
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != http.StatusForbidden {
			t.Errorf("%s %s: got %d, want 403", header, value, response.StatusCode)
		}
	}
}

// called are the calls of a cloud, once there are so many.
func called(t *testing.T, url string, count int) []traffic.Call {
	t.Helper()
	for {
		var page traffic.Page
		if err := json.Unmarshal([]byte(said(t, http.MethodGet, url+"/v1/calls", "")), &page); err != nil {
			t.Fatal(err)
		}
		if len(page.Calls) >= count {
			return page.Calls
		}
	}
}

// An asynchronous event that waits when the emulator ends is delivered by the next one in the
// folder, when it is due; the calls are numbered on. A notification to a function is shown as the
// function's.
func TestEventsOutliveTheDesk(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	as := Deployment{Functions: []platform.Spec{nodeFunction(t, "hello", "first")}, Logs: io.Discard, Address: AnyPort}
	deploy := func() (d *Desk, url string, end func()) {
		d = open(t, dir)
		url, stop, err := d.Deploy(t.Context(), as)
		if err != nil {
			t.Fatal(err)
		}
		return d, url, func() {
			stop()
			d.Close()
		}
	}
	first, url, end := deploy()
	pay(t, first, "A1", url+"/http/hello/notify")
	if _, err := first.Gateway.AwaitNotified(t.Context(), "A1"); err != nil {
		t.Error(err)
	}
	if some := deliveries(t, first, "?function=hello"); len(some) != 1 || some[0].OutTradeNo != "A1" || some[0].Verdict != "ok" {
		t.Errorf("a notification to a function: got %+v, want that it is shown as the function's", some)
	}
	said(t, http.MethodPost, url+"/v1/faults", `{"action":"server-error"}`)
	said(t, http.MethodPost, url+"/", `not an invocation`)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/2015-03-31/functions/hello/invocations", strings.NewReader(`{"a":1}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Amz-Invocation-Type", "Event")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	calls := called(t, url, 3)
	if last := calls[2]; response.StatusCode != http.StatusAccepted || last.Attempt != 1 || last.Verdict != "refused" || last.ID != 3 {
		t.Fatalf("got %d and %+v, want an accepted event, whose first attempt failed", response.StatusCode, last)
	}
	end()

	second, url, end := deploy()
	defer end()
	said(t, http.MethodPost, second.adminURL+"/clock", `{"advance":"1m"}`)
	again := called(t, url, 1)[0]
	if again.RequestID != calls[2].RequestID || again.Attempt != 2 || again.Verdict != "ok" || again.ID != 4 {
		t.Errorf("the next emulator: got %+v, want the second attempt, as call 4", again)
	}
}
