package printable_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode"

	"cloudpay/internal/printable"
)

func TestText(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"":                               "",
		"A1 订单（已关）　 é 👍":                 "A1 订单（已关）　 é 👍",
		"a\u202eb":                       `a\u202eb`,
		"\u2066\u2069\u200b\ufeff\u00ad": `\u2066\u2069\u200b\ufeff\u00ad`,
		"\x1b[31m\a\x7f\u009b":           `\u001b[31m\u0007\u007f\u009b`,
		"a\r\n\tb":                       `a\r\n\tb`,
		"\u2028\u2029":                   `\u2028\u2029`,
		"\U000e0041":                     `\udb40\udc41`,
		"\xff\xe4\xb8":                   `\xff\xe4\xb8`,
		"\ufffd":                         "\ufffd",
	} {
		if got := printable.Text(given); got != want {
			t.Errorf("%q: got %s, want %s", given, got, want)
		}
	}
	if got, want := printable.Lines("a\r\n\tb\x1b"), "a\\r\n\tb\\u001b"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Whatever the character: it is graphic, or it is escaped, and JSON keeps its meaning.
func TestEveryCharacter(t *testing.T) {
	t.Parallel()
	const atOnce = 4096
	const assigned, tags, last = 0x3ffff, 0xe0000, unicode.MaxRune - atOnce // between them there are no characters, and private ones
	for first := rune(0); first <= unicode.MaxRune; first += atOnce {
		if first > assigned && first != tags && first < last {
			continue
		}
		var all strings.Builder
		for r := first; r < first+atOnce; r++ {
			if r < 0xd800 || 0xe000 <= r { // half of a pair is no character
				all.WriteRune(r)
			}
		}
		given, err := json.Marshal(all.String())
		if err != nil {
			t.Fatal(err)
		}
		got := printable.Lines(string(given))
		if i := strings.IndexFunc(got, func(r rune) bool { return !unicode.IsGraphic(r) }); i >= 0 {
			t.Errorf("from %U on: passes: %q", first, []rune(got[i:])[0])
		}
		var back string
		if err := json.Unmarshal([]byte(got), &back); err != nil || back != all.String() {
			t.Errorf("from %U on: it is another text: %v", first, err)
		}
	}
}

// A character that is split between two Writes stays one character, and an error of the underlying
// writer is returned.
func TestWriter(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := printable.NewWriter(&out)
	for i := range len("关\u202e单\n") {
		if n, err := w.Write([]byte("关\u202e单\n")[i : i+1]); n != 1 || err != nil {
			t.Fatalf("got %d, %v", n, err)
		}
	}
	if got, want := out.String(), "关\\u202e单\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if _, err := printable.NewWriter(broken{}).Write([]byte("x")); !errors.Is(err, errBroken) {
		t.Errorf("got %v, want %v", err, errBroken)
	}
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }
