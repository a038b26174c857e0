//go:build databases && sqlite

package store_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/url"
	"slices"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
)

// wire is how long a request takes to the database, and as long its answer takes back.
const wire = time.Millisecond

func BenchmarkDirectPostgres(b *testing.B) { benchmarkDirect(b, storetest.Postgres(b)) }

func BenchmarkDirectMariaDB(b *testing.B) { benchmarkDirect(b, storetest.MariaDB(b)) }

// benchmarkDirect measures what a register adds to a direct close over a wire of 2 ms: showing,
// beginning and finishing. The server flushes each commit to disk. The floor is as many round trips
// as are promised, in which the database does nothing.
func benchmarkDirect(b *testing.B, db storetest.Database) {
	b.Helper()
	db.Flush(b)
	address := delayed(b, db.Migrated(b))
	s, trips := db.OpenAt(b, address), map[string]int{"postgres": 4, "mysql": 7}[db.Name]
	idle := storetest.Raw(b, address)
	costs, floors := make([]time.Duration, 0, b.N), make([]time.Duration, 0, b.N)
	for i := range b.N {
		ref := order.Ref{Region: shop.Region, MchID: shop.MchID, OutTradeNo: fmt.Sprintf("A%d", i)}
		if _, err := s.Register(b.Context(), schedule.Entry{Ref: ref, CloseIn: time.Hour}); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		shown, err := s.Show(b.Context(), ref)
		if err != nil {
			b.Fatal(err)
		}
		claim, err := s.Begin(b.Context(), shown, time.Minute)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Finish(b.Context(), claim, schedule.Final{State: schedule.FinalClosed}); err != nil {
			b.Fatal(err)
		}
		costs = append(costs, time.Since(began))
		began = time.Now()
		for range trips {
			if _, err := idle.ExecContext(b.Context(), "SELECT 1"); err != nil {
				b.Fatal(err)
			}
		}
		floors = append(floors, time.Since(began))
	}
	slices.Sort(costs)
	slices.Sort(floors)
	cost, floor := costs[len(costs)/2], floors[len(floors)/2]
	b.ReportMetric(float64(cost.Microseconds())/1000, "ms/close")
	b.ReportMetric(float64(floor.Microseconds())/1000, "ms/floor")
	b.ReportMetric(cost.Seconds()/floor.Seconds(), "of-floor")
}

// delayed is the address of a database behind the wire.
func delayed(b *testing.B, address string) string {
	b.Helper()
	u, err := url.Parse(address)
	if err != nil {
		b.Fatal(err)
	}
	listener, err := (&net.ListenConfig{}).Listen(b.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = listener.Close() })
	target := u.Host
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			far, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", target)
			if err != nil {
				_ = near.Close()
				continue
			}
			go carry(far, near)
			go carry(near, far)
		}
	}()
	u.Host = listener.Addr().String()
	return u.String()
}

// carry forwards what is read, a wire's time later, until one side closes.
func carry(to io.WriteCloser, from io.Reader) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		if err != nil {
			return
		}
		<-time.After(wire)
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
	}
}
