package paygate_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// TestPendingNotificationsOutliveTheGateway: one that was on its way when the gateway ended is sent
// by the next one of the file, under the same id; one that failed is sent when it is due.
func TestPendingNotificationsOutliveTheGateway(t *testing.T) {
	t.Parallel()
	m, err := paygate.NewMerchant("1900000001", "wx1")
	if err != nil {
		t.Fatal(err)
	}
	opts := paygate.Options{Now: wireTime, File: filepath.Join(t.TempDir(), "state.db"), Merchants: []*paygate.Merchant{m}}
	var count atomic.Int32
	arrived := make(chan struct{}, 10)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		arrived <- struct{}{}
		if count.Add(1) == 1 {
			<-r.Context().Done() // the gateway ends first
		}
	}))
	t.Cleanup(receiver.Close)
	failing := open(t, 500, 204)

	first := start(t, opts)
	first.paid("A2", failing)
	_, _ = first.AwaitNotified(t.Context(), "A2")
	first.order("A1", func(o *paygate.Order) { o.NotifyURL = receiver.URL })
	first.MustPay("A1")
	<-arrived
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	before := first.Notifications()

	second := start(t, opts)
	after := second.MustWaitNotified("A1")
	if after.ID != before[1].ID || len(after.Attempts) != 1 || !after.CreatedAt.Equal(before[1].CreatedAt) {
		t.Errorf("the next gateway has %+v, want the one of before, %+v", after, before[1])
	}
	second.wantNotice("A2", "pending", 1)
	second.MustAdvance(15 * time.Second)
	if n := second.wantNotice("A2", "acknowledged", 2); n.ID != before[0].ID || n.Attempts[0].RequestBody != before[0].Attempts[0].RequestBody {
		t.Errorf("the next gateway has %+v, want the one of before, %+v", n, before[0])
	}
}

// TestRunningNotifier: where the clock runs, the next attempt is made and a refund ends by itself.
func TestRunningNotifier(t *testing.T) {
	t.Parallel()
	s, shop := start(t, paygate.Options{Running: true, Now: time.Now, RefundTime: time.Second}), open(t, 500, 204)
	s.SetNotifying(0, time.Second)
	s.paid("A1", shop)
	<-shop.arrived
	<-shop.arrived
	s.MustWaitNotified("A1")
	s.v2(s.refundV2("A1", "R1", "100", pair{"notify_url", shop.URL + "/refunded"})).want(pair{"result_code", "SUCCESS"})
	if got := <-shop.arrived; got.path != "/refunded" {
		t.Errorf("the third delivery is at %s, want the refund's", got.path)
	}
}
