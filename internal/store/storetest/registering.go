package storetest

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

var registering = []proof{
	{name: "an order comes back as it was registered", prove: comesBack},
	{name: "registering twice", prove: registersTwice},
	{name: "other facts are a conflict", prove: conflicts},
	{name: "many at once", prove: registersMany},
	{name: "a withdrawal stands", prove: staysWithdrawn},
	{name: "an order is registered anew", prove: registersAnew},
	{name: "an order that was not found is registered anew", prove: registersAnewNotFound},
	{name: "what is not registered anew", prove: registersNotAnew},
	{name: "an order is registered anew by many at once", prove: registersAnewOnce},
	{name: "what is known of orders", prove: knows},
	{name: "close_in is counted by the database's clock", prove: closesIn},
	{name: "a close of an order that is not registered", prove: beginsUnregistered},
}

var registeringSQL = []sqlProof{
	{name: "an order is registered anew without row locks", only: servers, prove: registersAnewWithoutLocks},
	{name: "an order is registered while it is pruned", only: servers, prove: registersWhilePruned},
}

// full is an entry with all facts.
func full(no string) schedule.Entry {
	shanghai := time.FixedZone("UTC+8", 8*60*60)
	return schedule.Entry{
		Ref:   order.Ref{Region: shop.Region, MchID: shop.MchID, SubMchID: "1900000109", OutTradeNo: no},
		Owner: order.WeChatOwner("wxd678efh567hg6787", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o"), SubAppID: "wxsub", API: order.V2,
		Total: fen(100), CreatedAt: time.Date(2026, 3, 29, 2, 30, 0, 123456000, shanghai),
		CloseAt: time.Date(2098, 12, 31, 23, 59, 59, 999999000, shanghai),
	}
}

func comesBack(e *env) {
	entry := full("A1")
	e.register(entry)
	got, err := e.Show(e.ctx, entry.Ref)
	e.must(err)
	if field := got.Differs(entry); field != "" || got.Ref != entry.Ref {
		e.Errorf("%s: got %#v, want %#v", field, got.Entry, entry)
	}
	if !got.DueAt.Equal(entry.CloseAt) || got.Progress != schedule.Waiting || got.Attempts != 0 || got.RegisteredAt.IsZero() || got.ID == 0 {
		e.Errorf("got %#v, want it waiting until %v", got, entry.CloseAt)
	}
	if zone := got.CloseAt.Location(); zone != time.UTC {
		e.Errorf("got times in %v, want UTC", zone)
	}
}

func registersTwice(e *env) {
	for _, entry := range []schedule.Entry{full("A1"), due("A2"), {Ref: ref("A3"), CloseIn: time.Hour}} {
		for i, want := range []bool{true, false, false} {
			added, err := e.Register(e.ctx, entry)
			if err != nil || added != want {
				e.Errorf("order %s, time %d: got added %v and error %v, want %v", entry.OutTradeNo, i+1, added, err, want)
			}
		}
	}
	if n := e.orders(); n != 3 {
		e.Errorf("got %d orders, want 3", n)
	}
}

func conflicts(e *env) {
	first := full("A1")
	e.register(first)
	for field, change := range map[string]func(*schedule.Entry){
		"owner": func(o *schedule.Entry) {
			o.Owner = order.WeChatOwner("wxd678efh567hg6787", "OUpF8uMuAJO_M2pxb1Q9zNjWeS6o")
		},
		"sub_appid":  func(o *schedule.Entry) { o.SubAppID = "" },
		"api":        func(o *schedule.Entry) { o.API = order.V3 },
		"total":      func(o *schedule.Entry) { o.Total = nil },
		"created_at": func(o *schedule.Entry) { o.CreatedAt = o.CreatedAt.Add(time.Microsecond) },
		"close_at":   func(o *schedule.Entry) { o.CloseAt, o.CloseIn = time.Time{}, time.Hour },
	} {
		other := first
		change(&other)
		_, err := e.Register(e.ctx, other)
		if got := wantError[*schedule.ConflictError](e, err); got.Field != field || got.Ref != first.Ref {
			e.Errorf("got a conflict of %s in %s, want %s in %s", got.Ref, got.Field, first.Ref, field)
		}
	}
	got, err := e.Show(e.ctx, first.Ref)
	if err != nil || got.Differs(first) != "" {
		e.Errorf("after conflicts: got %#v and error %v, want what was registered first", got.Entry, err)
	}
}

// staysWithdrawn registers a withdrawn order again, with the same facts and with others, alone and
// among others: a queue delivers a registration again, or a file is imported again.
func staysWithdrawn(e *env) {
	same := schedule.Entry{Ref: ref("A1"), Owner: "tcb:before", CloseIn: time.Hour}
	e.register(same)
	in := 2 * time.Hour
	_, err := e.Change(e.ctx, ref("A1"), schedule.Change{CloseIn: &in, By: "shop"}) // so that the first facts are others
	e.must(err)
	e.must(withdrawn(e, "A1"))
	before := e.show("A1")
	other := schedule.Entry{Ref: ref("A1"), Total: fen(7)}
	for _, entry := range []schedule.Entry{same, before.Entry, other} {
		added, err := e.Register(e.ctx, entry)
		if got := wantError[*schedule.WithdrawnError](e, err); got.Ref != ref("A1") || added {
			e.Errorf("got added %v and %v, want the order to stay withdrawn", added, err)
		}
		all, err := e.RegisterAll(e.ctx, []schedule.Entry{due("B1"), entry, due("B2")})
		e.must(err)
		refused[*schedule.WithdrawnError](e, all[1].Err)
		if all[0].Err != nil || all[1].Added || all[2].Err != nil {
			e.Errorf("got %+v, want the others registered", all)
		}
	}
	if after := e.show("A1"); !reflect.DeepEqual(after, before) {
		e.Errorf("got %+v, want it as it was: %+v", after, before)
	}
	e.claim("B1", "B2")
}

// registersAnew takes a withdrawn order up as a new one, of the next generation, with a line in its
// history.
func registersAnew(e *env) {
	for generation := 2; generation < 4; generation++ {
		e.register(schedule.Entry{Ref: ref("B1")})
		if generation == 2 {
			e.register(schedule.Entry{Ref: ref("A1"), Owner: "tcb:before", CloseIn: time.Hour})
		}
		e.must(withdrawn(e, "A1"))
		e.must(withdrawn(e, "A1")) // once more changes nothing
		entry := schedule.Entry{Ref: ref("A1"), Owner: "tcb:after", Total: fen(7)}
		for _, want := range []bool{true, false} { // the second time it is registered with these facts
			if again, err := e.RegisterAgain(e.ctx, entry, "shop"); again != want || err != nil {
				e.Errorf("got again %v and error %v, want %v", again, err, want)
			}
		}
		r := e.show("A1")
		if r.Generation != generation || r.Round != 1 || r.Progress != schedule.Waiting || !r.WithdrawnAt.IsZero() || r.Differs(entry) != "" ||
			r.DueAt.IsZero() || r.Attempts != 0 {
			e.Errorf("got %+v, want registration %d, waiting", r, generation)
		}
	}
	e.wantHistory("A1", "shop: waiting, withdrawn", "shop: withdrawn, waiting", "shop: waiting, withdrawn", "shop: withdrawn, waiting")
	e.must(e.Finish(e.ctx, e.claim("B1", "A1")[1], schedule.Final{State: schedule.FinalClosed}))
	history, err := e.History(e.ctx, ref("A1"), 10)
	e.must(err)
	if want := outbox.NewEventID(ref("A1"), 3, outbox.EventClosed, 1); len(history) != 1 || history[0].EventID != want {
		e.Errorf("got events %v, want that of the third registration", history)
	}
}

// wantHistory wants an order's history to have these lines about its progress.
func (e *env) wantHistory(no string, want ...string) {
	e.Helper()
	history, err := e.Changes(e.ctx, ref(no))
	e.must(err)
	var got []string
	for _, c := range history {
		if c.Field == "progress" && !c.At.IsZero() {
			got = append(got, c.By+": "+c.Was+", "+c.Became)
		}
	}
	if !slices.Equal(got, want) {
		e.Errorf("the history of order %s: got %q, want %q", no, got, want)
	}
}

// registersAnewNotFound: an order that was placed after its registration had ended is to be closed
// after all. Its second end is another event.
func registersAnewNotFound(e *env) {
	c := e.claimOne("A1")
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalNotFound}))
	all, err := e.RegisterAll(e.ctx, []schedule.Entry{due("A1"), {Ref: ref("A1"), Total: fen(7)}})
	e.must(err)
	if all[0].Added || all[0].Err != nil || all[0].Ended != schedule.FinalNotFound || all[1].Ended != schedule.FinalNotFound {
		e.Errorf("got %+v, want that it has ended", all)
	}
	if got := wantError[*schedule.ConflictError](e, all[1].Err); got.FinalState != schedule.FinalNotFound {
		e.Errorf("got %+v, want the end", got)
	}
	at := time.Now().Add(time.Hour)
	again, err := e.RegisterAgain(e.ctx, schedule.Entry{Ref: ref("A1"), Total: fen(7), CloseAt: at}, "shop")
	if !again || err != nil {
		e.Fatalf("got again %v and error %v, want it registered", again, err)
	}
	r := e.show("A1")
	if r.Progress != schedule.Waiting || r.FinalState != "" || !r.EndedAt.IsZero() || r.Authenticated || r.Generation != 2 ||
		r.DueAt.Sub(at).Abs() > time.Second {
		e.Errorf("got %+v, want it to wait until %v", r, at)
	}
	refused[*schedule.LostClaimError](e, e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	e.claim() // not before its time
	e.Pass(time.Hour + time.Second)
	e.must(e.Finish(e.ctx, e.claim("A1")[0], schedule.Final{State: schedule.FinalNotFound}))
	e.wantEvents("A1", outbox.EventNotFound, outbox.EventNotFound)
	e.wantHistory("A1", "shop: done, waiting")
}

// registersNotAnew: nothing but a withdrawal and notFound leaves room for another registration.
func registersNotAnew(e *env) {
	e.registerDue("closed", "closing", "gaveUp", "paid")
	claims := e.claim("closed", "closing", "gaveUp", "paid")
	e.must(e.Finish(e.ctx, claims[0], schedule.Final{State: schedule.FinalClosed}))
	e.must(e.GiveUp(e.ctx, claims[2], schedule.Retry{Reason: "no"}))
	e.must(e.Finish(e.ctx, claims[3], schedule.Final{State: schedule.FinalPaid}))
	e.register(schedule.Entry{Ref: ref("waiting")})
	for _, no := range []string{"closed", "paid", "gaveUp", "closing", "waiting"} {
		before := e.show(no)
		if again, err := e.RegisterAgain(e.ctx, due(no), "shop"); again || err != nil {
			e.Errorf("order %s: got again %v and error %v, want it left alone", no, again, err)
		}
		_, err := e.RegisterAgain(e.ctx, schedule.Entry{Ref: ref(no), Total: fen(1)}, "shop")
		refused[*schedule.ConflictError](e, err)
		if after := e.show(no); !reflect.DeepEqual(after, before) {
			e.Errorf("order %s changed to %+v, from %+v", no, after, before)
		}
	}
	_, err := e.RegisterAgain(e.ctx, due("other"), "shop")
	refused[*schedule.NotRegisteredError](e, err)
	_, err = e.RegisterAgain(e.ctx, due("not an order number"), "shop")
	refused[*order.FieldError](e, err)
}

// registersAnewOnce registers withdrawn orders anew, several times at once with the same new facts:
// each is registered once, and no registration is compared with the facts of before.
func registersAnewOnce(e *env) { e.registersAnewBy(func() Store { return e.Another() }) }

// registersAnewWithoutLocks is the same over connections that lock no rows.
func registersAnewWithoutLocks(e *sqlEnv) {
	e.registersAnewBy(func() Store { return e.unlockedStore() })
}

func (e *env) registersAnewBy(open func() Store) {
	list := numbers("W", 20)
	for _, no := range list {
		e.register(schedule.Entry{Ref: ref(no), CloseIn: time.Hour})
		e.must(withdrawn(e, no))
	}
	var anew atomic.Int32
	stores := []Store{open(), open(), open(), open()}
	e.atOnce(len(stores), func(i int, _ Store) {
		s := stores[i]
		for _, no := range list {
			again, err := s.RegisterAgain(e.ctx, schedule.Entry{Ref: ref(no), Total: fen(7)}, "shop")
			if err != nil {
				e.Errorf("order %s: %v", no, detailed(err))
			}
			if again {
				anew.Add(1)
			}
			if added, err := s.Register(e.ctx, schedule.Entry{Ref: ref(no), Total: fen(7)}); added || err != nil {
				e.Errorf("order %s: got added %v and error %v, want it to be known", no, added, err)
			}
		}
	})
	if n := int(anew.Load()); n != len(list) {
		e.Errorf("got %d orders registered anew, want each of %d once", n, len(list))
	}
	for _, no := range list {
		if r := e.show(no); r.Generation != 2 {
			e.Errorf("order %s: got generation %d, want 2", no, r.Generation)
		}
	}
}

// knows looks orders up, and registers none.
func knows(e *env) {
	e.register(schedule.Entry{Ref: ref("A1"), CloseIn: time.Hour}, due("A2"), full("A3"))
	e.must(withdrawn(e, "A1"))
	got, err := e.Known(e.ctx, []schedule.Entry{
		{Ref: ref("A1")}, due("A2"), {Ref: ref("A2"), Total: fen(1)}, full("A3"), due("N1"), due("N1"), due("not an order number"),
	})
	e.must(err)
	refused[*schedule.WithdrawnError](e, got[0].Err)
	refused[*schedule.ConflictError](e, got[2].Err)
	refused[*schedule.NotRegisteredError](e, got[4].Err)
	refused[*schedule.NotRegisteredError](e, got[5].Err)
	refused[*order.FieldError](e, got[6].Err)
	for _, i := range []int{1, 3} {
		if got[i].Err != nil || got[i].Added {
			e.Errorf("entry %d: got %+v, want it to be known", i, got[i])
		}
	}
	if n := e.orders(); n != 2 { // A1 is withdrawn
		e.Errorf("got %d orders, want the 2 of before", n)
	}
	if got, err := e.Known(e.ctx, nil); err != nil || len(got) != 0 {
		e.Errorf("got %v and error %v, want nothing of nothing", got, err)
	}
}

func withdrawn(e *env, no string) error {
	_, err := e.Change(e.ctx, ref(no), schedule.Change{Withdraw: true, By: "shop"})
	return err
}

// registersPruned registers orders of which a tombstone is left. Nothing is added, whether alone or
// among others, and Show has what the tombstone has.
func registersPruned(e *sqlEnv) {
	for _, no := range []string{"P1", "P2"} {
		hash := fmt.Sprintf(map[string]string{"postgres": `'\x%x'`, "mysql": "x'%x'", "sqlite": "x'%x'"}[e.db.Name], schedule.TombstoneHash(ref(no)))
		at := map[string]string{"postgres": "now()", "mysql": "UTC_TIMESTAMP(6)", "sqlite": "1"}[e.db.Name]
		e.sql("INSERT INTO cloudpay_tombstones (hash, ending, generation, ended_at, pruned_at) VALUES (" + hash + ", 'closed', 4, " + at + ", " + at + ")")
	}
	added, err := e.Register(e.ctx, due("P1"))
	if added || err != nil {
		e.Errorf("got added %v and error %v, want nothing", added, err)
	}
	all, err := e.RegisterAll(e.ctx, []schedule.Entry{due("A1"), due("P1"), due("P2"), due("A2"), due("P2")})
	e.must(err)
	for i, want := range []bool{true, false, false, true, false} {
		if all[i].Added != want || all[i].Err != nil {
			e.Errorf("entry %d: got %+v, want added %v", i, all[i], want)
		}
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_orders"); n != 2 {
		e.Errorf("got %d orders, want 2", n)
	}
	r := e.show("P1")
	if !r.Pruned || r.Progress != schedule.Done || r.FinalState != schedule.FinalClosed || r.Generation != 4 || r.Ref != ref("P1") || r.EndedAt.IsZero() {
		e.Errorf("got %+v, want the tombstone's", r)
	}
	_, err = e.Begin(e.ctx, r, lease)
	refused[*schedule.EndedError](e, err)
}

// registersWhilePruned registers an order in the moment in which it is pruned, and closes it
// directly, also on a connection whose statements read what is committed alone and in a second try.
// No row may be left beside the tombstone.
func registersWhilePruned(e *sqlEnv) {
	pruned := func(added bool, err error) error {
		if err == nil && added {
			err = errors.New("it was added")
		}
		return err
	}
	alone := func(s *store.Store, no string) error { return pruned(s.Register(e.ctx, due(no))) }
	among := func(s *store.Store, no string) error {
		all, err := s.RegisterAll(e.ctx, []schedule.Entry{due(no), due(no + "-2")})
		if err != nil {
			return err
		}
		return pruned(all[0].Added, all[0].Err)
	}
	closes := func(s *store.Store, no string) error {
		c, err := s.Begin(e.ctx, schedule.Record{Entry: due(no)}, lease)
		if _, ended := errors.AsType[*schedule.EndedError](err); ended {
			return nil
		}
		return fmt.Errorf("got claim %+v and error %w, want that it has ended", c, err)
	}
	for name, register := range map[string]func(*store.Store, string) error{"alone": alone, "among": among, "close": closes} {
		plain, _ := e.faultyStore(0, false, false)
		committed := e.readCommitted()
		cut, f := e.faultyStore(0, false, false)
		_, err := cut.Known(e.ctx, nil) // so that its first step is that of the registration
		e.must(err)
		f.at = f.step + 1
		for way, s := range map[string]*store.Store{"plain": plain, "committed": committed, "cut": cut} {
			e.clear()
			no := name + "-" + way
			e.oldEnds(no)
			e.registerWhilePruned(no, func() error { return register(s, no) }, e.db.Name == "mysql" || name == "close")
		}
	}
}

// registerWhilePruned registers an order while its row is deleted and that is not committed. waits
// says that the registration waits for it.
func (e *sqlEnv) registerWhilePruned(no string, register func() error, waits bool) {
	e.Helper()
	result := make(chan error, 1)
	s, f := e.faultyStore(0, false, false)
	var once sync.Once // pruning may be repeated after a deadlock
	f.rewrite = func(statement string) string {
		if strings.HasPrefix(statement, "INSERT INTO cloudpay_tombstones") {
			once.Do(func() {
				go func() { result <- register() }()
				if waits {
					<-time.After(staleInnoDB) // the order before this one was waited for, too
					e.awaitBlocked()
				}
			})
		}
		return statement
	}
	_, err := s.Prune(e.ctx, quarter(), nil)
	e.must(err)
	if err := <-result; err != nil {
		e.Errorf("%s: %v", no, detailed(err))
	}
	if n := e.count("SELECT COUNT(*) FROM cloudpay_orders WHERE out_trade_no = '" + no + "'"); n != 0 || !e.show(no).Pruned {
		e.Errorf("%s: got %d rows and %+v, want the tombstone alone", no, n, e.show(no))
	}
}

// readCommitted is a store on connections at READ COMMITTED, as a server may be configured.
func (e *sqlEnv) readCommitted() *store.Store {
	e.Helper()
	connector, name, err := store.Connector(e.address)
	e.must(err)
	isolation := "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED"
	if e.db.Name == "postgres" {
		isolation = "SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL READ COMMITTED"
	}
	s, err := store.New(prepared{connector, isolation}, name)
	e.must(err)
	e.Cleanup(func() { _ = s.Close() })
	return s
}

// prepared runs a statement on each new connection.
type prepared struct {
	driver.Connector

	statement string
}

func (p prepared) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := p.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	_, err = conn.(driver.ExecerContext).ExecContext(ctx, p.statement, nil)
	return conn, err
}

func registersMany(e *env) {
	entries := make([]schedule.Entry, 0, 1300)
	for _, no := range numbers("M", 1234) {
		entries = append(entries, due(no))
	}
	e.register(schedule.Entry{Ref: ref("M0007"), Total: fen(7)}, due("M0008"))
	entries = append(entries, due("M0009"), schedule.Entry{Ref: ref("M0010"), Total: fen(1)}, due("not an order number"))
	all, err := e.RegisterAll(e.ctx, entries)
	e.must(err)
	for i, got := range all {
		var want string
		switch i {
		case 7, 1235:
			want = "conflict"
		case 8, 1234:
			want = "there"
		case 1236:
			want = "ill formed"
		default:
			want = "added"
		}
		if is := fate(e, got.Added, got.Err); is != want {
			e.Errorf("entry %d, %s: got %s (%v), want %s", i, entries[i].OutTradeNo, is, got.Err, want)
		}
	}
	if n := e.orders(); n != 1234 {
		e.Errorf("got %d orders, want 1234", n)
	}
}

func fate(e *env, added bool, err error) string {
	switch {
	case err == nil && added:
		return "added"
	case err == nil:
		return "there"
	case strings.Contains(err.Error(), "registered already"):
		refused[*schedule.ConflictError](e, err)
		return "conflict"
	}
	refused[*order.FieldError](e, err)
	return "ill formed"
}

func closesIn(e *env) {
	e.register(schedule.Entry{Ref: ref("A1"), CloseIn: time.Hour})
	s := e.show("A1")
	if got := s.DueAt.Sub(s.RegisteredAt); got != time.Hour || s.CloseIn != time.Hour || !s.CloseAt.IsZero() {
		e.Errorf("got due %v after registration (close_in %v, close_at %v), want an hour", got, s.CloseIn, s.CloseAt)
	}
	e.claim()
	e.Pass(59 * time.Minute)
	e.claim()
	e.Pass(time.Minute)
	e.claim("A1")
}

func beginsUnregistered(e *env) {
	entry := schedule.Entry{Ref: ref("A1"), Total: fen(5)}
	c, err := e.Begin(e.ctx, schedule.Record{Entry: entry}, lease)
	e.must(err)
	if c.InDoubt || c.Attempts != 0 || c.Token == "" || c.LeaseUntil.Sub(c.ClaimedAt) != lease {
		e.Errorf("got %#v, want a claim for %v that is no attempt", c, lease)
	}
	s := e.show("A1")
	if s.Progress != schedule.Closing || s.Attempts != 0 || s.ClosingSince.IsZero() || *s.Total != 5 || s.LeaseUntil.IsZero() {
		e.Errorf("got %#v, want it closing", s)
	}
	_, err = e.Begin(e.ctx, schedule.Record{Entry: entry}, lease)
	if busy := wantError[*schedule.BusyError](e, err); busy.Record.Ref != entry.Ref {
		e.Errorf("busy with %s, want %s", busy.Record.Ref, entry.Ref)
	}
	e.must(e.Finish(e.ctx, c, schedule.Final{State: schedule.FinalClosed}))
	_, err = e.Begin(e.ctx, schedule.Record{Entry: entry}, lease)
	if ended := wantError[*schedule.EndedError](e, err); ended.Record.FinalState != schedule.FinalClosed {
		e.Errorf("got ended %s, want closed", ended.Record.FinalState)
	}
	_, err = e.Begin(e.ctx, schedule.Record{Entry: schedule.Entry{Ref: ref("")}}, lease)
	refused[*order.FieldError](e, err)
}
