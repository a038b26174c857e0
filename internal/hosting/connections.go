package hosting

import (
	"container/list"
	"context"
	"net"
	"runtime"
	"sync"
)

// maxConnections is how many connections are open at a time. An idle one takes some 20 KB. There
// are more of them than places for requests, so that at the limit there is always an idle one to
// close.
const maxConnections = 1024

// mostConnections is maxConnections, or less where the process may have fewer files: a quarter of
// them is left to the handlers. SCF allows 1024.
func mostConnections(files int) int {
	if files <= 0 {
		return maxConnections
	}
	return max(1, min(maxConnections, files/4*3))
}

// connections is a listener that bounds its open connections. At the limit it closes the one that
// has been idle longest, that is, without the complete head of a request: it has sent nothing, half
// a head, or has had its answer. Accepting never waits for one to end. Connections whose last
// request came from a known sender are spared while there are others.
//
// It is our own because net/http cannot close its idle connections one at a time, and the common
// limit (x/net/netutil.LimitListener) makes new callers wait for old connections (ADR 15).
type connections struct {
	net.Listener

	most int

	mu   sync.Mutex
	open int
	// idle and known hold the connections without a request in progress, the longest idle first:
	// those of unknown senders, and those of known ones.
	idle, known list.List // of *connection
}

func newConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, most: most}
}

// connection is one connection of a connections.
type connection struct {
	net.Conn

	of     *connections
	among  *list.List    // the list that it is in; nil while its request is answered
	place  *list.Element // its place there
	closed bool
}

// Accept waits for the next connection.
func (l *connections) Accept() (net.Conn, error) {
	for {
		conn, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		c := &connection{Conn: conn, of: l}
		out := l.admit(c)
		if out != nil {
			out.reset()
			// Handlers of earlier connections run first, so that however fast connections come,
			// none is closed with a head that has arrived but was not read.
			runtime.Gosched()
		}
		if out != c {
			return c, nil
		}
	}
}

// admit counts a connection, and returns the one to close for it, if any. That is c itself when all
// others have requests in progress.
func (l *connections) admit(c *connection) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	l.queue(c, &l.idle)
	if l.open <= l.most {
		return nil
	}
	out := l.victim(c)
	l.forget(out)
	return out
}

// victim is the connection to close for c. Those of known senders are spared while they are no more
// than half.
func (l *connections) victim(c *connection) *connection {
	front := l.idle.Front()
	if isOnlyOne := front.Value == c; l.known.Len() > l.most/2 || isOnlyOne && l.known.Len() > 0 {
		front = l.known.Front()
	}
	out, _ := front.Value.(*connection)
	return out
}

// queue puts a connection at the end of a list.
func (l *connections) queue(c *connection, among *list.List) {
	c.among, c.place = among, among.PushBack(c)
}

// unqueue takes it out of its list.
func (l *connections) unqueue(c *connection) {
	if c.among != nil {
		c.among.Remove(c.place)
		c.among, c.place = nil, nil
	}
}

// forget stops counting a connection.
func (l *connections) forget(c *connection) {
	if !c.closed {
		c.closed = true
		l.open--
		l.unqueue(c)
	}
}

// begin notes that the head of a request is there. It returns false if the connection was closed
// meanwhile.
func (c *connection) begin() bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.unqueue(c)
	return !c.closed
}

// end notes that the request is answered. Its sender's standing decides which list the connection
// waits in for the next one.
func (c *connection) end(standing Standing) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.closed {
		return
	}
	among := &c.of.idle
	if standing == Proved || standing == Named {
		among = &c.of.known
	}
	c.of.queue(c, among)
}

// reset closes a connection with a TCP reset, after which the kernel keeps nothing of it.
func (c *connection) reset() {
	if conn, ok := c.Conn.(*net.TCPConn); ok {
		_ = conn.SetLinger(0) // on failure, Close takes the longer way
	}
	_ = c.Conn.Close()
}

// Close closes the connection, and stops counting it.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is called by net/http before it closes a connection whose peer may still be writing.
func (c *connection) CloseWrite() error {
	if conn, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return conn.CloseWrite()
	}
	return nil
}

type connectionKey struct{}

// withConnection is http.Server.ConnContext: it lets a request's handler find its connection.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// connectionOf is a request's connection; nil if it did not come through connections.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
