package sweep

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/schedule/decision"
)

const (
	// maxEnds is how many ends are recorded together: a commit costs the store as much for one.
	maxEnds = 64
	// gatherFor is how long the first of them waits for others.
	gatherFor = 20 * time.Millisecond
	// enders is how many batches of ends are recorded at once. More would share the same ends.
	enders = 4
	// writers is how many other decisions are recorded at once: as many as a store has connections.
	writers = 8
)

// recording is the sweep's third stage: the goroutines that record decisions.
type recording struct {
	*sweep
	sync.WaitGroup

	ends, others chan decided
	// gathering is held by the goroutine that gathers a batch.
	gathering chan struct{}
}

// beginRecording begins the stage. It goes on until it is closed and all decisions are recorded,
// which Wait waits for.
func (w *sweep) beginRecording(ctx context.Context) *recording {
	r := &recording{
		sweep: w, gathering: make(chan struct{}, 1),
		ends: make(chan decided, 2*w.Concurrency), others: make(chan decided, 2*w.Concurrency),
	}
	for range enders {
		r.Go(func() {
			for batch := r.gather(); len(batch) > 0; batch = r.gather() {
				r.recordEnds(ctx, batch)
			}
		})
	}
	for range writers {
		r.Go(func() {
			for d := range r.others {
				r.record(ctx, d)
			}
		})
	}
	return r
}

// put has a decision recorded.
func (r *recording) put(d decided) {
	if d.Action == decision.Finish {
		r.ends <- d
		return
	}
	r.others <- d
}

// close ends the stage, after the last put.
func (r *recording) close() {
	close(r.ends)
	close(r.others)
}

// gather waits for an end, and then for others to record together with it: until there are maxEnds,
// gatherFor has passed, or no order is in flight whose end could come. It returns none when there
// will be no more. One goroutine gathers at a time, so that batches are as large as can be, while
// the others record theirs.
func (r *recording) gather() []decided {
	r.gathering <- struct{}{}
	defer func() { <-r.gathering }()
	first, more := <-r.ends
	if !more {
		return nil
	}
	batch := []decided{first}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	for more && len(batch) < maxEnds && (len(r.ends) > 0 || r.inFlight.Load() > 0) {
		var next decided
		select {
		case next, more = <-r.ends:
			if more {
				batch = append(batch, next)
			}
		case <-timer.C:
			return batch
		}
	}
	return batch
}
