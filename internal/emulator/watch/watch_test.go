package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"cloudpay/internal/emulator/watch"
)

// write writes a file, and its folder if need be.
func write(t *testing.T, parts ...string) {
	t.Helper()
	path := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(time.Now().String()), 0o600); err != nil {
		t.Fatal(err)
	}
}

// watching watches a folder until the test ends, and returns what is told.
func watching(t *testing.T, dir string) <-chan string {
	t.Helper()
	told, done := make(chan string, 10), make(chan error, 1)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { done <- watch.Run(ctx, []string{dir}, func(file string) { told <- file }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("got %v", err)
		}
	})
	return told
}

// wantTold writes a file, again and again since the watching may not have begun, until its change
// is told.
func wantTold(t *testing.T, told <-chan string, parts ...string) {
	t.Helper()
	want := filepath.Join(parts...)
	again, end := time.NewTicker(time.Second), time.After(time.Minute)
	defer again.Stop()
	for {
		write(t, want)
		select {
		case got := <-told:
			if got == want {
				return
			}
		case <-again.C:
		case <-end:
			t.Fatalf("no change of %s was told", want)
		}
	}
}

// A change of a source is told, also in a folder that is made later. Others are not.
func TestRun(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	told := watching(t, dir)
	wantTold(t, told, dir, "index.js")
	write(t, dir, "orders.db")
	write(t, dir, "node_modules", "x", "index.js")
	write(t, dir, ".cloudpay", "emulator.json")
	wantTold(t, told, dir, "functions", "hello", "main.go")
	for len(told) > 0 {
		if got := <-told; filepath.Ext(got) == ".db" || filepath.Base(filepath.Dir(got)) == ".cloudpay" {
			t.Errorf("got a change of %s, want none", got)
		}
	}
}

// A folder that is not there is an error.
func TestRunFails(t *testing.T) {
	t.Parallel()
	if err := watch.Run(t.Context(), []string{filepath.Join(t.TempDir(), "none")}, nil); err == nil {
		t.Error("got no error for a folder that is not there")
	}
}
