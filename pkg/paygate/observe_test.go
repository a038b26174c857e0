package paygate_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/pkg/paygate"
)

// Every request is observed once, before its reply, with what the history will say; and what the
// observer says of its cause is in the history.
func TestObserve(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var observed []paygate.Request
	server := paygate.RunT(t, paygate.Options{Observe: func(r *paygate.Request) {
		mu.Lock()
		defer mu.Unlock()
		r.Call = "call-1"
		observed = append(observed, *r)
	}})
	for _, path := range []string{"/nowhere", "/v3/pay/transactions/out-trade-no/A1?mchid=1", "/pay/closeorder"} {
		server.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, path, nil))
	}
	history := server.Requests()
	mu.Lock()
	defer mu.Unlock()
	if len(observed) != 3 || len(history) != 3 {
		t.Fatalf("observed %d, in the history %d, want 3 of each", len(observed), len(history))
	}
	for i, r := range observed {
		kept := history[i]
		if kept.Call != "call-1" || kept.URL != r.URL || kept.Verdict != r.Verdict || kept.HTTPStatus != r.HTTPStatus || r.Verdict == "" {
			t.Errorf("request %d: observed %+v, want what the history has: %+v", i, r, kept)
		}
	}
}

// Every attempt to notify is observed with what it changed, and so is a notification that is not
// sent, is lost or is delayed.
func TestObserveNotification(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var observed []string
	s, shop := start(t, paygate.Options{ObserveNotification: func(n paygate.Notification, at time.Time, attempts []paygate.NotificationAttempt) {
		mu.Lock()
		defer mu.Unlock()
		line := fmt.Sprintf("%s %s after %v", n.OutTradeNo, n.State, at.Sub(n.CreatedAt))
		for _, a := range attempts {
			line += fmt.Sprintf(", %d", a.HTTPStatus)
		}
		if !n.Due.IsZero() {
			line += fmt.Sprintf(", again after %v", n.Due.Sub(at))
		}
		observed = append(observed, line)
	}}), open(t, 500, 204)
	want := func(lines ...string) {
		t.Helper()
		mu.Lock()
		defer mu.Unlock()
		if diff := cmp.Diff(lines, observed); diff != "" {
			t.Errorf("observed (-want +got):\n%s", diff)
		}
		observed = nil
	}
	pay := func(no string) {
		t.Helper()
		s.paid(no, shop)
		s.MustAdvance(time.Second) // returns when what is due was answered
	}
	pay("A1")
	want("A1 pending after 0s, 500, again after 15s")
	s.MustAdvance(14 * time.Second)
	want("A1 acknowledged after 15s, 204")
	s.MustInject(notifying(paygate.Lost))
	pay("A2")
	want("A2 lost after 0s")
	s.MustInject(paygate.Fault{Op: "notify", Action: paygate.Delay, Delay: time.Minute, Times: 1})
	pay("A3")
	want("A3 pending after 0s, again after 1m0s")
	s.MustAdvance(time.Minute)
	want("A3 acknowledged after 1m0s, 204")
	s.MustInject(notifying(paygate.Duplicate))
	pay("A5")
	want("A5 acknowledged after 0s, 204, 204")
	s.order("A4", func(o *paygate.Order) { o.NotifyURL = "http://elsewhere.example/n" })
	s.MustPay("A4")
	want("A4 refused after 0s")
}
