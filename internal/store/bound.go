package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"sync/atomic"
	"time"
)

// boundConnector makes connections that end with the context of what they are used for. The drivers' own way is not enough:
// one asks the database to cancel, over another connection, from a goroutine that outlives the call, and waits for the
// answer for ever when the network has gone quiet; neither looks at the context while it commits. Here the deadline is the
// socket's, so that no wait survives it, and no goroutine is started.
//
// A connection that met its deadline in mid-statement is not used again.
//
// A connection is told nothing when it begins: what a session is told stays with it, and behind a
// pooler the session is the next client's too. PostgreSQL is given what is good to have in the
// start-up packet, which a pooler refuses or takes for itself; no statement depends on any of it.
type boundConnector struct {
	// inner makes connections with start-up parameters; plain makes them without, for poolers that
	// refuse such, and is nil where there are none.
	inner, plain driver.Connector
	// refusal recognises a pooler's, and refused says that there was one.
	refusal func(error) bool
	refused atomic.Bool
	// begin begins a transaction that is read committed and may write, whatever the session's
	// defaults are. It fails on a server that takes no writes, so that nobody reads there what is
	// out of date.
	begin func(ctx context.Context, conn driverConn) (driver.Tx, error)
	// fault is the dialect's.
	fault func(error) fault

	dialing dialing
}

// dialed is where the dialer leaves the socket of the connection that is being made.
type dialed struct {
	ctx    context.Context //nolint:containedctx // Connect's own; the driver's is over when it has dialed
	socket net.Conn
	// stop lets the socket outlive the context that it was dialed in.
	stop func() bool
}

type dialedKey struct{}

// dial is the drivers' dialer.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if d, ok := ctx.Value(dialedKey{}).(*dialed); ok {
		d.socket = socket
		//nolint:contextcheck // see dialed
		d.stop = context.AfterFunc(d.ctx, func() { _ = socket.SetDeadline(longAgo) })
	}
	return socket, nil
}

func (c *boundConnector) Driver() driver.Driver { return c.inner.Driver() }

func (c *boundConnector) Connect(caller context.Context) (driver.Conn, error) {
	age, err := c.dialing.begin()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(caller, connectTimeout)
	defer cancel()
	conn, err := c.connect(ctx, caller)
	if caller.Err() == nil || err == nil {
		c.dialing.ended(err)
	}
	if err != nil {
		return nil, err
	}
	conn.age = age
	return conn, nil
}

// connect makes a connection within ctx, which is caller with our own limit.
func (c *boundConnector) connect(ctx, caller context.Context) (*boundConn, error) {
	if c.plain == nil {
		return c.connectBy(ctx, caller, c.inner)
	}
	if !c.refused.Load() {
		conn, err := c.connectBy(ctx, caller, c.inner)
		if err == nil || !c.refusal(err) {
			return conn, err
		}
		c.refused.Store(true)
	}
	return c.connectBy(ctx, caller, c.plain)
}

func (c *boundConnector) connectBy(ctx, caller context.Context, by driver.Connector) (*boundConn, error) {
	d := &dialed{ctx: ctx}
	inner, err := by.Connect(context.WithValue(ctx, dialedKey{}, d))
	if err != nil {
		if d.stop != nil {
			d.stop()
		}
		return nil, reason(caller, because(ctx, err))
	}
	conn, ok := inner.(driverConn)
	if !ok || d.socket == nil {
		_ = inner.Close()
		return nil, fmt.Errorf("store: a connection of type %T is not one this was written for", inner)
	}
	bound := &boundConn{driverConn: conn, socket: d.socket, connector: c}
	if !d.stop() {
		_ = bound.Close()
		return nil, reason(caller, context.DeadlineExceeded)
	}
	return bound, nil
}

// errUnreachable: no connection in connectTimeout.
var errUnreachable = errors.New("no connection within " + connectTimeout.String())

// reason tells our own limit from the caller's.
func reason(caller context.Context, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if caller.Err() == nil {
		return errUnreachable
	}
	return context.Cause(caller)
}

// driverConn is what both drivers' connections can do.
type driverConn interface {
	driver.Conn
	driver.ConnBeginTx
	driver.ConnPrepareContext
	driver.QueryerContext
	driver.ExecerContext
	driver.Pinger
	driver.SessionResetter
	driver.Validator
	driver.NamedValueChecker
}

type boundConn struct {
	driverConn
	socket    net.Conn
	connector *boundConnector
	// age is dialing's.
	age int
	// spent: a deadline was met on the way.
	spent bool
	// used is when something was last asked, by the wall clock: a function's other clocks may stand still while it is frozen.
	used time.Time
}

// maxIdle is how long a connection may have rested to be used again. A function is frozen between its calls, and what
// became of its connections meanwhile nobody told it; one that is dead without a word would cost all of the caller's time.
const maxIdle = 20 * time.Second

// ResetSession is asked before a connection is used again.
func (c *boundConn) ResetSession(ctx context.Context) error {
	// Negative: the clock was put back, and nobody knows how long it was.
	if idle := time.Now().Round(0).Sub(c.used); idle < 0 || idle > maxIdle {
		return driver.ErrBadConn // database/sql takes another one, or makes one
	}
	if c.connector.dialing.isDropped(c.age) {
		return driver.ErrBadConn
	}
	return c.driverConn.ResetSession(ctx)
}

// long ago: a deadline that ends every wait at once.
var longAgo = time.Unix(1, 0)

// bind gives the socket the context's end, until the returned function is called.
func (c *boundConn) bind(ctx context.Context) func() {
	c.used = time.Now().Round(0)
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() { _ = c.socket.SetDeadline(longAgo) })
	return func() {
		c.used = time.Now().Round(0)
		if !stop() {
			c.spent = true
		}
	}
}

// free is the context for the driver, which is not to watch it as well. Values are kept.
func free(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (c *boundConn) IsValid() bool { return !c.spent && c.driverConn.IsValid() }

func (c *boundConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	release := c.bind(ctx)
	defer release()
	result, err := c.driverConn.ExecContext(free(ctx), query, args)
	return result, c.noted(ctx, err)
}

func (c *boundConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	release := c.bind(ctx)
	rows, err := c.driverConn.QueryContext(free(ctx), query, args)
	if err != nil {
		release()
		return nil, c.noted(ctx, err)
	}
	return &boundRows{Rows: rows, conn: c, ctx: ctx, release: release}, nil
}

func (c *boundConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	release := c.bind(ctx)
	defer release()
	statement, err := c.driverConn.PrepareContext(free(ctx), query)
	return statement, c.noted(ctx, err)
}

func (c *boundConn) Ping(ctx context.Context) error {
	release := c.bind(ctx)
	defer release()
	return c.noted(ctx, c.driverConn.Ping(free(ctx)))
}

func (c *boundConn) BeginTx(ctx context.Context, _ driver.TxOptions) (driver.Tx, error) {
	release := c.bind(ctx)
	tx, err := c.connector.begin(free(ctx), c.driverConn)
	if err != nil {
		release()
		return nil, c.noted(ctx, err)
	}
	c.connector.dialing.takesWrites(c.age)
	return &boundTx{inner: tx, conn: c, ctx: ctx, release: release}, nil
}

// noted is because, and has the connector know of a server that takes no writes.
func (c *boundConn) noted(ctx context.Context, err error) error {
	if err != nil && c.connector.fault(err) == faultReadOnly {
		c.connector.dialing.takesNoWrites(c.age, err)
	}
	return because(ctx, err)
}

// because gives the context's end as the reason for a failure after it; the drivers would speak of a connection.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

type boundRows struct {
	driver.Rows

	conn    *boundConn
	ctx     context.Context //nolint:containedctx // the query's, whose rows these are
	release func()
}

func (r *boundRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if errors.Is(err, io.EOF) { // there are no more
		return io.EOF
	}
	return r.conn.noted(r.ctx, err)
}

func (r *boundRows) Close() error {
	defer r.release()
	return r.conn.noted(r.ctx, r.Rows.Close())
}

type boundTx struct {
	inner   driver.Tx
	conn    *boundConn
	ctx     context.Context //nolint:containedctx // the transaction's
	release func()
}

func (t *boundTx) Commit() error {
	defer t.release()
	return t.conn.noted(t.ctx, t.inner.Commit())
}

func (t *boundTx) Rollback() error {
	defer t.release()
	return t.conn.noted(t.ctx, t.inner.Rollback())
}
