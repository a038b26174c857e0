package paint_test

import (
	"os"
	"strings"
	"testing"

	"cloudpay/internal/cli/paint"
)

func TestPaint(t *testing.T) {
	t.Parallel()
	b := paint.Always()
	for colour, got := range map[string]string{"1;36": b.Strong("x"), "2": b.Faint("x"), "32": b.Good("x"), "31": b.Bad("x")} {
		if want := "\x1b[" + colour + "mx\x1b[0m"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := b.Good(""); got != "" {
		t.Errorf("nothing is coloured as %q", got)
	}
}

// What is no terminal gets no colour.
func TestForFiles(t *testing.T) {
	t.Parallel()
	file, err := os.Create(t.TempDir() + "/out")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = file.Close() })
	for _, b := range []paint.Brush{{}, paint.For(&strings.Builder{}), paint.For(file)} {
		if got := b.Bad("x"); got != "x" {
			t.Errorf("got %q", got)
		}
	}
}
