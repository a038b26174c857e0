package deployflags_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/deployflags"
	"cloudpay/internal/cli/render"
)

// parse parses a command line.
func parse(t *testing.T, args ...string) *deployflags.Flags {
	t.Helper()
	var f deployflags.Flags
	flags := pflag.NewFlagSet("emulate", pflag.ContinueOnError)
	f.Register(&render.Language{}, flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return &f
}

func TestOptions(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, ".env")
	if err := os.WriteFile(file, []byte("SHOP=ours\nWXPAY_MCHID=1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	f := parse(t, "--functions", dir, "--env-file", file, "--env", "LEVEL=debug", "--warm", "3", "--no-timers", "--watch", "--caller-policy", "any")
	if err := f.Check(); err != nil {
		t.Fatal(err)
	}
	o, notes, err := f.Options()
	if err != nil {
		t.Fatal(err)
	}
	if o.Dir != dir || o.Given["SHOP"] != "ours" || o.Given["LEVEL"] != "debug" || o.Warm != 3 || !f.NoTimers || !f.Watch || f.CallerPolicy != "any" {
		t.Errorf("got %+v and %+v", o, f)
	}
	if len(notes) != 1 || !strings.Contains(notes[0].EN, "WXPAY_MCHID") {
		t.Errorf("got %v, want a note of the variable that is left out", notes)
	}
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	if o, _, err = parse(t).Options(); err != nil || o.Dir != here || o.Warm != 1 {
		t.Errorf("without flags: got %+v, %v, want this folder and one instance", o, err)
	}
}

// All faults are reported together, in both languages.
func TestCheck(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	text := bilingual.Wording(parse(t, "--caller-policy", "all", "--warm", "-1", "--functions", file, "--env", "A").Check())
	for _, want := range []string{"--caller-policy: must be any or platform", "--warm: must be 1 to 100", "is not a folder", "--env: write NAME=value"} {
		if !strings.Contains(text.EN, want) {
			t.Errorf("got %s, want %q", text.EN, want)
		}
	}
	for line := range strings.Lines(text.ZH) {
		if !strings.ContainsFunc(line, func(r rune) bool { return unicode.Is(unicode.Han, r) }) {
			t.Errorf("got %q, want Chinese", line)
		}
	}
	if err := parse(t, "--functions", filepath.Join(t.TempDir(), "none")).Check(); err == nil || !strings.Contains(err.Error(), "--functions: ") {
		t.Errorf("got %v, want a fault of --functions", err)
	}
}
