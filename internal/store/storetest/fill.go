package storetest

import (
	"context"
	"fmt"
	"testing"

	"cloudpay/internal/order"
)

// Fill loads a migrated database with n waiting orders of a merchant, as fast as the database can
// and without the store. A tenth of them are due, one second apart, the longest due first; the
// others are not due for an hour.
func Fill(t testing.TB, db Database, address string, of order.Account, n int) {
	t.Helper()
	raw := Raw(t, address)
	raw.SetMaxOpenConns(1) // some statements set the session
	for _, statement := range loading[db.Name](n, "'"+string(of.Region)+"', '"+of.MchID+"'") {
		if _, err := raw.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%.80s…: %v", statement, err)
		}
	}
}

// loading are the statements that load n orders of a merchant.
var loading = map[string]func(n int, merchant string) []string{
	"postgres": func(n int, merchant string) []string {
		return []string{
			// Building an index from sorted rows is many times faster than inserting them one by
			// one.
			"ALTER TABLE cloudpay_orders DROP CONSTRAINT cloudpay_orders_ref",
			"DROP INDEX cloudpay_orders_claim",
			fmt.Sprintf("INSERT INTO cloudpay_orders "+loaded+" SELECT "+merchant+", '', 'N' || lpad(i::text, 9, '0'), '', '', '', now(), 'waiting', t, t"+
				" FROM (SELECT i, now() + (i - %[1]d + CASE WHEN i > %[1]d THEN 3600 ELSE 0 END) * interval '1 second' AS t FROM generate_series(1, %[2]d) AS i) AS g", n/10, n),
			"ALTER TABLE cloudpay_orders ADD CONSTRAINT cloudpay_orders_ref UNIQUE (region, mchid, sub_mchid, out_trade_no)",
			"CREATE INDEX cloudpay_orders_claim ON cloudpay_orders (region, mchid, progress, due_at, id) WHERE due_at IS NOT NULL",
			"VACUUM (ANALYZE) cloudpay_orders",
			"CHECKPOINT", // so that the measured operations do not wait for the load's writes
		}
	},
	"mysql": func(n int, merchant string) []string {
		statements := []string{"SET SESSION unique_checks = 0, foreign_key_checks = 0"}
		const part = 500_000 // the rows of one transaction
		for from := 1; from <= n; from += part {
			statements = append(statements, fmt.Sprintf("INSERT INTO cloudpay_orders "+loaded+
				" SELECT "+merchant+", '', CONCAT('N', LPAD(i, 9, '0')), '', '', '', UTC_TIMESTAMP(6), 'waiting', t, t"+
				" FROM (SELECT seq AS i, UTC_TIMESTAMP(6) + INTERVAL (CAST(seq AS SIGNED) - %[1]d + IF(seq > %[1]d, 3600, 0)) SECOND AS t FROM seq_%[2]d_to_%[3]d) AS g",
				n/10, from, min(from+part-1, n)))
		}
		return append(statements, "ANALYZE TABLE cloudpay_orders",
			"FLUSH TABLES cloudpay_orders FOR EXPORT", "UNLOCK TABLES") // what CHECKPOINT is to PostgreSQL
	},
	"sqlite": func(n int, merchant string) []string {
		return []string{
			fmt.Sprintf("WITH RECURSIVE g(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM g WHERE i < %[1]d)"+
				" INSERT INTO cloudpay_orders "+loaded+" SELECT "+merchant+", '', printf('N%%09d', i), '', '', '', 0, 'waiting', t, t"+
				" FROM (SELECT i, (unixepoch() + i - %[2]d + iif(i > %[2]d, 3600, 0)) * 1000000 AS t FROM g)", n, n/10),
			"ANALYZE",
		}
	},
}

const loaded = "(region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, registered_at, progress, close_at, due_at)"

// FillEnded loads a migrated database with n orders of a merchant that ended a second apart, the
// last of them 91 days ago, each with an event that was acknowledged.
func FillEnded(t testing.TB, db Database, address string, of order.Account, n int) {
	t.Helper()
	raw := Raw(t, address)
	raw.SetMaxOpenConns(1)
	for _, statement := range loadingEnded[db.Name](n, "'"+string(of.Region)+"', '"+of.MchID+"'") {
		if _, err := raw.ExecContext(context.Background(), statement); err != nil {
			t.Fatalf("%.80s…: %v", statement, err)
		}
	}
}

// loadingEnded are the statements that load n orders that ended.
var loadingEnded = map[string]func(n int, merchant string) []string{
	"postgres": func(n int, merchant string) []string {
		return []string{
			fmt.Sprintf("INSERT INTO cloudpay_orders "+ended+" SELECT "+merchant+", '', 'E' || lpad(i::text, 9, '0'), '', '', '', t, 'done', t, 'closed', true, t"+
				" FROM (SELECT i, now() - interval '91 days' + (i - %[1]d) * interval '1 second' AS t FROM generate_series(1, %[1]d) AS i) AS g", n),
			told,
			"VACUUM (ANALYZE) cloudpay_orders",
			"VACUUM (ANALYZE) cloudpay_events",
			"CHECKPOINT",
		}
	},
	"mysql": func(n int, merchant string) []string {
		return []string{
			fmt.Sprintf("INSERT INTO cloudpay_orders "+ended+
				" SELECT "+merchant+", '', CONCAT('E', LPAD(i, 9, '0')), '', '', '', t, 'done', t, 'closed', TRUE, t"+
				" FROM (SELECT seq AS i, UTC_TIMESTAMP(6) - INTERVAL 91 DAY + INTERVAL (CAST(seq AS SIGNED) - %[1]d) SECOND AS t FROM seq_1_to_%[1]d) AS g", n),
			told,
			"ANALYZE TABLE cloudpay_orders, cloudpay_events",
			"FLUSH TABLES cloudpay_orders, cloudpay_events FOR EXPORT",
			"UNLOCK TABLES",
		}
	},
	"sqlite": func(n int, merchant string) []string {
		return []string{
			fmt.Sprintf("WITH RECURSIVE g(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM g WHERE i < %[1]d)"+
				" INSERT INTO cloudpay_orders "+ended+" SELECT "+merchant+", '', printf('E%%09d', i), '', '', '', t, 'done', t, 'closed', 1, t"+
				" FROM (SELECT i, (unixepoch() - 91 * 86400 + i - %[1]d) * 1000000 AS t FROM g)", n),
			told,
			"ANALYZE",
		}
	},
}

const (
	ended = "(region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, registered_at, progress, close_at, ending, authenticated, ended_at)"
	told  = "INSERT INTO cloudpay_events (seq, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state," +
		" transaction_id, reason, delivered_at) SELECT id, 'closed', region, mchid, sub_mchid, out_trade_no, id, owner, ended_at, ending, 'CLOSED'," +
		" '', '', ended_at FROM cloudpay_orders WHERE progress = 'done'"
)
