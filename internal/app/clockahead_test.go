//go:build sqlite

package app_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/paygate"
)

// rewritten has the heads of the gateway's replies changed.
func (k *registerEnv) rewritten(change func(http.Header)) {
	k.t.Helper()
	gateway, err := url.Parse(k.URL)
	if err != nil {
		k.t.Fatal(err)
	}
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:        func(r *httputil.ProxyRequest) { r.SetURL(gateway) },
		ModifyResponse: func(r *http.Response) error { change(r.Header); return nil },
	})
	k.t.Cleanup(server.Close)
	k.vars["WXPAY_BASE_URL"] = server.URL
}

// forge changes what a forger can, to hide a database that is an hour ahead.
func forge(h http.Header) {
	if stamp := h.Get("Wechatpay-Timestamp"); stamp != "" {
		h.Set("Wechatpay-Timestamp", fmt.Sprint(time.Now().Add(time.Hour).Unix()))
	}
	h.Set("Date", time.Now().Add(time.Hour).UTC().Format(http.TimeFormat))
}

func undated(h http.Header) { h["Date"] = []string{"today"} }

// TestRegisteredOrdersAndADatabaseAhead: of 60 orders six are due, and a database that is an hour
// ahead has a sweep claim all of them. None is closed before its time, whatever a reply says of it.
func TestRegisteredOrdersAndADatabaseAhead(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		api    order.API
		first  string
		change func(http.Header)
		closed int // of those that are due; the others' closes are in doubt
	}{
		"v3":                      {order.V3, "query", nil, 6},
		"v3, close first":         {order.V3, "close", nil, 6},
		"v3, forged":              {order.V3, "query", forge, 0},
		"v3, forged, close first": {order.V3, "close", forge, 0},
		"v2":                      {order.V2, "query", nil, 6},
		"v2, close first":         {order.V2, "close", nil, 6},
		"v2, forged":              {order.V2, "query", forge, 6},
		"v2, forged, close first": {order.V2, "close", forge, 6},
		"v2, without a time":      {order.V2, "query", undated, 6},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newRegisterEnv(t, mode{api: c.api})
			k.vars["CLOUDPAY_SWEEP_FIRST"] = c.first
			if c.change != nil {
				k.rewritten(c.change)
			}
			a := k.app()
			t.Cleanup(func() { _ = a.Store.Close() })
			a.Store.ShiftClock(func() (time.Duration, error) { return time.Hour, nil })
			var log bytes.Buffer
			a.Sweeper.Concurrency, a.Sweeper.Log = 30, slog.New(slog.NewJSONHandler(k.logged(&log), nil))
			due := map[string]time.Time{}
			for i := range 60 {
				number := fmt.Sprint("A", i)
				due[number] = time.Now().Add(time.Duration(i-5)*time.Minute - time.Second)
				if i > 5 {
					due[number] = due[number].Add(4 * time.Minute) // however long the sweep takes
				}
				k.order(number)
				if _, err := k.store.Register(t.Context(), schedule.Entry{Ref: k.ref(number), CloseAt: due[number]}); err != nil {
					t.Fatal(err)
				}
			}
			ctx, cancel := context.WithTimeout(t.Context(), patient)
			defer cancel()
			report, err := a.Sweeper.RunOnce(ctx)
			if err != nil || report.Claimed < 60 || report.Closed != c.closed || report.ClockOff < 3590 || report.ClockOff > 3600 {
				t.Errorf("got %+v and %v, want all claimed, %d closed, and the clock reported", report, err, c.closed)
			}
			early := 0
			for number, at := range due {
				if k.MustOrder(number).State != paygate.StateNotPay && time.Now().Before(at) {
					early++
				}
			}
			if n := strings.Count(log.String(), `"code":"CLOCK_OFF"`); early != 0 || n != 1 {
				t.Errorf("%d of 60 were closed early, and %d errors logged, want none and one", early, n)
			}
		})
	}
}
