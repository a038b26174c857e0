//go:build databases

package store_test

import (
	"database/sql"
	"fmt"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

// TestClaimsPassDeadRows claims events and orders while thousands of dead rows stand in indexes
// that PostgreSQL takes for empty, as after a vacuum of a register in which nothing was due. A
// claim reads none of them.
func TestClaimsPassDeadRows(t *testing.T) {
	t.Parallel()
	const rows = 20_000
	ctx := t.Context()
	db := storetest.Postgres(t)
	address := db.Migrated(t)
	raw := storetest.Raw(t, address)
	raw.SetMaxOpenConns(2)
	exec := func(statement string) {
		t.Helper()
		if _, err := raw.ExecContext(ctx, statement); err != nil {
			t.Fatalf("%.100s: %v", statement, err)
		}
	}
	shop := order.Account{Region: order.Mainland, MchID: "1900000001"}
	exec("VACUUM ANALYZE cloudpay_orders, cloudpay_events")
	exec(fmt.Sprintf("INSERT INTO cloudpay_orders (region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, close_at, registered_at,"+
		" progress, due_at) SELECT 'cn', '1900000001', '', 'N' || n, '', '', '', now(), now() - interval '1 hour', 'waiting',"+
		" now() - interval '1 hour' FROM generate_series(1, %d) n", rows))
	exec("INSERT INTO cloudpay_events (seq, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state," +
		" transaction_id, reason, due_at) SELECT id, 'closed', region, mchid, '', out_trade_no, id, '', now() - interval '1 hour', 'closed'," +
		" 'CLOSED', '', '', now() - interval '1 hour' FROM cloudpay_orders")

	open, err := raw.Conn(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = open.Close() }()
	for _, statement := range []string{"BEGIN ISOLATION LEVEL REPEATABLE READ", "SELECT 1 FROM cloudpay_orders LIMIT 1"} {
		if _, err := open.ExecContext(ctx, statement); err != nil {
			t.Fatal(err)
		}
	}
	exec("UPDATE cloudpay_orders SET progress = 'done', ending = 'closed', due_at = NULL, ended_at = now()")
	exec("UPDATE cloudpay_events SET due_at = NULL, delivered_at = now()")
	exec("ANALYZE cloudpay_orders, cloudpay_events")

	claim := func() {
		t.Helper()
		s, err := store.Open(address)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = s.Close() }()
		if _, err := s.ClaimDeliveries(ctx, shop, 10, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Claim(ctx, shop, 10, time.Minute); err != nil {
			t.Fatal(err)
		}
		if _, err := s.ClaimDoubtful(ctx, shop, 10, time.Minute); err != nil {
			t.Fatal(err)
		}
	}
	claim() // which makes the surveys that read dead rows
	before := indexReads(t, raw)
	claim()
	if read := indexReads(t, raw) - before; read > rows/100 {
		t.Errorf("the claims read %d entries of the indexes of what is due, want next to none of the %d dead ones", read, rows)
	}
}

// indexReads is how many entries were read of the indexes of what is due. A server process counts
// its own at its end, so it waits for all but the test's two.
func indexReads(t *testing.T, raw *sql.DB) int64 {
	t.Helper()
	var n int64
	for others := int64(1); others > 0; {
		const counting = "SELECT COUNT(*) - 2 FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend'"
		if err := raw.QueryRowContext(t.Context(), counting).Scan(&others); err != nil {
			t.Fatal(err)
		}
	}
	const reading = "SELECT SUM(idx_tup_read) FROM pg_stat_user_indexes" +
		" WHERE indexrelname IN ('cloudpay_orders_claim', 'cloudpay_events_due', 'cloudpay_events_new')"
	if err := raw.QueryRowContext(t.Context(), reading).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
