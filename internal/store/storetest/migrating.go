package storetest

import (
	"fmt"
	"strings"
	"sync"

	"cloudpay/internal/schedule"
	"cloudpay/internal/store/migrate"
)

var migrating = []sqlProof{
	{name: "migrating twice, and two at once", prove: migratesTwice},
	{name: "a database without tables", prove: withoutTables},
	{name: "a program and a database of other versions", prove: checksVersions},
	{name: "a database in the middle of a migration", prove: checksEachStep},
}

func migratesTwice(e *sqlEnv) {
	address := e.db.Direct(e.db.Empty(e))
	status, err := migrate.Status(e.ctx, address)
	if err != nil || len(status) == 0 || !status[0].AppliedAt.IsZero() {
		e.Errorf("before: got %v and error %v, want steps that were not applied", status, err)
	}
	if e.db.Name == "sqlite" { // one process migrates its file, when it starts
		_, err = migrate.Up(e.ctx, address)
		e.must(err)
	} else {
		var busy sync.WaitGroup
		for range 2 {
			busy.Go(func() {
				if _, err := migrate.Up(e.ctx, address); err != nil {
					e.Error(err)
				}
			})
		}
		busy.Wait()
	}
	if steps, err := migrate.Up(e.ctx, address); err != nil || len(steps) != 0 {
		e.Errorf("again: got %v and error %v, want nothing to do", steps, err)
	}
	status, err = migrate.Status(e.ctx, address)
	if err != nil || status[len(status)-1].AppliedAt.IsZero() {
		e.Errorf("after: got %v and error %v, want steps that were applied", status, err)
	}
	if added, err := openAt(e, address).Register(e.ctx, due("A1")); err != nil || !added {
		e.Errorf("got added %v and error %v, want a store to use", added, err)
	}
}

func withoutTables(e *sqlEnv) {
	_, err := openAt(e, e.db.Empty(e)).Register(e.ctx, due("A1"))
	if err == nil || !strings.Contains(err.Error(), "cloudpay orders migrate") {
		e.Errorf("got %v, want the command that makes the tables", err)
	}
}

// checksVersions proves that a program does nothing with a database that it was not written for,
// and goes on once that is mended.
func checksVersions(e *sqlEnv) {
	steps, err := migrate.Status(e.ctx, e.db.Direct(e.address))
	e.must(err)
	newest := int(steps[len(steps)-1].Version)
	c, err := open(e, e.address).Compatibility(e.ctx)
	e.must(err)
	if c.Version != newest || c.Program != newest || c.Since > newest || c.Fault().EN != "" {
		e.Errorf("got %+v, want the newest step, %d, for the database and for the program", c, newest)
	}
	for _, test := range []struct{ set, en, zh string }{
		{"version = 99, compatible_since = 98", "deploy a newer version", "请部署更新的版本"},
		{"version = 2, compatible_since = 1", "run `cloudpay orders migrate`", "请运行 `cloudpay orders migrate`"},
	} {
		e.sql("UPDATE cloudpay_schema SET " + test.set)
		s := open(e, e.address)
		for doing, err := range map[string]error{
			"register": second(s.Register(e.ctx, due("A1"))), "claim": second(s.Claim(e.ctx, shop, 1, lease)),
			"observe": s.Observe(e.ctx, ref("A1"), schedule.Final{State: schedule.FinalClosed}), "deliver": second(s.ClaimDeliveries(e.ctx, shop, 1, lease)),
		} {
			wording := wantError[*schedule.StoreError](e, err).Wording()
			if !schedule.Lasting(err) || !strings.Contains(wording.EN, test.en) || !strings.Contains(wording.ZH, test.zh) {
				e.Errorf("%s after %s: got %v, want a lasting error that says %q and %q", doing, test.set, wording, test.en, test.zh)
			}
		}
		if n := e.count("SELECT COUNT(*) FROM cloudpay_orders"); n != 0 {
			e.Errorf("got %d orders after %s, want nothing written", n, test.set)
		}
		e.sql(fmt.Sprintf("UPDATE cloudpay_schema SET version = %d, compatible_since = %d", c.Version, c.Since))
		if added, err := s.Register(e.ctx, due("A1")); err != nil || !added {
			e.Errorf("got added %v and error %v once it was mended, want it added", added, err)
		}
		e.clear()
	}
}

// checksEachStep proves that a program does nothing with a database whose last step still runs, or
// has failed.
func checksEachStep(e *sqlEnv) {
	address := e.db.Empty(e)
	steps, err := migrate.Status(e.ctx, e.db.Direct(address))
	e.must(err)
	for _, step := range steps {
		s := open(e, address)
		_, err := s.Register(e.ctx, due("A1"))
		if err == nil || !schedule.Lasting(err) || !strings.Contains(err.Error(), "cloudpay orders migrate") {
			e.Errorf("before step %d: got error %v, want the command that migrates", step.Version, err)
		}
		_, err = migrate.UpTo(e.ctx, e.db.Direct(address), step.Version)
		e.must(err)
		if c, err := s.Compatibility(e.ctx); step.Version > 1 && (err != nil || c.Version != int(step.Version)) {
			e.Errorf("after step %d: got %+v and error %v, want the database to say so", step.Version, c, err)
		}
	}
	if added, err := open(e, address).Register(e.ctx, due("A1")); err != nil || !added {
		e.Errorf("got added %v and error %v after all steps, want it added", added, err)
	}
}

// second is the error of a call with another result.
func second[T any](_ T, err error) error { return err }
