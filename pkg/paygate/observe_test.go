package paygate_test

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

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
