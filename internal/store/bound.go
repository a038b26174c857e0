package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"
)

// boundConnector makes connections whose operations end with their context. The drivers' own
// handling is not enough. lib/pq asks the server to cancel, over a second connection and from a
// goroutine that outlives the call, and waits for ever for the answer on a network that drops
// packets. Neither driver watches the context during a commit. Here the context's end becomes the
// socket's deadline: no wait survives it, and no goroutine is started. A connection that met its
// deadline is not used again.
//
// A new connection sends no SET statement, but MySQL's for autocommit, which every client expects.
// A setting stays with the session, and behind a pooler the next client gets that session.
// PostgreSQL receives useful settings in the start-up packet, which a pooler refuses or handles
// itself; no statement depends on them.
type boundConnector struct {
	// inner connects with start-up parameters. plain connects without, for poolers that refuse
	// them; nil for databases that have none.
	inner, plain driver.Connector
	// refusal recognises a pooler's refusal of start-up parameters; refused is set after the first.
	refusal func(error) bool
	refused atomic.Bool
	// begin begins a transaction that is READ WRITE, whatever the session's default is. It fails on
	// a server that takes no writes, because data read there may be out of date. It is READ
	// COMMITTED too, unless anyIsolation allows the session's default.
	begin func(ctx context.Context, conn driverConn, anyIsolation bool) (driver.Tx, error)
	// fault classifies an error of the driver.
	fault func(error) fault

	dialing dialing
}

// dialed passes the socket of a new connection from the dialer to connectBy: the drivers do not
// expose it. It travels in the context that the driver hands to the dialer.
type dialed struct {
	// expire gives the socket the deadline of Connect's context, until stop is called. The driver's
	// own context ends when it has dialed, and the handshake comes after that.
	expire func(net.Conn) (stop func() bool)

	socket net.Conn
	stop   func() bool
}

type dialedKey struct{}

// dial is the dialer of both drivers.
func dial(ctx context.Context, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	socket, err := dialer.DialContext(ctx, network, address)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	if d, ok := ctx.Value(dialedKey{}).(*dialed); ok {
		d.socket, d.stop = socket, d.expire(socket)
	}
	return socket, nil
}

// Driver is part of driver.Connector.
func (c *boundConnector) Driver() driver.Driver { return c.inner.Driver() }

// Connect makes a connection within connectTimeout and the caller's context, if dialing allows one
// now. A try that failed because the caller's time was up says nothing about the database, and is
// not counted.
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

// connect makes a connection within ctx, which is caller's context with our own limit. A pooler
// that refuses start-up parameters is remembered, and later connections are made without them.
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

// connectBy connects with one of the drivers' connectors, and takes the socket that dial has left
// in the context. If the limit passes during the handshake, the new connection is closed.
func (c *boundConnector) connectBy(ctx, caller context.Context, by driver.Connector) (*boundConn, error) {
	d := &dialed{expire: func(socket net.Conn) func() bool { return expire(ctx, socket) }}
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

// errUnreachable means that no connection was made within connectTimeout.
var errUnreachable = errors.New("no connection within " + connectTimeout.String())

// reason tells our own limit from the caller's deadline.
func reason(caller context.Context, err error) error {
	if !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if caller.Err() == nil {
		return errUnreachable
	}
	return context.Cause(caller)
}

// driverConn is what the connections of both drivers implement.
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

// boundConn is a connection whose operations end with their context. Its methods are those of
// database/sql/driver's interfaces.
type boundConn struct {
	driverConn
	socket    net.Conn
	connector *boundConnector
	// age is the connection's generation, by dialing's count.
	age int
	// spent is set once a deadline has passed during an operation.
	spent bool
	// used is the end of the last operation, by the wall clock: the monotonic clock may stand still
	// while an instance is frozen.
	used time.Time
}

// maxIdle is how long a connection may be idle and still be used again. A frozen instance cannot
// see its peers hang up, and a dead connection would cost the operation its whole timeout.
const maxIdle = 20 * time.Second

// ResetSession checks a connection before it is used again. database/sql replaces it after an
// ErrBadConn.
func (c *boundConn) ResetSession(ctx context.Context) error {
	// A negative idle time means that the clock was put back, and is of unknown length.
	idle := time.Now().Round(0).Sub(c.used)
	if idle < 0 || idle > maxIdle || c.connector.dialing.isDropped(c.age) {
		return driver.ErrBadConn
	}
	return c.driverConn.ResetSession(ctx)
}

// longAgo is a deadline that ends every wait at once.
var longAgo = time.Unix(1, 0)

// expire ends all waits on a socket when ctx ends, unless stop is called before. stop returns false
// if it came too late.
func expire(ctx context.Context, socket net.Conn) (stop func() bool) {
	return context.AfterFunc(ctx, func() { _ = socket.SetDeadline(longAgo) })
}

// bind has the operations on the socket end with ctx, until release is called.
func (c *boundConn) bind(ctx context.Context) (release func()) {
	c.used = time.Now().Round(0)
	if ctx.Done() == nil {
		return func() {}
	}
	stop := expire(ctx, c.socket)
	return func() {
		c.used = time.Now().Round(0)
		if !stop() {
			c.spent = true
		}
	}
}

// unbound is ctx for the driver, which must not watch its end as well. Values are kept.
func unbound(ctx context.Context) context.Context { return context.WithoutCancel(ctx) }

func (c *boundConn) IsValid() bool { return !c.spent && c.driverConn.IsValid() }

func (c *boundConn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	release := c.bind(ctx)
	defer release()
	result, err := c.driverConn.ExecContext(unbound(ctx), query, args)
	if err == nil {
		c.connector.dialing.takesWrites(c.age)
	}
	return result, c.noted(ctx, err)
}

func (c *boundConn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	release := c.bind(ctx)
	rows, err := c.driverConn.QueryContext(unbound(ctx), query, args)
	if err != nil {
		release()
		return nil, c.noted(ctx, err)
	}
	if !strings.HasPrefix(query, "SELECT") {
		c.connector.dialing.takesWrites(c.age)
	}
	return &boundRows{Rows: rows, noted: c.notes(ctx), release: release}, nil
}

func (c *boundConn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	release := c.bind(ctx)
	defer release()
	statement, err := c.driverConn.PrepareContext(unbound(ctx), query)
	return statement, c.noted(ctx, err)
}

func (c *boundConn) Ping(ctx context.Context) error {
	release := c.bind(ctx)
	defer release()
	return c.noted(ctx, c.driverConn.Ping(unbound(ctx)))
}

func (c *boundConn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	release := c.bind(ctx)
	tx, err := c.connector.begin(unbound(ctx), c.driverConn, options == anyIsolation)
	if err != nil {
		release()
		return nil, c.noted(ctx, err)
	}
	c.connector.dialing.takesWrites(c.age)
	return &boundTx{inner: tx, noted: c.notes(ctx), release: release}, nil
}

// anyIsolation are the options of a transaction that is right at any isolation. The default is READ
// COMMITTED.
var anyIsolation = driver.TxOptions{Isolation: driver.IsolationLevel(sql.LevelRepeatableRead)}

// noted is because. It also reports a server that takes no writes to the connector.
func (c *boundConn) noted(ctx context.Context, err error) error {
	if err != nil && c.connector.fault(err) == faultReadOnly {
		c.connector.dialing.takesNoWrites(c.age, err)
	}
	return because(ctx, err)
}

// notes is noted for the rows or the transaction of an operation, which outlive the call that made
// them.
func (c *boundConn) notes(ctx context.Context) func(error) error {
	return func(err error) error { return c.noted(ctx, err) }
}

// because returns the cause of the context's end for a failure after it. The drivers' errors would
// speak of a connection.
func because(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// boundRows are the rows of a query, which keep the socket bound until they are closed.
type boundRows struct {
	driver.Rows

	noted   func(error) error
	release func()
}

func (r *boundRows) Next(dest []driver.Value) error {
	err := r.Rows.Next(dest)
	if errors.Is(err, io.EOF) { // the end of the rows, which database/sql compares with ==
		return io.EOF
	}
	return r.noted(err)
}

func (r *boundRows) Close() error {
	defer r.release()
	return r.noted(r.Rows.Close())
}

// boundTx is a transaction, which keeps the socket bound until it ends. Its statements bind the
// socket to their own contexts besides.
type boundTx struct {
	inner   driver.Tx
	noted   func(error) error
	release func()
}

func (t *boundTx) Commit() error {
	defer t.release()
	return t.noted(t.inner.Commit())
}

func (t *boundTx) Rollback() error {
	defer t.release()
	return t.noted(t.inner.Rollback())
}
