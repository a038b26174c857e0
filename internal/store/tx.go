package store

import (
	"context"
	"database/sql"
	"time"

	"cloudpay/internal/backoff"
	"cloudpay/internal/deadline"
)

// tries bounds how often one operation's transaction is tried.
const tries = 5

// again are the pauses between tries: 10, 20, 40 and 80 ms, each up to a half shorter or longer at
// random, so that transactions that met in a deadlock do not meet again.
var again = backoff.Exponential{First: 10 * time.Millisecond, Max: time.Second, Early: 0.5, Late: 0.5}

// do runs work in a transaction, and again after a deadlock, a lost connection, or on a server that
// takes no writes. work must therefore reset whatever it set before. An error of work's own rolls
// the transaction back and is returned. doing words the error of a failing database; its Chinese
// stands in package schedule.
func (s *Store) do(ctx context.Context, doing string, work func(tx tx) error) error {
	var err error
	for try := 1; ; try++ {
		err = s.once(ctx, work)
		if !s.fault(err).passes() || try == tries || !deadline.Sleep(ctx, again.After(try)) {
			break
		}
	}
	if err == nil {
		return nil
	}
	return s.worded(doing, err)
}

// transact is do for work that has a result. With an error the result is zero.
func transact[T any](ctx context.Context, s *Store, doing string, work func(tx) (T, error)) (found T, err error) {
	err = s.do(ctx, doing, func(t tx) (err error) {
		found, err = work(t)
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return found, nil
}

// once runs work in one transaction. The outcome of a commit that fails is unknown: the server may
// have committed before the connection was lost.
func (s *Store) once(ctx context.Context, work func(tx tx) error) error {
	inner, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx{ctx: ctx, inner: inner, d: s.d}); err != nil {
		_ = inner.Rollback() // its error says less than err
		return err
	}
	return inner.Commit()
}

// tx is a transaction that speaks the database's dialect.
type tx struct {
	ctx   context.Context //nolint:containedctx // a tx lives within one call of do, as sql.Tx within one of BeginTx
	inner *sql.Tx
	d     *dialect
}

// exec runs a statement that returns no rows, and returns how many rows it matched, changed or not.
func (t tx) exec(statement string, args ...any) (int64, error) {
	result, err := t.inner.ExecContext(t.ctx, t.d.sql(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// scanner reads the columns of one row, as (*sql.Rows).Scan does.
type scanner func(dest ...any) error

// query returns all rows of the answer, each read by read. It closes the answer before it returns:
// the connection takes no other statement before that.
func query[T any](t tx, read func(scanner) (T, error), statement string, args ...any) ([]T, error) {
	rows, err := t.inner.QueryContext(t.ctx, t.d.sql(statement), args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }()
	var all []T
	for rows.Next() {
		one, err := read(rows.Scan)
		if err != nil {
			return nil, err
		}
		all = append(all, one)
	}
	return all, rows.Err()
}

// one scans a single row into dest. It returns false if there is none.
func (t tx) one(dest []any, statement string, args ...any) (bool, error) {
	found, err := query(t, func(scan scanner) (struct{}, error) { return struct{}{}, scan(dest...) }, statement, args...)
	return len(found) > 0, err
}
