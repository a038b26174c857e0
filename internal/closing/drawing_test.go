package closing

import (
	"os"
	"regexp"
	"sort"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// edge is one arrow of docs/state-machine.md: "closing --> querying: doubted, saysMissing…". The names of a registered order's
// progress, which is drawn there too and is not in the table, begin with capitals.
var edge = regexp.MustCompile(`^\s*([a-z]\w*) --> (\w+): (.+)$`)

func drawnEdges(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/state-machine.md")
	if err != nil {
		t.Fatal(err)
	}
	var edges []string
	for line := range strings.Lines(string(doc)) {
		m := edge.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			continue
		}
		for label := range strings.SplitSeq(m[3], ", ") {
			edges = append(edges, m[1]+" --"+label+"--> "+m[2])
		}
	}
	sort.Strings(edges)
	return edges
}

func TestDrawingMatchesTable(t *testing.T) {
	t.Parallel()
	var edges []string
	for from, row := range moves {
		for e, to := range row {
			label := string(e)
			if to.wait {
				label += "…"
			}
			edges = append(edges, string(from)+" --"+label+"--> "+string(to.to))
		}
	}
	sort.Strings(edges)
	if diff := cmp.Diff(edges, drawnEdges(t)); diff != "" {
		t.Errorf("docs/state-machine.md differs from the table of moves (-table +drawing):\n%s", diff)
	}
}
