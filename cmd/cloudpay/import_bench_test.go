//go:build databases

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/store/storetest"
)

// leastOfInsert is the promised rate of an import, as a part of that of bare INSERTs.
const leastOfInsert = 0.6

func BenchmarkImportPostgres(b *testing.B) { benchmarkImport(b, storetest.Postgres(b)) }

func BenchmarkImportMariaDB(b *testing.B) { benchmarkImport(b, storetest.MariaDB(b)) }

// benchmarkImport imports a file of orders, and inserts as many rows with bare statements of 500
// rows, into the same tables of another database. The server flushes each commit to disk.
func benchmarkImport(b *testing.B, db storetest.Database) {
	b.Helper()
	const orders = 60_000
	b.Setenv("WXPAY_MCHID", "1900000001")
	db.Flush(b)
	file := ordersFile(b, orders)
	var imported, inserted time.Duration
	for range b.N {
		imported += runImport(b, db.Migrated(b), file)
		inserted += insertBare(b, db, db.Migrated(b), orders)
	}
	ratio := inserted.Seconds() / imported.Seconds()
	b.ReportMetric(float64(orders*b.N)/imported.Seconds(), "imported/s")
	b.ReportMetric(float64(orders*b.N)/inserted.Seconds(), "inserted/s")
	b.ReportMetric(ratio, "ratio")
	if ratio < leastOfInsert {
		b.Errorf("%s: an import has %.2f of the rate of bare INSERTs, want at least %.1f", db.Name, ratio, leastOfInsert)
	}
}

// ordersFile writes a CSV file of orders, each with an owner and an amount.
func ordersFile(b *testing.B, orders int) string {
	b.Helper()
	var text strings.Builder
	text.WriteString("out_trade_no,close_at,openid,sub_appid,total\n")
	for i := range orders {
		fmt.Fprintf(&text, "N%09d,2098-12-31T23:59:59+08:00,oUpF8uMuAJO_M2pxb1Q9zNj%05d,wxd678efh567hg6787,%d\n", i, i%9999, i)
	}
	path := filepath.Join(b.TempDir(), "orders.csv")
	if err := os.WriteFile(path, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	return path
}

func runImport(b *testing.B, address, file string) time.Duration {
	b.Helper()
	root := newRoot(&render.Language{})
	root.SetArgs([]string{"orders", "import", file, "--store", address, "--lang", "en"})
	root.SetOut(io.Discard)
	root.SetErr(os.Stderr)
	began := time.Now()
	if err := root.ExecuteContext(b.Context()); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}

// insertBare inserts the same rows, whose statements are made before the clock runs.
func insertBare(b *testing.B, db storetest.Database, address string, orders int) time.Duration {
	b.Helper()
	const rows = 500
	now := map[string]string{"postgres": "statement_timestamp()", "mysql": "UTC_TIMESTAMP(6)"}[db.Name]
	statements := make([]string, 0, orders/rows)
	for from := 0; from < orders; from += rows {
		values := make([]string, rows)
		for i := range values {
			values[i] = fmt.Sprintf("('cn', '1900000001', '', 'N%09d', 'wx:wxd678efh567hg6787:oUpF8uMuAJO_M2pxb1Q9zNj%05d', 'wxd678efh567hg6787', '', %d,"+
				" NULL, '2098-12-31 15:59:59', NULL, %s, 'waiting', '2098-12-31 15:59:59', '0123456789abcdef0123456789abcdef')", from+i, i%9999, from+i, now)
		}
		statements = append(statements, "INSERT INTO cloudpay_orders (region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, total,"+
			" created_at, close_at, close_in, registered_at, progress, due_at, token) VALUES "+strings.Join(values, ", "))
	}
	raw := storetest.Raw(b, address)
	raw.SetMaxOpenConns(1)
	began := time.Now()
	for _, statement := range statements {
		if _, err := raw.ExecContext(context.Background(), statement); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}
