package seeded_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// event is something that happened to a world, in words for the tally.
type event string

const (
	asked         event = "requests"
	rotated       event = "certificates rotated"
	switched      event = "shares of keys and probes changed"
	leapt         event = "minutes passed"
	mainDown      event = "main domain down"
	backupDown    event = "backup domain down"
	bothDown      event = "both domains down"
	bothUp        event = "both domains up"
	racePaid      event = "customers who paid meanwhile"
	raceLost      event = "customers who came too late"
	probed        event = "replies that were probes by their share"
	byCertificate event = "replies signed by a certificate"
	byPublicKey   event = "replies signed by the public key"
	byBackup      event = "replies by the backup domain"
	lied          event = "lies that nobody signed"
	downloaded    event = "lists of certificates downloaded"
)

// tally counts over all worlds.
type tally struct {
	closes  int
	kinds   map[string]int
	told    map[order.Outcome]int // by first closes
	other   map[order.Outcome]int // by those at the same time, and queries
	settled map[order.Outcome]int
	doubts  map[string]int // why, of those told unknown
	met     map[paygate.Action]int
	events  map[event]int
	latest  time.Duration
}

func newTally() *tally {
	return &tally{
		kinds: map[string]int{}, told: map[order.Outcome]int{}, other: map[order.Outcome]int{}, settled: map[order.Outcome]int{}, doubts: map[string]int{},
		met: map[paygate.Action]int{}, events: map[event]int{},
	}
}

func (y *tally) add(w *world) {
	for _, s := range w.stories {
		y.closes++
		y.kinds[s.kind.name]++
		y.settled[s.last.Outcome]++
		for _, heard := range s.sayings[:len(s.sayings)-1] {
			if heard.by == "close" {
				y.told[heard.result.Outcome]++
			} else {
				y.other[heard.result.Outcome]++
			}
			if heard.result.Outcome == order.OutcomeUnknown {
				y.doubts[heard.result.ErrCode]++
			}
			y.latest = max(y.latest, heard.late)
		}
	}
	for e, n := range w.events {
		if slices.Contains(paygate.Actions(), paygate.Action(e)) {
			y.met[paygate.Action(e)] += n
		} else {
			y.events[e] += n
		}
	}
}

func (y *tally) String() string {
	var text strings.Builder
	fmt.Fprintf(&text, "%d closes\n", y.closes)
	row(&text, "told in the storm", y.told)
	row(&text, "told others", y.other)
	row(&text, "unknown for", y.doubts)
	row(&text, "told afterwards", y.settled)
	row(&text, "orders", y.kinds)
	row(&text, "faults met", y.met)
	row(&text, "fate", y.events)
	fmt.Fprintf(&text, "latest answer after its deadline: %s\n", y.latest.Round(time.Millisecond))
	return text.String()
}

// row writes counts, the greatest first.
func row[K cmp.Ordered](text *strings.Builder, title string, counts map[K]int) {
	keys := slices.SortedFunc(maps.Keys(counts), func(a, b K) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	fmt.Fprintf(text, "%s:", title)
	for _, k := range keys {
		fmt.Fprintf(text, " %v %d,", k, counts[k])
	}
	text.WriteByte('\n')
}
