//go:build databases

package main

import (
	"bufio"
	"flag"
	"io"
	"os"
	"runtime"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/store/storetest"
)

// What the product promises; `make bench-store` measures it.
const (
	leastRows = 50_000   // a second
	mostHeap  = 64 << 20 // bytes in use at any time, whatever the length of the list
)

var listed = flag.Int("listed", 1_000_000, "how many orders are listed")

func BenchmarkListPostgres(b *testing.B) { benchmarkList(b, storetest.Postgres(b)) }

func BenchmarkListMariaDB(b *testing.B) { benchmarkList(b, storetest.MariaDB(b)) }

func BenchmarkListSQLite(b *testing.B) { benchmarkList(b, storetest.SQLite()) }

// benchmarkList lists a million orders into a pipe, as a script does.
func benchmarkList(b *testing.B, db storetest.Database) {
	b.Helper()
	b.Setenv("WXPAY_MCHID", "1900000001")
	address := db.Migrated(b)
	storetest.Fill(b, db, address, order.Account{Region: order.Mainland, MchID: "1900000001"}, *listed)
	for _, form := range []string{"text", "json"} {
		b.Run(form, func(b *testing.B) {
			args := []string{"orders", "list", "--limit", "0", "--store", address, "--lang", "en"}
			if form == "json" {
				args = append(args, "--json")
			}
			var heap uint64
			began := time.Now()
			for range b.N {
				heap = max(heap, runList(b, args))
			}
			rate := float64(*listed*b.N) / time.Since(began).Seconds()
			b.ReportMetric(rate, "rows/s")
			b.ReportMetric(float64(heap)/(1<<20), "MiB-heap")
			if rate < leastRows || heap > mostHeap {
				b.Errorf("%s as %s: got %.0f rows/s and a heap of %d bytes, want at least %d and at most %d",
					db.Name, form, rate, heap, leastRows, mostHeap)
			}
		})
	}
}

// runList runs the command, counts its rows, and returns the largest heap in use that was seen.
func runList(b *testing.B, args []string) (heap uint64) {
	b.Helper()
	in, out, err := os.Pipe()
	if err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		root := newRoot(&render.Language{})
		root.SetArgs(args)
		root.SetOut(out)
		root.SetErr(io.Discard)
		err := root.ExecuteContext(b.Context())
		_ = out.Close()
		ended <- err
	}()
	rows := bufio.NewScanner(in)
	n := 0
	for ; rows.Scan(); n++ {
		if n%100_000 == 0 {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			heap = max(heap, m.HeapInuse)
		}
	}
	if err := <-ended; err != nil || n < *listed {
		b.Fatalf("got %d rows and error %v, want %d", n, err, *listed)
	}
	return heap
}
