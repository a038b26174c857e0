package storetest

import (
	"errors"
	"slices"
	"sync"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

var concurrency = []proof{
	{name: "many claimers share the orders", prove: manyClaimers},
	{name: "many registrations of one order", prove: manyRegistrations},
	{name: "many final states of one order", prove: manyEnds},
	{name: "many beginnings of one order", prove: manyBeginnings},
	{name: "many takers of one quota", prove: manyTakers},
}

// atOnce runs work n times at the same time, each with a Store of its own.
func (e *env) atOnce(n int, work func(i int, s Store)) {
	e.Helper()
	var busy sync.WaitGroup
	for i := range n {
		s := e.Another()
		busy.Go(func() { work(i, s) })
	}
	busy.Wait()
}

func manyClaimers(e *env) {
	const orders, claimers = 600, 4
	e.registerDue(numbers("S", orders)...)
	var mu sync.Mutex
	claimed := map[string]int{}
	read := make(chan map[int64]string, 1)
	done := make(chan struct{})
	go func() { read <- e.readAlong(done) }()
	e.atOnce(claimers, func(_ int, s Store) {
		for {
			claims, err := s.Claim(e.ctx, shop, 7, lease)
			if err != nil {
				e.Error(err)
				return
			}
			for _, c := range claims {
				mu.Lock()
				claimed[c.OutTradeNo]++
				all := len(claimed)
				mu.Unlock()
				if err := s.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}); err != nil {
					e.Errorf("order %d, %s: %v", all, c.OutTradeNo, err)
				}
			}
			mu.Lock()
			finished := len(claimed) == orders
			mu.Unlock()
			if finished {
				return
			}
		}
	})
	close(done)
	seen := <-read
	for _, no := range numbers("S", orders) {
		if claimed[no] != 1 {
			e.Errorf("order %s was claimed %d times, want once", no, claimed[no])
		}
	}
	told := map[string]int{}
	for _, no := range seen {
		told[no]++
	}
	if len(seen) != orders || len(told) != orders {
		e.Errorf("a reader that continued from the last event saw %d events of %d orders, want %d", len(seen), len(told), orders)
	}
}

// readAlong reads events while they are written, each time from the last one on, until done and
// none is left.
func (e *env) readAlong(done <-chan struct{}) map[int64]string {
	s := e.Another()
	seen := map[int64]string{}
	var after outbox.Cursor
	for ended := false; ; {
		events, err := s.Events(e.ctx, shop, after, 50)
		if err != nil {
			e.Error(err)
			return seen
		}
		for _, event := range events {
			seen[event.Number], after = event.OutTradeNo, event.Cursor()
		}
		if len(events) > 0 {
			continue
		}
		if ended {
			return seen
		}
		select {
		case <-done:
			ended = true
		case <-time.After(time.Millisecond):
		}
	}
}

// manyRegistrations registers the same orders four times at the same time. Each order is added
// exactly once. The fourth registration has other facts: it conflicts where another was first, and
// the others conflict where it was.
func manyRegistrations(e *env) {
	var mu sync.Mutex
	added := map[string]int{}
	list := numbers("R", 400)
	e.atOnce(4, func(i int, s Store) {
		entries := make([]schedule.Entry, len(list))
		for j := range list { // each registration in another sequence
			entries[j] = due(list[(j*[]int{1, 3, 7, 9}[i]+i*25)%len(list)])
			if i == 3 {
				entries[j].Total = fen(3)
			}
		}
		for part := range slices.Chunk(entries, 40) {
			all, err := s.RegisterAll(e.ctx, part)
			if err != nil {
				e.Error(err)
				return
			}
			mu.Lock()
			for j, one := range all {
				var conflict *schedule.ConflictError
				if one.Err != nil && !errors.As(one.Err, &conflict) {
					e.Error(one.Err)
				}
				if one.Added {
					added[part[j].OutTradeNo]++
				}
			}
			mu.Unlock()
		}
	})
	if n := e.orders(); n != len(list) {
		e.Errorf("got %d orders, want %d", n, len(list))
	}
	for _, no := range list {
		if added[no] != 1 {
			e.Errorf("order %s was added %d times, want once", no, added[no])
		}
	}
}

func manyEnds(e *env) {
	for _, no := range numbers("E", 20) {
		c := e.claimOne(no)
		var mu sync.Mutex
		outcomes := map[string]int{}
		e.atOnce(4, func(i int, s Store) {
			ending := schedule.FinalClosed
			if i%2 == 1 {
				ending = schedule.FinalPaid
			}
			var err error
			if i < 2 {
				err = s.Finish(e.ctx, c, schedule.Final{State: ending})
			} else {
				err = s.Observe(e.ctx, c.Ref, schedule.Final{State: ending})
			}
			mu.Lock()
			defer mu.Unlock()
			var alarm *schedule.ContradictionError
			var lost *schedule.LostClaimError
			switch {
			case err == nil, errors.As(err, &lost):
				outcomes["stands"]++
			case errors.As(err, &alarm):
				outcomes["alarm"]++
			default:
				e.Errorf("order %s: %v", no, err)
			}
		})
		if outcomes["alarm"] != 2 {
			e.Errorf("order %s: got %v, want two alarms", no, outcomes)
		}
		first := outbox.EventClosed
		if e.show(no).FinalState == schedule.FinalPaid {
			first = outbox.EventPaid
		}
		e.wantEvents(no, first, outbox.EventContradicted)
	}
}

func manyBeginnings(e *env) {
	for _, no := range numbers("B", 20) {
		var mu sync.Mutex
		begun := 0
		e.atOnce(4, func(_ int, s Store) {
			_, err := s.Begin(e.ctx, schedule.Record{Entry: due(no)}, lease)
			var busy *schedule.BusyError
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				begun++
			case !errors.As(err, &busy):
				e.Errorf("order %s: %v", no, err)
			}
		})
		if begun != 1 {
			e.Errorf("order %s was begun %d times, want once", no, begun)
		}
	}
}

func manyTakers(e *env) {
	const takers, each = 4, 25
	e.atOnce(takers, func(_ int, s Store) {
		for range each {
			if _, granted, err := s.Take(e.ctx, shop, 10, 10, furthest); err != nil || !granted {
				e.Errorf("got granted %v and error %v, want it granted", granted, err)
			}
		}
	})
	// 1,000 calls at 10 a second were reserved: 100 seconds, less the time that has passed.
	wait, _, err := e.Take(e.ctx, shop, 1, 10, 0)
	if err != nil || wait > takers*each*time.Second || wait < takers*each*time.Second*3/4 {
		e.Errorf("got a wait of %v and error %v, want a hundred seconds or a little less", wait, err)
	}
}

// furthest is longer than any wait.
const furthest = time.Hour
