package closing

import (
	"testing"

	"cloudpay/internal/order"
)

// Every state knows what to do when time runs out and when nothing is known,
// every move leads somewhere, and every end is an outcome that NewResult words.
func TestMovesAreWhole(t *testing.T) {
	t.Parallel()
	for from, row := range moves {
		for _, must := range []event{outOfTime, doubted, rejected, denied, limited, disputed, saysMissing, saysPaying} {
			if _, ok := row[must]; !ok {
				t.Errorf("%s does not say what to do when %s", from, must)
			}
		}
		for e, m := range row {
			if _, goesOn := moves[m.to]; goesOn {
				continue
			}
			if r := order.NewResult(order.Call{}, order.Outcome(m.to), order.Answer{}, 1); r.ReturnCode == "" {
				t.Errorf("%s --%s--> %s leads to nothing that has a result", from, e, m.to)
			}
		}
	}
}

// A call that goes round must let time pass, or it would hammer the gateway.
func TestMovesThatStayWait(t *testing.T) {
	t.Parallel()
	for from, row := range moves {
		for e, m := range row {
			if m.to == from && !m.wait {
				t.Errorf("%s --%s--> %s does not wait", from, e, m.to)
			}
		}
	}
}

// Nothing ends as closed or paid but what was proved.
func TestProofLeadsToClosedAndPaid(t *testing.T) {
	t.Parallel()
	proved := map[state]map[event]bool{
		closed:        {accepted: true, statedClosed: true},
		alreadyClosed: {saysClosed: true, statedClosedBefore: true},
		paid:          {statedPaid: true},
	}
	for from, row := range moves {
		for e, m := range row {
			events, final := proved[m.to]
			// From proving, the proof is the signed ORDERPAID that led there.
			if final && !events[e] && from != proving {
				t.Errorf("%s --%s--> %s: %s is not proof of it", from, e, m.to, e)
			}
		}
	}
}
