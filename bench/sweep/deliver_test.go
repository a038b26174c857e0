//go:build sqlite && databases

package sweep_test

import (
	"context"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/notify"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/sweep"
	"cloudpay/pkg/wire"
)

func BenchmarkDeliverPostgres(b *testing.B) { benchmarkDeliver(b, flushed(b, storetest.Postgres(b))) }

func BenchmarkDeliverMariaDB(b *testing.B) { benchmarkDeliver(b, flushed(b, storetest.MariaDB(b))) }

func BenchmarkDeliverSQLite(b *testing.B) { benchmarkDeliver(b, storetest.SQLite()) }

// benchmarkDeliver delivers events to a receiver, 64 in flight: one that answers in 50 ms, in 200
// ms, and in 50 ms but for one in twenty, which it never answers. The rate is counted from the first
// event to the last answer; the whole run ends with those that hang. Over HTTP/1.1 each delivery in
// flight has a connection, over HTTP/2 they share a few.
func benchmarkDeliver(b *testing.B, db storetest.Database) {
	b.Helper()
	for _, one := range []struct {
		name   string
		events int
		ear    *ear
	}{
		{"in=50ms", 6000, &ear{latency: 50 * time.Millisecond}},
		{"in=50ms,http2", 6000, &ear{latency: 50 * time.Millisecond, http2: true}},
		{"in=200ms", 3000, &ear{latency: 200 * time.Millisecond}},
		{"in=50ms,hanging=5%", 9000, &ear{latency: 50 * time.Millisecond, hangs: 20}},
	} {
		b.Run(one.name, func(b *testing.B) {
			for b.Loop() {
				b.StopTimer()
				w := newTown(b)
				address := db.Migrated(b)
				w.ended(b, address, one.events)
				b.StartTimer()
				w.deliver(b, address, one.ear, one.events)
			}
		})
	}
}

// ended has so many orders end, with an event each, and delivers nothing.
func (w *town) ended(b *testing.B, address string, orders int) {
	b.Helper()
	w.register(open(b, address), numbers("A", orders)...)
	s := &sweep.Sweeper{Gateway: inProcess{}, Merchant: w.shop(), Store: open(b, address), Concurrency: 64, PerSecond: unlimited}
	if report, err := s.RunOnce(context.Background()); err != nil || report.Closed != orders {
		b.Fatalf("got %+v, %v, want %d closed", report, err, orders)
	}
}

// deliver delivers the events and reports how many a second were acknowledged.
func (w *town) deliver(b *testing.B, address string, to *ear, events int) {
	b.Helper()
	to.listen(b)
	hook, err := notify.New(to.server.URL, []notify.Key{"0123456789abcdef"}, notify.Options{Transport: to.transport()})
	if err != nil {
		b.Fatal(err)
	}
	s := w.sweeper("deliver", open(b, address), 64)
	s.Notifier, s.Deliveries = hook, 64
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	began := time.Now()
	report, err := s.RunOnce(ctx)
	took := time.Since(began)
	hanging := 0
	if to.hangs > 0 {
		hanging = events / to.hangs
	}
	if err != nil || report.Told < events-hanging || report.Dead != 0 {
		b.Errorf("got %+v, %v, want %d delivered", report, err, events-hanging)
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(report.Told)/time.Duration(to.last.Load()-to.first.Load()).Seconds(), "delivered/s")
	b.ReportMetric(float64(report.Told)/took.Seconds(), "delivered/s-whole")
	b.ReportMetric(float64(to.conns.Load()), "connections")
}

// ear is a receiver of events.
type ear struct {
	latency time.Duration
	// hangs: one in so many is never answered; 0: none is.
	hangs int
	http2 bool

	server       *httptest.Server
	heard, conns atomic.Int64
	// first and last are when it got the first event and answered the last one, in nanoseconds.
	first, last atomic.Int64
}

// listen starts the receiver.
func (e *ear) listen(b *testing.B) {
	b.Helper()
	e.heard.Store(0)
	e.conns.Store(0)
	e.server = httptest.NewUnstartedServer(e)
	e.server.EnableHTTP2 = e.http2
	e.server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			e.conns.Add(1)
		}
	}
	if e.http2 {
		e.server.StartTLS()
	} else {
		e.server.Start()
	}
	b.Cleanup(e.server.Close)
}

// transport is the webhook's own, unless a certificate is to be trusted that no authority signed.
func (e *ear) transport() http.RoundTripper {
	if !e.http2 {
		return nil
	}
	transport := wire.NewTransport()
	transport.TLSClientConfig.RootCAs = x509.NewCertPool()
	transport.TLSClientConfig.RootCAs.AddCert(e.server.Certificate())
	return transport
}

func (e *ear) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	n := e.heard.Add(1)
	if n == 1 {
		e.first.Store(time.Now().UnixNano())
	}
	_, _ = io.Copy(io.Discard, r.Body) // a server that has read the request sees that its client hangs up
	if e.hangs > 0 && n%int64(e.hangs) == 0 {
		<-r.Context().Done()
		return
	}
	pass(r.Context().Done(), e.latency)
	rw.WriteHeader(http.StatusNoContent)
	e.last.Store(time.Now().UnixNano())
}
