//go:build sqlite

package store_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/storetest"
)

func TestSQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, storetest.SQLite())
}

// Other users of the machine can read neither the database's file nor those that SQLite puts beside
// it.
func TestSQLiteFilesArePrivate(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite()
	address := db.Migrated(t)
	s := db.OpenAt(t, address)
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}
	if _, err := s.Register(t.Context(), schedule.Entry{Ref: ref}); err != nil {
		t.Fatal(err)
	}
	path := strings.TrimPrefix(address, "sqlite:")
	for _, name := range []string{path, path + "-wal", path + "-shm"} {
		file, err := os.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		if file.Mode().Perm() != 0o600 {
			t.Errorf("%s: got %v, want it for its owner alone", name, file.Mode())
		}
	}
}

// The error of a file that cannot be created does not contain the system's text.
func TestSQLiteFileThatCannotBeCreated(t *testing.T) {
	t.Parallel()
	s := storetest.SQLite().OpenAt(t, "sqlite:"+filepath.Join(t.TempDir(), "nowhere", "store.db"))
	_, err := s.Show(context.Background(), order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"})
	if err == nil || !schedule.Lasting(err) || !strings.Contains(err.Error(), "SQLite file") || strings.Contains(err.Error(), "nowhere") {
		t.Errorf("got %v, want what is to be done about the file", err)
	}
}
