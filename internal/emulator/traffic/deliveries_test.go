package traffic_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/traffic"
)

// some are deliveries of each verdict.
func some(d *traffic.Deliveries) {
	for _, one := range []traffic.Delivery{
		{From: "wechatpay", Topic: "payment", OutTradeNo: "A1", Verdict: "failed", State: "pending"},
		{From: "wechatpay", Topic: "payment", OutTradeNo: "A1", Verdict: "ok", State: "acknowledged", Function: "paynotify"},
		{From: "wechatpay", Topic: "payment", OutTradeNo: "A2", Verdict: "refused", State: "refused"},
		{From: "wechatpay", Topic: "refund", OutTradeNo: "A3", Verdict: "failed", State: "exhausted"},
		{From: "functions", Topic: "closed", OutTradeNo: "A4", Verdict: "ok", Function: "closeorder"},
		{From: "functions", Topic: "closed", OutTradeNo: "A4", Verdict: "unauthentic", Function: "closeorder"},
	} {
		d.File(one)
	}
}

// ask makes a request for deliveries.
func ask(t *testing.T, d *traffic.Deliveries, method, target string) *httptest.ResponseRecorder {
	t.Helper()
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), method, target, nil))
	return w
}

// Deliveries are selected by function, order, verdict and state; --verdict refused finds wrong
// signatures too.
func TestDeliveries(t *testing.T) {
	t.Parallel()
	var d traffic.Deliveries
	some(&d)
	for query, want := range map[string][]int64{
		"": {1, 2, 3, 4, 5, 6}, "?order=A1": {1, 2}, "?function=closeorder": {5, 6}, "?function=paynotify": {2},
		"?verdict=refused": {3, 6}, "?verdict=failed": {1, 4}, "?verdict=exhausted": {4}, "?verdict=ok&order=A4": {5},
		"?limit=2": {5, 6}, "?after=4": {5, 6}, "?order=none": {},
	} {
		answer := ask(t, &d, http.MethodGet, "/deliveries"+query)
		var page traffic.DeliveryPage
		if err := json.Unmarshal(answer.Body.Bytes(), &page); err != nil || page.Deliveries == nil {
			t.Fatalf("%s: got %d %s", query, answer.Code, answer.Body)
		}
		got := []int64{}
		for _, one := range page.Deliveries {
			got = append(got, one.ID)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	if page := d.Page(traffic.Query{After: 2, Limit: 2}); len(page.Deliveries) != 2 || page.Next != 4 {
		t.Errorf("a page in the middle: got %+v, want that it goes on after 4", page)
	}
	for target, status := range map[string]int{
		"GET /deliveries?verdcit=ok": http.StatusBadRequest, "GET /deliveries/stream?after=x": http.StatusBadRequest,
		"POST /deliveries": http.StatusMethodNotAllowed,
	} {
		method, path, _ := strings.Cut(target, " ")
		if answer := ask(t, &d, method, path); answer.Code != status || !strings.HasPrefix(answer.Body.String(), `{"error":"`) {
			t.Errorf("%s: got %d %s, want %d with a sentence", target, answer.Code, answer.Body, status)
		}
	}
}

// What watches gets what there is, and then what comes, in order and once.
func TestWatchDeliveries(t *testing.T) {
	t.Parallel()
	d := traffic.Deliveries{Numbers: traffic.Numbers{Last: 10}}
	some(&d)
	var got []int64
	d.Watch(func(one traffic.Delivery) { got = append(got, one.ID) })
	d.File(traffic.Delivery{})
	if diff := cmp.Diff([]int64{11, 12, 13, 14, 15, 16, 17}, got); diff != "" {
		t.Errorf("watched (-want +got):\n%s", diff)
	}
}

// The stream goes on behind Last-Event-ID, has what the query selects, and ends with the
// deliveries.
func TestStreamOfDeliveries(t *testing.T) {
	t.Parallel()
	var d traffic.Deliveries
	some(&d)
	server := httptest.NewServer(&d)
	defer server.Close()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/deliveries/stream?verdict=ok", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", "2")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	want := func(id, order string) {
		t.Helper()
		gotID, kind, data := next(t, lines)
		if gotID != id || kind != "delivery" || !strings.Contains(data, `"out_trade_no":"`+order+`"`) {
			t.Errorf("got %s %s %s, want delivery %s about %s", kind, gotID, data, id, order)
		}
	}
	want("5", "A4")
	d.File(traffic.Delivery{OutTradeNo: "A5", Verdict: "failed"})
	d.File(traffic.Delivery{OutTradeNo: "A6", Verdict: "ok"})
	want("8", "A6")
	d.Close()
	if lines.Scan() && lines.Text() != "" {
		t.Errorf("after Close: got %q, want the end", lines.Text())
	}
}

// An event belongs to the call in flight that names its order, as a request does.
func TestSender(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	if id, function := j.Sender("A1"); id != "" || function != "" {
		t.Errorf("nothing in flight: got %s of %s", id, function)
	}
	open := j.Begin(traffic.Call{RequestID: "1", Function: "closeorder", OutTradeNo: "A1"})
	if id, function := j.Sender("A1"); id != "1" || function != "closeorder" {
		t.Errorf("got %s of %s, want the call in flight", id, function)
	}
	if id, _ := j.Sender("B1"); id != "" {
		t.Errorf("another order: got %s", id)
	}
	j.End(open, traffic.Call{RequestID: "1"}, nil)
	if len(j.Page(traffic.Query{}).Calls[0].Requests) != 0 {
		t.Error("an event counts as a request")
	}
}
