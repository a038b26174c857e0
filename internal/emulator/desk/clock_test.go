package desk

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// While the gateway's clock moves, the cloud's stands: it follows when the functions' file says so.
// A receiver of notifications that are due within the advance looks at it in the middle.
func TestCloudFollowsTheFile(t *testing.T) {
	t.Parallel()
	d, err := Start(t.Context(), t.TempDir(), Addresses{Gateway: AnyPort, Backup: AnyPort, Admin: AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	gateway, cloud := make(chan time.Time, 100), make(chan time.Time, 100)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		gateway <- d.Gateway.Time()
		cloud <- d.clock.cloud.Time()
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	t.Cleanup(shop.Close)
	before := d.clock.cloud.Time()
	if err := d.Gateway.AddOrder(paygate.Order{MchID: mchID, OutTradeNo: "A1", Total: 100, NotifyURL: shop.URL}); err != nil {
		t.Fatal(err)
	}
	if err := d.Gateway.Pay("A1"); err != nil {
		t.Fatal(err)
	}
	response, err := http.Post(d.adminURL+"/clock", "application/json", strings.NewReader(`{"advance":"3h"}`))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	const advance, slack = 3 * time.Hour, time.Hour // no test takes so long
	if after := d.clock.cloud.Time(); after.Before(before.Add(advance)) {
		t.Errorf("after the advance: got %s, want three hours after %s", after, before)
	}
	latest := time.Time{}
	for range len(cloud) {
		if at := <-cloud; at.Before(before) || at.After(before.Add(slack)) {
			t.Errorf("within the advance the cloud's clock is at %s, want it to stand at %s", at, before)
		}
		latest = <-gateway
	}
	if latest.Before(before.Add(slack)) {
		t.Errorf("the last notification came at %s, want one late in the advance", latest)
	}
}
