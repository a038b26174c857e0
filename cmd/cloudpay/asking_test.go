package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"cloudpay/internal/order"
)

func TestReadNumbers(t *testing.T) {
	t.Parallel()
	got, err := readNumbers(strings.NewReader("A1\r\n\n  A2  \nA3"))
	if want := []string{"A1", "A2", "A3"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q %v, want %q", got, err, want)
	}
	for name, text := range map[string]string{
		"a long line": strings.Repeat("A", 65<<10),
		"a long list": strings.Repeat("A1\n", maxList/3+1),
	} {
		if got, err := readNumbers(strings.NewReader(text)); err == nil {
			t.Errorf("%s: took %d numbers", name, len(got))
		} else if code, _ := exitCode(err); code != exitUsage {
			t.Errorf("%s: exit code %d, want %d", name, code, exitUsage)
		}
	}
	if got, err := readNumbers(strings.NewReader(strings.Repeat("A1\n", maxList/3))); err != nil || len(got) != maxList/3 {
		t.Errorf("a list of just that length: %d numbers, %v", len(got), err)
	}
}

// What is done is handed on in the order it was given, and no more is under way than was allowed.
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
	var told []int
	inOrder(parallel, list, do, func(i, square int) {
		if square != i*i {
			t.Errorf("%d was told %d", i, square)
		}
		told = append(told, i)
	})
	if !slices.Equal(told, list) {
		t.Errorf("told in the order %v", told)
	}
	if most.Load() > parallel {
		t.Errorf("%d at once, want at most %d", most.Load(), parallel)
	}
}

func TestParseSubOrder(t *testing.T) {
	t.Parallel()
	want := order.SubOrder{MchID: "1", SubMchID: "2", OutTradeNo: "A=1"}
	got, err := parseSubOrder("mchid=1, sub-mch-id=2,out_trade_no=A=1")
	if err != nil || got != want {
		t.Errorf("got %+v %v, want %+v", got, err, want)
	}
	for _, text := range []string{"", "A1", "mchid", "mchid=1,", "mchid=1,mch_id=2", "total=1"} {
		if got, err := parseSubOrder(text); err == nil {
			t.Errorf("%q was taken for %+v", text, got)
		}
	}
}

// Of several orders the exit code is that of the worst: what may still change, then what was refused.
func TestReportWorst(t *testing.T) {
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
		var out strings.Builder
		r := newReport(&out, &asking{op: order.OpClose, language: &language{}}, make([]order.Params, len(c.outcomes)))
		for _, outcome := range c.outcomes {
			r.tell(order.Params{OutTradeNo: "A1"}, order.Result{Outcome: outcome})
		}
		if code, say := exitCode(r.end()); code != c.want || say {
			t.Errorf("%v: exit code %d (%v), want %d without another word", c.outcomes, code, say, c.want)
		}
	}
}

// Every outcome has a word in Chinese and a meaning, or a state in its stead.
func TestReportKnowsOutcomes(t *testing.T) {
	t.Parallel()
	for _, outcome := range allOutcomes {
		if outcomesZH[outcome] == "" || outcome != order.OutcomeFound && (meanings[outcome].EN == "" || meanings[outcome].ZH == "") {
			t.Errorf("%s: %q, %+v", outcome, outcomesZH[outcome], meanings[outcome])
		}
	}
}

// What a stranger wrote cannot take over the terminal.
func TestReportShowsNoControls(t *testing.T) {
	t.Parallel()
	for _, several := range []bool{false, true} {
		var out strings.Builder
		r := newReport(&out, &asking{op: order.OpClose, language: &language{}}, make([]order.Params, 1))
		r.alone = !several
		r.tell(order.Params{OutTradeNo: "A1"}, order.Result{
			Outcome: order.OutcomeRefused, ErrCode: "X\x1b[2J", ErrCodeDes: "gone\x1b[2J\u202e", TradeState: "S\x07", RequestID: "\u009b1",
			FeeType: "\x1b", TotalFee: new(int64),
		})
		if text := out.String(); strings.ContainsAny(text, "\x1b\x07\u009b\u202e") {
			t.Errorf("%q", text)
		}
	}
}

func TestAmount(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		fen          int64
		currency     string
		want, wantZH string
	}{
		{0, "CNY", "0.00 yuan (0 fen)", "0.00 元（0 分）"},
		{5, "", "0.05 yuan (5 fen)", "0.05 元（5 分）"},
		{123456, "CNY", "1234.56 yuan (123456 fen)", "1234.56 元（123456 分）"},
		{100, "JPY", "100 of the smallest unit of JPY", "100（JPY 最小单位）"},
	} {
		if got := (&language{}).amount(&c.fen, c.currency); got != c.want {
			t.Errorf("%d %s: got %q, want %q", c.fen, c.currency, got, c.want)
		}
		if got := (&language{chinese: true}).amount(&c.fen, c.currency); got != c.wantZH {
			t.Errorf("%d %s: got %q, want %q", c.fen, c.currency, got, c.wantZH)
		}
	}
	if got := (&language{}).amount(nil, "CNY"); got != "" {
		t.Errorf("no amount: %q", got)
	}
}

func TestPadded(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"ab": "ab  ", "关单": "关单", "（": "（  ", "abcdef": "abcdef"} {
		if got := padded(text, 4); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
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
