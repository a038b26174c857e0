//go:build sqlite && databases

package sweep_test

import (
	"context"
	"database/sql/driver"
	"fmt"
	"testing"

	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
)

// fullDisk sweeps until events have filled the disk. With room again, the next sweep ends the rest.
func fullDisk(t *testing.T) {
	const orders = 600
	w := newTown(t)
	address := storetest.SQLite().Migrated(t)
	kept := open(t, address)
	list := numbers("A", orders)
	w.order(list...)
	w.pay(everyThird(list)...)
	w.register(kept, list...)
	first := sweepOnce(t, w.sweeper("first", cramped(t, address), 16))
	t.Logf("%+v", first)
	if first.Closed == 0 || first.Paid == 0 || first.Unrecorded == 0 || !first.Left || first.Fault == "" {
		t.Errorf("the sweep got %+v, want some orders ended, others that could not be written down, and to say so", first)
	}
	if n := count(t, address, "done"); n != first.Closed+first.Paid {
		t.Errorf("got %d orders done, want the %d that were said to be", n, first.Closed+first.Paid)
	}
	runsOut(t, storetest.SQLite(), address)
	second := sweepOnce(t, w.sweeper("second", kept, 16))
	t.Logf("%+v", second)
	w.wantSettled(kept)
}

// cramped is a store whose disk has room for a few more pages.
func cramped(t *testing.T, address string) *store.Store {
	t.Helper()
	const room = 6
	var pages int
	if err := storetest.Raw(t, address).QueryRowContext(context.Background(), "PRAGMA page_count").Scan(&pages); err != nil {
		t.Fatal(err)
	}
	connector, name, err := store.Connector(address)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.New(small{Connector: connector, pages: pages + room}, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// small gives each connection's database a greatest size.
type small struct {
	driver.Connector

	pages int
}

func (c small) Connect(ctx context.Context) (driver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	rows, err := conn.(driver.QueryerContext).QueryContext(ctx, fmt.Sprint("PRAGMA max_page_count = ", c.pages), nil)
	if err != nil {
		return nil, err
	}
	return conn, rows.Close()
}
