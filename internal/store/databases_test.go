//go:build databases

package store_test

import (
	"testing"

	"cloudpay/internal/store/storetest"
)

// The servers take seconds to start and the suite half a minute, so `make test-databases` runs
// these and `make test` does not.

func TestPostgres(t *testing.T) { storetest.Run(t, storetest.Postgres(t)) }

func TestMariaDB(t *testing.T) { storetest.Run(t, storetest.MariaDB(t)) }

func TestPgBouncer(t *testing.T) { storetest.Run(t, storetest.PgBouncer(t)) }

// TestFailover moves the writes from one server to another while an instance is called every
// second.
func TestFailover(t *testing.T) {
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); storetest.MariaDBFailover(t) })
	t.Run("Postgres", func(t *testing.T) { t.Parallel(); storetest.PostgresFailover(t) })
}
