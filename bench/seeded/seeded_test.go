// Package seeded_test closes thousands of orders through the whole product (configuration, clients, failover, workflow) at
// the emulated gateway, while everything goes wrong that the emulator can make go wrong, and customers pay meanwhile. The
// gateway's own books then judge each answer: none may say closed of an order that is paid, nor paid of one that is closed,
// and once nothing goes wrong any more a second close must settle each order.
//
// A seed decides everything but the interleaving: which worlds there are, which orders, what befalls each of them, and
// before which order fate strikes the whole world. So a seed that fails most likely fails again:
//
//	go test -v ./seeded -seed 7            # the same run again
//	go test -v ./seeded -seed 7 -world 3   # only the world that failed
package seeded_test

import (
	"flag"
	"log/slog"
	"math/rand/v2"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

var (
	seedFlag   = flag.Uint64("seed", 0, "what the run is drawn from; 0: a new one")
	worldFlag  = flag.Int("world", -1, "the only world to run; -1: all")
	worldsFlag = flag.Int("worlds", 20, "how many worlds there are")
	ordersFlag = flag.Int("orders", 500, "how many orders each world has")
)

// fullRun is from how many closes on a run must have seen everything at least once.
const fullRun = 5000

// draws is a source of its own for each thing that is drawn for, so that what one draws does not move the others.
func draws(seed uint64, world, story int) *rand.Rand {
	return rand.New(rand.NewPCG(seed, uint64(world)<<32|uint64(uint32(story))))
}

func TestNoAnswerContradictsTheGateway(t *testing.T) {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Logf("seed %d: go test -v ./seeded -seed %d", seed, seed)
	silence(t)
	all := newTally()
	for world := range *worldsFlag {
		if *worldFlag >= 0 && world != *worldFlag {
			continue
		}
		t.Setenv("TMPDIR", t.TempDir()) // each world is a machine of its own: no certificates are left from another
		w := newWorld(t, seed, world)
		w.storm(*ordersFlag)
		w.calm()
		w.settle()
		all.add(w)
		if t.Failed() {
			t.Errorf("world %d is %s; run it alone: go test -v ./seeded -seed %d -world %d", world, w, seed, world)
			break
		}
	}
	t.Logf("\n%s", all)
	if all.closes >= fullRun {
		all.wantWild(t)
	}
}

// silence keeps what the product logs of each fault from the test's output.
func silence(t *testing.T) {
	t.Helper()
	before := slog.Default()
	slog.SetDefault(slog.New(slog.DiscardHandler))
	t.Cleanup(func() { slog.SetDefault(before) })
}

// wantWild fails when something never happened: a tame run shows nothing.
func (y *tally) wantWild(t *testing.T) {
	t.Helper()
	for _, o := range []order.Outcome{
		order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomePaid,
		order.OutcomeUnknown, order.OutcomeRefused, order.OutcomeTooSoon,
	} {
		if y.told[o] == 0 {
			t.Errorf("no close ended as %s", o)
		}
	}
	for _, a := range paygate.Actions() {
		if y.met[a] == 0 {
			t.Errorf("no request met the fault %s", a)
		}
	}
	for _, k := range kinds {
		if y.kinds[k.name] == 0 {
			t.Errorf("no order was %s", k.name)
		}
	}
	for _, e := range []event{
		rotated, switched, mainDown, backupDown, bothDown, bothUp, leapt, racePaid, raceLost,
		probed, byCertificate, byPublicKey, byBackup, downloaded, lied,
	} {
		if y.events[e] == 0 {
			t.Errorf("it never happened: %s", e)
		}
	}
}
