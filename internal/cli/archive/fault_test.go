package archive

import (
	"os"
	"path/filepath"
	"testing"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/pruning"
)

// After a write that failed, the disk may have any part of it. Nothing more is appended, so that no
// order is deleted that may not be there.
func TestAppendAfterAFault(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	f, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	order := []pruning.Order{{Record: schedule.Record{ID: 1}}}
	if err := f.Append(order); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	writable := f.file
	if f.file, err = os.Open(path); err != nil { // which cannot be written, as a full disk cannot
		t.Fatal(err)
	}
	first := f.Append(order)
	if first == nil {
		t.Fatal("got no error")
	}
	f.file = writable
	if again := f.Append(order); again != first { //nolint:errorlint // it is to be the very same
		t.Errorf("got error %v afterwards, want %v still", again, first)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the archive was changed (%v)", err)
	}
}
