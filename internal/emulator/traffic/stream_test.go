package traffic_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/traffic"
)

// serve serves a journal's stream until the test ends, to a reader that begins with a query.
func serve(t *testing.T, j *traffic.Journal, q traffic.Query) *bufio.Scanner {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { j.Stream(r.Context(), w, q) }))
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = response.Body.Close()
		j.Close()
		server.Close()
	})
	if kind := response.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("got %s, want text/event-stream", kind)
	}
	lines := bufio.NewScanner(response.Body)
	if !lines.Scan() || !strings.HasPrefix(lines.Text(), ":") {
		t.Fatalf("first line: got %q (%v), want a comment", lines.Text(), lines.Err())
	}
	return lines
}

// next reads the next event: its id, its kind and the order in it.
func next(t *testing.T, lines *bufio.Scanner) (id, kind, data string) {
	t.Helper()
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), ": ")
		switch {
		case name == "id":
			id = value
		case name == "event":
			kind = value
		case name == "data":
			data = value
		case lines.Text() == "" && kind != "":
			return id, kind, data
		}
	}
	t.Fatalf("the stream ended: %v", lines.Err())
	return "", "", ""
}

// wantCall fails the test unless the next event is a call about an order.
func wantCall(t *testing.T, lines *bufio.Scanner, id, order string) {
	t.Helper()
	gotID, kind, data := next(t, lines)
	if gotID != id || kind != "call" || !strings.Contains(data, fmt.Sprintf(`"out_trade_no":%q`, order)) {
		t.Errorf("got the event %s %s %s, want call %s about %s", kind, gotID, data, id, order)
	}
}

// A stream has the calls that end from now on, those that the query selects.
func TestStream(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	file(&j, "closeorder", "before", traffic.VerdictOK)
	lines := serve(t, &j, traffic.Query{Function: "closeorder"})
	file(&j, "queryorder", "A1", traffic.VerdictOK)
	file(&j, "closeorder", "A2", traffic.VerdictOK)
	wantCall(t, lines, "3", "A2")
	file(&j, "closeorder", "A3", traffic.VerdictFailed)
	wantCall(t, lines, "4", "A3")
	j.Close()
	if lines.Scan() && lines.Text() != "" {
		t.Errorf("after Close: got %q, want the end", lines.Text())
	}
}

// A reader that comes again has what it missed.
func TestStreamAfter(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	for i := range 3 {
		file(&j, "closeorder", fmt.Sprintf("A%d", i+1), traffic.VerdictOK)
	}
	lines := serve(t, &j, traffic.Query{After: 1})
	wantCall(t, lines, "2", "A2")
	wantCall(t, lines, "3", "A3")
}

// IDs of an earlier emulator are larger than any: such a reader has all there is.
func TestStreamAfterARestart(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	file(&j, "closeorder", "A1", traffic.VerdictOK)
	wantCall(t, serve(t, &j, traffic.Query{After: 500}), "1", "A1")
}

// A reader that was away for too long is told how many calls it missed.
func TestStreamMissed(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	for i := range traffic.Kept + 6 {
		file(&j, "closeorder", fmt.Sprint(i+1), traffic.VerdictOK)
	}
	lines := serve(t, &j, traffic.Query{After: 2})
	if _, kind, data := next(t, lines); kind != "missed" || data != `{"calls":4}` {
		t.Errorf("got %s %s, want that 4 calls were missed", kind, data)
	}
	wantCall(t, lines, "7", "7")
}

// pipe is a reader in a bubble, with everything that it got.
type pipe struct {
	header http.Header
	text   strings.Builder
	fails  atomic.Bool
}

func (p *pipe) Header() http.Header { return p.header }
func (p *pipe) WriteHeader(int)     {}
func (p *pipe) FlushError() error   { return nil }
func (p *pipe) Write(text []byte) (int, error) {
	if p.fails.Load() {
		return 0, context.DeadlineExceeded
	}
	return p.text.Write(text)
}

// An idle stream shows every quarter of a minute that it lives; it ends with its reader.
func TestStreamHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j traffic.Journal
		ctx, cancel := context.WithCancel(t.Context())
		p := &pipe{header: http.Header{}}
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			j.Stream(ctx, p, traffic.Query{})
		}()
		<-time.After(40 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(": the calls of the cloud\n\n:\n\n:\n\n", p.text.String()); diff != "" {
			t.Errorf("after 40 s (-want +got):\n%s", diff)
		}
		cancel()
		<-ended
	})
}

// A reader that takes nothing is dropped, and one after Close gets nothing.
func TestStreamEnds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var j traffic.Journal
		deaf := &pipe{header: http.Header{}}
		deaf.fails.Store(true)
		j.Stream(t.Context(), deaf, traffic.Query{})
		p := &pipe{header: http.Header{}}
		go func() {
			<-time.After(time.Second)
			p.fails.Store(true)
			file(&j, "closeorder", "A1", traffic.VerdictOK)
		}()
		j.Stream(t.Context(), p, traffic.Query{})
		j.Close()
		j.Stream(t.Context(), &pipe{header: http.Header{}}, traffic.Query{})
	})
}
