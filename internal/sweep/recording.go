package sweep

import (
	"context"
	"sync"
	"time"

	"cloudpay/internal/schedule/decision"
)

const (
	// maxBatch is how many ends, retries, or outcomes of deliveries are recorded together: a commit
	// costs the store as much for one.
	maxBatch = 64
	// gatherFor is how long the first of them waits for others.
	gatherFor = 20 * time.Millisecond
	// batchers is how many batches of ends are recorded at once, and how many of retries. More
	// would share the same ones.
	batchers = 4
	// writers is how many orders are given up at once: as many as a store has connections.
	writers = 8
)

// recording is the sweep's third stage: the goroutines that record decisions.
type recording struct {
	*sweep
	sync.WaitGroup

	ends, retries, gaveUp *decisions
}

// decisions are those of one kind, which are to be recorded.
type decisions struct {
	made chan decided
	// gathering is held by the goroutine that gathers a batch.
	gathering chan struct{}
}

// beginRecording begins the stage. It goes on until it is closed and all decisions are recorded,
// which Wait waits for.
func (w *sweep) beginRecording(ctx context.Context) *recording {
	r := &recording{sweep: w}
	for _, of := range []**decisions{&r.ends, &r.retries, &r.gaveUp} {
		*of = &decisions{made: make(chan decided, 2*w.Concurrency), gathering: make(chan struct{}, 1)}
	}
	for range batchers {
		r.Go(func() { r.inBatches(r.ends, func(batch []decided) { r.recordEnds(ctx, batch) }) })
		r.Go(func() { r.inBatches(r.retries, func(batch []decided) { r.recordRetries(ctx, batch) }) })
	}
	for range writers {
		r.Go(func() {
			for d := range r.gaveUp.made {
				r.recordGivenUp(ctx, d)
			}
		})
	}
	return r
}

// put has a decision recorded.
func (r *recording) put(d decided) {
	switch d.Action {
	case decision.Finish:
		r.ends.made <- d
	case decision.Postpone:
		r.retries.made <- d
	case decision.GiveUp:
		r.gaveUp.made <- d
	case decision.Release: // nothing to record: it is put back
	}
}

// close ends the stage, after the last put.
func (r *recording) close() {
	close(r.ends.made)
	close(r.retries.made)
	close(r.gaveUp.made)
}

// inBatches records decisions until there will be no more.
func (r *recording) inBatches(all *decisions, record func([]decided)) {
	for batch := r.gather(all); len(batch) > 0; batch = r.gather(all) {
		record(batch)
	}
}

// gather waits for a decision, and then for others to record together with it: until there are
// maxBatch, gatherFor has passed, or no order is in flight on which one could come. It returns none
// when there will be no more. One goroutine gathers at a time, so that batches are as large as can
// be, while the others record theirs.
func (r *recording) gather(all *decisions) []decided {
	all.gathering <- struct{}{}
	defer func() { <-all.gathering }()
	first, more := <-all.made
	if !more {
		return nil
	}
	return gathered(first, all.made, func() bool { return len(all.made) > 0 || r.inFlight.Load() > 0 })
}

// gathered is a first one with those that follow it until there are maxBatch, gatherFor has passed,
// from is closed, or no other is expected.
func gathered[T any](first T, from <-chan T, expected func() bool) []T {
	batch := []T{first}
	timer := time.NewTimer(gatherFor)
	defer timer.Stop()
	for len(batch) < maxBatch && expected() {
		select {
		case next, more := <-from:
			if !more {
				return batch
			}
			batch = append(batch, next)
		case <-timer.C:
			return batch
		}
	}
	return batch
}
