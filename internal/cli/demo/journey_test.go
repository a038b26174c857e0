package demo_test

import (
	"io"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"

	"cloudpay/internal/cli/demo"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
)

// TestMain links SQLite, as the command does.
func TestMain(m *testing.M) {
	store.LinkSQLite(sqlite.Driver{})
	m.Run()
}

// The journey fits on three small screens, in either language: 60 lines of 80 columns in all, with
// each of the stories below 24 lines, which is what a terminal has at least.
func TestJourneyFitsOnScreens(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if err := desk.Build(t.Context(), bin, "sqlite"); err != nil {
		t.Fatal(err)
	}
	binaries := map[string]string{}
	for _, name := range desk.Functions() {
		binaries[name] = filepath.Join(bin, name)
	}
	for name, l := range map[string]*render.Language{"en": {}, "zh": {Chinese: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			d := demo.Demo{Language: l, Out: &out, Logs: io.Discard, Dir: t.TempDir(), Binaries: binaries}
			if err := d.Journey(t.Context()); err != nil {
				t.Fatalf("%v\n%s", err, out.String())
			}
			checkScreens(t, out.String())
			if han := strings.ContainsFunc(out.String(), func(r rune) bool { return unicode.Is(unicode.Han, r) }); han != l.Chinese {
				t.Errorf("Chinese: got %t in\n%s", han, out.String())
			}
		})
	}
}

// checkScreens holds what was printed to its bounds.
func checkScreens(t *testing.T, text string) {
	t.Helper()
	const lines, columns, screen = 60, 80, 24
	all := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(all) > lines {
		t.Errorf("got %d lines, want at most %d:\n%s", len(all), lines, text)
	}
	for _, line := range all {
		if width := uniseg.StringWidth(line); width > columns {
			t.Errorf("got %d columns, want at most %d: %s", width, columns, line)
		}
	}
	stories := strings.Split(text, "\n\n")
	if strings.Count(text, "✓ ") < 3 || strings.Contains(text, "✗") || strings.Contains(text, "\x1b") {
		t.Errorf("got\n%s", text)
	}
	for _, story := range stories {
		if got := strings.Count(story, "\n") + 1; got > screen {
			t.Errorf("got a screen of %d lines, want at most %d:\n%s", got, screen, story)
		}
	}
}
