package storetest

import (
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

var roundTrips = []sqlProof{
	{name: "how many round trips an operation takes", only: servers, prove: takesTrips},
	{name: "how many commits an operation takes", prove: takesCommits},
}

// counted is an operation whose round trips and commits are promised. A direct close is the sum of
// those that show, begin and finish.
type counted struct {
	name string
	// postgres and mysql are the round trips, commits is the same for all databases.
	postgres, mysql, commits int
	run                      func(*direct) error
}

// direct is a direct close, step by step.
type direct struct {
	*sqlEnv

	store *store.Store
	shown schedule.Record
	claim schedule.Claim
}

var countedOperations = []counted{
	{"register", 1, 2, 1, func(d *direct) error { return d.register("A1") }},
	{"register again", 1, 2, 1, func(d *direct) error { return d.register("A1") }},
	{"show", 1, 1, 0, func(d *direct) (err error) {
		d.shown, err = d.store.Show(d.ctx, ref("A1"))
		return err
	}},
	{"show what is not there", 1, 1, 0, func(d *direct) error {
		_, err := d.store.Show(d.ctx, ref("other"))
		refused[*schedule.NotRegisteredError](d, err)
		return nil
	}},
	{"begin", 1, 2, 1, func(d *direct) (err error) {
		d.claim, err = d.store.Begin(d.ctx, d.shown, lease)
		return err
	}},
	{"put off", 1, 1, 1, func(d *direct) error { return d.store.Retry(d.ctx, d.claim, schedule.Retry{Reason: "once more"}) }},
	{"finish", 1, 4, 1, func(d *direct) error {
		return d.store.Finish(d.ctx, d.claim, schedule.Final{State: schedule.FinalClosed})
	}},
}

func (d *direct) register(no string) error {
	_, err := d.store.Register(d.ctx, schedule.Entry{Ref: ref(no), CloseIn: time.Hour})
	return err
}

// takesTrips counts on the wire, on a connection that is there already.
func takesTrips(e *sqlEnv) {
	p, s := e.proxied()
	d := &direct{sqlEnv: e, store: s}
	e.must(d.register("before"))
	for _, o := range countedOperations {
		before := p.trips.Load()
		e.must(o.run(d))
		want := map[string]int{"postgres": o.postgres, "mysql": o.mysql}[e.db.Name]
		if got := int(p.trips.Load() - before); got != want {
			e.Errorf("%s: got %d round trips, want %d", o.name, got, want)
		}
	}
	e.wantEvents("A1", outbox.EventClosed)
}

func takesCommits(e *sqlEnv) {
	s, f := e.faultyStore(0, false, false)
	d := &direct{sqlEnv: e, store: s}
	e.must(d.register("before"))
	for _, o := range countedOperations {
		before := f.commits
		e.must(o.run(d))
		if got := f.commits - before; got != o.commits {
			e.Errorf("%s: got %d commits, want %d", o.name, got, o.commits)
		}
	}
}
