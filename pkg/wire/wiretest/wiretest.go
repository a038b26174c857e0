// Package wiretest plays far sides that break HTTP's customs, for the tests of clients.
package wiretest

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"
)

// Holds returns the address (http://127.0.0.1:PORT) of a far side that answers every request with
// this status and the beginning of a body, and then holds the line until the client hangs up or the
// test ends.
func Holds(t testing.TB, status int) string {
	t.Helper()
	return Serve(t, func(conn net.Conn, _ *http.Request) {
		upgrade := ""
		if status == http.StatusSwitchingProtocols {
			upgrade = "Connection: Upgrade\r\nUpgrade: anything\r\n"
		}
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 %d Whatever\r\n%sContent-Length: 1000\r\n\r\n{", status, upgrade)
		waitForEnd(conn)
	})
}

// Drips returns the address of a far side whose reply comes one byte at a time, with a pause before
// each: first a head that ends, then a body that does not.
func Drips(t testing.TB, pause time.Duration) string {
	t.Helper()
	return Serve(t, func(conn net.Conn, _ *http.Request) {
		rest := []byte("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
		ticker := time.NewTicker(pause)
		defer ticker.Stop()
		gone := make(chan struct{})
		go func() { waitForEnd(conn); close(gone) }()
		for {
			next := []byte(" ")
			if len(rest) > 0 {
				next, rest = rest[:1], rest[1:]
			}
			select {
			case <-ticker.C:
			case <-gone:
				return
			}
			if _, err := conn.Write(next); err != nil {
				return
			}
		}
	})
}

// Silent returns the address of a far side that reads requests and never answers.
func Silent(t testing.TB) string {
	t.Helper()
	return Serve(t, func(conn net.Conn, _ *http.Request) { waitForEnd(conn) })
}

// waitForEnd returns once the client has hung up, or the connection was closed.
func waitForEnd(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }

// Serve returns the address of a far side that calls answer for each request with its connection,
// to write to it what it likes. A request's body has been received. When answer returns, the next
// request of the connection is read, unless this one asked for the connection's end. All
// connections are closed when the test ends, before Serve's goroutines are waited for.
func Serve(t testing.TB, answer func(net.Conn, *http.Request)) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{answer: answer, conns: map[net.Conn]bool{}}
	s.all.Go(func() { s.accept(listener) })
	t.Cleanup(func() {
		_ = listener.Close()
		s.hangUp()
		s.all.Wait()
	})
	return "http://" + listener.Addr().String()
}

type server struct {
	answer func(net.Conn, *http.Request)
	all    sync.WaitGroup

	mu     sync.Mutex
	closed bool
	conns  map[net.Conn]bool
}

func (s *server) accept(listener net.Listener) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		if !s.keep(conn) {
			_ = conn.Close()
			return
		}
		s.all.Go(func() {
			defer s.drop(conn)
			s.serve(conn)
		})
	}
}

func (s *server) serve(conn net.Conn) {
	reader := bufio.NewReader(conn)
	for {
		req, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(req.Body)
		if err != nil {
			return
		}
		req.Body = io.NopCloser(bytes.NewReader(body))
		s.answer(conn, req)
		if req.Close {
			return
		}
	}
}

func (s *server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = true
	return !s.closed
}

func (s *server) drop(conn net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	_ = conn.Close()
}

func (s *server) hangUp() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for conn := range s.conns {
		_ = conn.Close()
	}
}
