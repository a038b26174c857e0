package storetest

import (
	"strings"
	"sync"

	"cloudpay/internal/store/migrate"
)

var migrating = []sqlProof{
	{name: "migrating twice, and two at once", prove: migratesTwice},
	{name: "a database without tables", prove: withoutTables},
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
