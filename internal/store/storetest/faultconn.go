package storetest

import (
	"context"
	"database/sql/driver"
	"errors"
	"io"
	"strings"
	"sync"

	"cloudpay/internal/store"
)

// faulty is a connector whose connection is cut at one step of an operation: before the step, or
// after it and before its answer. A step is the beginning of a transaction, a statement, or a
// commit.
type faulty struct {
	driver.Connector

	mu   sync.Mutex
	step int // the steps so far
	// commits counts transactions that wrote, and statements outside of a transaction that did.
	commits int
	// at is the step at which the connection is cut; 0 for none.
	at int
	// late cuts the connection after the step, so that only the answer is lost.
	late bool
	// then is called once the connection is cut, before the store learns of it; nil for nothing.
	then func()
	// forever makes every later step fail too, and calls die, as if the process had died.
	forever bool
	die     context.CancelFunc
	dead    bool
	// rewrite changes statements on their way, if it is not nil: one at a time, while rewriting is
	// held.
	rewrite   func(string) string
	rewriting sync.Mutex
	// slow waits before a query as long as the database would take, if it is not nil. Its error is
	// the query's.
	slow func(ctx context.Context, query string, args []driver.NamedValue) error
}

// sent is a statement as the database gets it.
func (f *faulty) sent(statement string) string {
	if f.rewrite == nil {
		return statement
	}
	f.rewriting.Lock()
	defer f.rewriting.Unlock()
	return f.rewrite(statement)
}

// errCut is the error of a cut connection.
var errCut = errors.Join(errors.New("the connection was cut for a test"), io.ErrUnexpectedEOF)

// faultyStore is a store on a faulty connector.
func (e *sqlEnv) faultyStore(at int, late, forever bool) (*store.Store, *faulty) {
	e.Helper()
	connector, name, err := store.Connector(e.address)
	e.must(err)
	f := &faulty{Connector: connector, at: at, late: late, forever: forever}
	s, err := store.New(f, name)
	e.must(err)
	e.Cleanup(func() { _ = s.Close() })
	return s, f
}

func (f *faulty) Connect(ctx context.Context) (driver.Conn, error) {
	f.mu.Lock()
	dead := f.dead
	f.mu.Unlock()
	if dead {
		return nil, errCut
	}
	inner, err := f.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &faultyConn{Conn: inner, f: f}, nil
}

type faultyConn struct {
	driver.Conn

	f   *faulty
	cut bool
	// within is set in a transaction.
	within bool
}

// wrote counts a statement that commits by itself.
func (c *faultyConn) wrote(query string) {
	if !c.within && !strings.HasPrefix(query, "SELECT") {
		c.f.committing()
	}
}

// committing counts a commit.
func (f *faulty) committing() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.commits++
}

// do runs a step, or cuts the connection. If the step runs and its answer is lost, undo closes what
// it opened.
func (c *faultyConn) do(step func() error, undo ...func()) error {
	c.f.mu.Lock()
	c.f.step++
	cut := c.cut || c.f.dead || c.f.step == c.f.at
	late := c.f.late && c.f.step == c.f.at
	if cut && c.f.forever {
		c.f.dead = true
		defer c.f.die()
	}
	c.f.mu.Unlock()
	if !cut {
		return step()
	}
	if late {
		_ = step()
		for _, undo := range undo {
			undo()
		}
	}
	if !c.cut {
		c.cut = true
		_ = c.Conn.Close() // the database rolls back what was begun
		if c.f.then != nil {
			c.f.then()
		}
	}
	return errCut
}

func (c *faultyConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	var tx driver.Tx
	err := c.do(func() (err error) {
		tx, err = c.Conn.(driver.ConnBeginTx).BeginTx(ctx, options)
		return err
	})
	if err != nil {
		return nil, err
	}
	c.within = true
	return &faultyTx{Tx: tx, c: c}, nil
}

func (c *faultyConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	c.wrote(query)
	var result driver.Result
	err := c.do(func() (err error) {
		result, err = c.Conn.(driver.ExecerContext).ExecContext(ctx, c.f.sent(query), args)
		return err
	})
	return result, err
}

func (c *faultyConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	c.wrote(query)
	if c.f.slow != nil {
		if err := c.f.slow(ctx, query, args); err != nil {
			return nil, err
		}
	}
	var rows driver.Rows
	err := c.do(func() (err error) {
		rows, err = c.Conn.(driver.QueryerContext).QueryContext(ctx, c.f.sent(query), args)
		return err
	}, func() {
		if rows != nil {
			_ = rows.Close()
		}
	})
	if err != nil {
		return nil, err
	}
	return rows, nil
}

func (c *faultyConn) CheckNamedValue(value *driver.NamedValue) error {
	if checker, ok := c.Conn.(driver.NamedValueChecker); ok {
		return checker.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

func (c *faultyConn) IsValid() bool { return !c.cut }

func (c *faultyConn) Close() error {
	if c.cut {
		return nil
	}
	return c.Conn.Close()
}

type faultyTx struct {
	driver.Tx

	c *faultyConn
}

func (t *faultyTx) Commit() error {
	t.c.within = false
	t.c.f.committing()
	return t.c.do(t.Tx.Commit)
}

func (t *faultyTx) Rollback() error {
	t.c.within = false
	if t.c.cut {
		return nil
	}
	return t.Tx.Rollback()
}
