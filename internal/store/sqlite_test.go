//go:build sqlite

package store_test

import (
	"testing"

	"cloudpay/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.SQLite())
}
