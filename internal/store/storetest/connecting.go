package storetest

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

var connecting = []sqlProof{
	{name: "a new connection sends no settings", only: servers, prove: beginsSilently},
	{name: "a server that is configured not to commit statements", only: []string{"mysql"}, prove: commitsStatements},
	{name: "a transaction sets its own isolation", only: servers, prove: isolates},
	{name: "a pruned order is not registered again", prove: registersPruned},
	{name: "registering under another isolation", only: []string{"mysql"}, prove: registersRepeatably},
}

// beginsSilently wants no SET on a new connection, but MySQL's for autocommit: it would stay with
// the session, and cost a round trip.
func beginsSilently(e *sqlEnv) {
	if e.db.Name == "mysql" {
		var name string
		var told int
		e.must(Raw(e.T, e.address).QueryRowContext(e.ctx, "SHOW SESSION STATUS LIKE 'Com_set_option'").Scan(&name, &told))
		if told != 1 {
			e.Errorf("a new connection was SET %d things, want autocommit", told)
		}
		return
	}
	pooled, err := store.IsPooled(e.ctx, Raw(e.T, e.address), e.db.Name)
	if err != nil || pooled != e.db.Pooled() {
		e.Errorf("got pooled %v and error %v, want %v: the start-up parameters reach a server and no pooler", pooled, err, e.db.Pooled())
	}
	var told int
	e.must(Raw(e.T, e.db.Direct(e.address)).QueryRowContext(e.ctx, "SELECT COUNT(*) FROM pg_settings WHERE source = 'session'").Scan(&told))
	if told != 0 {
		e.Errorf("a new connection was SET %d things, want none", told)
	}
}

// commitsStatements begins a close, without a transaction, where the server's sessions have
// autocommit off. The intent must be there for other sessions.
func commitsStatements(e *sqlEnv) {
	e.sql("SET GLOBAL autocommit = 0")
	e.Cleanup(func() { e.sql("SET GLOBAL autocommit = 1") })
	e.registerDue("A1")
	_, err := open(e.T, e.address).Begin(e.ctx, e.show("A1"), lease)
	e.must(err)
	e.wantProgress("A1", schedule.Closing, "")
}

// isolates wants READ COMMITTED on servers whose default is REPEATABLE READ, and the default
// unchanged.
func isolates(e *sqlEnv) {
	during := map[string]string{
		"postgres": "SHOW transaction_isolation",
		"mysql":    "SELECT LOWER(trx_isolation_level) FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID()",
	}[e.db.Name]
	after := map[string]string{
		"postgres": "SHOW default_transaction_isolation",
		"mysql":    "SELECT LOWER(REPLACE(@@SESSION.tx_isolation, '-', ' '))",
	}[e.db.Name]
	raw := Raw(e.T, e.address)
	raw.SetMaxOpenConns(1)
	tx, err := raw.BeginTx(e.ctx, nil)
	e.must(err)
	var orders int
	e.must(tx.QueryRowContext(e.ctx, "SELECT COUNT(*) FROM cloudpay_orders").Scan(&orders)) // its first statement begins it
	var isolation string
	for deadline := time.Now().Add(4 * time.Second); ; {
		err := tx.QueryRowContext(e.ctx, during).Scan(&isolation)
		if err == nil {
			break
		}
		if !errors.Is(err, sql.ErrNoRows) || time.Now().After(deadline) {
			e.Fatal(err)
		}
		<-time.After(staleInnoDB) // another test may have read the table just before this transaction began
	}
	if isolation != "read committed" {
		e.Errorf("a transaction is %s, want read committed", isolation)
	}
	e.must(tx.Commit())
	e.must(raw.QueryRowContext(e.ctx, after).Scan(&isolation))
	if isolation != "repeatable read" {
		e.Errorf("the session is left %s, want what the server made it", isolation)
	}
}

// repeatable begins transactions with the server's default isolation.
type repeatable struct{ driver.Connector }

func (c repeatable) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return repeatableConn{&faultyConn{Conn: conn, f: &faulty{}}}, nil
}

type repeatableConn struct{ *faultyConn }

func (c repeatableConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	_, err := c.ExecContext(ctx, "START TRANSACTION", nil)
	return repeatableTx{c}, err
}

type repeatableTx struct{ conn repeatableConn }

func (t repeatableTx) Commit() error {
	_, err := t.conn.ExecContext(context.Background(), "COMMIT", nil)
	return err
}

func (t repeatableTx) Rollback() error {
	_, err := t.conn.ExecContext(context.Background(), "ROLLBACK", nil)
	return err
}

// registersRepeatably registers an order that another transaction registers at the same time, under
// REPEATABLE READ: a proxy may send SET TRANSACTION to another server than the transaction.
func registersRepeatably(e *sqlEnv) {
	connector, name, err := store.Connector(e.address)
	e.must(err)
	s, err := store.New(repeatable{connector}, name)
	e.must(err)
	e.Cleanup(func() { _ = s.Close() })
	tx, err := e.raw.BeginTx(e.ctx, nil)
	e.must(err)
	_, err = tx.ExecContext(e.ctx, "INSERT INTO cloudpay_orders (region, mchid, sub_mchid, out_trade_no, owner, sub_appid, api, total, close_in,"+
		" registered_at, progress, due_at) VALUES ('cn', '"+shop.MchID+"', '', 'A1', '', '', '', 5, 0, UTC_TIMESTAMP(6), 'waiting', UTC_TIMESTAMP(6))")
	e.must(err)
	type outcome struct {
		added bool
		err   error
	}
	result := make(chan outcome, 1)
	go func() {
		ctx, cancel := context.WithTimeout(e.ctx, time.Minute)
		defer cancel()
		added, err := s.Register(ctx, schedule.Entry{Ref: ref("A1"), Total: fen(5)})
		result <- outcome{added, err}
	}()
	e.awaitBlocked()
	e.must(tx.Commit())
	if got := <-result; got.added || got.err != nil {
		e.Errorf("got %+v, want that it is registered, with the same facts", got)
	}
}
