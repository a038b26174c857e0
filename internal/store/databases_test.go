//go:build databases

package store_test

import (
	"testing"

	"cloudpay/internal/store/storetest"
)

// The servers take seconds to start and the suite half a minute: make test-databases, not make test.

func TestPostgres(t *testing.T) { storetest.Run(t, storetest.Postgres(t)) }

func TestMariaDB(t *testing.T) { storetest.Run(t, storetest.MariaDB(t)) }
