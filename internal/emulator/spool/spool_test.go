package spool_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/spool"
)

// open opens a file until the test ends.
func open(t *testing.T, file string) *spool.Spool {
	t.Helper()
	s, err := spool.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// entries are those of a kind, each as its number and its text.
func entries(t *testing.T, s *spool.Spool, kind string) (list []string) {
	t.Helper()
	err := s.Each(kind, func(number int64, text []byte) error {
		list = append(list, fmt.Sprintf("%d %s", number, text))
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	return list
}

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// Entries are there the next time, by number, and so are the highest numbers, also of entries that
// were removed. No second file is left.
func TestEntriesLast(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "cloud.db")
	first := open(t, file)
	must(t, first.Put("events", 256, "b"), first.Put("events", 2, "a"), first.Put("events", 256, "c"),
		first.Put("events", 300, "d"), first.Remove("events", 300), first.Remove("events", 9), first.Remove("none", 9),
		first.Mark("calls", 1000), first.Mark("calls", 17), first.Close())
	second := open(t, file)
	if diff := cmp.Diff([]string{`2 "a"`, `256 "c"`}, entries(t, second, "events")); diff != "" {
		t.Errorf("the next time (-want +got):\n%s", diff)
	}
	for kind, want := range map[string]int64{"events": 300, "calls": 17, "none": 0} {
		if last, err := second.Last(kind); last != want || err != nil {
			t.Errorf("the highest number of %s: got %d and %v, want %d", kind, last, err, want)
		}
	}
	left, err := os.ReadDir(filepath.Dir(file))
	if err != nil || len(left) != 1 {
		t.Errorf("got %v and %v, want one file", left, err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("got %v and %v, want its owner's alone", info, err)
	}
}

// What a process that was killed leaves is there: nothing is kept back until Close.
func TestKilled(t *testing.T) {
	t.Parallel()
	file, copied := filepath.Join(t.TempDir(), "cloud.db"), filepath.Join(t.TempDir(), "cloud.db")
	s := open(t, file)
	must(t, s.Put("events", 1, "a"))
	text, err := os.ReadFile(file)
	must(t, err, os.WriteFile(copied, text, 0o600))
	must(t, os.WriteFile(copied+".new", []byte("half"), 0o600)) // of a process that was killed while it made one
	if diff := cmp.Diff([]string{`1 "a"`}, entries(t, open(t, copied), "events")); diff != "" {
		t.Errorf("as a kill leaves it (-want +got):\n%s", diff)
	}
	other := filepath.Join(t.TempDir(), "cloud.db")
	must(t, os.WriteFile(other+".new", []byte("half"), 0o600))
	open(t, other)
}

// A file that cannot be used is an error that names it, says what to do, and changes nothing.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	newer := filepath.Join(dir, "newer.db")
	s := open(t, newer)
	must(t, s.Mark("format", 2), s.Close())
	foreign := filepath.Join(dir, "foreign.db")
	must(t, os.WriteFile(foreign, []byte(strings.Repeat("no database ", 2000)), 0o600))
	empty := filepath.Join(dir, "empty.db")
	s = open(t, empty)
	must(t, s.Mark("format", 0), s.Close())
	for file, want := range map[string]string{
		newer: "its format is 2, and this program reads 1", foreign: "invalid database", empty: "the file is damaged",
	} {
		before, err := os.ReadFile(file)
		must(t, err)
		_, err = spool.Open(file)
		if err == nil {
			t.Fatalf("%s was opened", file)
		}
		text := bilingual.Wording(err)
		if !strings.Contains(text.EN, want) || !strings.Contains(text.EN, file) || !strings.Contains(text.EN, "move it away") ||
			!strings.Contains(text.ZH, "将其移走") {
			t.Errorf("%s: got %+v, want %q, the file and the remedy", file, text, want)
		}
		if after, err := os.ReadFile(file); err != nil || string(after) != string(before) {
			t.Errorf("%s was changed: %v", file, err)
		}
	}
	if _, err := spool.Open(filepath.Join(dir, "none", "cloud.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a folder that is not there: got %v", err)
	}
}

// Writing to a file that is closed is an error; without a file nothing is kept, and that is none.
func TestWithoutAFile(t *testing.T) {
	t.Parallel()
	s := open(t, filepath.Join(t.TempDir(), "cloud.db"))
	must(t, s.Close())
	for _, err := range []error{s.Put("events", 1, "a"), s.Remove("events", 1), s.Mark("calls", 1)} {
		if err == nil || !strings.Contains(err.Error(), "the cloud's state cannot be written") {
			t.Errorf("a closed file: got %v", err)
		}
	}
	var none *spool.Spool
	must(t, none.Put("events", 1, "a"), none.Remove("events", 1), none.Mark("calls", 1), none.Close())
	if last, err := none.Last("calls"); last != 0 || err != nil || entries(t, none, "events") != nil {
		t.Errorf("without a file: got %d and %v", last, err)
	}
	must(t, s.Close())
	if err := s.Put("events", 1, func() {}); err == nil {
		t.Error("what JSON cannot say was kept")
	}
}
