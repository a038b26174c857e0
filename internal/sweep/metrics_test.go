package sweep_test

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/schedule"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry"
)

var update = flag.Bool("update", false, "write the table of metrics into docs/alarms.md (make generate)")

// TestMetricsTable holds the table of metrics in docs/alarms.md to the code's; with -update it
// writes it.
func TestMetricsTable(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../../docs/alarms.md", "<!-- metrics:begin -->\n", "<!-- metrics:end -->"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, begun := strings.Cut(string(text), begin)
	table, after, ended := strings.Cut(rest, end)
	if !begun || !ended {
		t.Fatalf("%s: got no %q before a %q, want the table between the two", path, begin, end)
	}
	want := metricsTable()
	if *update {
		if err := os.WriteFile(path, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, table); diff != "" {
		t.Errorf("%s is out of date, run make generate (-want +got):\n%s", path, diff)
	}
}

func metricsTable() string {
	scraped := sweep.Standing(schedule.Status{})
	var table strings.Builder
	table.WriteString("| in the log line | at `/metrics` | unit | is |\n|---|---|---|---|\n")
	for _, m := range (sweep.Report{Status: &schedule.Status{}}).Metrics() {
		name := ""
		if slices.Contains(scraped, m) {
			line, _, _ := strings.Cut(strings.TrimPrefix(telemetry.Prometheus(nil, []telemetry.Metric{m}), "# HELP "), " ")
			name = "`" + line + "`"
		}
		fmt.Fprintf(&table, "| `%s` | %s | %s | %s |\n", m.Name, name, m.Unit, m.Help)
	}
	return table.String()
}
