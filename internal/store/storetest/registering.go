package storetest

import (
	"fmt"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

var registering = []proof{
	{name: "an order comes back as it was registered", prove: comesBack},
	{name: "registering twice", prove: registersTwice},
	{name: "other facts are a conflict", prove: conflicts},
	{name: "many at once", prove: registersMany},
	{name: "a withdrawn order is registered again", prove: registersAgain},
	{name: "close_in is counted by the database's clock", prove: closesIn},
	{name: "a close of an order that is not registered", prove: beginsUnregistered},
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

// registersAgain registers a withdrawn order, alone and among others. It is as a new one, but of
// the next generation.
func registersAgain(e *env) {
	for _, no := range []string{"A1", "A2"} {
		e.register(schedule.Entry{Ref: ref(no), Owner: "tcb:before", CloseIn: time.Hour})
		e.must(withdrawn(e, no))
		entry := schedule.Entry{Ref: ref(no), Owner: "tcb:after", Total: fen(7)}
		for _, want := range []bool{true, false} {
			entries := []schedule.Entry{entry}
			if no == "A2" {
				entries = append(entries, due("B1"), due("B2"))
			}
			all, err := e.RegisterAll(e.ctx, entries)
			e.must(err)
			if all[0].Added != want || all[0].Err != nil {
				e.Errorf("order %s: got %+v, want added %v", no, all[0], want)
			}
		}
		r := e.show(no)
		if r.Generation != 2 || r.Round != 1 || r.Progress != schedule.Waiting || !r.WithdrawnAt.IsZero() || r.Differs(entry) != "" {
			e.Errorf("got %+v, want the second registration, waiting", r)
		}
		e.must(withdrawn(e, no))
		e.must(withdrawn(e, no)) // once more changes nothing
		e.register(entry)
		if r := e.show(no); r.Generation != 3 {
			e.Errorf("got generation %d, want 3", r.Generation)
		}
	}
	e.claim("A1", "B1", "B2", "A2")
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
