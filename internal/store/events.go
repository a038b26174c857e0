package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// eventColumns are an event's columns; scanEvent takes them in this order.
const eventColumns = "event_id, seq, kind, region, mchid, sub_mchid, out_trade_no, owner, occurred_at, ending, trade_state," +
	" total, paid_total, transaction_id, paid_at, reason"

// scanEvent reads an event, and whatever the statement selects after its columns.
func scanEvent(scan scanner, more ...any) (outbox.Event, error) {
	var e outbox.Event
	var id eventID
	var total, paidTotal sql.Null[int64]
	var occurred, paid moment
	err := scan(append([]any{
		&id, &e.Number, &e.Kind, &e.Region, &e.MchID, &e.SubMchID, &e.OutTradeNo, &e.Owner, &occurred, &e.FinalState, &e.TradeState,
		&total, &paidTotal, &e.TransactionID, &paid, &e.Reason,
	}, more...)...)
	e.Total, e.PaidTotal, e.OccurredAt, e.PaidAt = pointer(total), pointer(paidTotal), occurred.Time, paid.Time
	e.EventID = id.of(e)
	return e, err
}

// event is scanEvent for a statement that selects nothing more.
func event(scan scanner) (outbox.Event, error) { return scanEvent(scan) }

// emit writes an event of an order, unless it is written already. It is due to be delivered at
// once.
func (t tx) emit(r schedule.Record, kind outbox.EventKind, f schedule.Final, reason string) error {
	if kind == outbox.EventGaveUp {
		if err := t.nextRound(&r); err != nil {
			return err
		}
	}
	_, err := t.exec("INSERT INTO cloudpay_events ("+emittedColumns+") VALUES "+emittedRow+t.d.ifNew, t.emittedValues(r, kind, f, reason)...)
	return err
}

// nextRound counts the order's round up past those in which it was given up already. Programs of
// the release before reopen an order and leave its round as it is: the next gaveUp would have the
// ID of the last one and not be written.
func (t tx) nextRound(r *schedule.Record) error {
	was := r.Round
	for ; ; r.Round++ {
		var id int64
		told, err := t.one([]any{&id}, "SELECT id FROM cloudpay_events WHERE event_id = ?",
			outbox.NewEventID(r.Ref, r.Generation, outbox.EventGaveUp, r.Round).Bytes())
		if err != nil {
			return err
		}
		if !told {
			break
		}
	}
	if r.Round == was {
		return nil
	}
	_, err := t.exec("UPDATE cloudpay_orders SET round = ? WHERE id = ?", r.Round, r.ID)
	return err
}

// emittedColumns are the columns of a new event, emittedItems what they get, and emittedRow its
// row; emittedValues returns the arguments.
const (
	emittedColumns = "event_id, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending, trade_state," +
		" total, paid_total, transaction_id, paid_at, reason, due_at"
	emittedItems = "?, ?, ?, ?, ?, ?, ?, ?, {now}, ?, ?, ?, ?, ?, ?, ?, {now}"
	emittedRow   = "(" + emittedItems + ")"
)

func (t tx) emittedValues(r schedule.Record, kind outbox.EventKind, f schedule.Final, reason string) []any {
	return []any{
		eventIDOf(r, kind, f).Bytes(), string(kind), string(r.Region), r.MchID, r.SubMchID, r.OutTradeNo, r.ID, string(r.Owner),
		string(f.State), string(f.TradeState), optional(r.Total), optional(f.Total), f.TransactionID, t.d.at(f.PaidAt), reason,
	}
}

// eventIDOf is the ID of an order's event.
func eventIDOf(r schedule.Record, kind outbox.EventKind, f schedule.Final) outbox.EventID {
	return outbox.NewEventID(r.Ref, r.Generation, kind, kind.Round(r, f))
}

// Conditions that select events: all of a merchant's, or all of one order's. What happens to orders
// that were pruned before belongs to row 0.
const (
	ofMerchant  = "region = ? AND mchid = ?"
	ofOrder     = "order_id = (SELECT id FROM cloudpay_orders WHERE " + refIs + ")"
	ofOrderEver = "order_id = COALESCE((SELECT id FROM cloudpay_orders WHERE " + refIs + "), 0) AND " + refIs
)

// ofSelection is the condition for the events of a Selection, and its arguments.
func ofSelection(of outbox.Selection) (condition string, args []any) {
	condition, args = ofMerchant, []any{string(of.Region), of.MchID}
	if of.SubMchID != "" {
		condition, args = condition+" AND sub_mchid = ?", append(args, of.SubMchID)
	}
	return condition, args
}

// number gives a merchant's new events their numbers (the column seq), up to maxEvents of them. An
// event gets its number when it is first read and not when it is written, because transactions
// commit in another sequence than they were given the values of an auto-increment: a reader that
// has read up to one value would miss a smaller one that is committed later. Here one transaction
// at a time numbers what is committed, so numbers grow and no gap is filled later. more reports
// whether there may be others.
func (s *Store) number(ctx context.Context, of order.Account) (more bool, err error) {
	if err := s.survey(ctx, of, newEvents); err != nil {
		return false, err
	}
	key := []any{string(of.Region), of.MchID}
	unnumbered, err := transact(ctx, s, "looking for new events", func(t tx) ([]int64, error) { return t.unnumbered(of, 1) })
	if err != nil || len(unnumbered) == 0 {
		return false, err
	}
	return transact(ctx, s, "numbering events", func(t tx) (bool, error) {
		last, err := t.lastNumber(key)
		if err != nil {
			return false, err
		}
		ids, err := t.unnumbered(of, maxEvents)
		if err != nil || len(ids) == 0 {
			return false, err
		}
		if _, err := t.exec(numbering(ids, last)); err != nil {
			return false, err
		}
		_, err = t.exec("UPDATE cloudpay_numbers SET last = ? WHERE "+ofMerchant, append([]any{last + int64(len(ids))}, key...)...)
		return len(ids) == maxEvents, err
	})
}

// lastNumber locks the number of a merchant's last event, and inserts it first if need be. The lock
// is an update, which keeps others off on any engine.
func (t tx) lastNumber(key []any) (last int64, err error) {
	const locking = "UPDATE cloudpay_numbers SET last = last WHERE " + ofMerchant
	n, err := t.exec(locking, key...)
	if err == nil && n == 0 {
		if _, err = t.exec("INSERT INTO cloudpay_numbers (region, mchid, last) VALUES (?, ?, 0)"+t.d.ifNew, key...); err == nil {
			_, err = t.exec(locking, key...)
		}
	}
	if err != nil {
		return 0, err
	}
	// A program of the release before numbers too if a person puts its counter back, as its error
	// says. Its numbers are not in the row.
	var given int64
	_, err = t.one([]any{&last, &given}, "SELECT last, COALESCE((SELECT MAX(seq) FROM cloudpay_events WHERE "+ofMerchant+
		"), 0) FROM cloudpay_numbers WHERE "+ofMerchant, slices.Concat(key, key)...)
	return max(last, given), err
}

// unnumbered returns the row ids of a merchant's new events.
func (t tx) unnumbered(of order.Account, limit int) ([]int64, error) {
	m, err := t.watermark(scanKey(of, newEvents))
	if err != nil {
		return nil, err
	}
	return query(t, rowID, "SELECT id FROM "+newEvents.table+" WHERE "+newEvents.rows+
		" AND "+newEvents.at+" >= ? ORDER BY "+newEvents.at+" LIMIT ?",
		string(of.Region), of.MchID, t.d.at(m.from()), limit)
}

// numbering is one statement for all ids.
func numbering(ids []int64, last int64) string {
	seq := cases{key: "id"}
	for i, id := range ids {
		seq.when(id, strconv.FormatInt(last+int64(i)+1, 10))
	}
	return "UPDATE cloudpay_events SET seq = " + seq.otherwise("seq") + " WHERE id IN (" + literals(ids) + ")"
}

// maxEvents bounds one reading of events.
const maxEvents = 1000

// Events returns a merchant's events behind a cursor, in the order of their numbers, up to limit
// and never more than a thousand. A reader that continues from the last event it has read misses
// none. An empty result means that there are no newer ones. The error is a *schedule.WentBackError
// if the event that the cursor names is not the one that was read, or if its number was not given
// out.
func (s *Store) Events(ctx context.Context, of order.Account, after outbox.Cursor, limit int) ([]outbox.Event, error) {
	if _, err := s.number(ctx, of); err != nil {
		return nil, err
	}
	limit = min(limit, maxEvents)
	return transact(ctx, s, "reading events", func(t tx) ([]outbox.Event, error) {
		found, err := query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE "+ofMerchant+" AND seq >= ? ORDER BY seq LIMIT ?",
			string(of.Region), of.MchID, after.Number, limit+1)
		switch {
		case err != nil:
			return nil, err
		case len(found) > 0 && found[0].Number == after.Number:
			if !after.Names(found[0]) {
				return nil, &schedule.WentBackError{Of: of, Number: after.Number}
			}
			return found[1:], nil
		case after.Number > 0: // the event was pruned, or the number not given out
			if err := t.givenOut(of, after); err != nil {
				return nil, err
			}
		}
		return found[:min(limit, len(found))], nil
	})
}

// givenOut returns a *schedule.WentBackError if the merchant's numbers are below the cursor's.
func (t tx) givenOut(of order.Account, after outbox.Cursor) error {
	var last int64 // 0: the merchant has no event
	_, err := t.one([]any{&last}, "SELECT last FROM cloudpay_numbers WHERE "+ofMerchant, string(of.Region), of.MchID)
	if err == nil && last < after.Number {
		err = &schedule.WentBackError{Of: of, Number: after.Number}
	}
	return err
}

// History returns the events of one order, in the order of their numbers, up to limit of them; none
// if there are none or the order is not registered. The error is a *schedule.NotRegisteredError for
// a ref that no order can have.
func (s *Store) History(ctx context.Context, ref order.Ref, limit int) ([]outbox.Event, error) {
	if err := registrable(ref); err != nil {
		return nil, err
	}
	for more := true; more; {
		var err error
		if more, err = s.number(ctx, ref.Account()); err != nil {
			return nil, err
		}
	}
	return transact(ctx, s, "reading the events of order "+ref.String(), func(t tx) ([]outbox.Event, error) {
		return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE seq IS NOT NULL AND "+ofOrderEver+" ORDER BY seq LIMIT ?",
			append(append(refValues(ref), refValues(ref)...), min(limit, maxEvents))...)
	})
}
