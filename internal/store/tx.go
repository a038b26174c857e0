package store

import (
	"context"
	"database/sql"
	"errors"
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
	return s.repeat(ctx, doing, s.once, work)
}

// attempt is one try of an operation's work.
type attempt func(ctx context.Context, work func(tx tx) error) error

// repeat is do, whose first try is first. All later ones are transactions.
func (s *Store) repeat(ctx context.Context, doing string, first attempt, work func(tx tx) error) error {
	err := first(ctx, work)
	for try := 1; s.fault(err).passes() && try < tries && deadline.Sleep(ctx, again.After(try)); try++ {
		err = s.once(ctx, work)
	}
	if err == nil {
		return nil
	}
	return s.worded(doing, err)
}

// transact is do for work that has a result. With an error the result is zero.
func transact[T any](ctx context.Context, s *Store, doing string, work func(tx) (T, error)) (T, error) {
	return resultOf(ctx, s, doing, s.once, work)
}

// singly is transact without a transaction: each statement of work commits by itself, which saves
// the round trips of BEGIN and COMMIT. Work must be right between any two of its statements. It is
// repeated in a transaction, which begins only on a server that takes writes.
func singly[T any](ctx context.Context, s *Store, doing string, work func(tx) (T, error)) (T, error) {
	return resultOf(ctx, s, doing, s.unbracketed, work)
}

// resultOf is repeat for work that has a result.
func resultOf[T any](ctx context.Context, s *Store, doing string, first attempt, work func(tx) (T, error)) (found T, err error) {
	err = s.repeat(ctx, doing, first, func(t tx) (err error) {
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
	return s.within(ctx, nil, work)
}

// briefly is once for work that locks single rows by their key, and is right at any isolation.
func (s *Store) briefly(ctx context.Context, work func(tx tx) error) error {
	return s.within(ctx, &sql.TxOptions{Isolation: sql.IsolationLevel(anyIsolation.Isolation)}, work)
}

func (s *Store) within(ctx context.Context, options *sql.TxOptions, work func(tx tx) error) error {
	if err := s.compatible(ctx); err != nil {
		return err
	}
	d, err := s.dialect()
	if err != nil {
		return err
	}
	inner, err := s.db.BeginTx(ctx, options)
	if err != nil {
		return err
	}
	if err := work(tx{ctx: ctx, inner: inner, d: d}); err != nil {
		_ = inner.Rollback() // its error says less than err
		return err
	}
	return inner.Commit()
}

// unbracketed runs work whose statements are transactions of their own.
func (s *Store) unbracketed(ctx context.Context, work func(tx tx) error) error {
	if err := s.compatible(ctx); err != nil {
		return err
	}
	d, err := s.dialect()
	if err != nil {
		return err
	}
	return work(tx{ctx: ctx, inner: s.db, d: d, single: true})
}

// errStandby means that a statement outside of a transaction read from a server that takes no
// writes, and may be behind.
var errStandby = errors.New("the server takes no writes")

// tx is a transaction that speaks the database's dialect.
type tx struct {
	ctx   context.Context //nolint:containedctx // a tx lives within one call of do, as sql.Tx within one of BeginTx
	inner runner
	d     *dialect
	// single is set if there is no transaction, and each statement commits by itself.
	single bool
}

// runner is a *sql.Tx, or a *sql.DB for single statements.
type runner interface {
	ExecContext(ctx context.Context, statement string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, statement string, args ...any) (*sql.Rows, error)
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

// limited returns the statement of a query that may read much, so that the server ends it a little
// before the context does. It may be in a transaction only.
func (t tx) limited(query string) (string, error) {
	until, bounded := t.ctx.Deadline()
	if !bounded || t.d.limited == nil {
		return query, nil
	}
	return t.d.limited(t, query, max(time.Until(until)*9/10, time.Millisecond))
}
