package traffic_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

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

// A stream names the ID behind which it begins, so that a reader that loses it at once has one.
func TestStreamBegins(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	file(&j, "closeorder", "A1", traffic.VerdictOK)
	lines := serve(t, &j, traffic.Query{})
	if !lines.Scan() || lines.Text() != "id: 1" {
		t.Errorf("got %q, want id: 1", lines.Text())
	}
	// With 0 given, as such a reader of an emulator without calls has it, it begins with the first.
	wantCall(t, serve(t, &j, traffic.Query{Resumes: true}), "1", "A1")
}

// In the next emulator of a folder IDs go on. A reader that was away for the restart has what ended
// since, and nothing twice; calls of the earlier emulator are not counted as missed.
func TestStreamAcrossARestart(t *testing.T) {
	t.Parallel()
	var reserved []int64
	first := traffic.Journal{Numbers: traffic.Numbers{Reserve: func(last int64) { reserved = append(reserved, last) }}}
	for i := range 3 {
		file(&first, "closeorder", fmt.Sprintf("A%d", i+1), traffic.VerdictOK)
	}
	if diff := cmp.Diff([]int64{1000}, reserved); diff != "" {
		t.Errorf("three calls (-want +got):\n%s", diff)
	}
	killed := traffic.Journal{Numbers: traffic.Numbers{Last: 1000}}
	file(&killed, "closeorder", "B1", traffic.VerdictOK)
	wantCall(t, serve(t, &killed, traffic.Query{After: 2}), "1001", "B1")
	first.Close()
	if diff := cmp.Diff([]int64{1000, 3}, reserved); diff != "" {
		t.Errorf("an emulator that ends gives back what it did not need (-want +got):\n%s", diff)
	}
	first.Close()
	second := traffic.Journal{Numbers: traffic.Numbers{Last: 3}}
	file(&second, "closeorder", "B1", traffic.VerdictOK)
	wantCall(t, serve(t, &second, traffic.Query{After: 2}), "4", "B1")
	if page := second.Page(traffic.Query{After: 3}); len(page.Calls) != 1 || page.Calls[0].ID != 4 {
		t.Errorf("the page after the restart: got %+v, want call 4", page)
	}
}

// IDs are reserved once for a thousand calls, before the first of them is seen.
func TestReserve(t *testing.T) {
	t.Parallel()
	var reserved []int64
	j := traffic.Journal{Numbers: traffic.Numbers{Last: 7, Reserve: func(last int64) { reserved = append(reserved, last) }}}
	j.Ended = func(c traffic.Call) {
		if len(reserved) == 0 || c.ID > reserved[len(reserved)-1] {
			t.Errorf("call %d is seen with %v reserved", c.ID, reserved)
		}
	}
	for range 2001 {
		file(&j, "closeorder", "A1", traffic.VerdictOK)
	}
	if diff := cmp.Diff([]int64{1007, 2007, 3007}, reserved); diff != "" {
		t.Errorf("2001 calls (-want +got):\n%s", diff)
	}
}
