//go:build !race && databases

package main

import (
	"slices"
	"testing"

	"cloudpay/internal/store/storetest"
)

// TestShopLosesNothingOnServers is TestShopLosesNothing on a database as production has, whose
// server crashes, too.
func TestShopLosesNothingOnServers(t *testing.T) {
	t.Parallel()
	db := storetest.Postgres(t)
	db.Durable(t)
	crashed := trouble{name: "the register crashed", begin: func(m *market, _ batch) {
		db.Crash(m.T)
		m.restart = func() { db.Restart(m.T) }
	}, felt: (*market).wantUnavailable}
	openMarket(t, "--store", db.Migrated(t)).loseNothing(slices.Concat(troubles, []trouble{crashed}))
}
