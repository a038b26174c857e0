package startup_test

import (
	"math"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"sync"
	"testing"

	"cloudpay/pkg/paygate"
)

// What the product promises.
const (
	maxMegabytes = 12       // of a stripped binary
	maxMemory    = 32 << 20 // resident bytes, at any time
)

func TestSize(t *testing.T) {
	t.Parallel()
	for _, name := range []string{closeorder, queryorder} {
		size := megabytes(t, name)
		t.Logf("%s has %.2f MB", name, size)
		if size > maxMegabytes {
			t.Errorf("%s has %.2f MB, want at most %d", name, size, maxMegabytes)
		}
		const rounded = 0.15
		if told := documented(t, `binary has ([0-9.]+) MB on amd64`); runtime.GOARCH == "amd64" && math.Abs(size-told) > rounded {
			t.Errorf("%s has %.2f MB, and bench/README.md says %.1f", name, size, told)
		}
	}
}

// documented is a figure of bench/README.md: what the expression's group matches.
func documented(tb testing.TB, expression string) float64 {
	tb.Helper()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		tb.Fatal(err)
	}
	match := regexp.MustCompile(expression).FindSubmatch(text)
	if match == nil {
		tb.Fatalf("bench/README.md has nothing like %s", expression)
	}
	figure, err := strconv.ParseFloat(string(match[1]), 64)
	if err != nil {
		tb.Fatal(err)
	}
	return figure
}

// megabytes is the size of a binary, in millions of bytes.
func megabytes(tb testing.TB, name string) float64 {
	tb.Helper()
	info, err := os.Stat(binary(tb, name))
	if err != nil {
		tb.Fatal(err)
	}
	return float64(info.Size()) / 1e6
}

// A warm function stays small, also when it is called more often and by more callers at once than a
// platform does, which gives each instance one event at a time.
func TestPeakMemory(t *testing.T) {
	t.Parallel()
	const callers, calls = 16, 125 // each
	for _, kind := range []struct{ name, api, outcome string }{
		{queryorder, "v2", "found"},
		{queryorder, "v3", "found"},
		{closeorder, "v2", "alreadyClosed"},
		{closeorder, "v3", "alreadyClosed"},
	} {
		t.Run(kind.name+" "+kind.api, func(t *testing.T) {
			gate := paygate.RunT(t)
			gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100, State: paygate.StateClosed})
			running, answer, _ := function(t, kind.name, gate, kind.api).start(t, eventFor("A1"))
			defer running.stop()
			if err := checkOutcome(answer, kind.outcome, kind.api); err != nil {
				t.Fatal(err)
			}
			atFirst := running.peakMemory(t)

			var busy sync.WaitGroup
			for range callers {
				busy.Go(func() {
					for range calls {
						answer, err := running.invoke(eventFor("A1"))
						if err == nil {
							err = checkOutcome(answer, kind.outcome, kind.api)
						}
						if err != nil {
							t.Errorf("invoking: %v", err)
							return
						}
					}
				})
			}
			busy.Wait()

			peak := running.peakMemory(t)
			t.Logf("%.1f MiB at the first answer, %.1f MiB after %d more", mebibytes(atFirst), mebibytes(peak), callers*calls)
			if peak > maxMemory {
				t.Errorf("%s had %.1f MiB in memory, want at most %.0f", kind.name, mebibytes(peak), mebibytes(maxMemory))
			}
			const spread = 4 // from run to run
			if told := documented(t, `has had ([0-9]+) MiB in memory`); math.Abs(mebibytes(peak)-told) > spread {
				t.Errorf("%s had %.1f MiB in memory, and bench/README.md says %.0f", kind.name, mebibytes(peak), told)
			}
		})
	}
}

func mebibytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }
