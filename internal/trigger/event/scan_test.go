package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"cloudpay/internal/trigger/event"
)

// texts are JSON and what is nearly JSON.
var texts = []string{
	`{}`, `[]`, `""`, `0`, `-0`, `-`, `01`, `1.`, `.1`, `1.5`, `1e5`, `1E+5`, `1e-05`, `1e`, `1e+`, `+1`, `0x1`, `1 2`, `-1.0E-1 `,
	`true`, `tru`, `truE`, `true1`, `false`, `null`, `nul`, `nulll`, "\t\r\n {} ", "\v{}", "\u00a0{}", ``, ` `,
	`{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{"a":1 "b":2}`, `{"a":1,"b":2}`, `{"a":1}}`, `{a:1}`, `{1:1}`, `{"a":[{"b":[]},{}]}`, `{"":""}`,
	`[1,]`, `[,]`, `[1 2]`, `[1,2`, `]`, `[[]`, `[]]`, `{]`, `[}`, ` [ 1 , { "a" : [ ] } ] `,
	`"\u00e9"`, `"\u00E9\ud83d\ude00"`, `"\ud83d"`, `"\ude00\ud83d"`, `"\ud83d\n"`, `"\ud83d\ud83d\ude00"`, `"\u00g0"`, `"\u00"`, `"\u`, `"\`, `"\"`,
	`"\a"`, `"\'"`, `"\\\/\"\b\f\n\r\t"`, "\"\n\"", "\"\x00\"", "\"\x7f\"", `"\uFFFD"`, "\"\xff\"", `"a`, `a"`, `"a"b`, "\"关单\"", `"\u0000"`,
}

func checkScan(t *testing.T, text []byte) {
	t.Helper()
	valid, deep := event.Scan(text)
	if want := json.Valid(text); valid != want && !deep {
		t.Errorf("%q: got %t, want %t as encoding/json says", text, valid, want)
	}
	if !valid || !utf8.Valid(text) {
		return
	}
	var want string
	if quoted := strings.Trim(string(text), " \t\r\n"); json.Unmarshal(text, &want) == nil && quoted[0] == '"' {
		if got := event.Unquote([]byte(quoted)); got != want {
			t.Errorf("%q: got %q, want %q as encoding/json says", text, got, want)
		}
	}
}

// TestScan holds the scanner to encoding/json, on each text and on each beginning of it.
func TestScan(t *testing.T) {
	t.Parallel()
	for _, text := range texts {
		for n := range len(text) + 1 {
			checkScan(t, []byte(text[:n]))
		}
	}
}

func TestScanDepth(t *testing.T) {
	t.Parallel()
	for _, pair := range []struct{ open, shut string }{{"[", "]"}, {`{"a":`, "}"}} {
		inner := map[string]string{"[": "", `{"a":`: "0"}[pair.open]
		nested := func(n int) []byte {
			return []byte(strings.Repeat(pair.open, n) + inner + strings.Repeat(pair.shut, n))
		}
		if valid, deep := event.Scan(nested(64)); !valid || deep {
			t.Errorf("64 of %s: got valid %t, deep %t, want it valid", pair.open, valid, deep)
		}
		if valid, deep := event.Scan(nested(65)); valid || !deep {
			t.Errorf("65 of %s: got valid %t, deep %t, want it too deep", pair.open, valid, deep)
		}
	}
}

func FuzzScan(f *testing.F) {
	for _, text := range texts {
		f.Add([]byte(text))
	}
	f.Fuzz(checkScan)
}
