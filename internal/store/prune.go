package store

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

// Prune deletes one step of the orders that p selects, with their events and changes, and writes a
// tombstone for each, all in one transaction. archive gets the orders before they are deleted, and
// what is deleted is exactly that; nil archives nothing. If archive fails nothing is deleted, and
// its error is returned as it is. A step that is repeated, after a crash or a lost connection, may
// hand orders to archive again.
//
// What is deleted is chosen by the conditions of the DELETE itself: an order that another process
// changes meanwhile stays, whole.
func (s *Store) Prune(ctx context.Context, p pruning.Selection, archive func([]pruning.Order) error) (pruning.Step, error) {
	step := pruner{Selection: p, archive: archive}
	step.Limit = max(1, min(p.Limit, maxPruned))
	done, err := transact(ctx, s, "pruning orders", step.run)
	if step.unarchived != nil {
		return pruning.Step{}, step.unarchived
	}
	return done, err
}

// maxPruned bounds one step: its rows are locked while the archive is written.
const maxPruned = 1000

// pruner is one call of Prune, whose transaction may be tried several times.
type pruner struct {
	pruning.Selection

	archive func([]pruning.Order) error
	// unarchived is archive's error.
	unarchived error
	// tried is what the try before this one deleted, and hash the key of one of the tombstones that
	// it wrote; nil before the first.
	tried pruning.Step
	hash  []byte
}

// errChanged means that rows which this transaction has read are not all as they were. It is tried
// again, as after a deadlock.
var errChanged = errors.New("orders were changed by another process meanwhile")

func (p *pruner) run(t tx) (pruning.Step, error) {
	p.unarchived = nil
	if p.hash != nil {
		// The try before this one lost its connection. Its commit may have succeeded all the same.
		var ending string
		if found, err := t.one([]any{&ending}, "SELECT ending FROM cloudpay_tombstones WHERE hash = ?", p.hash); found || err != nil {
			return p.tried, err
		}
	}
	if err := p.resume(t); err != nil {
		return pruning.Step{}, err
	}
	ended, err := p.ended(t)
	if err != nil {
		return pruning.Step{}, err
	}
	done := pruning.Step{Next: p.After, More: len(ended) == p.Limit}
	if len(ended) > 0 {
		last := ended[len(ended)-1]
		done.Next = pruning.Place{EndedAt: last.EndedAt, ID: last.ID}
	}
	orders := make([]pruning.Order, 0, len(ended))
	for _, r := range ended {
		if !r.unread {
			orders = append(orders, pruning.Order{Record: r.Record})
		}
	}
	done.Kept = len(ended) - len(orders)
	if len(orders) > 0 {
		if err := p.prune(t, orders, &done); err != nil {
			return pruning.Step{}, err
		}
	}
	p.tried = done
	return done, p.remember(t, done)
}

// endedOrder is an order that ended before the time. unread reports an event that is not
// acknowledged.
type endedOrder struct {
	schedule.Record

	unread bool
}

// ended locks up to Limit orders that ended before the time and are behind the place. Those that
// another transaction has locked are passed over.
func (p *pruner) ended(t tx) ([]endedOrder, error) {
	condition, args := p.condition(t.d)
	if !p.After.EndedAt.IsZero() {
		// The first condition is for the index; the others skip orders that ended at the same time.
		condition += " AND ended_at >= ? AND (ended_at > ? OR id > ?)"
		args = append(args, t.d.at(p.After.EndedAt), t.d.at(p.After.EndedAt), p.After.ID)
	}
	found, err := query(t, func(scan scanner) (r endedOrder, err error) {
		r.Record, err = scanRecord(scan)
		return r, err
	}, "SELECT "+recordColumns+" FROM cloudpay_orders {ended} WHERE "+condition+
		" ORDER BY ended_at, id LIMIT ? {skip}", append(args, p.Limit)...)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	return found, t.markUnread(found)
}

// markUnread finds which of the orders have an event that is not acknowledged. It names the orders:
// asked for in the statement before, PostgreSQL reads all events for each step.
func (t tx) markUnread(ended []endedOrder) error {
	ids := make([]any, len(ended))
	for i, r := range ended {
		ids[i] = r.ID
	}
	unread, err := query(t, rowID,
		"SELECT order_id FROM cloudpay_events WHERE order_id IN ("+marks(len(ids))+") AND delivered_at IS NULL", ids...)
	for i, r := range ended {
		ended[i].unread = slices.Contains(unread, r.ID)
	}
	return err
}

// isEnded is the condition for orders that may be deleted if their events allow it, and isUnread
// the one for orders with an event that is not acknowledged. What it says of due_at is true of all
// that are done, and leads MySQL to where they begin in its index.
const (
	isEnded = "progress = 'done' AND due_at IS NULL AND ended_at IS NOT NULL" +
		" AND authenticated AND ending IN ('closed', 'paid', 'notFound')"
	isUnread = "EXISTS (SELECT 1 FROM cloudpay_events {ofOrder} WHERE cloudpay_events.order_id = cloudpay_orders.id" +
		" AND cloudpay_events.delivered_at IS NULL)"
)

// condition is the one for the orders of the account that ended before the time.
func (p *pruner) condition(d *dialect) (condition string, args []any) {
	condition, args = ofMerchant+" AND "+isEnded, []any{string(p.Region), p.MchID}
	if p.SubMchID != "" {
		condition += " AND sub_mchid = ?"
		args = append(args, p.SubMchID)
	}
	before, at := p.before(d)
	return condition + " AND ended_at < " + before, append(args, at)
}

// before is the end of the time in which the orders ended, with its argument.
func (p *pruner) before(d *dialect) (expression string, arg any) {
	if p.Before.IsZero() {
		return "{soon}", -max(p.Age, 0).Microseconds()
	}
	return "?", d.at(p.Before)
}

// prune archives and deletes locked orders, and counts them.
func (p *pruner) prune(t tx, orders []pruning.Order, done *pruning.Step) error {
	of := rowsOf(orders)
	var err error
	if done.Events, err = of.complete(t, orders); err != nil {
		return err
	}
	done.Orders = len(orders)
	if p.archive != nil {
		if p.unarchived = p.archive(orders); p.unarchived != nil {
			return p.unarchived
		}
	}
	before, at := p.before(t.d)
	err = of.delete(t, isEnded+" AND ended_at < "+before+" AND NOT "+isUnread, at, done.Events)
	if err == nil {
		p.hash = schedule.TombstoneHash(orders[0].Ref)
		err = t.bury(orders)
	}
	return err
}

// rows are the rows of locked orders, which are to be deleted.
type rows struct {
	// ids are the orders' ids, and these the condition for one of them.
	ids   []any
	these string
}

func rowsOf(orders []pruning.Order) rows {
	r := rows{ids: make([]any, len(orders)), these: " IN (" + marks(len(orders)) + ")"}
	for i, o := range orders {
		r.ids[i] = o.ID
	}
	return r
}

// complete adds to the orders their events, and counts them, and their changes. It locks the
// events, so that none of them is sent again before it is deleted.
func (r rows) complete(t tx, orders []pruning.Order) (events int, err error) {
	told, changed := map[int64][]outbox.Event{}, map[int64][]schedule.Changed{}
	_, err = query(t, func(scan scanner) (e outbox.Event, err error) {
		var of int64
		e, err = scanEvent(scan, &of)
		told[of] = append(told[of], e)
		events++
		return e, err
	}, "SELECT "+eventColumns+", order_id FROM cloudpay_events {ofOrder} WHERE order_id"+r.these+
		" AND delivered_at IS NOT NULL AND seq IS NOT NULL ORDER BY seq {lock}", r.ids...)
	if err != nil {
		return 0, err
	}
	_, err = query(t, func(scan scanner) (c schedule.Changed, err error) {
		var of int64
		var at moment
		err = scan(&of, &at, &c.By, &c.Field, &c.Was, &c.Became)
		c.At = at.Time
		changed[of] = append(changed[of], c)
		return c, err
	}, "SELECT order_id, changed_at, changed_by, field, was, became FROM cloudpay_changes WHERE order_id"+r.these+" ORDER BY id", r.ids...)
	for i, o := range orders {
		orders[i].Events, orders[i].Changes = told[o.ID], changed[o.ID]
	}
	return events, err
}

// delete deletes the orders for which the condition still holds, and what belongs to them. The
// error is errChanged if these are not all of them, or have other events.
func (r rows) delete(t tx, condition string, arg any, events int) error {
	n, err := t.exec("DELETE FROM cloudpay_orders WHERE id"+r.these+" AND "+condition, append(slices.Clone(r.ids), arg)...)
	if err == nil && n != int64(len(r.ids)) {
		err = errChanged
	}
	if err != nil {
		return err
	}
	n, err = t.exec("DELETE FROM cloudpay_events WHERE order_id"+r.these+" AND delivered_at IS NOT NULL", r.ids...)
	if err == nil && n != int64(events) {
		err = errChanged
	}
	if err == nil {
		_, err = t.exec("DELETE FROM cloudpay_changes WHERE order_id"+r.these, r.ids...)
	}
	return err
}

// bury writes the tombstones of deleted orders. The first one of an order stays, as the first final
// state does.
func (t tx) bury(orders []pruning.Order) error {
	const columns = 4
	args := make([]any, 0, columns*len(orders))
	for _, o := range orders {
		args = append(args, schedule.TombstoneHash(o.Ref), string(o.FinalState), o.Generation, t.d.at(o.EndedAt))
	}
	values := strings.TrimSuffix(strings.Repeat("("+marks(columns)+", {now}),", len(orders)), ",")
	_, err := t.exec("INSERT INTO cloudpay_tombstones (hash, ending, generation, ended_at, pruned_at) VALUES "+values+" {bury}", args...)
	return err
}

// pruneMark names the watermark of pruning: every order that ended before it was pruned, or kept.
const pruneMark = "prune"

// resume takes up the place of the last step with Resume, unless the last one from the beginning
// was a day ago.
func (p *pruner) resume(t tx) error {
	if !p.Resume {
		return nil
	}
	p.After = pruning.Place{}
	const day = 24 * time.Hour
	var low moment
	found, err := t.one([]any{&low}, "SELECT low FROM cloudpay_watermarks WHERE "+ofMerchant+" AND what = ? AND full_at > {soon}",
		string(p.Region), p.MchID, pruneMark, -day.Microseconds())
	if found && err == nil {
		p.After.EndedAt = low.Time
	}
	return err
}

// remember keeps the place for the next step with Resume.
func (p *pruner) remember(t tx, done pruning.Step) error {
	if !p.Resume {
		return nil
	}
	low := done.Next.EndedAt
	switch {
	case low.IsZero():
		return nil // nothing has ended
	case low.Equal(p.After.EndedAt) && done.More:
		low = low.Add(time.Microsecond) // a step full of orders that ended at once, and are kept
	}
	full := p.After.EndedAt.IsZero()
	key := []any{string(p.Region), p.MchID, pruneMark}
	n, err := t.exec("UPDATE cloudpay_watermarks SET low = ?, full_at = CASE WHEN ? THEN {now} ELSE full_at END"+
		" WHERE "+ofMerchant+" AND what = ?", append([]any{t.d.at(low), full}, key...)...)
	if err == nil && n == 0 { // the columns that only claims use are set, too
		_, err = t.exec("INSERT INTO cloudpay_watermarks (region, mchid, what, head, low, raised_at, deep_at, full_at)"+
			" VALUES (?, ?, ?, ?, ?, {now}, {now}, {now})"+t.d.ifNew, append(key, t.d.at(low), t.d.at(low))...)
	}
	return err
}

// Prunable counts what Prune would delete and keep, and deletes nothing. It reads all orders that
// ended before the time.
func (s *Store) Prunable(ctx context.Context, p pruning.Selection) (pruning.Count, error) {
	return transact(ctx, s, "counting orders to prune", func(t tx) (found pruning.Count, err error) {
		step := pruner{Selection: p}
		if step.Before.IsZero() {
			var at moment
			if _, err = t.one([]any{&at}, "SELECT {soon}", -max(p.Age, 0).Microseconds()); err != nil {
				return found, err
			}
			step.Before = at.Time
		}
		found.Before = step.Before
		condition, args := step.condition(t.d)
		_, err = t.one([]any{&found.Orders, &found.Kept}, "SELECT COALESCE(SUM(1 - unread), 0), COALESCE(SUM(unread), 0)"+
			" FROM (SELECT CASE WHEN "+isUnread+" THEN 1 ELSE 0 END AS unread FROM cloudpay_orders {ended}"+
			" WHERE "+condition+") AS ended", args...)
		return found, err
	})
}

// tombstone returns what is left of a pruned order; found is false if there is nothing.
func (t tx) tombstone(ref order.Ref) (left schedule.Tombstone, found bool, err error) {
	var ended, pruned moment
	found, err = t.one([]any{&left.FinalState, &left.Generation, &ended, &pruned},
		"SELECT ending, generation, ended_at, pruned_at FROM cloudpay_tombstones WHERE hash = ?", schedule.TombstoneHash(ref))
	left.EndedAt, left.PrunedAt = ended.Time, pruned.Time
	return left, found, err
}

// observePruned is Observe for an order that is not there. One that was pruned keeps its final
// state: another one is told by an event, once, which belongs to no order's row.
func (t tx) observePruned(ref order.Ref, f schedule.Final) (*schedule.ContradictionError, error) {
	left, found, err := t.tombstone(ref)
	if err == nil && !found {
		err = &schedule.NotRegisteredError{Ref: ref}
	}
	if err != nil || left.FinalState == f.State {
		return nil, err
	}
	err = t.emit(left.Record(ref), outbox.EventContradicted, storable(f), "recorded as "+string(left.FinalState))
	return &schedule.ContradictionError{Ref: ref, Had: left.FinalState, Said: f.State}, err
}
