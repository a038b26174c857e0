package startup_test

import (
	"cmp"
	"errors"
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

// maxGrowth is how much a function may grow since the commit that it is compared with: the
// processors' time until its first answer, its own memory after callsBefore calls more, its bytes.
// The time is measured startsPerMemory times as often as the memory, because one start differs from
// the next by more than the bound.
const (
	maxGrowth       = 0.03
	callsBefore     = 100
	startsPerMemory = 8
)

// BenchmarkGrowth compares the functions with those of the commit GROWTH_BASE. It starts both in
// turns, the one first and then the other, and compares the medians. The time from exec to the first
// answer is reported besides, as the shortest of each: what else the machine does changes it by more
// than the bound.
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
			now.binary = copied(b, now.binary)
			before.binary = copied(b, builtFrom(b, source, kind.function))
			starts, work, memories := growth{of: slices.Min[[]float64]}, growth{of: median}, growth{of: median}
			measure := func(p program, number string, calls int) taken {
				gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100, OpenID: "oABC"})
				return grown(b, p, number, calls, kind.api, kind.outcome, kind.again)
			}
			pairs := 0
			measureBoth := func(calls int) (of [2]taken) {
				pairs++
				for turn := range of {
					which := (pairs + turn) % 2
					of[which] = measure([2]program{before, now}[which], fmt.Sprintf("A%d-%d", pairs, turn), calls)
				}
				return of
			}
			for b.Loop() {
				for range startsPerMemory {
					took := measureBoth(0)
					starts.add(float64(took[0].start), float64(took[1].start))
					work.add(float64(took[0].work), float64(took[1].work))
				}
				took := measureBoth(callsBefore)
				memories.add(float64(took[0].memory), float64(took[1].memory))
			}
			sizes := growth{of: median}
			sizes.add(size(b, before.binary), size(b, now.binary))
			b.ReportMetric(0, "ns/op") // of a pair: it would be taken for the function's
			starts.report(b, "start", "ms", float64(time.Millisecond), false)
			work.report(b, "work", "ms", float64(time.Millisecond), b.N > 1) // go test begins with one pair
			memories.report(b, "memory", "MiB", 1<<20, b.N > 1)
			sizes.report(b, "binary", "MB", 1e6, true)
		})
	}
}

// taken is what a start takes.
type taken struct {
	start  time.Duration // from exec to the first answer
	work   time.Duration // the processors' time in it
	memory int64         // its own, after the calls that follow; its file's pages are bounded with the file
}

// grown starts a function for one order, and makes so many calls more for the same.
func grown(b *testing.B, p program, number string, calls int, api, outcome, again string) taken {
	b.Helper()
	running, answer, took := p.start(b, eventFor(number))
	defer running.stop()
	work := running.work(b)
	if err := checkOutcome(answer, outcome, api); err != nil {
		b.Fatal(err)
	}
	for range calls {
		answer, err := running.invoke(eventFor(number))
		if err := cmp.Or(err, checkOutcome(answer, again, api)); err != nil {
			b.Fatal(err)
		}
	}
	return taken{took, work, running.memory(b, "RssAnon:")}
}

// work is how long the process's threads have run so far (Linux's /proc, schedstat).
func (p *process) work(b *testing.B) time.Duration {
	b.Helper()
	threads, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", p.cmd.Process.Pid))
	if err != nil || len(threads) == 0 {
		b.Skip("SKIPPED: a process's work is read from Linux's /proc, which has none of it here")
	}
	var all time.Duration
	for _, file := range threads {
		text, err := os.ReadFile(file)
		if errors.Is(err, os.ErrNotExist) {
			continue // the thread has ended
		}
		var ran int64
		if _, scanned := fmt.Sscan(string(text), &ran); cmp.Or(err, scanned) != nil {
			b.Fatalf("%s: %v", file, cmp.Or(err, scanned))
		}
		all += time.Duration(ran)
	}
	return all
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

// copied copies a binary. The linker writes its files in pieces, in which the system caches them; a
// file that was written at once starts a tenth faster. Two of the linker's files differ by more than
// the bound, whatever is in them.
func copied(b *testing.B, binary string) (file string) {
	b.Helper()
	file = filepath.Join(b.TempDir(), filepath.Base(binary))
	text, err := os.ReadFile(binary)
	if err == nil {
		err = os.WriteFile(file, text, 0o700)
	}
	if err != nil {
		b.Fatal(err)
	}
	return file
}

func size(b *testing.B, file string) float64 {
	b.Helper()
	info, err := os.Stat(file)
	if err != nil {
		b.Fatal(err)
	}
	return float64(info.Size())
}

// growth is the same figure of two programs, and which of several values counts.
type growth struct {
	before, now []float64
	of          func([]float64) float64
}

func median(all []float64) float64 { return slices.Sorted(slices.Values(all))[len(all)/2] }

func (g *growth) add(before, now float64) {
	g.before, g.now = append(g.before, before), append(g.now, now)
}

// report reports the figures, and fails if the later one is larger by more than maxGrowth where
// that is bounded.
func (g *growth) report(b *testing.B, what, unit string, scale float64, bounded bool) {
	b.Helper()
	before, now := g.of(g.before), g.of(g.now)
	by := now/before - 1
	b.ReportMetric(before/scale, what+"-was-"+unit)
	b.ReportMetric(now/scale, what+"-"+unit)
	b.ReportMetric(100*by, what+"-%")
	if bounded && by > maxGrowth {
		b.Errorf("%s has grown by %.1f %%, from %.3f to %.3f %s, want at most %.0f %%",
			what, 100*by, before/scale, now/scale, unit, 100*maxGrowth)
	}
}
