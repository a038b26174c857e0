package main

import (
	"archive/zip"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// writeBinary makes a file that is not executable here, as a checkout on another system may leave
// it.
func writeBinary(t *testing.T, folder, name string) string {
	t.Helper()
	path := filepath.Join(folder, name)
	if err := os.WriteFile(path, []byte("binary of "+name), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestPack(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	out := filepath.Join(folder, "new", "scf.zip")
	names := []string{"closeorder", "bootstrap"}
	if err := pack(out, []string{writeBinary(t, folder, "closeorder"), "bootstrap=" + writeBinary(t, t.TempDir(), "main")}); err != nil {
		t.Fatal(err)
	}
	archive, err := zip.OpenReader(out)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = archive.Close() })
	if len(archive.File) != len(names) {
		t.Fatalf("got %d entries, want %v", len(archive.File), names)
	}
	for i, entry := range archive.File {
		if entry.Name != names[i] || entry.Mode() != 0o755 {
			t.Errorf("got entry %s with mode %v, want %s with 0755", entry.Name, entry.Mode(), names[i])
		}
		// the two fields of MS-DOS itself: readers that do not know the extra field see only them
		if want := time.Date(1980, 1, 1, 0, 0, 0, 0, time.UTC); !entry.Modified.Equal(want) || entry.ModifiedDate != 1<<5|1 || entry.ModifiedTime != 0 {
			t.Errorf("%s: got time %s (date %#x, time %#x), want %s", entry.Name, entry.Modified, entry.ModifiedDate, entry.ModifiedTime, want)
		}
		content, err := entry.Open()
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(content); err != nil || string(got) != "binary of "+[]string{"closeorder", "main"}[i] {
			t.Errorf("%s: got %q and error %v, want the binary", entry.Name, got, err)
		}
	}
}

func TestPackIsReproducible(t *testing.T) {
	t.Parallel()
	var packed [2][]byte
	for i := range packed {
		folder := t.TempDir()
		out := filepath.Join(folder, "scf.zip")
		if err := pack(out, []string{writeBinary(t, folder, "closeorder")}); err != nil {
			t.Fatal(err)
		}
		var err error
		if packed[i], err = os.ReadFile(out); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(packed[0], packed[1]) {
		t.Error("got two archives of the same binary that differ")
	}
}

func TestPackLeavesNothingHalfDone(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	if err := pack(filepath.Join(folder, "scf.zip"), []string{filepath.Join(folder, "none")}); err == nil {
		t.Error("got no error about a binary that is not there")
	}
	if left, err := os.ReadDir(folder); err != nil || len(left) != 0 {
		t.Errorf("got %v and error %v, want an empty folder", left, err)
	}
}

func TestPackSaysWhatItCannotDo(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	taken := writeBinary(t, folder, "taken")
	for name, out := range map[string]string{
		"a folder that is a file": filepath.Join(taken, "scf.zip"),
		"a file that is a folder": folder,
	} {
		if err := pack(out, []string{taken}); err == nil {
			t.Errorf("%s: got no error", name)
		}
	}
}
