package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// Orders are named by arguments, and on standard input one a line, of which there may be too many.
func TestCalls(t *testing.T) {
	t.Parallel()
	calls := func(stdin string, args ...string) ([]order.Params, error) {
		c := &orderCmd{Language: &render.Language{}, op: order.OpQuery, timeout: time.Second, parallel: 1, params: order.Params{SubMchID: "1"}}
		return c.calls(args, strings.NewReader(stdin))
	}
	got, err := calls("A1\r\n\n  A2  \nA3", "-")
	want := []order.Params{{OutTradeNo: "A1", SubMchID: "1"}, {OutTradeNo: "A2", SubMchID: "1"}, {OutTradeNo: "A3", SubMchID: "1"}}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("got %v (-want +got):\n%s", err, diff)
	}
	long := strings.Repeat("A", 31) + "\n" // a divisor of maxList
	for name, text := range map[string]string{
		"a long line": strings.Repeat("A", 65<<10),
		"a long list": strings.Repeat(long, maxList/len(long)+1),
	} {
		if got, err := calls(text, "-"); err == nil {
			t.Errorf("%s: took %d numbers", name, len(got))
		} else if code, _ := exitCode(err); code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", name, code, exitUsage)
		}
	}
	if got, err := calls(strings.Repeat(long, maxList/len(long)), "-"); err != nil || len(got) != maxList/len(long) {
		t.Errorf("a list of just that length: %d numbers, %v", len(got), err)
	}
}

// Results are handed on in the order of the items, and no more are under way than is allowed.
func TestInOrder(t *testing.T) {
	t.Parallel()
	const parallel, items = 3, 50
	var under, most atomic.Int32
	last := make(chan struct{})
	do := func(i int) int {
		if now := under.Add(1); now > most.Load() {
			most.Store(now)
		}
		defer under.Add(-1)
		if i == 0 {
			<-last // the first is done last of those under way with it
		}
		if i == parallel-1 {
			close(last)
		}
		return i * i
	}
	list := make([]int, items)
	for i := range list {
		list[i] = i
	}
	var done []int
	inOrder(parallel, list, do, func(i, square int) {
		if square != i*i {
			t.Errorf("%d became %d", i, square)
		}
		done = append(done, i)
	})
	if !slices.Equal(done, list) {
		t.Errorf("handed on in the order %v", done)
	}
	if most.Load() > parallel {
		t.Errorf("%d at once, want at most %d", most.Load(), parallel)
	}
}

// Orders of a combined order are given by a flag each.
func TestSubOrderFlags(t *testing.T) {
	t.Parallel()
	want := order.SubOrder{MchID: "1", SubMchID: "2", OutTradeNo: "A=1"}
	var p order.Params
	err := (&parameterFlags{subOrders: []string{"mchid=1, sub-mch-id=2,out_trade_no=A=1"}}).set(&p)
	if err != nil || len(p.SubOrders) != 1 || p.SubOrders[0] != want {
		t.Errorf("got %+v %v, want %+v", p.SubOrders, err, want)
	}
	for _, text := range []string{"", "A1", "mchid", "mchid=1,", "mchid=1,mch_id=2", "total=1"} {
		var p order.Params
		if err := (&parameterFlags{subOrders: []string{text}}).set(&p); err == nil || !strings.HasPrefix(err.Error(), "--sub-order: must be ") {
			t.Errorf("%q was taken for %+v, %v", text, p.SubOrders, err)
		}
	}
}

// Of several orders the exit code is that of the worst: what may still change, then what was
// refused.
func TestWorstOutcome(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		outcomes []order.Outcome
		want     int
	}{
		{[]order.Outcome{order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeFound}, exitFine},
		{[]order.Outcome{order.OutcomePaid, order.OutcomeClosed}, exitPaid},
		{[]order.Outcome{order.OutcomeNotFound, order.OutcomePaid}, exitNotFound},
		{[]order.Outcome{order.OutcomeRefused, order.OutcomeNotFound}, exitRefused},
		{[]order.Outcome{order.OutcomeRefused, order.OutcomeTooSoon, order.OutcomeClosed}, exitFault},
		{[]order.Outcome{order.OutcomeRefused, order.OutcomeUnknown, order.OutcomePaid}, exitFault},
	} {
		worst := exitFine
		for _, outcome := range c.outcomes {
			worst = worse(worst, outcomeCode(outcome))
		}
		if code, say := exitCode(exit(worst)); code != c.want || say {
			t.Errorf("%v: exit code %d (%v), want %d without another word", c.outcomes, code, say, c.want)
		}
	}
}

// The codes of errors, and which of them are still to be said.
func TestExitCode(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		code int
		say  bool
	}{
		{nil, 0, false},
		{errors.New("broken"), exitFault, true},
		{usagef("--x: wrong", "--x：有误"), exitUsage, true},
		{fmt.Errorf("around: %w", usagef("--x: wrong", "--x：有误")), exitUsage, true},
		{&exitError{code: exitPaid}, exitPaid, false},
	} {
		if code, say := exitCode(c.err); code != c.code || say != c.say {
			t.Errorf("%v: %d %v, want %d %v", c.err, code, say, c.code, c.say)
		}
	}
}
