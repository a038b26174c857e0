package storetest

import (
	"database/sql"
	"fmt"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/migrate"
)

var pooling = []sqlProof{
	{name: "other clients of the pool keep their settings", pooled: true, prove: leavesSettings},
	{name: "migrating goes past the pooler", pooled: true, prove: migratesPast},
}

// leavesSettings wants the pool's connections unchanged after the store has used them. It holds all
// of them at the same time to look at each.
func leavesSettings(e *sqlEnv) {
	before := e.settings()
	for i := range 3 {
		no := fmt.Sprintf("A%d", i)
		c := e.claimOne(no)
		e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
		e.wantEvents(no, outbox.EventClosed)
	}
	_, err := e.Register(e.ctx, schedule.Entry{Ref: ref("")}) // a call that fails
	refused[*order.FieldError](e, err)
	if after := e.settings(); after != before {
		e.Errorf("after the store's calls another client finds\n%s\nwant\n%s", after, before)
	}
}

// settings lists the settings that another client finds in all connections of the pool, without
// those that the pooler itself sets for each client.
func (e *sqlEnv) settings() string {
	e.Helper()
	pool, err := sql.Open("postgres", e.address) // without the store's connector
	e.must(err)
	defer func() { _ = pool.Close() }()
	seen := map[string]bool{}
	var all []string
	var held []*sql.Tx // held together, so that each has another connection
	defer func() {
		for _, tx := range held {
			_ = tx.Rollback()
		}
	}()
	for range 20 {
		tx, err := pool.BeginTx(e.ctx, nil)
		e.must(err)
		held = append(held, tx)
		var text string
		e.must(tx.QueryRowContext(e.ctx, `SELECT string_agg(name || '=' || setting || ' (' || source || ')', E'\n' ORDER BY name)
			FROM pg_settings WHERE name IN ('lock_timeout', 'idle_session_timeout', 'idle_in_transaction_session_timeout',
			'statement_timeout', 'default_transaction_isolation', 'TimeZone', 'search_path', 'application_name')
			OR source = 'session' AND name NOT LIKE 'transaction_%'`).Scan(&text))
		if !seen[text] {
			seen[text] = true
			all = append(all, text)
		}
	}
	return strings.Join(all, "\n--\n")
}

// migratesPast wants a migration through the pooler to be refused: its lock belongs to a session,
// and the pooler shares sessions between clients.
func migratesPast(e *sqlEnv) {
	address := e.db.Empty(e)
	_, err := migrate.Up(e.ctx, address)
	if err == nil || !strings.Contains(err.Error(), "pooler") || !strings.Contains(err.Error(), "--store") {
		e.Errorf("got %v, want what to do about the pooler", err)
	}
	var locks int
	e.must(Raw(e.T, e.db.Direct(address)).QueryRowContext(e.ctx, "SELECT COUNT(*) FROM pg_locks WHERE locktype = 'advisory'"+
		" AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&locks))
	if locks != 0 {
		e.Errorf("got %d locks left behind in the pool, want none", locks)
	}
	if steps, err := migrate.Status(e.ctx, e.db.Direct(address)); err != nil || !steps[0].AppliedAt.IsZero() {
		e.Errorf("got %v and error %v, want nothing applied", steps, err)
	}
	_, err = migrate.Up(e.ctx, e.db.Direct(address))
	e.must(err)
	if added, err := openAt(e, address).Register(e.ctx, due("A1")); err != nil || !added {
		e.Errorf("got added %v and error %v, want a store to use through the pooler", added, err)
	}
}
