package config_test

import (
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/config"
)

var update = flag.Bool("update", false, "write the table into README.md (make generate)")

// TestReadme holds the README's table to the code's; with -update it writes it.
func TestReadme(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../README.md", "<!-- config:begin -->\n", "<!-- config:end -->"
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(readme), begin)
	table, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s: got no %q before a %q, want the table between the two", path, begin, end)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+config.Markdown()+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(config.Markdown(), table); diff != "" {
		t.Errorf("%s is out of date, run make generate (-want +got):\n%s", path, diff)
	}
}
