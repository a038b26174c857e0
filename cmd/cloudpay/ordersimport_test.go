package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is rejected has order numbers in it, for whoever runs the import alone.
func TestRejectsAreTheirOwners(t *testing.T) {
	t.Parallel()
	i := &importing{books: books{language: &language{}}, rejects: filepath.Join(t.TempDir(), "rejects.csv")}
	out, err := i.openRejects(io.NopCloser(strings.NewReader("")))
	if err != nil {
		t.Fatal(err)
	}
	if err := out.end(io.Discard); err != nil {
		t.Fatal(err)
	}
	file, err := os.Stat(i.rejects)
	if err != nil {
		t.Fatal(err)
	}
	if file.Mode().Perm() != 0o600 {
		t.Errorf("got %v, want it for its owner alone", file.Mode())
	}
}
