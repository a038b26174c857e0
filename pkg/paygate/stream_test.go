package paygate_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// events reads a stream of server-sent events.
type events struct {
	t     *testing.T
	body  *bufio.Scanner
	close func()
}

// follow opens the stream. Its first line has arrived when it returns.
func (s *session) follow(path, lastEventID string) *events {
	s.t.Helper()
	ctx, cancel := context.WithCancel(s.t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.AdminURL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream; charset=utf-8" {
		s.t.Fatalf("%s is %d %s", path, resp.StatusCode, kind)
	}
	stop := func() {
		cancel()
		_ = resp.Body.Close()
	}
	s.t.Cleanup(stop)
	e := &events{s.t, bufio.NewScanner(resp.Body), stop}
	var behind, id int
	begins := e.next()
	if _, err := fmt.Sscanf(begins, ": requests behind %d\nid: %d", &behind, &id); err != nil || id != behind {
		s.t.Fatalf("the stream begins with %q, want the id behind which it begins", begins)
	}
	return e
}

// next is the next event, without the empty line at its end; empty at the stream's end.
func (e *events) next() string {
	var lines []string
	for e.body.Scan() {
		if e.body.Text() == "" {
			break
		}
		lines = append(lines, e.body.Text())
	}
	return strings.Join(lines, "\n")
}

// wantIDs checks the ids of the next events, each of which is that of its data.
func (e *events) wantIDs(ids ...int) {
	e.t.Helper()
	for _, id := range ids {
		text := e.next()
		head, data, _ := strings.Cut(text, "\ndata: ")
		var r paygate.Request
		if err := json.Unmarshal([]byte(data), &r); err != nil || head != fmt.Sprint("id: ", id) || r.ID != id {
			e.t.Fatalf("event is %q, want that of request %d", text, id)
		}
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.v3(s.queryV3("A1"))
	live, all, resumed := s.follow("/requests/stream", ""), s.follow("/requests/stream?after=0", ""), s.follow("/requests/stream?after=0", "1")
	refused := s.follow("/requests/stream?verdict=refused", "")
	ahead := s.follow("/requests/stream", "4711") // another gateway's
	s.v2(s.queryV2("A1"))
	s.v3(s.closeV3("none"))
	live.wantIDs(2, 3)
	all.wantIDs(1, 2, 3)
	resumed.wantIDs(2, 3)
	refused.wantIDs(3)
	ahead.wantIDs(2, 3)
	live.close()
	s.v2(s.queryV2("A1"))
	all.wantIDs(4)
	s.ClearRequests()
	s.v2(s.queryV2("A1"))
	all.wantIDs(5)
	for query, phrase := range map[string]string{"after=x": "whole number", "verdict=good": "must be one of", "limit=1": "unknown query parameter"} {
		s.admin("GET", "/requests/stream?"+query, "").wantError(400, phrase)
	}
	s.admin("POST", "/requests/stream", "").wantError(405, "possible: GET")
	_ = s.Close()
	if got := all.next(); got != "" {
		t.Errorf("a closed gateway sends %q", got)
	}
}

// TestStreamIsLong: a reader that begins far back gets everything that is there, once.
func TestStreamIsLong(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{History: 500})
	for range 700 {
		s.Remember(paygate.Request{})
	}
	e := s.follow("/requests/stream?after=3", "")
	for id := 201; id <= 700; id++ {
		e.wantIDs(id)
	}
	s.Remember(paygate.Request{})
	e.wantIDs(701)
}

// TestHeartbeat: a stream without requests shows that it lives.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.SetStreamTimes(time.Millisecond, time.Minute)
	if got := s.follow("/requests/stream", "").next(); got != ": waiting" {
		t.Errorf("got %q, want a comment", got)
	}
}

// TestSlowReader: a reader that takes nothing is dropped, and holds no goroutine.
func TestSlowReader(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{History: 100})
	s.SetStreamTimes(time.Minute, 20*time.Millisecond)
	ended := make(chan struct{})
	admin := s.Admin()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		admin.ServeHTTP(w, r)
		close(ended)
	}))
	defer server.Close()
	s.AdminURL = server.URL
	s.follow("/requests/stream", "") // and reads no more
	large := paygate.Request{Expected: strings.Repeat("x", 64<<10)}
	for {
		select {
		case <-ended:
			return
		case <-t.Context().Done():
			t.Fatal("the reader is not dropped")
		default:
			s.Remember(large)
		}
	}
}

// TestOvertaken: a reader that the ring overtakes is told so.
func TestOvertaken(t *testing.T) {
	t.Parallel()
	s := start(t, paygate.Options{History: 2})
	// It is overtaken in its first write, by requests that are filed from within it.
	w := &overtaking{ResponseRecorder: httptest.NewRecorder(), write: func() {
		for range 5 {
			s.Remember(paygate.Request{})
		}
	}}
	s.Admin().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "GET", "http://localhost/requests/stream?after=0", nil))
	if got := w.Body.String(); !strings.Contains(got, "event: dropped\n") {
		t.Errorf("the stream is %s", got)
	}
}

// overtaking is a reply in whose every write something happens.
type overtaking struct {
	*httptest.ResponseRecorder

	write func()
}

func (o *overtaking) Write(text []byte) (int, error) {
	o.write()
	return o.ResponseRecorder.Write(text)
}

func (o *overtaking) WriteString(text string) (int, error) { return o.Write([]byte(text)) }
