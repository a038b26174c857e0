package startup_test

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

// maxGrowth is how much a function may grow since the commit that it is compared with: its time
// from exec to the first answer, its memory after callsBefore calls, its bytes.
const (
	maxGrowth   = 0.03
	callsBefore = 100
)

// BenchmarkGrowth compares the functions with those of the commit GROWTH_BASE. It starts both in
// turns, the one first and then the other, and reports the median of what each pair's figures
// differ by, in per cent: other work on the machine slows both of a pair.
func BenchmarkGrowth(b *testing.B) {
	base := os.Getenv("GROWTH_BASE")
	if base == "" {
		b.Skip("SKIPPED: no growth is measured: GROWTH_BASE names no commit to compare with")
	}
	source := checkout(b, base)
	for _, kind := range []struct{ function, api, outcome, again string }{
		{closeorder, "v2", "closed", "alreadyClosed"},
		{closeorder, "v3", "closed", "alreadyClosed"},
		{queryorder, "v2", "found", "found"},
		{queryorder, "v3", "found", "found"},
	} {
		b.Run(kind.function+"-"+kind.api, func(b *testing.B) {
			gate := warmGateway(b)
			now := function(b, kind.function, gate, kind.api)
			before := now
			before.binary = builtFrom(b, source, kind.function)
			var starts, memories growth
			measure := func(p program, number string) (time.Duration, int64) {
				gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100, OpenID: "oABC"})
				return grown(b, p, number, kind.api, kind.outcome, kind.again)
			}
			for n := 0; b.Loop(); n++ {
				turns := [2]program{before, now}
				if n%2 == 1 {
					slices.Reverse(turns[:])
				}
				var took [2]time.Duration
				var memory [2]int64
				for turn, p := range turns {
					took[turn], memory[turn] = measure(p, fmt.Sprintf("A%d-%d", n, turn))
				}
				if n%2 == 1 {
					slices.Reverse(took[:])
					slices.Reverse(memory[:])
				}
				starts.add(float64(took[0]), float64(took[1]))
				memories.add(float64(memory[0]), float64(memory[1]))
			}
			var sizes growth
			sizes.add(size(b, before.binary), size(b, now.binary))
			b.ReportMetric(0, "ns/op") // of a pair: it would be taken for the function's
			starts.report(b, "start", "ms", float64(time.Millisecond))
			memories.report(b, "resident", "MiB", 1<<20)
			sizes.report(b, "binary", "MB", 1e6)
		})
	}
}

// grown starts a function for one order, and returns how long its first answer took, and how much
// memory it has after more calls about the order.
func grown(b *testing.B, p program, number, api, outcome, again string) (took time.Duration, memory int64) {
	b.Helper()
	running, answer, took := p.start(b, eventFor(number))
	defer running.stop()
	if err := checkOutcome(answer, outcome, api); err != nil {
		b.Fatal(err)
	}
	for range callsBefore {
		answer, err := running.invoke(eventFor(number))
		if err := cmp.Or(err, checkOutcome(answer, again, api)); err != nil {
			b.Fatal(err)
		}
	}
	return took, running.memory(b, "VmRSS:")
}

// checkout puts the files of a commit into a folder, until the benchmark ends.
func checkout(b *testing.B, commit string) (dir string) {
	b.Helper()
	dir = filepath.Join(folder, "base")
	git := func(args ...string) {
		out, err := exec.Command("git", append([]string{"-C", "../.."}, args...)...).CombinedOutput()
		if err != nil {
			b.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
	git("worktree", "add", "--force", "--detach", dir, commit)
	b.Cleanup(func() { git("worktree", "remove", "--force", dir) })
	return dir
}

// builtFrom builds a function of another commit, once.
func builtFrom(b *testing.B, source, name string) (binary string) {
	b.Helper()
	binary = filepath.Join(folder, "base-"+name)
	if _, err := os.Stat(binary); err == nil {
		return binary
	}
	if err := platform.Build(b.Context(), source, "./functions/"+name, binary); err != nil {
		b.Fatal(err)
	}
	return binary
}

func size(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

// growth is the same figure of two programs, in pairs.
type growth struct{ before, now, ratio []float64 }

func (g *growth) add(before, now float64) {
	g.before, g.now, g.ratio = append(g.before, before), append(g.now, now), append(g.ratio, now/before)
}

// report reports the medians, and fails if the figure has grown by more than maxGrowth.
func (g *growth) report(b *testing.B, what, unit string, scale float64) {
	b.Helper()
	middle := func(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }
	by := middle(g.ratio) - 1
	b.ReportMetric(middle(g.before)/scale, what+"-was-"+unit)
	b.ReportMetric(middle(g.now)/scale, what+"-"+unit)
	b.ReportMetric(100*by, what+"-%")
	const few = 10 // go test begins with one pair
	if by > maxGrowth && (len(g.ratio) >= few || what == "binary") {
		b.Errorf("%s has grown by %.1f %%, want at most %.0f %%", what, 100*by, 100*maxGrowth)
	}
}
