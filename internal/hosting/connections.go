package hosting

import (
	"container/list"
	"context"
	"net"
	"runtime"
	"sync"
)

// maxConnections is how many connections are open at a time. Each takes some 20 KB while it waits,
// and there are more of them than places for requests, so that some can always be closed.
const maxConnections = 1024

// mostConnections leaves a quarter of the process's files to what the handlers open. SCF allows
// 1024.
func mostConnections(files int) int {
	if files <= 0 {
		return maxConnections
	}
	return max(1, min(maxConnections, files/4*3))
}

// connections are a listener whose connections are counted. Accepting never waits for one of them
// to end: when there are too many, the one that has waited longest without the complete head of a
// request is closed, whether it has sent nothing, half a head, or had its answer. Those that had an
// answer to a request of a known sender are spared while there are others.
type connections struct {
	net.Listener

	most int

	mu   sync.Mutex
	open int
	// waiting are those without a request that is being answered, the longest first: strangers',
	// then those of known senders.
	waiting, known list.List // of *connection
}

func newConnections(l net.Listener, most int) *connections {
	return &connections{Listener: l, most: most}
}

// connection is one of them.
type connection struct {
	net.Conn

	of     *connections
	among  *list.List    // where it waits, nil while its request is answered
	place  *list.Element // there
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
			// Connections that were accepted before get their turn first, so that none is closed
			// with its head unread, however fast others come.
			runtime.Gosched()
		}
		if out != c {
			return c, nil
		}
	}
}

// admit counts a connection, and returns the one that has to be closed for it, if any: itself, when
// all others have requests that are being answered.
func (l *connections) admit(c *connection) *connection {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open++
	l.queue(c, &l.waiting)
	if l.open <= l.most {
		return nil
	}
	out := l.longest(c)
	l.forget(out)
	return out
}

// longest is the connection to close for c. Known senders' are spared while they are no more than
// half.
func (l *connections) longest(c *connection) *connection {
	front := l.waiting.Front()
	if isOnlyOne := front.Value == c; l.known.Len() > l.most/2 || isOnlyOne && l.known.Len() > 0 {
		front = l.known.Front()
	}
	out, _ := front.Value.(*connection)
	return out
}

// queue has a connection wait.
func (l *connections) queue(c *connection, among *list.List) {
	c.among, c.place = among, among.PushBack(c)
}

// unqueue ends its waiting.
func (l *connections) unqueue(c *connection) {
	if c.among != nil {
		c.among.Remove(c.place)
		c.among, c.place = nil, nil
	}
}

// forget counts a connection no more.
func (l *connections) forget(c *connection) {
	if !c.closed {
		c.closed = true
		l.open--
		l.unqueue(c)
	}
}

// begin says that the head of a request is there. It returns false when the connection was closed.
func (c *connection) begin() bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	c.of.unqueue(c)
	return !c.closed
}

// end says that the handler is done with the request, whose sender had that standing.
func (c *connection) end(standing Standing) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.closed {
		return
	}
	among := &c.of.waiting
	if standing == Proved || standing == Named {
		among = &c.of.known
	}
	c.of.queue(c, among)
}

// reset closes a connection at once, without leaving anything of it to the system.
func (c *connection) reset() {
	if conn, ok := c.Conn.(*net.TCPConn); ok {
		_ = conn.SetLinger(0) // then it is closed in the longer way
	}
	_ = c.Conn.Close()
}

// Close closes the connection.
func (c *connection) Close() error {
	c.of.mu.Lock()
	c.of.forget(c)
	c.of.mu.Unlock()
	return c.Conn.Close()
}

// CloseWrite is what net/http asks for before it closes a connection whose peer may still be
// writing.
func (c *connection) CloseWrite() error {
	if conn, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return conn.CloseWrite()
	}
	return nil
}

type connectionKey struct{}

// withConnection lets a request's handler find its connection.
func withConnection(ctx context.Context, conn net.Conn) context.Context {
	return context.WithValue(ctx, connectionKey{}, conn)
}

// connectionOf is a request's connection, nil where it is none of ours.
func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}
