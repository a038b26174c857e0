package exchangelog_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/emulator/traffic"
)

// histories serves a cloud's journal and a gateway's requests until the test ends. The stream of
// requests begins when that of calls has begun.
func histories(t *testing.T, j *traffic.Journal, requests []traffic.Request) exchangelog.Source {
	t.Helper()
	mux, begun := http.NewServeMux(), make(chan struct{})
	mux.HandleFunc("/v1/calls", func(w http.ResponseWriter, r *http.Request) {
		q, err := traffic.ParseQuery(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_ = json.NewEncoder(w).Encode(j.Page(q))
	})
	mux.HandleFunc("/v1/calls/stream", func(w http.ResponseWriter, r *http.Request) {
		q, err := traffic.ParseQuery(r.URL.Query())
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		j.Stream(r.Context(), &telling{ResponseWriter: w, begun: begun}, q)
	})
	mux.HandleFunc("/requests", func(w http.ResponseWriter, _ *http.Request) { _ = json.NewEncoder(w).Encode(requests) })
	mux.HandleFunc("/requests/stream", func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-begun:
		case <-r.Context().Done():
		}
		w.Header().Set("Content-Type", "text/event-stream")
		for i, one := range requests {
			text, _ := json.Marshal(one)
			_, _ = fmt.Fprintf(w, "id: %d\ndata: %s\n\n", i, text)
		}
		_, _ = io.WriteString(w, "event: dropped\ndata: {\"error\":\"x\"}\n\n")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	server := httptest.NewServer(mux)
	t.Cleanup(func() {
		j.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return exchangelog.Source{CloudURL: server.URL, AdminURL: server.URL}
}

// telling closes a channel when a stream has begun: what comes from then on is in it.
type telling struct {
	http.ResponseWriter

	begun chan struct{}
	once  sync.Once
}

func (w *telling) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *telling) Write(text []byte) (int, error) {
	w.once.Do(func() { close(w.begun) })
	return w.ResponseWriter.Write(text)
}

// shown collects what is shown, as orders with what they are.
type shown []string

func (s *shown) add(call *traffic.Call, request *traffic.Request) {
	if call != nil {
		*s = append(*s, "call "+call.OutTradeNo)
		return
	}
	*s = append(*s, "request "+request.OutTradeNo)
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

// Both histories are shown in the order of their times, without the requests that a call has.
func TestHistory(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	j.File(traffic.Call{Via: "timer", Time: noon.Add(90 * time.Second), OutTradeNo: "C1", Function: "closeorder"})
	j.File(traffic.Call{Via: "timer", Time: noon.Add(-time.Second), OutTradeNo: "C0", Function: "queryorder"})
	from := histories(t, &j, requestsOf("R0", "caused1", "R2"))
	for name, q := range map[string]struct {
		query traffic.Query
		want  shown
	}{
		"all":        {traffic.Query{}, shown{"call C0", "request R0", "call C1", "request R2"}},
		"the last":   {traffic.Query{Limit: 2}, shown{"call C1", "request R2"}},
		"a function": {traffic.Query{Function: "closeorder"}, shown{"call C1"}},
		"an order":   {traffic.Query{OutTradeNo: "R2"}, shown{"request R2"}},
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
	if err := exchangelog.History(t.Context(), from, traffic.Query{}, got.add); err != nil || len(got) != 2 {
		t.Errorf("WeChat Pay alone: got %v and %v, want its two requests", got, err)
	}
}

// What comes is shown as it comes, until the user ends it.
func TestFollow(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	from := histories(t, &j, requestsOf("R0", "caused1", "R2"))
	ctx, cancel := context.WithCancel(t.Context())
	seen := map[string]bool{}
	err := exchangelog.Follow(ctx, from, traffic.Query{}, func(call *traffic.Call, request *traffic.Request) {
		var one shown
		one.add(call, request)
		seen[one[0]] = true
		if seen["request R2"] && !seen["call C1"] {
			j.File(traffic.Call{Via: "timer", OutTradeNo: "C1"})
		}
		if len(seen) == 3 {
			cancel()
		}
	})
	if diff := cmp.Diff(map[string]bool{"request R0": true, "request R2": true, "call C1": true}, seen); err != nil || diff != "" {
		t.Errorf("got error %v (-want +got):\n%s", err, diff)
	}
}

// An emulator that ends, or that is not there, is an error with a sentence.
func TestFollowEnds(t *testing.T) {
	t.Parallel()
	var j traffic.Journal
	from := histories(t, &j, nil)
	j.Close()
	if err := exchangelog.Follow(t.Context(), from, traffic.Query{}, nil); err == nil || !strings.Contains(err.Error(), "the emulator ended") {
		t.Errorf("an emulator that ends: got %v", err)
	}
	gone := exchangelog.Source{CloudURL: "http://127.0.0.1:1", AdminURL: "http://127.0.0.1:1"}
	for _, err := range []error{
		exchangelog.Follow(t.Context(), gone, traffic.Query{}, nil), exchangelog.History(t.Context(), gone, traffic.Query{}, nil),
	} {
		if err == nil || !strings.Contains(err.Error(), "is it still running?") {
			t.Errorf("no emulator: got %v", err)
		}
	}
	from.AdminURL += "/nowhere"
	if err := exchangelog.History(t.Context(), from, traffic.Query{}, nil); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("a refusal: got %v, want its status", err)
	}
}
