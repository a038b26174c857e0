package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"
)

// needSQLite skips a test that keeps orders where the race detector slows SQLite down forty times:
// make test runs it without.
func needSQLite(t *testing.T) {
	t.Helper()
	if raced {
		t.Skip("SKIPPED: it keeps orders in SQLite, which the race detector slows down; make test runs it without")
	}
}

// What is skipped under the race detector is run without it.
func TestSQLiteIsTested(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(repositoryRoot, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`\t\$\$plain test [^\n]* \./cmd/`).Match(makefile) {
		t.Error("the Makefile has no go test without the race detector for ./cmd/…: no test covers what keeps orders")
	}
}
