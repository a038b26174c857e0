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
	"unique"
)

// bucket is one kind of state in the file and in an export.
type bucket struct {
	name string
	// load takes one entry. Entries come in the order in which dump passes them. The book is
	// locked, or known to nobody else.
	load func(g *Gateway, key string, value []byte) error
	// dump passes every entry to put. The book is locked.
	dump func(g *Gateway, put func(change))
}

// The buckets of the orders, of the combined orders, of their prepay_ids, and of the number of
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

// loadNumbered takes the number of transactions so far from the file or an export.
func (b *orderBook) loadNumbered(value []byte) error {
	err := unmarshal(value, &b.numbered)
	if err == nil && b.numbered < 0 {
		err = errors.New("it is negative")
	}
	b.keptNumbered = b.numbered
	return err
}

// keptOrder is an order as the file has it: with the fields that the management API writes
// otherwise.
type keptOrder struct {
	Order

	MchID             string     `json:"mchid"`
	CreatedAt         time.Time  `json:"created_at"`
	TimeExpire        time.Time  `json:"time_expire,omitzero"`
	PrepayID          string     `json:"prepay_id,omitempty"`
	PaidAt            time.Time  `json:"paid_at,omitzero"`
	ClosedAt          time.Time  `json:"closed_at,omitzero"`
	TransactionID     string     `json:"transaction_id,omitempty"`
	CombineOutTradeNo string     `json:"combine_out_trade_no,omitempty"`
	BornState         TradeState `json:"born"`
	Params            string     `json:"params,omitempty"`
}

// kept is the record as the file has it.
func (r *record) kept() keptOrder {
	o := r.order
	return keptOrder{
		Order: o, MchID: o.MchID, CreatedAt: o.CreatedAt, TimeExpire: o.TimeExpire, PrepayID: o.PrepayID,
		PaidAt: o.PaidAt, ClosedAt: o.ClosedAt, TransactionID: o.TransactionID, CombineOutTradeNo: o.CombineOutTradeNo,
		BornState: r.bornState, Params: r.params,
	}
}

// record is the order as the book has it.
func (k *keptOrder) record() (*record, error) {
	o := k.Order
	o.MchID, o.CreatedAt, o.TimeExpire, o.PrepayID = k.MchID, k.CreatedAt, k.TimeExpire, k.PrepayID
	o.PaidAt, o.ClosedAt, o.TransactionID, o.CombineOutTradeNo = k.PaidAt, k.ClosedAt, k.TransactionID, k.CombineOutTradeNo
	if err := intoBeijing(&o.CreatedAt, &o.TimeExpire, &o.PaidAt, &o.ClosedAt); err != nil {
		return nil, err
	}
	// What many orders share is in memory once.
	for _, text := range []*string{&o.MchID, &o.SubMchID, &o.AppID, &o.SubAppID, &o.Currency, &o.TradeType, &o.BankType, &o.OpenID} {
		*text = unique.Make(*text).Value()
	}
	return &record{order: o, bornState: k.BornState, params: k.Params}, nil
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

// save has a record written when the book is unlocked. Everything that changes an order calls it.
// The book is locked.
func (b *orderBook) save(rec *record) {
	b.index(rec)
	if b.mu.keep != nil {
		b.changed(change{ordersBucket, numberKey(rec.place), rec.kept()})
	}
}

// load takes an order from the file or an export.
func (b *orderBook) load(key string, value []byte) error {
	var kept keptOrder
	if err := unmarshal(value, &kept); err != nil {
		return err
	}
	rec, err := kept.record()
	if err != nil {
		return err
	}
	o := &rec.order
	_, known := b.records[o.key()]
	switch {
	case !outTradeNoRule.MatchString(o.OutTradeNo):
		return fmt.Errorf("out_trade_no %q %s", o.OutTradeNo, outTradeNoSentence)
	case !slices.Contains(tradeStates(), o.State) || !slices.Contains(tradeStates(), rec.bornState):
		return fmt.Errorf("state %q and born %q must each be one of %s", o.State, rec.bornState, list(tradeStates()))
	case key != numberKey(len(b.sequence)):
		return fmt.Errorf("order %d is missing before it", len(b.sequence))
	case known:
		return fmt.Errorf("order %s of %s is there twice", o.OutTradeNo, o.Owner())
	}
	if o.CombineOutTradeNo == "" { // a part may be another gateway's merchant's
		if _, err := b.merchant("mchid", o.MchID); err != nil {
			return err
		}
	}
	b.put(rec)
	return nil
}

// dump passes the orders to put.
func (b *orderBook) dump(put func(change)) {
	for i, key := range b.sequence {
		rec := b.records[key]
		b.expire(&rec.order)
		put(change{ordersBucket, numberKey(i), rec.kept()})
	}
}

// keptCombination is a combined order as the file has it. Its parts are the places of orders.
type keptCombination struct {
	CombinedOrder

	// hides the combined order's, which is empty
	SubOrders *struct{} `json:"SubOrders,omitempty"`
	Parts     []int     `json:"parts"`
	Params    string    `json:"params,omitempty"`
}

// keepCombined is the combined order as the file has it.
func (b *orderBook) keepCombined(c *combination) change {
	kept := keptCombination{CombinedOrder: c.head, Params: c.params}
	for _, key := range c.parts {
		kept.Parts = append(kept.Parts, b.records[key].place)
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
	c := &combination{head: kept.CombinedOrder, params: kept.Params}
	if err := intoBeijing(&c.head.TimeExpire); err != nil {
		return err
	}
	if !outTradeNoRule.MatchString(c.head.CombineOutTradeNo) || len(kept.Parts) == 0 {
		return fmt.Errorf("combined order %q has no number or no parts", c.head.CombineOutTradeNo)
	}
	for _, place := range kept.Parts {
		if place < 0 || place >= len(b.sequence) || b.records[b.sequence[place]].order.CombineOutTradeNo != c.head.CombineOutTradeNo {
			return fmt.Errorf("order %d is no part of combined order %s", place, c.head.CombineOutTradeNo)
		}
		if slices.Contains(c.parts, b.sequence[place]) {
			return fmt.Errorf("order %d is there twice", place)
		}
		c.parts = append(c.parts, b.sequence[place])
	}
	for _, key := range b.combinedNumbers[c.head.CombineOutTradeNo] {
		taken := func(part orderKey) bool { return slices.Contains(c.parts, part) }
		if key == c.head.key() || slices.ContainsFunc(b.combined[key].parts, taken) {
			return fmt.Errorf("combined order %s, or a part of it, is there twice", c.head.CombineOutTradeNo)
		}
	}
	b.enterCombined(c)
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

// kept is a prepay_id as the file has it.
func (p *prepayment) kept() change { return change{prepaymentsBucket, pageCode(p.ID), p} }

// loadPrepayment takes a prepay_id from the file or an export.
func (b *orderBook) loadPrepayment(key string, value []byte) error {
	issued := &prepayment{}
	err := unmarshal(value, issued)
	if err == nil {
		err = intoBeijing(&issued.At)
	}
	switch {
	case err != nil:
		return err
	case key != pageCode(issued.ID):
		return fmt.Errorf("it is not the key of %q", issued.ID)
	}
	single, combined := b.records[issued.orderKey()], b.combined[issued.orderKey()]
	if issued.Combined && combined == nil || !issued.Combined && single == nil {
		return fmt.Errorf("there is no order %s of %s", issued.OutTradeNo, issued.owner())
	}
	b.prepayments[key] = issued
	return nil
}

// dumpPrepayments passes the prepay_ids to put, in the order of their keys.
func (b *orderBook) dumpPrepayments(put func(change)) {
	for _, key := range sortedKeys(b.prepayments) {
		put(b.prepayments[key].kept())
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
