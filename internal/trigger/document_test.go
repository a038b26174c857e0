package trigger

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// TestAPIDocumentParameters wants a row in docs/api.md for each parameter, with both of its
// spellings, and for each field of a sub-order; and no other rows.
func TestAPIDocumentParameters(t *testing.T) {
	t.Parallel()
	const path = "../../docs/api.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, p := range parameters {
		also := " "
		if p.camel != p.snake {
			also = " `" + p.camel + "` "
		}
		want = append(want, "| `"+p.snake+"` |"+also+"|")
	}
	wantRows(t, path, string(text), "## Parameters", want)

	want = nil
	for _, p := range subParameters {
		want = append(want, "| `"+p.names[0]+"` | `"+strings.Join(p.names[1:], "`, `")+"` |")
	}
	wantRows(t, path, string(text), "### `sub_orders`", want)
}

// wantRows compares the first table below a heading with the beginnings that its rows should have,
// in any order.
func wantRows(t *testing.T, path, text, heading string, want []string) {
	t.Helper()
	_, rest, found := strings.Cut(text, "\n"+heading+"\n")
	if !found {
		t.Fatalf("%s: got no heading %q", path, heading)
	}
	_, table, _ := strings.Cut(rest, "|---")
	table, _, _ = strings.Cut(table, "\n\n")
	lines := strings.Split(table, "\n")[1:]
	for _, beginning := range want {
		if !slices.ContainsFunc(lines, func(line string) bool { return strings.HasPrefix(line, beginning) }) {
			t.Errorf("%s, %s: got no row that begins %q", path, heading, beginning)
		}
	}
	if len(lines) != len(want) {
		t.Errorf("%s, %s: got %d rows, want %d: a row may be of a parameter that is gone", path, heading, len(lines), len(want))
	}
}
