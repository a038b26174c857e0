//go:build sqlite && databases

package sweep_test

import (
	"context"
	"reflect"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/sweep"
)

func TestPostgres(t *testing.T) { survives(t, storetest.Postgres(t)) }

func TestMariaDB(t *testing.T) { survives(t, storetest.MariaDB(t)) }

func TestSQLite(t *testing.T) {
	leasesRunOut(t, storetest.SQLite())
	t.Run("the disk is full", fullDisk)
}

// survives is what may befall a sweep whose database has a server.
func survives(t *testing.T, db storetest.Database) {
	t.Helper()
	leasesRunOut(t, db)
	t.Run("deadlocks", func(t *testing.T) { deadlocks(t, db) })
	t.Run("the database crashes", func(t *testing.T) { crashes(t, db) })
}

// leasesRunOut lets the lease run out while a close is in flight, and has a second sweeper do the work meanwhile.
func leasesRunOut(t *testing.T, db storetest.Database) {
	t.Helper()
	for _, c := range []struct {
		name string
		// late: the gateway has handled the close, and its reply is what is in flight.
		late, paid bool
		second     sweep.Report
	}{
		{name: "a late reply", late: true, second: sweep.Report{Claimed: 1, AlreadyClosed: 1, Calls: 1}},
		{name: "a late request", second: sweep.Report{Claimed: 1, Closed: 1, Calls: 3}}, // asked, closed, and confirmed by name
		{name: "a late request and a customer who paid", paid: true, second: sweep.Report{Claimed: 1, Paid: 1, Calls: 1}},
	} {
		t.Run("the lease runs out/"+c.name, func(t *testing.T) {
			w := newTown(t)
			address := db.Migrated(t)
			held, release := w.holdClose("first", c.late)
			w.order("A1")
			kept := open(t, address)
			w.register(kept, "A1")
			backlog := newHolders().watch(open(t, address))
			first := make(chan sweep.Report, 1)
			go func() {
				report, err := w.sweeper("first", backlog, 4).RunOnce(context.Background())
				if err != nil {
					t.Error(err)
				}
				first <- report
			}()
			<-held
			<-backlog.idle // or it would claim the order again itself
			second := w.sweeper("second", open(t, address), 4)
			if report := sweepOnce(t, second); report.Claimed != 0 {
				t.Errorf("within the lease: got %+v, want nothing claimed", report)
			}
			runsOut(t, db, address)
			if c.paid {
				w.pay("A1")
			}
			got := sweepOnce(t, second)
			if got.Took, got.Status = 0, nil; got != c.second {
				t.Errorf("the second: got %+v, want %+v", got, c.second)
			}
			before := show(t, w, address)
			release()
			if got := <-first; got.Claimed != 1 || got.Lost != 1 || got.Unrecorded != 0 {
				t.Errorf("the first: got %+v, want its claim lost", got)
			}
			if after := show(t, w, address); !reflect.DeepEqual(after, before) {
				t.Errorf("the first wrote over the end: got %s at %v, want %s at %v", after.FinalState, after.EndedAt, before.FinalState, before.EndedAt)
			}
			w.wantSettled(kept)
		})
	}
}

// holdClose holds somebody's first close, before it is handled or when it was, until it is released.
func (w *town) holdClose(who string, late bool) (held <-chan struct{}, release func()) {
	arrived, released := make(chan struct{}), make(chan struct{})
	hold := sync.OnceFunc(func() {
		close(arrived)
		<-released
	})
	w.hold = func(by, op, _ string, handled bool) {
		if by == who && op == "closeorder" && handled == late {
			hold()
		}
	}
	release = sync.OnceFunc(func() { close(released) })
	w.Cleanup(release)
	return arrived, release
}

func sweepOnce(t *testing.T, s *sweep.Sweeper) sweep.Report {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	report, err := s.RunOnce(ctx)
	if err != nil {
		t.Fatal(err)
	}
	return report
}

func show(t *testing.T, w *town, address string) schedule.Record {
	t.Helper()
	s, err := open(t, address).Show(context.Background(), w.ref("A1"))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// deadlocks has the database give up, as the victim of a deadlock, every second transaction that would end an order.
func deadlocks(t *testing.T, db storetest.Database) {
	t.Helper()
	const orders = 300
	w := newTown(t)
	address := db.Migrated(t)
	kept := open(t, address)
	list := numbers("A", orders)
	w.order(list...)
	w.pay(everyThird(list)...)
	w.register(kept, list...)
	for _, statement := range deadlocking[db.Name] {
		if _, err := storetest.Raw(t, address).ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	var ends int
	for tick := 0; ends < orders && tick < 3; tick++ {
		report := sweepOnce(t, w.sweeper("sweeper", open(t, address), 16))
		ends += report.Closed + report.AlreadyClosed + report.Paid
		t.Logf("%+v", report)
		runsOut(t, db, address)
	}
	var begun int
	row := storetest.Raw(t, address).QueryRowContext(context.Background(), map[string]string{
		"postgres": "SELECT last_value FROM victims", "mysql": "SELECT next_not_cached_value - 1 FROM victims",
	}[db.Name])
	if err := row.Scan(&begun); err != nil || begun < 2*orders {
		t.Errorf("got %d tries to end %d orders and error %v, want every second one given up", begun, orders, err)
	}
	w.wantSettled(kept)
}

// deadlocking makes an error of what looks like a deadlock to whoever writes an end; a sequence counts on when a transaction
// is rolled back.
var deadlocking = map[string][]string{
	"postgres": {
		"CREATE SEQUENCE victims",
		`CREATE FUNCTION give_up() RETURNS trigger AS $$
		BEGIN
			IF nextval('victims') % 2 = 1 THEN
				RAISE EXCEPTION 'deadlock detected' USING ERRCODE = '40P01';
			END IF;
			RETURN NEW;
		END $$ LANGUAGE plpgsql`,
		"CREATE TRIGGER give_up BEFORE UPDATE ON cloudpay_orders FOR EACH ROW WHEN (NEW.progress = 'done') EXECUTE FUNCTION give_up()",
	},
	"mysql": {
		"CREATE SEQUENCE victims NOCACHE",
		`CREATE TRIGGER give_up BEFORE UPDATE ON cloudpay_orders FOR EACH ROW
		IF NEW.progress = 'done' AND NEXT VALUE FOR victims % 2 = 1 THEN
			SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found when trying to get lock';
		END IF`,
	},
}

// crashes ends the database in the midst of a sweep. What was said to be written down before is there when it is back, and the
// next sweep ends the rest.
func crashes(t *testing.T, db storetest.Database) {
	t.Helper()
	const orders = 600
	db.Durable(t)
	w := newTown(t)
	w.latency = 10 * time.Millisecond
	address := db.Migrated(t)
	kept := open(t, address)
	list := numbers("A", orders)
	w.order(list...)
	w.pay(everyThird(list)...)
	w.register(kept, list...)

	enough := make(chan struct{})
	var mu sync.Mutex
	exchanges := 0
	w.hold = func(_, _, _ string, handled bool) {
		if !handled {
			return
		}
		mu.Lock()
		defer mu.Unlock()
		if exchanges++; exchanges == orders/2 {
			close(enough)
		}
	}
	all := newHolders()
	ended := make(chan sweep.Report, 1)
	go func() { ended <- sweepOnce(t, w.sweeper("first", all.watch(open(t, address)), 16)) }()
	<-enough
	db.Crash(t)
	first := <-ended
	t.Logf("%+v", first)
	if first.Unrecorded == 0 || !first.Left || first.Fault == "" {
		t.Errorf("the sweep got %+v, want orders that it could not write down, and to say so", first)
	}
	if _, err := w.sweeper("second", kept, 16).RunOnce(context.Background()); err == nil {
		t.Error("a sweep without a database got no error")
	}
	db.Restart(t)
	for no, ending := range all.finished {
		s, err := kept.Show(context.Background(), w.ref(no))
		if err != nil || s.FinalState != ending {
			t.Errorf("order %s: got %q, error %v after the crash, want %q as it was recorded before", no, s.FinalState, err, ending)
		}
	}
	runsOut(t, db, address)
	third := sweepOnce(t, w.sweeper("third", kept, 16))
	t.Logf("%+v", third)
	if n := count(t, address, "done"); n != orders || third.Left {
		t.Errorf("got %d of %d orders done: %+v", n, orders, third)
	}
	w.wantSettled(kept)
	for no, d := range w.known {
		if d.closes > 1 {
			t.Errorf("order %s: got %d closes, want that the second sweep asked first", no, d.closes)
		}
	}
}
