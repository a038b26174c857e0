package paygate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// bucket is one kind of state in the file and in an export.
type bucket struct {
	name string
	// load takes one entry. Entries come in the order in which dump passes them. The book is
	// locked, or not shared yet.
	load func(g *Gateway, key string, value []byte) error
	// dump passes every entry to put. The book is locked.
	dump func(g *Gateway, put func(change))
}

// The buckets of the orders, of the combined orders, of earlier prepay_ids, and of the number of
// transactions so far.
const (
	ordersBucket      = "orders"
	combinedBucket    = "combined-orders"
	prepaymentsBucket = "prepayments"
	numberedBucket    = "transactions"
)

// buckets is all state that lasts, in the order in which it is loaded. A combined order comes
// behind its parts. Faults, shares of signatures and domains that are down do not last: they belong
// to one trial.
func buckets() []bucket {
	return []bucket{
		{
			name: clockEntry,
			load: func(g *Gateway, _ string, value []byte) error { return g.clock.load(value) },
			dump: func(g *Gateway, put func(change)) { put(g.clock.entry()) },
		},
		{
			name: numberedBucket,
			load: func(g *Gateway, _ string, value []byte) error { return g.orders.loadNumbered(value) },
			dump: func(g *Gateway, put func(change)) { put(change{numberedBucket, numberedBucket, g.orders.numbered}) },
		},
		{
			name: shapesBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.orders.loadShape(key, value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dumpShapes(put) },
		},
		{
			name: ordersBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.orders.load(key, value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dump(put) },
		},
		{
			name: combinedBucket,
			load: func(g *Gateway, _ string, value []byte) error { return g.orders.loadCombined(value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dumpCombined(put) },
		},
		{
			name: prepaymentsBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.orders.loadPrepayment(key, value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dumpPrepayments(put) },
		},
		{
			name: bucketRefunds,
			load: func(g *Gateway, _ string, value []byte) error { return g.orders.loadRefund(value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dumpRefunds(put) },
		},
		{
			name: noticesBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.orders.loadNotice(key, value) },
			dump: func(g *Gateway, put func(change)) { g.orders.dumpNotices(put) },
		},
		{
			name: requestsBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.history.load(key, value) },
			dump: func(g *Gateway, put func(change)) { g.history.dump(put) },
		},
		{
			name: idsBucket,
			load: func(g *Gateway, key string, value []byte) error { return g.history.loadIDs(key, value) },
			dump: func(g *Gateway, put func(change)) { g.history.dumpIDs(put) },
		},
	}
}

// bucketNames are the names of all buckets.
func bucketNames() []string {
	all := buckets()
	names := make([]string, len(all))
	for i, b := range all {
		names[i] = b.name
	}
	return names
}

// unmarshal reads a value, and refuses fields that this program does not know: it would lose them.
func unmarshal(value []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return errors.New("reading JSON: there is more after the value")
	}
	return nil
}

// restore reads the state from the file.
func (g *Gateway) restore() error {
	known := append(bucketNames(), formatEntry, keysBucket)
	names, err := g.keep.names()
	if err != nil {
		return err
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return fmt.Errorf("it has %q, which this program does not know", name)
		}
	}
	for _, b := range buckets() {
		err := g.keep.each(b.name, func(key string, value []byte) error { return b.load(g, key, value) })
		if err != nil {
			return err
		}
	}
	return nil
}

// convert writes a file of an older format anew, in one transaction. The state was read from it,
// and is not shared yet.
func (g *Gateway) convert() {
	if g.keep.format == fileFormat {
		return
	}
	changes := []change{{formatEntry, formatEntry, fileFormat}}
	for code := range g.orders.prepayments { // the newest ones are in their orders now
		changes = append(changes, change{prepaymentsBucket, string(code[:]), nil})
	}
	for _, b := range buckets() {
		b.dump(g, func(c change) { changes = append(changes, c) })
	}
	g.keep.write(changes...)
}

// loadNumbered takes the number of transactions so far from the file or an export.
func (b *orderBook) loadNumbered(value []byte) error {
	err := unmarshal(value, &b.numbered)
	if err == nil && b.numbered < 0 {
		err = errors.New("it is negative")
	}
	b.keptNumbered = b.numbered
	return err
}

// intoBeijing changes times to the zone of all times here; no time stays none. The error is that of
// a year that cannot be written.
func intoBeijing(times ...*time.Time) error {
	for _, t := range times {
		if t.IsZero() {
			*t = time.Time{}
			continue
		}
		if *t = t.In(beijing()); t.Year() < 1 || t.Year() > maxYear {
			return fmt.Errorf("the year %d is not from 1 to %d", t.Year(), maxYear)
		}
	}
	return nil
}

// load takes an order from the file or an export.
func (b *orderBook) load(key string, value []byte) error {
	var kept keptOrder
	if err := unmarshal(value, &kept); err != nil {
		return err
	}
	rec, err := kept.record()
	if err == nil {
		rec.params, err = b.loadParams(kept.keptParams)
	}
	if err != nil {
		return err
	}
	o := rec.order()
	switch {
	case !outTradeNoRule.MatchString(o.OutTradeNo):
		return fmt.Errorf("out_trade_no %q %s", o.OutTradeNo, outTradeNoSentence)
	case !slices.Contains(tradeStates(), o.State) || !slices.Contains(tradeStates(), kept.BornState):
		return fmt.Errorf("state %q and born %q must each be one of %s", o.State, kept.BornState, list(tradeStates()))
	case key != numberKey(len(b.sequence)):
		return fmt.Errorf("order %d is missing before it", len(b.sequence))
	case b.find(o.key()) != nil:
		return fmt.Errorf("order %s of %s is there twice", o.OutTradeNo, o.Owner())
	}
	if o.CombineOutTradeNo == "" { // a part may be another gateway's merchant's
		if _, err := b.merchant("mchid", o.MchID); err != nil {
			return err
		}
	}
	b.put(rec)
	b.index(o.TransactionID, rec)
	if o.PrepayID != "" {
		b.prepayments[codeOf(o.PrepayID)] = issued{single: rec, at: kept.prepaidAt()}
	}
	return nil
}

// dump passes the orders to put.
func (b *orderBook) dump(put func(change)) {
	for i, rec := range b.sequence {
		order := b.current(rec)
		put(change{ordersBucket, numberKey(i), b.keepOrder(rec, &order)})
	}
}

// keptCombination is a combined order as the file has it. Its parts are the places of orders.
type keptCombination struct {
	CombinedOrder
	keptParams

	// hides the combined order's, which is empty
	SubOrders *struct{} `json:"SubOrders,omitempty"`
	Parts     []int     `json:"parts"`
	// when PrepayID was answered
	PrepaidAt time.Time `json:"prepaid_at,omitzero"`
}

// keepCombined is the combined order as the file has it.
func (b *orderBook) keepCombined(c *combination) change {
	kept := keptCombination{CombinedOrder: c.head, keptParams: c.params.kept()}
	if c.head.PrepayID != "" {
		kept.PrepaidAt = timeOfSeconds(b.prepayments[codeOf(c.head.PrepayID)].at)
	}
	for _, key := range c.parts {
		kept.Parts = append(kept.Parts, int(b.find(key).place))
	}
	return change{combinedBucket, numberKey(kept.Parts[0]), kept}
}

// saveCombined has a combined order written when the book is unlocked. The book is locked.
func (b *orderBook) saveCombined(c *combination) { b.changed(b.keepCombined(c)) }

// loadCombined takes a combined order from the file or an export.
func (b *orderBook) loadCombined(value []byte) error {
	var kept keptCombination
	if err := unmarshal(value, &kept); err != nil {
		return err
	}
	c := &combination{head: kept.CombinedOrder}
	err := intoBeijing(&c.head.TimeExpire, &kept.PrepaidAt)
	if err == nil {
		c.params, err = b.loadParams(kept.keptParams)
	}
	if err != nil {
		return err
	}
	if !outTradeNoRule.MatchString(c.head.CombineOutTradeNo) || len(kept.Parts) == 0 {
		return fmt.Errorf("combined order %q has no number or no parts", c.head.CombineOutTradeNo)
	}
	for _, place := range kept.Parts {
		part := Order{}
		if place >= 0 && place < len(b.sequence) {
			part = b.sequence[place].order()
		}
		if part.CombineOutTradeNo != c.head.CombineOutTradeNo {
			return fmt.Errorf("order %d is no part of combined order %s", place, c.head.CombineOutTradeNo)
		}
		if slices.Contains(c.parts, part.key()) {
			return fmt.Errorf("order %d is there twice", place)
		}
		c.parts = append(c.parts, part.key())
	}
	for _, key := range b.combinedNumbers[c.head.CombineOutTradeNo] {
		taken := func(part orderKey) bool { return slices.Contains(c.parts, part) }
		if key == c.head.key() || slices.ContainsFunc(b.combined[key].parts, taken) {
			return fmt.Errorf("combined order %s, or a part of it, is there twice", c.head.CombineOutTradeNo)
		}
	}
	b.enterCombined(c)
	if c.head.PrepayID != "" {
		b.prepayments[codeOf(c.head.PrepayID)] = issued{combined: c, at: secondsOf(kept.PrepaidAt)}
	}
	return nil
}

// dumpCombined passes the combined orders to put, in the order of their first parts.
func (b *orderBook) dumpCombined(put func(change)) {
	all := make([]change, 0, len(b.combined))
	for _, c := range b.combined {
		all = append(all, b.keepCombined(c))
	}
	slices.SortFunc(all, func(x, y change) int { return strings.Compare(x.key, y.key) })
	for _, c := range all {
		put(c)
	}
}

// loadNotice takes a notification from the file or an export.
func (b *orderBook) loadNotice(key string, value []byte) error {
	n := &notice{}
	err := unmarshal(value, n)
	if err == nil {
		err = intoBeijing(&n.CreatedAt, &n.Due)
	}
	for i := range n.Attempts {
		if err == nil {
			err = intoBeijing(&n.Attempts[i].Time)
		}
	}
	_, known := b.notices.byID[n.ID]
	switch {
	case err != nil:
		return err
	case key != n.key() || n.Number <= b.notices.count:
		return fmt.Errorf("number %d comes behind %d", n.Number, b.notices.count)
	case known:
		return fmt.Errorf("notification %s is there twice", n.ID)
	}
	b.adopt(n)
	return nil
}

// dumpNotices passes the notifications to put.
func (b *orderBook) dumpNotices(put func(change)) {
	for _, n := range b.notices.all {
		put(change{noticesBucket, n.key(), n})
	}
}
