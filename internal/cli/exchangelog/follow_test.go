package exchangelog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/emulator/traffic"
)

// world is an emulator's three histories behind a server.
type world struct {
	*httptest.Server

	calls      traffic.Journal
	deliveries traffic.Deliveries
	requests   []traffic.Request // whose IDs count from 1
	end        chan struct{}     // closed by stop
	once       sync.Once
}

// serveWorld serves what a run of an emulator has, whose calls and deliveries are numbered behind
// those of before, until stop or the end of the test.
func serveWorld(t *testing.T, last int64, requests ...traffic.Request) *world {
	t.Helper()
	w := &world{requests: requests, end: make(chan struct{})}
	w.calls.Numbers.Last, w.deliveries.Numbers.Last = last, last
	mux := http.NewServeMux()
	mux.HandleFunc("/v1/calls", w.query(func(out http.ResponseWriter, _ *http.Request, q traffic.Query) {
		_ = json.NewEncoder(out).Encode(w.calls.Page(q))
	}))
	mux.HandleFunc("/v1/calls/stream", w.query(func(out http.ResponseWriter, r *http.Request, q traffic.Query) {
		w.calls.Stream(r.Context(), out, q)
	}))
	mux.Handle("/deliveries", &w.deliveries)
	mux.Handle("/deliveries/stream", &w.deliveries)
	mux.HandleFunc("/requests", func(out http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(out).Encode(w.requests) })
	mux.HandleFunc("/requests/stream", w.streamRequests)
	w.Server = httptest.NewServer(mux)
	t.Cleanup(w.stop)
	return w
}

// query reads what a request selects, as the emulators do.
func (w *world) query(serve func(http.ResponseWriter, *http.Request, traffic.Query)) http.HandlerFunc {
	return func(out http.ResponseWriter, r *http.Request) {
		q, err := traffic.QueryOf(r)
		if err != nil {
			http.Error(out, err.Error(), http.StatusBadRequest)
			return
		}
		serve(out, r, q)
	}
}

// streamRequests sends the requests behind Last-Event-ID, and then waits.
func (w *world) streamRequests(out http.ResponseWriter, r *http.Request) {
	out.Header().Set("Content-Type", "text/event-stream")
	last := 0
	_, _ = fmt.Sscan(r.Header.Get("Last-Event-ID"), &last)
	_, _ = fmt.Fprintf(out, ": requests behind %d\nid: %d\n\n", last, last)
	for i, one := range w.requests {
		if i+1 > last {
			text, _ := json.Marshal(one)
			_, _ = fmt.Fprintf(out, "id: %d\ndata: %s\n\n", i+1, text)
		}
	}
	_, _ = io.WriteString(out, "event: another\ndata: {\"verdict\":\"ok\"}\n\n:\n\n")
	_ = http.NewResponseController(out).Flush()
	select {
	case <-w.end:
	case <-r.Context().Done():
	}
}

// stop ends the emulator: its streams first, as the real one does.
func (w *world) stop() {
	w.once.Do(func() {
		close(w.end)
		w.calls.Close()
		w.deliveries.Close()
		w.Close()
	})
}

// source is where the emulator is.
func (w *world) source() exchangelog.Source {
	return exchangelog.Source{CloudURL: w.URL, AdminURL: w.URL}
}

// shown collects what is shown, as orders with what they are.
type shown []string

func (s *shown) add(e exchangelog.Entry) {
	switch {
	case e.Call != nil:
		*s = append(*s, "call "+e.Call.OutTradeNo)
	case e.Request != nil:
		*s = append(*s, "request "+e.Request.OutTradeNo)
	default:
		*s = append(*s, "delivery "+e.Delivery.OutTradeNo)
	}
}

func requestsOf(orders ...string) (requests []traffic.Request) {
	for i, order := range orders {
		r := traffic.Request{Time: noon.Add(time.Duration(i) * time.Minute), OutTradeNo: order, Verdict: "ok"}
		if strings.HasPrefix(order, "caused") {
			r.Call = "1"
		}
		requests = append(requests, r)
	}
	return requests
}

// All histories are shown in the order of their times, without the requests that a call has.
func TestHistory(t *testing.T) {
	t.Parallel()
	w := serveWorld(t, 0, requestsOf("R0", "caused1", "R2")...)
	w.calls.File(traffic.Call{Via: "timer", Time: noon.Add(90 * time.Second), OutTradeNo: "C1", Function: "closeorder"})
	w.calls.File(traffic.Call{Via: "timer", Time: noon.Add(-time.Second), OutTradeNo: "C0", Function: "queryorder"})
	w.deliveries.File(traffic.Delivery{Time: noon.Add(100 * time.Second), OutTradeNo: "C1", Function: "closeorder", Verdict: "unauthentic"})
	w.deliveries.File(traffic.Delivery{Time: noon.Add(time.Hour), OutTradeNo: "R2", Verdict: "failed"})
	from := w.source()
	for name, q := range map[string]struct {
		query traffic.Query
		want  shown
	}{
		"all":        {traffic.Query{}, shown{"call C0", "request R0", "call C1", "delivery C1", "request R2", "delivery R2"}},
		"the last":   {traffic.Query{Limit: 2}, shown{"request R2", "delivery R2"}},
		"a function": {traffic.Query{Function: "closeorder"}, shown{"call C1", "delivery C1"}},
		"an order":   {traffic.Query{OutTradeNo: "R2"}, shown{"request R2", "delivery R2"}},
		"refused":    {traffic.Query{Verdict: "refused"}, shown{"delivery C1"}},
	} {
		var got shown
		if err := exchangelog.History(t.Context(), from, q.query, got.add); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(q.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	from.CloudURL = ""
	var got shown
	if err := exchangelog.History(t.Context(), from, traffic.Query{}, got.add); err != nil || len(got) != 4 {
		t.Errorf("WeChat Pay alone: got %v and %v, want its two requests and the deliveries", got, err)
	}
}

// follow follows emulators, of which find names the present one. show is called for each entry, and
// may cancel.
func follow(ctx context.Context, find func() (exchangelog.Source, error), show func(string), say func(bilingual.Text)) error {
	f := exchangelog.Follower{Find: find, Say: say, Show: func(e exchangelog.Entry) {
		var one shown
		one.add(e)
		show(one[0])
	}}
	return f.Run(ctx)
}

// What comes is shown as it comes, until the user ends it.
func TestFollow(t *testing.T) {
	t.Parallel()
	w := serveWorld(t, 0, requestsOf("R0", "caused1", "R2")...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen []string
	err := follow(ctx, func() (exchangelog.Source, error) { return w.source(), nil }, func(one string) {
		seen = append(seen, one)
		switch one { // every stream is open before anything is shown
		case "request R2":
			w.calls.File(traffic.Call{Via: "timer", OutTradeNo: "C1"})
		case "call C1":
			w.deliveries.File(traffic.Delivery{OutTradeNo: "D1"})
		case "delivery D1":
			cancel()
		}
	}, func(text bilingual.Text) { t.Errorf("said %s", text.EN) })
	if diff := cmp.Diff([]string{"request R0", "request R2", "call C1", "delivery D1"}, seen); err != nil || diff != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, diff)
	}
}

// An emulator that ends and is started anew is followed on, at its new address: what happened
// meanwhile is shown, and nothing twice. The user is told of both.
func TestFollowAcrossARestart(t *testing.T) {
	t.Parallel()
	first := serveWorld(t, 0, requestsOf("R0")...)
	first.calls.File(traffic.Call{Via: "timer", OutTradeNo: "before"})
	var mu sync.Mutex
	var present *world
	find := func() (exchangelog.Source, error) {
		mu.Lock()
		defer mu.Unlock()
		if present == nil {
			return exchangelog.Source{}, bilingual.Errorf("no emulator runs here", "这里没有运行模拟器")
		}
		return present.source(), nil
	}
	set := func(w *world) {
		mu.Lock()
		defer mu.Unlock()
		present = w
	}
	set(first)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var seen, said []string
	err := follow(ctx, find, func(one string) {
		seen = append(seen, one)
		switch {
		case one == "request R0":
			first.calls.File(traffic.Call{Via: "timer", OutTradeNo: "C1"})
		case one == "call C1":
			first.deliveries.File(traffic.Delivery{OutTradeNo: "D1"})
		case one == "delivery D1":
			set(nil)
			go first.stop()
		case len(seen) == 6:
			cancel()
		}
	}, func(text bilingual.Text) {
		said = append(said, text.EN)
		if len(said) > 1 {
			return
		}
		// The next one has the requests of the first, and what happened before it was found.
		second := serveWorld(t, 2, requestsOf("R0", "R1")...)
		second.calls.File(traffic.Call{Via: "timer", OutTradeNo: "C2"})
		second.deliveries.Numbers.Last = 1
		second.deliveries.File(traffic.Delivery{OutTradeNo: "D2"})
		set(second)
	})
	slices.Sort(seen[min(3, len(seen)):])
	want := []string{"request R0", "call C1", "delivery D1", "call C2", "delivery D2", "request R1"}
	if diff := cmp.Diff(want, seen); err != nil || diff != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, diff)
	}
	if len(said) != 2 || !strings.Contains(said[0], "the emulator ended") || said[1] != "the emulator serves again" {
		t.Errorf("said %q, want that it ended and that it serves again", said)
	}
}

// Ctrl-C ends a follower that waits for an emulator, without an error.
func TestFollowIsInterrupted(t *testing.T) {
	t.Parallel()
	w := serveWorld(t, 0, requestsOf("R0")...)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err := follow(ctx, func() (exchangelog.Source, error) { return w.source(), nil }, func(string) { go w.stop() },
		func(bilingual.Text) { cancel() })
	if err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

// What an emulator has forgotten before it was followed again is counted.
func TestFollowMisses(t *testing.T) {
	t.Parallel()
	first, second := serveWorld(t, 0, traffic.Request{OutTradeNo: "R0", Verdict: "failed"}), serveWorld(t, 2)
	for range traffic.Kept + 5 {
		second.calls.File(traffic.Call{Via: "timer", Verdict: "ok"})
	}
	second.calls.File(traffic.Call{Via: "timer", Verdict: "failed", OutTradeNo: "C2"})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	present := first
	var said []string
	var seen shown
	f := exchangelog.Follower{
		Query: traffic.Query{Verdict: "failed"},
		Find:  func() (exchangelog.Source, error) { return present.source(), nil },
		Say:   func(text bilingual.Text) { said = append(said, text.EN) },
		Show: func(e exchangelog.Entry) {
			seen.add(e)
			switch len(seen) {
			case 1: // every stream is open
				first.calls.File(traffic.Call{Via: "timer", Verdict: "ok"})
				first.calls.File(traffic.Call{Via: "timer", Verdict: "failed", OutTradeNo: "C1"})
			case 2:
				present = second
				go first.stop()
			default:
				cancel()
			}
		},
	}
	err := f.Run(ctx)
	if diff := cmp.Diff(shown{"request R0", "call C1", "call C2"}, seen); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
	if len(said) != 3 || !strings.Contains(said[2], `{"calls":6}`) {
		t.Errorf("said %q, want that six calls are not shown", said)
	}
}

// An emulator that is not there, or that refuses, is an error with a sentence.
func TestFollowFails(t *testing.T) {
	t.Parallel()
	gone := exchangelog.Source{CloudURL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:1"}
	find := func() (exchangelog.Source, error) { return gone, nil }
	for _, err := range []error{
		follow(t.Context(), find, nil, nil), exchangelog.History(t.Context(), gone, traffic.Query{}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "is it still running?") {
			t.Errorf("no emulator: got %v", err)
		}
	}
	from := serveWorld(t, 0).source()
	from.CloudURL += "/nowhere"
	find = func() (exchangelog.Source, error) { return from, nil }
	for _, err := range []error{
		follow(t.Context(), find, nil, nil), exchangelog.History(t.Context(), from, traffic.Query{}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "404") {
			t.Errorf("a refusal: got %v, want its status", err)
		}
	}
}
