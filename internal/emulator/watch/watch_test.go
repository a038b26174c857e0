package watch_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
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
	w, err := watch.Start([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	return running(t, w)
}

// running runs a watcher until the test ends, and returns what is told.
func running(t *testing.T, w *watch.Watcher) <-chan string {
	t.Helper()
	told, done := make(chan string, 10), make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		defer close(done)
		w.Run(ctx, func(file string) { told <- file })
	}()
	t.Cleanup(func() {
		cancel()
		<-done
	})
	return told
}

// wantTold writes a file, and waits until its change is told.
func wantTold(t *testing.T, told <-chan string, parts ...string) {
	t.Helper()
	want := filepath.Join(parts...)
	write(t, want)
	for got := range told {
		if got == want {
			return
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
	write(t, dir, "functions", "hello", "README")
	wantTold(t, told, dir, "main.go") // the new folder is watched by now
	wantTold(t, told, dir, "functions", "hello", "main.go")
	write(t, dir, "functions", "hello", "node_modules", "x", "index.js") // npm makes them later, too
	write(t, dir, "functions", "hello", ".git", "x.js")
	wantTold(t, told, dir, ".env.local")
	for len(told) > 0 {
		if got := <-told; filepath.Ext(got) == ".db" || strings.Contains(got, ".cloudpay") || strings.Contains(got, "node_modules") || strings.Contains(got, ".git") {
			t.Errorf("got a change of %s, want none", got)
		}
	}
}

// A file that is added is watched in its folder, and what is watched already may be added again.
func TestAdd(t *testing.T) {
	t.Parallel()
	dir, other := t.TempDir(), t.TempDir()
	write(t, other, "shop.env")
	w, err := watch.Start([]string{dir})
	if err != nil {
		t.Fatal(err)
	}
	told := running(t, w)
	if err := w.Add([]string{dir, filepath.Join(other, "shop.env")}); err != nil {
		t.Fatal(err)
	}
	wantTold(t, told, other, "shop.env")
	wantTold(t, told, dir, "index.js")
	if err := w.Add([]string{filepath.Join(dir, "none")}); err == nil {
		t.Error("got no error for a folder that is not there")
	}
}

// A folder that is not there is an error.
func TestStartFails(t *testing.T) {
	t.Parallel()
	if _, err := watch.Start([]string{filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("got no error for a folder that is not there")
	}
}
