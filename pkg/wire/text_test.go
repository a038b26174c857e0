package wire_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"cloudpay/pkg/wire"
)

func TestOneLine(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                        "",
		"plain 订单 \"quoted\" \\n": "plain 订单 \"quoted\" \\n",
		"a\nb\tc\x7f":             `a\nb\tc\x7f`,
		"\xff\ufffd":              "\\xff\ufffd",
		strings.Repeat("x", 2000): strings.Repeat("x", 512) + "…",
	} {
		if got := wire.OneLine(in); got != want || !utf8.ValidString(got) {
			t.Errorf("OneLine(%.40q) is %.40q, want %.40q", in, got, want)
		}
	}
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                      `""`,
		"A1":                    "A1",
		"a b":                   `"a b"`,
		`a"b`:                   `"a\"b"`,
		"订单":                    `"订单"`,
		strings.Repeat("x", 72): strings.Repeat("x", 72),
		strings.Repeat("x", 73): `"` + strings.Repeat("x", 72) + `"…`,
	} {
		if got := wire.Quote(in); got != want {
			t.Errorf("Quote(%.40q) is %s, want %s", in, got, want)
		}
	}
}

// TestRedacted prints an embedding struct in every format.
func TestRedacted(t *testing.T) {
	t.Parallel()
	type key struct {
		wire.Redacted
		secret string
	}
	k := key{secret: "hunter2"}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, k); got != "redacted" {
			t.Errorf("%s prints %s, want redacted", verb, got)
		}
	}
	if got, err := json.Marshal(k); err != nil || string(got) != `"redacted"` {
		t.Errorf("JSON is %s, %v, want redacted", got, err)
	}
	if k.String() != "redacted" || k.GoString() != "redacted" || k.LogValue().String() != "redacted" {
		t.Errorf("got %s, %s and %s, want redacted", k.String(), k.GoString(), k.LogValue())
	}
}
