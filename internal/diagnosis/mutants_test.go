package diagnosis_test

import (
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
	"cloudpay/internal/diagnosis"
	"cloudpay/internal/diagnosis/mutants"
)

var (
	seedFlag   = flag.Uint64("seed", 13, "what the mutants are drawn from")
	mutantFlag = flag.Int64("mutant", -1, "the only mutant, or right message, to judge; -1: all")
)

// mutantsByDefault is how many mutants are judged: few with the race detector, which slows them
// tenfold. make test judges them without, too.
func mutantsByDefault() int {
	if diagnosis.Raced {
		return 1_000
	}
	return 10_000
}

// mutantsAsked is what CLOUDPAY_MUTANTS says.
func mutantsAsked(t *testing.T) int {
	t.Helper()
	text := os.Getenv("CLOUDPAY_MUTANTS")
	if text == "" {
		return mutantsByDefault()
	}
	count, err := strconv.Atoi(text)
	if err != nil || count < 1 {
		t.Fatalf("CLOUDPAY_MUTANTS=%s is no number from 1 on", text)
	}
	return count
}

// newMaker makes mutants of other people's messages and of ours.
func newMaker(t *testing.T) *mutants.Maker {
	t.Helper()
	world, err := mutants.NewWorld()
	must(t, err)
	return world.NewMaker(good(t, world))
}

// diagnose hands a mutant over to the diagnosis of its kind.
func diagnose(m *mutants.Mutant) diagnosis.Diagnosis {
	keys := diagnosis.Keys{
		MchID: m.Keys.MchID, Serial: m.Keys.Serial, Merchant: &m.Keys.Key.PublicKey, V2Key: m.Keys.V2Key, V3Key: m.Keys.V3Key, Now: m.At,
	}
	for _, other := range m.Keys.Others {
		keys.Others = append(keys.Others, diagnosis.Merchant{
			MchID: other.MchID, Serial: other.Serial, Key: &other.Key.PublicKey, V2Key: other.V2Key, V3Key: other.V3Key,
		})
	}
	for _, one := range m.Keys.Platform {
		keys.Platform = append(keys.Platform, diagnosis.PlatformKey{Serial: one.Serial, Key: &one.Key.PublicKey})
	}
	request := diagnosis.Request{Method: m.Method, URI: m.URI, Host: m.Host, Header: m.Header, Body: m.Body}
	switch m.Kind {
	case mutants.RequestV3:
		return diagnosis.V3(request, keys)
	case mutants.RequestV2:
		return diagnosis.V2(m.Body, keys)
	case mutants.ReplyV3:
		return diagnosis.Reply(diagnosis.Response{Status: m.Status, Header: m.Header, Body: m.Body}, keys)
	case mutants.ReplyV2:
		return diagnosis.ReplyV2(m.Body, keys)
	case mutants.PaySign:
		var given map[string]any
		if json.Unmarshal(m.Body, &given) != nil {
			return diagnosis.Diagnosis{}
		}
		o := m.Order
		return diagnosis.PaySign(given, diagnosis.Payment{
			API: o.API, SignType: o.SignType, AppID: o.AppID, MchIDs: []string{o.MchID}, PrepayID: o.PrepayID,
			Hindrance: bilingual.Text{EN: o.Hindrance, ZH: o.Hindrance},
		}, keys)
	case mutants.NotificationV3, mutants.NotificationV2:
		return diagnosis.Notification(request, keys)
	}
	return diagnosis.Diagnosis{}
}

// verdict is what was found in one mutant.
type verdict struct {
	n    uint64
	made mutants.Mutant
	got  string
	// right is false if another cause came first.
	right bool
}

// judge compares the first finding with the mistake that was made.
func judge(n uint64, made mutants.Mutant) verdict {
	d := diagnose(&made)
	v := verdict{n: n, made: made, got: "nothing"}
	switch {
	case d.Fine:
		v.got = "fine"
	case len(d.Findings) > 0:
		v.got = string(d.Findings[0].ID)
	}
	v.right = v.got == made.Cause || slices.Contains(made.Also, v.got)
	return v
}

// each judges as many messages as were asked for, on all processors.
func each(t *testing.T, count int, one func(n uint64)) {
	t.Helper()
	if *mutantFlag >= 0 {
		one(uint64(*mutantFlag))
		return
	}
	var next atomic.Uint64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			for n := next.Add(1) - 1; n < uint64(count); n = next.Add(1) - 1 {
				one(n)
			}
		})
	}
	all.Wait()
}

// TestMutants makes mistakes in good messages, and has each of them named: the mistake that was
// made comes first in 99 of 100 mutants, and of each mistake in 95 of 100; none is called fine. It
// makes as many as CLOUDPAY_MUTANTS says. What fails can be looked at alone:
//
//	go test -v -run '^TestMutants$' ./internal/diagnosis -seed 13 -mutant 471
func TestMutants(t *testing.T) {
	t.Parallel()
	maker, count := newMaker(t), mutantsAsked(t)
	var lock sync.Mutex
	var verdicts []verdict
	each(t, count, func(n uint64) {
		made, err := maker.Wrong(*seedFlag, n)
		if err != nil {
			t.Error(err)
			return
		}
		v := judge(n, made)
		lock.Lock()
		defer lock.Unlock()
		verdicts = append(verdicts, v)
	})
	report(t, verdicts)
}

// TestEveryCauseIsMade: each row of the table that a message can show has a mutator. What an
// account is set to is in no message that was signed.
func TestEveryCauseIsMade(t *testing.T) {
	t.Parallel()
	made := mutants.Causes()
	for _, row := range cause.All() {
		if row.Side != cause.Account && !slices.Contains(made, string(row.ID)) {
			t.Errorf("no mutator makes %s", row.ID)
		}
	}
}

// report fails for a mistake that is not recognised often enough, and says what for it was taken.
func report(t *testing.T, verdicts []verdict) {
	t.Helper()
	slices.SortFunc(verdicts, func(a, b verdict) int { return cmp.Compare(a.n, b.n) })
	made, wrong := map[string]int{}, map[string][]verdict{}
	foreign, missed := 0, 0
	for _, v := range verdicts {
		made[v.made.Cause]++
		if v.made.From != "" {
			foreign++
		}
		if !v.right {
			missed++
			wrong[v.made.Cause] = append(wrong[v.made.Cause], v)
		}
		if v.got == "fine" {
			t.Errorf("seed %d, mutant %d of %s (%s) is called fine: %s", *seedFlag, v.n, v.made.Cause, v.made.From, v.made.How)
		}
	}
	const least, leastOfEach = 99, 95
	for _, id := range slices.Sorted(maps.Keys(made)) {
		if right := made[id] - len(wrong[id]); 100*right < leastOfEach*made[id] {
			t.Errorf("seed %d: %s is named first in %d of %d mutants, want %d %%", *seedFlag, id, right, made[id], leastOfEach)
		}
	}
	if 100*(len(verdicts)-missed) < least*len(verdicts) {
		t.Errorf("seed %d: the right cause comes first in %d of %d mutants, want %d %%", *seedFlag, len(verdicts)-missed, len(verdicts), least)
	}
	if 3*foreign < len(verdicts) {
		t.Errorf("seed %d: %d of %d mutants are of other people's messages, want a third", *seedFlag, foreign, len(verdicts))
	}
	if t.Failed() || testing.Verbose() {
		t.Logf("seed %d: %d of %d mutants of %d causes are named right, %d of them other people's messages\n%s",
			*seedFlag, len(verdicts)-missed, len(verdicts), len(made), foreign, confusions(made, wrong))
	}
}

// confusions is a line of each mistake: what it was taken for, with the first mutant of each.
func confusions(made map[string]int, wrong map[string][]verdict) string {
	var out strings.Builder
	for _, id := range slices.Sorted(maps.Keys(made)) {
		fmt.Fprintf(&out, "%-28s %6d of %6d\n", id, made[id]-len(wrong[id]), made[id])
		taken, first := map[string]int{}, map[string]verdict{}
		for _, v := range wrong[id] {
			if taken[v.got]++; taken[v.got] == 1 {
				first[v.got] = v
			}
		}
		for _, got := range slices.Sorted(maps.Keys(taken)) {
			fmt.Fprintf(&out, "    %-28s %5d, such as mutant %d (%s): %.300s\n", got, taken[got], first[got].n, first[got].made.From, first[got].made.How)
		}
	}
	return out.String()
}

// TestRight has as many right messages called fine as CLOUDPAY_MUTANTS says, with no cause claimed.
// A message without a signature is not called fine, and neither is anything claimed of it.
func TestRight(t *testing.T) {
	t.Parallel()
	maker, count := newMaker(t), mutantsAsked(t)
	var shown atomic.Int64
	each(t, count, func(n uint64) {
		right := maker.Right(*seedFlag, n)
		d := diagnose(&right)
		signed := right.Kind != mutants.NotificationV2
		if (d.Fine != signed || len(d.Findings) > 0) && shown.Add(1) <= 10 {
			t.Errorf("seed %d, right message %d of %s (%s): fine %t, %+v\n%s", *seedFlag, n, right.Kind, right.From, d.Fine, d.Findings, right.Body)
		}
	})
	if testing.Verbose() {
		t.Logf("%d right messages, %d of them wronged", count, shown.Load())
	}
}
