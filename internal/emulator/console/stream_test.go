package console_test

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// listener reads a stream of the console.
type listener struct {
	t    *testing.T
	in   *bufio.Reader
	end  func()
	last string // the id of the last event
}

// listen opens a stream. lastEventID is what a browser sends when it comes back.
func listen(t *testing.T, address, lastEventID string) *listener {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	if lastEventID != "" {
		request.Header.Set("Last-Event-Id", lastEventID)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	end := func() { _ = response.Body.Close() }
	t.Cleanup(end)
	if response.StatusCode != http.StatusOK || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("got %s %s", response.Status, response.Header.Get("Content-Type"))
	}
	return &listener{t: t, in: bufio.NewReader(response.Body), end: end}
}

// until reads events whole until one has a text, and returns all that was read.
func (l *listener) until(want string) string {
	l.t.Helper()
	var all strings.Builder
	for found := false; ; {
		line, err := l.in.ReadString('\n')
		all.WriteString(line)
		if err != nil {
			l.t.Fatalf("the stream ended before %q: %v\n%s", want, err, all.String())
		}
		if id, is := strings.CutPrefix(line, "id: "); is {
			l.last = strings.TrimSpace(id)
		}
		found = found || strings.Contains(line, want)
		if found && line == "\n" {
			return all.String()
		}
	}
}

// event is an event of a management API's stream about an order.
func event(id int, order string) string {
	return fmt.Sprintf("id: %d\ndata: {\"id\":%d,\"time\":%q,\"out_trade_no\":%q,\"verdict\":\"ok\",\"op\":\"close\",\"api\":\"v3\"}\n\n", id, id, someTime, order)
}

// The stream has a row of each world, and goes on behind the place that a browser comes back with,
// in each of them.
func TestStreamGoesOn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /requests", `[{"id":7}]`)
	w.set("GET /v1/calls", `{"calls":[{"id":8}]}`)
	w.set("GET /deliveries", `{"deliveries":[{"id":9}]}`)
	c := w.open(nil)
	first := listen(t, c.URL+"/stream?show=activity", "")
	first.until("id: r7.c8.d9")
	w.send("/requests/stream", event(10, "A1"))
	first.until("A1")
	w.send("/v1/calls/stream", event(20, "A2"))
	first.until("A2")
	w.send("/deliveries/stream", event(30, "A3"))
	if got := first.until("changed"); !strings.Contains(got, "event: changed\ndata: {}") && first.last != "r10.c20.d30" {
		t.Errorf("got %s behind %s", got, first.last)
	}
	first.end()
	again := listen(t, c.URL+"/stream?show=activity&after=r1.c1.d1", "r10.c20.d30")
	again.until("id: r10.c20.d30")
	w.send("/requests/stream", event(11, "A4"))
	if got := again.until("r11.c20.d30"); strings.Contains(got, "A1") || strings.Contains(got, "A3") {
		t.Errorf("got rows again:\n%s", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for path, want := range map[string]string{"/requests/stream": "10", "/v1/calls/stream": "20", "/deliveries/stream": "30"} {
		if got := w.resumed[path]; !slices.Contains(got, want) {
			t.Errorf("%s: it was opened behind %v, want behind %s", path, got, want)
		}
	}
}

// When a management API ends its stream, the console opens it again behind what it has passed on,
// and its own reader notices nothing. What the history has forgotten is said.
func TestStreamComesBack(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	s := listen(t, c.URL+"/stream?show=requests&after=r3.c0.d0", "")
	w.send("/requests/stream", event(4, "A4"), cut)
	s.until("A4")
	w.send("/requests/stream", event(5, "A5"))
	s.until("A5")
	w.send("/requests/stream", "event: dropped\ndata: {\"error\":\"too slow\"}\n\n", event(6, "A6"))
	if got := s.until("A6"); !strings.Contains(got, "gone from the history") {
		t.Errorf("nothing says that rows are gone:\n%s", got)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := w.resumed["/requests/stream"]; len(got) != 2 || got[0] != "3" || got[1] != "4" {
		t.Errorf("it was opened behind %v, want 3 and 4", got)
	}
}

// Rows that come together are sent together, the newest first; the id is that of the newest.
func TestStreamGathers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	events := []string{}
	const many = 1000
	for i := range many {
		events = append(events, event(i+1, fmt.Sprintf("N%d.", i+1)))
	}
	w.send("/requests/stream", events...)
	s := listen(t, c.URL+"/stream?show=requests&after=r0.c0.d0", "")
	all := s.until(fmt.Sprintf("<code>N%d.</code>", many))
	if s.last != fmt.Sprintf("r%d.c0.d0", many) {
		t.Errorf("got the last id %s", s.last)
	}
	for i := range many {
		if got := strings.Count(all, fmt.Sprintf("<code>N%d.</code>", i+1)); got != 1 {
			t.Fatalf("order %d: got %d rows, want one", i+1, got)
		}
	}
	if messages := strings.Count(all, "\n\n"); messages > many/2 {
		t.Errorf("got %d messages for %d rows", messages, many)
	}
}

// A filter by cause is the console's own; the others are the management API's.
func TestStreamFilters(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	s := listen(t, c.URL+"/stream?show=requests&cause=QUERY&verdict=unauthentic&after=r0.c0.d0", "")
	w.send("/requests/stream", event(1, "other"),
		`id: 2`+"\n"+`data: {"id":2,"out_trade_no":"this","verdict":"unauthentic","reason":"the query string was not signed"}`+"\n\n")
	if got := s.until("this"); strings.Contains(got, "other") {
		t.Errorf("got a row of another cause:\n%s", got)
	}
}

// A wrong place, a wrong kind of page and too many readers are refused.
func TestStreamRefuses(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(nil)
	for _, query := range []string{"", "?show=all", "?show=requests&after=5", "?show=requests&after=r1.c2", "?show=requests&after=r1.c2.d-3", "?show=requests&after=x1.c2.d3"} {
		fetch(t, c.URL+"/stream"+query, nil).want(400)
	}
	const most = 64
	for range most {
		listen(t, c.URL+"/stream?show=changes&after=r0.c0.d0", "")
	}
	got := fetch(t, c.URL+"/stream?show=changes&after=r0.c0.d0", nil)
	if got.want(503); got.header.Get("Retry-After") == "" {
		t.Error("nothing says when to come back")
	}
}
