//go:build !race && databases

package main

import (
	"testing"

	"cloudpay/internal/store/storetest"
)

// TestKilledPruningOnServers is TestKilledPruning on the databases that production has.
func TestKilledPruningOnServers(t *testing.T) {
	t.Run("PostgreSQL", func(t *testing.T) { t.Parallel(); killPruning(t, storetest.Postgres(t), 30) })
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); killPruning(t, storetest.MariaDB(t), 30) })
}
