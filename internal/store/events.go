package store

import (
	"context"
	"database/sql"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// eventColumns are an event's columns; scanEvent takes them in this order.
const eventColumns = "event_id, seq, kind, region, mchid, sub_mchid, out_trade_no, owner, occurred_at, ending, trade_state, total, paid_total," +
	" transaction_id, paid_at, reason"

// scanEvent reads an event, and whatever the statement selects after its columns.
func scanEvent(scan scanner, more ...any) (schedule.Event, error) {
	var e schedule.Event
	var id eventID
	var total, paidTotal sql.Null[int64]
	var occurred, paid moment
	err := scan(append([]any{
		&id, &e.ID, &e.Kind, &e.Region, &e.MchID, &e.SubMchID, &e.OutTradeNo, &e.Owner, &occurred, &e.FinalState, &e.TradeState, &total, &paidTotal,
		&e.TransactionID, &paid, &e.Reason,
	}, more...)...)
	e.Total, e.PaidTotal, e.OccurredAt, e.PaidAt = pointer(total), pointer(paidTotal), occurred.Time, paid.Time
	e.EventID = id.of(e)
	return e, err
}

// event is scanEvent for a statement that selects nothing more.
func event(scan scanner) (schedule.Event, error) { return scanEvent(scan) }

// emit writes an event of an order, unless it is written already. It is due to be delivered at
// once.
func (t tx) emit(r schedule.Record, kind schedule.EventKind, f schedule.Final, reason string) error {
	id := schedule.NewEventID(r.Ref, r.Generation, kind, schedule.RoundOf(kind, r, f.State))
	_, err := t.exec("INSERT INTO cloudpay_events (event_id, kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending,"+
		" trade_state, total, paid_total, transaction_id, paid_at, reason, due_at)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, {now}, ?, ?, ?, ?, ?, ?, ?, {now})"+t.d.ifNew,
		id.Bytes(), string(kind), string(r.Region), r.MchID, r.SubMchID, r.OutTradeNo, r.ID, string(r.Owner), string(f.State),
		string(f.TradeState), optional(r.Total), optional(f.Total), f.TransactionID, t.d.at(f.PaidAt), reason)
	return err
}

// Conditions that select events: all of a merchant's, or all of one order's.
const (
	ofMerchant = "region = ? AND mchid = ?"
	ofOrder    = "order_id = (SELECT id FROM cloudpay_orders WHERE " + refIs + ")"
)

// number gives a merchant's new events their numbers (the column seq), up to maxEvents of them. An
// event gets its number when it is first read and not when it is written, because transactions
// commit in another sequence than they were given the values of an auto-increment: a reader that
// has read up to one value would miss a smaller one that is committed later. Here one transaction
// at a time numbers what is committed, so numbers grow and no gap is filled later. more reports
// whether there may be others.
func (s *Store) number(ctx context.Context, of order.Account) (more bool, err error) {
	key := []any{string(of.Region), of.MchID}
	unnumbered, err := transact(ctx, s, "looking for new events", func(t tx) ([]int64, error) { return t.unnumbered(key, 1) })
	if err != nil || len(unnumbered) == 0 {
		return false, err
	}
	return transact(ctx, s, "numbering events", func(t tx) (bool, error) {
		last, err := t.lastNumber(key)
		if err != nil {
			return false, err
		}
		ids, err := t.unnumbered(key, maxEvents)
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

// lastNumber locks the number of a merchant's last event, and inserts it first if need be.
func (t tx) lastNumber(key []any) (last int64, err error) {
	const reading = "SELECT last FROM cloudpay_numbers WHERE " + ofMerchant + " {lock}"
	found, err := t.one([]any{&last}, reading, key...)
	if err == nil && !found {
		if _, err = t.exec("INSERT INTO cloudpay_numbers (region, mchid, last) VALUES (?, ?, 0)"+t.d.ifNew, key...); err == nil {
			_, err = t.one([]any{&last}, reading, key...)
		}
	}
	return last, err
}

// unnumbered returns the row ids of a merchant's new events.
func (t tx) unnumbered(key []any, limit int) ([]int64, error) {
	return query(t, func(scan scanner) (id int64, err error) { return id, scan(&id) },
		"SELECT id FROM cloudpay_events WHERE seq IS NULL AND "+ofMerchant+" ORDER BY occurred_at, id LIMIT ?", append(slices.Clone(key), limit)...)
}

// numbering is one statement for all ids. It contains them as literals: they are row ids, and no
// text from outside.
func numbering(ids []int64, last int64) string {
	var cases, list strings.Builder
	for i, id := range ids {
		n := strconv.FormatInt(id, 10)
		cases.WriteString(" WHEN " + n + " THEN " + strconv.FormatInt(last+int64(i)+1, 10))
		list.WriteString("," + n)
	}
	return "UPDATE cloudpay_events SET seq = CASE id" + cases.String() + " END WHERE id IN (" + list.String()[1:] + ")"
}

// maxEvents bounds one reading of events.
const maxEvents = 1000

// Events returns a merchant's events with an ID above after, in the order of their IDs, up to limit
// and never more than a thousand. A reader that continues from the last ID it has read misses no
// event. An empty result means that there are no newer ones.
func (s *Store) Events(ctx context.Context, of order.Account, after int64, limit int) ([]schedule.Event, error) {
	if _, err := s.number(ctx, of); err != nil {
		return nil, err
	}
	return transact(ctx, s, "reading events", func(t tx) ([]schedule.Event, error) {
		return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE "+ofMerchant+" AND seq > ? ORDER BY seq LIMIT ?",
			string(of.Region), of.MchID, after, min(limit, maxEvents))
	})
}

// History returns the events of one order, in the order of their IDs, up to limit of them; none if
// there are none or the order is not registered. The error is a *schedule.NotRegisteredError for a
// ref that no order can have.
func (s *Store) History(ctx context.Context, ref order.Ref, limit int) ([]schedule.Event, error) {
	if err := registrable(ref); err != nil {
		return nil, err
	}
	for more := true; more; {
		var err error
		if more, err = s.number(ctx, ref.Account()); err != nil {
			return nil, err
		}
	}
	return transact(ctx, s, "reading the events of order "+ref.String(), func(t tx) ([]schedule.Event, error) {
		return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE seq IS NOT NULL AND "+ofOrder+" ORDER BY seq LIMIT ?",
			append(refValues(ref), min(limit, maxEvents))...)
	})
}
