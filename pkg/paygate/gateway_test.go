package paygate_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/iotest"

	"cloudpay/pkg/paygate"
)

// TestManyAtOnce closes, pays and looks from many sides; the race detector watches, and each order
// ends once.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	const orders, callers = 8, 4
	closed := make(chan string, orders*callers)
	var all sync.WaitGroup
	for i := range orders {
		no := fmt.Sprintf("A%d", i)
		s.order(no)
		for j := range callers {
			all.Go(func() {
				if j%2 == 0 {
					if s.v3(s.closeV3(no)).status == http.StatusNoContent {
						closed <- no
					}
				} else if s.v2(s.closeV2(no)).fields["result_code"] == "SUCCESS" {
					closed <- no
				}
			})
		}
		all.Go(func() {
			_ = s.Pay(no) // may lose the race
			_, _ = s.Order(no)
			s.Requests()
			s.Faults()
			_ = s.Inject(paygate.Fault{Action: paygate.RateLimit, Times: 1, OutTradeNo: "none"})
			_ = s.Advance(0)
		})
	}
	all.Wait()
	close(closed)
	times := make(map[string]int)
	for no := range closed {
		times[no]++
	}
	for _, order := range s.Orders() {
		switch n := times[order.OutTradeNo]; {
		case order.State == paygate.StateClosed && n == 1, order.State == paygate.StateSuccess && n == 0:
		default:
			t.Errorf("order %s is %s and was closed %d times", order.OutTradeNo, order.State, n)
		}
	}
	if n := len(s.Requests()); n != orders*callers {
		t.Errorf("history has %d requests, want %d", n, orders*callers)
	}
}

// TestBodyCutShort is a client that dies while it sends.
func TestBodyCutShort(t *testing.T) {
	t.Parallel()
	s := start(t)
	r := httptest.NewRequest(http.MethodPost, "/pay/closeorder", iotest.ErrReader(fmt.Errorf("gone")))
	aborted(t, s, r)
	s.wantLast("cut", "gone")
}

// aborted serves a request without a connection to hijack, and wants net/http's abort.
func aborted(t *testing.T, s *session, r *http.Request) {
	t.Helper()
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Errorf("recovered %v, want http.ErrAbortHandler", err)
		}
	}()
	s.ServeHTTP(httptest.NewRecorder(), r)
}

// TestWithoutHijack: over HTTP/2 or into a recorder, a cut is net/http's abort.
func TestWithoutHijack(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	for _, action := range []paygate.Action{paygate.Reset, paygate.Drop} {
		s.MustInject(paygate.Fault{Action: action, Times: 1})
		aborted(t, s, httptest.NewRequest(http.MethodPost, "/pay/closeorder", strings.NewReader(s.closeV2("A1").body())))
	}
	s.WantState("A1", paygate.StateClosed)
}

func TestCloseTwice(t *testing.T) {
	t.Parallel()
	s := start(t)
	for range 2 {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
}
