package hosting_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/hosting"
)

// A line is a connection to a function, as its client sees it.
type line struct {
	net.Conn

	t    *testing.T
	read *bufio.Reader
}

func (f *webFunction) line() *line {
	f.t.Helper()
	conn := f.dial()
	return &line{conn, f.t, bufio.NewReader(conn)}
}

// ask sends a request and reads the answer's status.
func (l *line) ask(standing string) {
	l.t.Helper()
	_, _ = io.WriteString(l, "GET / HTTP/1.1\r\nHost: x\r\n"+standingHeader+": "+standing+"\r\n\r\n")
	response, err := http.ReadResponse(l.read, nil)
	if err != nil {
		l.t.Fatalf("asking: %v", err)
	}
	_, _ = io.Copy(io.Discard, response.Body)
	_ = response.Body.Close()
	if response.StatusCode >= http.StatusInternalServerError {
		l.t.Fatalf("asking: got %d", response.StatusCode)
	}
}

// wantClosed waits until the function has closed the connection.
func (l *line) wantClosed(which string) {
	l.t.Helper()
	_, err := l.read.ReadByte()
	if err == nil || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
		l.t.Errorf("%s: got %v, want it closed", which, err)
	}
}

// At the limit the connection that has been idle longest is closed, whatever it sent, and whether
// or not it has had an answer: no new one waits to be accepted.
func TestTheLongestWaitingConnectionIsClosed(t *testing.T) {
	t.Parallel()
	const most = 4
	f := serveStandings(t, refusing, hosting.WebTimes{Connections: most, Header: time.Hour})
	silent, half, answered, slow := f.line(), f.line(), f.line(), f.line()
	_, _ = io.WriteString(half, "POST / HTTP/1.1\r\nHost: x\r\n")
	answered.ask("unproved")
	_, _ = io.WriteString(slow, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n"+standingHeader+": proved\r\n\r\n")
	if got, err := slow.read.ReadString('\n'); err != nil || !strings.Contains(got, "100 Continue") {
		t.Fatalf("got %q and %v, want 100 Continue", got, err)
	}
	// slow has a request now, which is not waiting.
	for _, l := range []struct {
		name string
		*line
	}{{"the silent one", silent}, {"the one with half a head", half}, {"the one that has its answer", answered}} {
		f.line().ask("unproved")
		l.wantClosed(l.name)
	}
	_, _ = io.WriteString(slow, "{}")
	_, _ = slow.read.ReadString('\n')
	if got, err := slow.read.ReadString('\n'); err != nil || !strings.HasPrefix(got, "HTTP/1.1 200 ") {
		t.Errorf("the one with a request: got %q and %v, want its answer", got, err)
	}
}

// Connections of known senders are spared while they are no more than half.
func TestKnownConnectionsAreSpared(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Connections: 4, Header: time.Hour})
	first, second := f.line(), f.line()
	first.ask("proved")
	second.ask("named")
	for range 20 {
		f.line().ask("unproved")
	}
	first.ask("proved")
	second.ask("named")

	third := f.line()
	third.ask("proved")
	f.line().ask("unproved")
	f.line().ask("unproved") // one too many, and more than half are known
	first.wantClosed("the known one that waited longest")
	second.ask("named")
	third.ask("proved")
}

// Where every connection has a request that is being answered, the newest is closed, and none of
// them.
func TestBusyConnectionsAreKept(t *testing.T) {
	t.Parallel()
	f := serveStandings(t, refusing, hosting.WebTimes{Connections: 2, Header: time.Hour, Body: time.Hour})
	finish := []func(string) string{f.dawdleAs("proved"), f.dawdleAs("named")}
	for range 3 {
		conn, err := net.Dial("tcp", f.address)
		switch {
		case errors.Is(err, syscall.ECONNRESET): // it was closed as soon as it was accepted
		case err != nil:
			t.Fatal(err)
		default:
			l := &line{conn, t, bufio.NewReader(conn)}
			l.wantClosed("one too many")
			_ = conn.Close()
		}
	}
	for _, finish := range finish {
		if got := finish("{}"); !strings.HasPrefix(got, "\r\nHTTP/1.1 200 ") {
			t.Errorf("got %q, want 200", got)
		}
	}
	f.line().ask("unproved") // their places are free again
}

func TestMostConnections(t *testing.T) {
	t.Parallel()
	for files, want := range map[int]int{0: 1024, 1: 1, 256: 192, 1024: 768, 4096: 1024, 1 << 30: 1024} {
		if got := hosting.MostConnections(files); got != want {
			t.Errorf("%d files: got %d connections, want %d", files, got, want)
		}
	}
	// All places of all standings together leave a connection to close.
	if places := 2*(hosting.MaxReading+hosting.MaxInFlight) - hosting.MaxReading + 2*hosting.MaxUnproved + 3*hosting.MaxInFlight; places >= 1024 {
		t.Errorf("requests take %d connections, want fewer than there are", places)
	}
}
