package store

import (
	"context"
	"database/sql"
	"math/rand/v2"
	"time"
)

// tries is how often a transaction is tried that meets a deadlock, loses its connection, or finds a
// server that takes no writes.
const tries = 5

// shortestPause is the first pause between two tries; each next one is twice as long, give or take.
const shortestPause = 10 * time.Millisecond

// do runs work in a transaction, again when it met a fault that another try may not meet. An error of work's own that is no
// fault of the database's rolls back and is returned.
func (s *Store) do(ctx context.Context, doing string, work func(tx tx) error) error {
	var err error
	pause := shortestPause
	for try := 1; ; try++ {
		err = s.once(ctx, work)
		if !s.fault(err).passes() || try == tries || !wait(ctx, jitter(pause)) {
			break
		}
		pause *= 2
	}
	if err == nil {
		return nil
	}
	return s.worded(doing, err)
}

// wait returns false when the context ended first.
func wait(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}

// jitter keeps those who met in a deadlock from meeting again.
func jitter(d time.Duration) time.Duration {
	return d/2 + rand.N(d)
}

func (s *Store) once(ctx context.Context, work func(tx tx) error) error {
	inner, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := work(tx{ctx: ctx, inner: inner, d: s.d}); err != nil {
		_ = inner.Rollback() // what it could say, err says better
		return err
	}
	return inner.Commit()
}

// tx is a transaction that speaks the database's dialect. It lives within one call of do, and so may keep its context.
type tx struct {
	ctx   context.Context //nolint:containedctx // see above
	inner *sql.Tx
	d     *dialect
}

// exec returns how many rows were found to write.
func (t tx) exec(statement string, args ...any) (int64, error) {
	result, err := t.inner.ExecContext(t.ctx, t.d.sql(statement), args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// each calls read for each row of the answer; read scans it.
func (t tx) each(read func(scan func(...any) error) error, statement string, args ...any) error {
	rows, err := t.inner.QueryContext(t.ctx, t.d.sql(statement), args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		if err := read(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}

// one reads a single row, and returns false when there is none.
func (t tx) one(dest []any, statement string, args ...any) (bool, error) {
	found := false
	err := t.each(func(scan func(...any) error) error {
		found = true
		return scan(dest...)
	}, statement, args...)
	return found, err
}
