package sse_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/sse"
)

// reader is the other end of a stream in a bubble, with everything that it got.
type reader struct {
	header http.Header
	text   strings.Builder
	fails  atomic.Bool
}

func newReader() *reader { return &reader{header: http.Header{}} }

func (r *reader) Header() http.Header { return r.header }
func (r *reader) WriteHeader(int)     {}
func (r *reader) FlushError() error   { return nil }
func (r *reader) Write(text []byte) (int, error) {
	if r.fails.Load() {
		return 0, errors.New("gone")
	}
	return r.text.Write(text)
}

// batches is a source that has these events, and is then closed.
func batches(list ...[]sse.Event) sse.Source {
	return sse.Source{Title: "numbers", After: 6, Next: func() ([]sse.Event, <-chan struct{}, bool) {
		if len(list) == 0 {
			return nil, nil, false
		}
		first := list[0]
		list = list[1:]
		return first, nil, true
	}}
}

// A stream has a title, the ID behind which it begins, and its events in the standard's form; it
// ends with its source.
func TestServe(t *testing.T) {
	t.Parallel()
	r := newReader()
	sse.Serve(t.Context(), r, batches(
		[]sse.Event{{ID: 7, Name: "number", Data: map[string]string{"text": "a\nb"}}, {ID: 8, Data: 8}},
		[]sse.Event{{Name: "missed", Data: []int{9}}},
	))
	want := ": numbers\nid: 6\n\n" +
		"id: 7\nevent: number\ndata: {\"text\":\"a\\nb\"}\n\n" + "id: 8\ndata: 8\n\n" +
		"event: missed\ndata: [9]\n\n"
	if diff := cmp.Diff(want, r.text.String()); diff != "" {
		t.Errorf("the stream (-want +got):\n%s", diff)
	}
	if kind := r.header.Get("Content-Type"); kind != "text/event-stream" {
		t.Errorf("got %s, want text/event-stream", kind)
	}
}

// What a closed source still has is sent.
func TestServeSendsTheRest(t *testing.T) {
	t.Parallel()
	r := newReader()
	sse.Serve(t.Context(), r, sse.Source{Next: func() ([]sse.Event, <-chan struct{}, bool) {
		return []sse.Event{{ID: 1, Data: "last"}}, nil, false
	}})
	if !strings.HasSuffix(r.text.String(), "id: 1\ndata: \"last\"\n\n") {
		t.Errorf("got %q, want the last event", r.text.String())
	}
}

// An idle stream shows every quarter of a minute that it lives, and ends with its reader.
func TestHeartbeat(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		r, ended := newReader(), make(chan struct{})
		go func() {
			defer close(ended)
			sse.Serve(ctx, r, sse.Source{Title: "nothing", Next: func() ([]sse.Event, <-chan struct{}, bool) {
				return nil, make(chan struct{}), true
			}})
		}()
		<-time.After(40 * time.Second)
		synctest.Wait()
		if diff := cmp.Diff(": nothing\nid: 0\n\n:\n\n:\n\n", r.text.String()); diff != "" {
			t.Errorf("after 40 s (-want +got):\n%s", diff)
		}
		cancel()
		<-ended
	})
}

// A reader that is gone ends the stream: at the beginning, with an event, and while it is idle.
func TestGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		gone := newReader()
		gone.fails.Store(true)
		sse.Serve(t.Context(), gone, sse.Source{Next: func() ([]sse.Event, <-chan struct{}, bool) {
			t.Error("a reader that is gone: more is asked for")
			return nil, nil, false
		}})
		for name, events := range map[string][]sse.Event{"with an event": {{ID: 1, Data: 1}}, "while idle": nil} {
			r, asked := newReader(), 0
			sse.Serve(t.Context(), r, sse.Source{Next: func() ([]sse.Event, <-chan struct{}, bool) {
				r.fails.Store(true)
				asked++
				return events, make(chan struct{}), true
			}})
			if asked != 1 {
				t.Errorf("%s: asked %d times, want that the stream ends", name, asked)
			}
		}
	})
}

// What JSON cannot say ends the stream and is not sent.
func TestWrongData(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	sse.Serve(t.Context(), w, batches([]sse.Event{{ID: 7, Data: func() {}}}, []sse.Event{{ID: 8, Data: 8}}))
	if got := w.Body.String(); got != ": numbers\nid: 6\n\n" {
		t.Errorf("got %q, want no event", got)
	}
}
