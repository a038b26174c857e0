package storetest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// trusted is what receivers and readers of events rely on.
var trusted = []proof{
	{name: "many numberers and many readers", prove: manyNumberers},
	{name: "the ids of an order's events", prove: derivesIDs},
}

var trustedInSQL = []sqlProof{
	{name: "a reader beside commits that are held open", only: servers, prove: readsBesideHeldCommits},
	{name: "events of programs of the release before", prove: readsOldEvents},
	{name: "an order that a program of the release before reopens", prove: givesUpAfterOldReopening},
	{name: "programs of the release before number no more", prove: oldProgramsNumberNoMore},
}

// reader reads a merchant's events as a program with a cursor does.
type reader struct {
	*env

	of    order.Account
	store Store
	after outbox.Cursor
	seen  []string
}

// on reads on to the end.
func (r *reader) on() {
	r.Helper()
	for {
		events, err := r.store.Events(r.ctx, r.of, r.after, 7)
		if err != nil {
			r.Error(err)
			return
		}
		if len(events) == 0 {
			return
		}
		for _, e := range events {
			if e.Number != r.after.Number+1 {
				r.Errorf("got number %d behind %s, want the next", e.Number, r.after)
			}
			r.seen, r.after = append(r.seen, e.OutTradeNo), e.Cursor()
		}
	}
}

// manyNumberers ends orders of two merchants in four processes, while four others number and read
// the events. Each reader sees each event once, in the same order, by numbers without gaps.
func manyNumberers(e *env) {
	const writers, readers, each = 4, 4, 40
	other := order.Account{Region: shop.Region, MchID: "2"}
	var writing, reading sync.WaitGroup
	for i := range writers {
		s := e.Another()
		writing.Go(func() {
			for n := range each {
				for _, of := range []order.Account{shop, other} {
					ref := order.Ref{Region: of.Region, MchID: of.MchID, OutTradeNo: fmt.Sprintf("W%d-%d", i, n)}
					if _, err := s.Register(e.ctx, schedule.Entry{Ref: ref}); err != nil {
						e.Error(err)
					}
					if err := s.Observe(e.ctx, ref, schedule.Final{State: schedule.FinalPaid}); err != nil {
						e.Error(err)
					}
				}
			}
		})
	}
	done := make(chan struct{})
	all := make([]*reader, readers)
	for i := range all {
		all[i] = &reader{env: e, of: []order.Account{shop, other}[i%2], store: e.Another()}
		reading.Go(func() {
			for ended := false; !ended; {
				select {
				case <-done:
					ended = true
				default:
				}
				all[i].on()
			}
		})
	}
	writing.Wait()
	close(done)
	reading.Wait()
	for i, r := range all {
		if len(r.seen) != writers*each || len(countOf(r.seen)) != writers*each || !slices.Equal(r.seen, all[i%2].seen) {
			e.Errorf("reader %d of %s: got %d events of %d orders, want %d, in the order of the others",
				i, r.of.MchID, len(r.seen), len(countOf(r.seen)), writers*each)
		}
	}
}

func countOf(all []string) map[string]int {
	counts := map[string]int{}
	for _, one := range all {
		counts[one]++
	}
	return counts
}

// derivesIDs gives an order up twice, ends it, and contradicts that: each event has the ID that its
// order, kind and round have everywhere.
func derivesIDs(e *env) {
	c := e.claimOne("A")
	e.must(e.GiveUp(e.ctx, c, schedule.Retry{Reason: "first"}))
	_, err := e.Reopen(e.ctx, ref("A"))
	e.must(err)
	e.must(e.GiveUp(e.ctx, e.claim("A")[0], schedule.Retry{Reason: "second"}))
	e.must(e.Observe(e.ctx, ref("A"), schedule.Final{State: schedule.FinalClosed}))
	for range 2 {
		refused[*schedule.ContradictionError](e, e.Observe(e.ctx, ref("A"), schedule.Final{State: schedule.FinalPaid}))
	}
	e.wantIDs("A",
		outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, 1), outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, 2),
		outbox.NewEventID(ref("A"), 1, outbox.EventClosed, 1), outbox.NewEventID(ref("A"), 1, outbox.EventContradicted, 2))
	var told []outbox.EventID
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	for _, d := range deliveries {
		told = append(told, d.EventID)
	}
	if want := e.idsOf("A"); !slices.Equal(slices.Sorted(slices.Values(told)), slices.Sorted(slices.Values(want))) {
		e.Errorf("delivered: got %v, want %v", told, want)
	}
}

func (e *env) idsOf(no string) []outbox.EventID {
	e.Helper()
	events, err := e.History(e.ctx, ref(no), 100)
	e.must(err)
	var ids []outbox.EventID
	for _, event := range events {
		ids = append(ids, event.EventID)
	}
	return ids
}

func (e *env) wantIDs(no string, want ...outbox.EventID) {
	e.Helper()
	if got := e.idsOf(no); !slices.Equal(got, want) {
		e.Errorf("events of %s: got %v, want %v", no, got, want)
	}
}

// readsBesideHeldCommits holds the transactions of three events open, while other orders end and a
// reader reads on. Each is read once it was committed, behind what was read before.
func readsBesideHeldCommits(e *sqlEnv) {
	e.endAll("A")
	r := &reader{env: e.env, of: shop, store: e.Another()}
	r.on()
	held := numbers("H", 3)
	e.registerDue(held...)
	want := []string{"A"}
	var commits []func() error
	for _, no := range held {
		tx, err := e.raw.BeginTx(e.ctx, nil)
		e.must(err)
		_, err = tx.ExecContext(e.ctx, e.oldEvent("closed", no))
		e.must(err)
		commits = append(commits, tx.Commit)
		free := "F" + no
		e.register(due(free))
		e.must(e.Observe(e.ctx, ref(free), schedule.Final{State: schedule.FinalClosed}))
		r.on()
		want = append(want, free)
	}
	for _, i := range []int{2, 0, 1} { // in another order than they were begun
		e.must(commits[i]())
		r.on()
		want = append(want, held[i])
	}
	if !slices.Equal(r.seen, want) {
		e.Errorf("read %v, want %v", r.seen, want)
	}
}

// oldEvent is the statement with which a program of the release before writes an event of an order.
func (e *sqlEnv) oldEvent(kind, no string) string {
	now := map[string]string{"postgres": "now()", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "CAST(unixepoch('subsec') * 1000 AS INTEGER) * 1000"}[e.db.Name]
	return "INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending," +
		" trade_state, transaction_id, reason, due_at) SELECT '" + kind + "', region, mchid, sub_mchid, out_trade_no, id, '', " + now +
		", '', '', '', '', " + now + " FROM cloudpay_orders WHERE out_trade_no = '" + no + "'"
}

// readsOldEvents wants the events that a program of the release before has written since the
// migration to have IDs: those that a program of this one would give, and of what can come again
// others than any it gives.
func readsOldEvents(e *sqlEnv) {
	e.registerDue("A")
	for _, kind := range []string{"gaveUp", "gaveUp", "closed"} {
		e.sql(e.oldEvent(kind, "A"))
		e.idsOf("A") // numbered, one after the other
	}
	got := e.idsOf("A")
	e.wantIDs("A", outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, -1), outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, -2),
		outbox.NewEventID(ref("A"), 1, outbox.EventClosed, 1))
	s := open(e, e.address)
	for i, id := range got {
		name := outbox.EventID(strings.ToUpper(string(id)))
		if event, found, err := s.EventNamed(e.ctx, shop, 0, name); err != nil || !found || event.EventID != id || event.Number != int64(i+1) {
			e.Errorf("by its id: got %+v, %v and error %v, want event %d", event, found, err, i+1)
		}
	}
	if event, found, err := s.EventNamed(e.ctx, shop, 0, outbox.NewEventID(ref("A"), 1, outbox.EventPaid, 1)); err != nil || found {
		e.Errorf("by the id of none: got %+v and error %v, want none", event, err)
	}
	deliveries, err := e.ClaimDeliveries(e.ctx, shop, 10, lease)
	e.must(err)
	told := map[outbox.EventID]bool{}
	for _, d := range deliveries {
		told[d.EventID] = true
	}
	if len(told) != len(got) || !told[got[0]] || !told[got[1]] || !told[got[2]] {
		e.Errorf("delivered: got %v, want %v", slices.Collect(maps.Keys(told)), got)
	}
}

// givesUpAfterOldReopening gives an order up, has a program of the release before reopen it, which
// does not count its round, and gives it up again: that is told, too.
func givesUpAfterOldReopening(e *sqlEnv) {
	e.must(e.GiveUp(e.ctx, e.claimOne("A"), schedule.Retry{Reason: "first"}))
	e.sql("UPDATE cloudpay_orders SET progress = 'waiting', due_at = registered_at, attempts = 0")
	e.Pass(10 * time.Minute) // a program of the release before lowers no watermark
	e.must(e.GiveUp(e.ctx, e.claim("A")[0], schedule.Retry{Reason: "second"}))
	e.wantIDs("A", outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, 1), outbox.NewEventID(ref("A"), 1, outbox.EventGaveUp, 2))
	if round := e.show("A").Round; round != 2 {
		e.Errorf("got round %d, want 2, so that a third reopening counts on", round)
	}
}

// oldProgramsNumberNoMore wants the counter with which programs of the release before numbered to
// be gone. They number without a unique counter of the merchant, and fail without this row.
func oldProgramsNumberNoMore(e *sqlEnv) {
	e.endAll("A")
	if n := e.count("SELECT COUNT(*) FROM cloudpay_counters WHERE name = 'events'"); n != 0 {
		e.Errorf("got %d counters of events, want none", n)
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_events WHERE seq IS NOT NULL"); n != 0 {
		e.Errorf("got %d numbers before anything was read, want none", n)
	}
	// A person puts it back, and an old program numbers on.
	e.sql("UPDATE cloudpay_events SET seq = 7")
	e.endAll("B")
	if events, err := e.History(e.ctx, ref("B"), 1); err != nil || len(events) != 1 || events[0].Number != 8 {
		e.Errorf("got %v and error %v, want a number behind those that are given", events, err)
	}
	if ids := e.idsOf("A"); len(ids) != 1 || strings.Count(string(ids[0]), "-") != 4 {
		e.Errorf("got the ids %v, want one UUID", ids)
	}
}
