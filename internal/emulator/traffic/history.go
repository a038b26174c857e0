package traffic

import (
	"context"
	"net/http"
	"slices"
	"sync"

	"cloudpay/internal/emulator/sse"
)

// Kept is how many entries of a kind are remembered.
const Kept = 10_000

// chunk is the most entries that a stream takes at once.
const chunk = 100

// block is how many IDs are reserved at once.
const block = 1000

// Numbers says which IDs entries get. The zero value counts from 1 on.
type Numbers struct {
	// Last is the highest ID that was reserved before, by an earlier process.
	Last int64
	// Reserve, if not nil, keeps the highest ID that may be in use from now on, for the next
	// process's Last. It is called once for a thousand entries, before the first of them is seen,
	// and with a lower ID at the end: those above it were never seen.
	Reserve func(last int64)
}

// history has the last entries of a kind, by IDs that count up by one. Adding one costs the same at
// any size, and an entry never changes. The zero value is ready for use.
type history[T any] struct {
	mu       sync.Mutex // guards what follows
	entries  []T        // from the oldest at next, once there are Kept
	next     int
	given    int64         // IDs given in this process
	reserved int64         // IDs reserved in this process
	grown    chan struct{} // closed by the next entry; nil while nothing waits
	closed   bool
}

// add gives an entry the next ID and keeps it.
func (h *history[T]) add(by Numbers, number func(id int64) T) T {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.given++
	if h.given > h.reserved {
		h.reserved = h.given - 1 + block
		by.reserve(h.reserved)
	}
	entry := number(by.Last + h.given)
	if len(h.entries) < Kept {
		h.entries = append(h.entries, entry)
	} else {
		h.entries[h.next] = entry
		h.next = (h.next + 1) % Kept
	}
	h.wake()
	return entry
}

// reserve keeps that so many IDs behind Last may be in use.
func (n Numbers) reserve(count int64) {
	if n.Reserve != nil {
		n.Reserve(n.Last + count)
	}
}

// close ends every stream, and those that begin later. IDs that were reserved and not given are
// given back.
func (h *history[T]) close(by Numbers) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.closed && h.reserved > h.given {
		h.reserved = h.given
		by.reserve(h.given)
	}
	h.closed = true
	h.wake()
}

// wake wakes what waits for the next entry. The history is locked.
func (h *history[T]) wake() {
	if h.grown != nil {
		close(h.grown)
		h.grown = nil
	}
}

// newest is the ID of the newest entry that there ever was. The history is locked.
func (h *history[T]) newest(by Numbers) int64 { return by.Last + h.given }

// oldest is the ID of the oldest entry there is, or the one that the first will have. The history
// is locked.
func (h *history[T]) oldest(by Numbers) int64 { return h.newest(by) - int64(len(h.entries)) + 1 }

// at is the entry with an ID, which has to be there. The history is locked.
func (h *history[T]) at(by Numbers, id int64) *T {
	return &h.entries[(h.next+int(id-h.oldest(by)))%len(h.entries)]
}

// last returns the last entries that match, oldest first.
func (h *history[T]) last(by Numbers, limit int, matches func(T) bool) []T {
	h.mu.Lock()
	defer h.mu.Unlock()
	var found []T
	for id := h.newest(by); id >= h.oldest(by) && len(found) < limit; id-- {
		if entry := *h.at(by, id); matches(entry) {
			found = append(found, entry)
		}
	}
	slices.Reverse(found)
	return found
}

// after returns the first entries after an ID that match. more is false if no other matches.
func (h *history[T]) after(by Numbers, id int64, limit int, matches func(T) bool) (found []T, more bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for id = max(id+1, h.oldest(by)); id <= h.newest(by); id++ {
		switch entry := *h.at(by, id); {
		case !matches(entry):
		case len(found) == limit:
			return found, true
		default:
			found = append(found, entry)
		}
	}
	return found, false
}

// follower is one reader of a history.
type follower[T any] struct {
	history *history[T]
	by      Numbers
	name    string // of an entry, as the type of its event
	matches func(T) bool

	seen int64 // the ID of the last entry that was looked at
}

// serve sends a history to a reader that has seen what q says, as [sse.Serve] does.
func (f *follower[T]) serve(ctx context.Context, w http.ResponseWriter, title string, q Query) {
	f.seen = f.start(q)
	sse.Serve(ctx, w, sse.Source{Title: title, After: f.seen, Next: f.next})
}

// start is the ID behind which a stream begins: with nothing given the newest one. An ID above that
// is of another folder, or from before --fresh: the stream then begins with the oldest entry.
func (f *follower[T]) start(q Query) int64 {
	f.history.mu.Lock()
	defer f.history.mu.Unlock()
	newest := f.history.newest(f.by)
	switch {
	case q.After == 0 && !q.Resumes:
		return newest
	case q.After > newest:
		return 0
	default:
		return q.After
	}
}

// next is [sse.Source].Next. Entries that were forgotten before the reader came to them are
// counted; of those of earlier processes nothing is known.
func (f *follower[T]) next() (events []sse.Event, more <-chan struct{}, open bool) {
	h := f.history
	h.mu.Lock()
	defer h.mu.Unlock()
	f.seen = max(f.seen, f.by.Last)
	if missed := h.oldest(f.by) - 1 - f.seen; missed > 0 {
		f.seen += missed
		events = append(events, sse.Event{Name: "missed", Data: map[string]int64{f.name + "s": missed}})
	}
	for f.seen < h.newest(f.by) && len(events) < chunk {
		f.seen++
		if entry := *h.at(f.by, f.seen); f.matches(entry) {
			events = append(events, sse.Event{ID: f.seen, Name: f.name, Data: entry})
		}
	}
	if h.grown == nil {
		h.grown = make(chan struct{})
	}
	return events, h.grown, !h.closed
}
