package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// needSQLite skips a test that keeps orders in a program without SQLite: make test runs it once
// more with -tags sqlite, and without the race detector, which slows SQLite down forty times.
func needSQLite(t *testing.T) {
	t.Helper()
	if !hasSQLite() {
		t.Skip("SKIPPED: it keeps orders in SQLite; go test -tags sqlite runs it, as make test does")
	}
}

// What is skipped without SQLite is run with it.
func TestSQLiteIsTested(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(repositoryRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(` test [^\n]*-tags sqlite[^\n]* \./cmd/`).Match(makefile) {
		message := "the Makefile has no go test with -tags sqlite for ./cmd/…: no test covers what keeps orders"
		if os.Getenv("CI") == "true" && !hasSQLite() {
			t.Fatal(message)
		}
		t.Skip("SKIPPED: " + message)
	}
}
