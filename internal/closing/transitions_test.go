package closing

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/order"
)

// Every step knows what to do when time runs out and when nothing is known, every transition leads
// somewhere, and every end is an outcome that NewResult words.
func TestTransitionsAreWhole(t *testing.T) {
	t.Parallel()
	for from, row := range transitions {
		for _, must := range []event{
			outOfTime, doubted, rejected, denied, limited, disputed, missing, missingUsed, missingForeign, saysPaying,
		} {
			if _, ok := from.on(must); !ok {
				t.Errorf("%v does not say what to do when %s", from, must)
			}
		}
		for e, next := range row {
			if !(state{step: next.to}).ended() {
				continue
			}
			if r := order.NewResult(order.Call{}, order.Outcome(next.to), order.Answer{}, 1); r.ReturnCode == "" {
				t.Errorf("%v --%s--> %s leads to nothing that has a result", from, e, next.to)
			}
		}
	}
}

// A call that stays at a step must let time pass, or it would hammer the gateway.
func TestTransitionsThatStayWait(t *testing.T) {
	t.Parallel()
	for from, row := range transitions {
		for e, next := range row {
			if next.to == from.step && !next.wait {
				t.Errorf("%v --%s--> %s does not wait", from, e, next.to)
			}
		}
	}
}

// Nothing ends as closed or paid but what was proved.
func TestProofLeadsToClosedAndPaid(t *testing.T) {
	t.Parallel()
	proved := map[step]map[event]bool{
		closed:        {accepted: true, statedClosed: true},
		alreadyClosed: {saysClosed: true, statedClosed: true},
		paid:          {statedPaid: true},
	}
	for from, row := range transitions {
		for e, next := range row {
			events, final := proved[next.to]
			// At fetchPayment, the proof is the signed ORDERPAID that led there.
			if final && !events[e] && from.step != fetchPayment {
				t.Errorf("%v --%s--> %s: %s is not proof of it", from, e, next.to, e)
			}
		}
	}
}

// edge is one arrow of docs/state-machine.md: "sendClose --> queryDoubt: doubted, missing…". The
// names of a registered order's progress, which is drawn there too and is not in the table, begin
// with capitals.
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
	slices.Sort(edges)
	return edges
}

func TestDrawingMatchesTable(t *testing.T) {
	t.Parallel()
	var edges []string
	for from, row := range transitions {
		for e, next := range row {
			label := string(e)
			if from.after != "" {
				label += " after " + string(from.after)
			}
			if next.wait {
				label += "…"
			}
			edges = append(edges, string(from.step)+" --"+label+"--> "+string(next.to))
		}
	}
	slices.Sort(edges)
	if diff := cmp.Diff(edges, drawnEdges(t)); diff != "" {
		t.Errorf("docs/state-machine.md differs from the table of transitions (-table +drawing):\n%s", diff)
	}
}
