package paygate

import (
	"context"
	"fmt"
	"sort"
	"sync"
)

// defaultHistory is [Options].History when that is zero.
const defaultHistory = 10_000

// The history's buckets in the file: the requests by their id, and the ids that are reserved.
const (
	requestsBucket = "requests"
	idsBucket      = "request-ids"
)

// surplusBlock is how many requests the file may have more than the ring. They are removed when the
// gateway is closed, or at the next start.
const surplusBlock = 64

// idBlock is how many ids are reserved at once. The file has the end of the reserved ids, so that
// those that were seen before a kill do not come again.
const idBlock = 1000

// history is a ring of the newest requests, by ascending id. An addition costs the same at any
// size.
type history struct {
	keep *keeper
	// the most requests it holds
	size int

	mu sync.Mutex
	// as long as the history, up to size
	ring []Request
	// the oldest one's place, once the ring is full
	first int
	// the id of the next request
	next int
	// ids below it are reserved in the file
	reserved int
	// removals that wait: many are written at once, as each changes the pages of the oldest
	// requests
	surplus []change
	// closed at the next addition, nil while nothing waits for one
	grown chan struct{}
}

// newHistory makes an empty history. Its ids count from 1.
func newHistory(size int, keep *keeper) *history {
	return &history{size: size, keep: keep, next: 1}
}

// reserve writes that ids are in use, half a block before the reserved ones end. The history is
// locked.
func (h *history) reserve() (change, bool) {
	if h.next < h.reserved-idBlock/2 {
		return change{}, false
	}
	h.reserved = h.next + idBlock
	return change{idsBucket, idsBucket, h.reserved}, true
}

// begin reserves the first ids, and removes from the file what the ring has no room for.
func (h *history) begin() {
	h.mu.Lock()
	defer h.mu.Unlock()
	if mark, due := h.reserve(); due {
		h.surplus = append(h.surplus, mark)
	}
	h.keep.write(h.surplus...)
	h.surplus = nil
}

// end gives the ids back that were reserved and not used, and removes from the file what the ring
// has dropped.
func (h *history) end() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.keep.write(append(h.surplus, change{idsBucket, idsBucket, h.next})...)
	h.surplus = nil
}

// add files a request, and wakes those that wait for one. The oldest goes when there are too many.
// It returns when the request is in the file. numbered gets the request's id before the request can
// be seen.
func (h *history) add(r Request, numbered func(id int)) { h.keep.await(h.put(r, numbered)) }

// put files a request, and returns its place in the keeper's queue. Where the file has no room for
// what waits already, the request is in memory only.
func (h *history) put(r Request, numbered func(id int)) (place uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	r.ID = h.next
	h.next++
	numbered(r.ID)
	r.Faults = append([]Action(nil), r.Faults...) // none is nil, to compare alike
	r.bound()
	dropped := h.push(r)
	h.wake()
	if h.keep == nil {
		return 0
	}
	changes := make([]change, 0, 2)
	if mark, due := h.reserve(); due {
		changes = append(changes, mark)
	}
	if h.keep.crowded() {
		return h.keep.enqueue(changes...)
	}
	changes = append(changes, change{requestsBucket, numberKey(r.ID), &r})
	if dropped > 0 {
		h.surplus = append(h.surplus, change{requestsBucket, numberKey(dropped), nil})
	}
	if len(h.surplus) >= surplusBlock {
		changes = append(changes, h.surplus...)
		h.surplus = nil
	}
	return h.keep.enqueue(changes...)
}

// wake wakes those that wait for an addition. The history is locked.
func (h *history) wake() {
	if h.grown != nil {
		close(h.grown)
		h.grown = nil
	}
}

// push puts a request at the end of the ring, and returns the id of the one that had to go, 0 if
// none had to. The history is locked.
func (h *history) push(r Request) (dropped int) {
	if len(h.ring) < h.size {
		h.ring = append(h.ring, r)
		return 0
	}
	dropped = h.ring[h.first].ID
	h.ring[h.first] = r
	h.first = (h.first + 1) % h.size
	return dropped
}

// at returns the i-th oldest request. The history is locked.
func (h *history) at(i int) *Request { return &h.ring[(h.first+i)%len(h.ring)] }

// behind returns the place of the first request behind an id. The history is locked.
func (h *history) behind(id int) int {
	return sort.Search(len(h.ring), func(i int) bool { return h.at(i).ID > id })
}

// growth is a channel that is closed at the next addition. The history is locked.
func (h *history) growth() <-chan struct{} {
	if h.grown == nil {
		h.grown = make(chan struct{})
	}
	return h.grown
}

// copies returns a copy of the requests from one place to another. The history is locked.
func (h *history) copies(from, to int) []Request {
	requests := make([]Request, 0, max(to-from, 0))
	for i := from; i < to; i++ {
		r := *h.at(i)
		r.Faults = append([]Action(nil), r.Faults...)
		requests = append(requests, r)
	}
	return requests
}

// snapshot returns a copy of the history, and a channel that is closed at the next addition.
func (h *history) snapshot() (requests []Request, grown <-chan struct{}) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.copies(0, len(h.ring)), h.growth()
}

// since returns the oldest requests behind an id, at most limit, and a channel that is closed at
// the next addition. lost reports that requests behind that id are gone.
func (h *history) since(id, limit int) (requests []Request, grown <-chan struct{}, lost bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	from := h.behind(id)
	return h.copies(from, min(from+limit, len(h.ring))), h.growth(), from == 0 && len(h.ring) == h.size && h.at(0).ID > id+1
}

// last is the id of the newest request that was ever filed, 0 if none was.
func (h *history) last() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.next - 1
}

func (h *history) clear() {
	h.mu.Lock()
	changes := make([]change, 0, len(h.ring)+len(h.surplus))
	for i := range h.ring {
		changes = append(changes, change{requestsBucket, numberKey(h.at(i).ID), nil})
	}
	h.ring, h.first = nil, 0
	place := h.keep.enqueue(append(changes, h.surplus...)...)
	h.surplus = nil
	h.mu.Unlock()
	h.keep.await(place)
}

// load takes a request from the file or an export. They come by ascending id.
func (h *history) load(_ string, value []byte) error {
	var r Request
	err := unmarshal(value, &r)
	if err == nil {
		err = intoBeijing(&r.Time)
	}
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if r.ID < h.next {
		return fmt.Errorf("id %d comes behind %d", r.ID, h.next-1)
	}
	if dropped := h.push(r); dropped > 0 {
		h.surplus = append(h.surplus, change{requestsBucket, numberKey(dropped), nil})
	}
	h.next = r.ID + 1
	return nil
}

// loadIDs takes the end of the reserved ids from the file or an export.
func (h *history) loadIDs(_ string, value []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	reserved := 0
	if err := unmarshal(value, &reserved); err != nil {
		return err
	}
	h.next = max(h.next, reserved)
	return nil
}

// dump passes the requests to put.
func (h *history) dump(put func(change)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for i := range h.ring {
		r := h.at(i)
		put(change{requestsBucket, numberKey(r.ID), r})
	}
}

// dumpIDs passes the next id to put: in an export none is reserved.
func (h *history) dumpIDs(put func(change)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	put(change{idsBucket, idsBucket, h.next})
}

// numberKey is a number as a key: keys of up to twelve digits are in the numbers' order.
func numberKey(n int) string { return fmt.Sprintf("%012d", n) }

// Requests returns the history, oldest first: at most the newest 10 000, or [Options].History. A
// request is in it before its reply is sent.
func (g *Gateway) Requests() []Request {
	requests, _ := g.history.snapshot()
	return requests
}

// ClearRequests empties the history. It changes no order.
func (g *Gateway) ClearRequests() {
	g.history.clear()
	g.transcripts.clear()
}

// AwaitRequests waits until the history holds at least n requests, and returns it. A request that
// hangs is in it as soon as it hangs. If ctx ends first, the error is ctx's, and the history is
// returned as it is.
func (g *Gateway) AwaitRequests(ctx context.Context, n int) ([]Request, error) {
	for {
		requests, grown := g.history.snapshot()
		if len(requests) >= n {
			return requests, nil
		}
		select {
		case <-grown:
		case <-ctx.Done():
			return requests, fmt.Errorf("waiting for request %d, had %d: %w", n, len(requests), ctx.Err())
		}
	}
}
