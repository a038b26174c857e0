package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// eventColumns are an event's columns; scanEvent takes them in this order.
const eventColumns = "seq, kind, region, mchid, sub_mchid, out_trade_no, owner, occurred_at, ending, trade_state, total, paid_total," +
	" transaction_id, paid_at, reason"

// scanEvent reads an event, and whatever the statement selects after its columns.
func scanEvent(scan scanner, more ...any) (schedule.Event, error) {
	var e schedule.Event
	var total, paidTotal sql.Null[int64]
	var occurred, paid moment
	err := scan(append([]any{
		&e.ID, &e.Kind, &e.Region, &e.MchID, &e.SubMchID, &e.OutTradeNo, &e.Owner, &occurred, &e.FinalState, &e.TradeState, &total, &paidTotal,
		&e.TransactionID, &paid, &e.Reason,
	}, more...)...)
	e.Total, e.PaidTotal, e.OccurredAt, e.PaidAt = pointer(total), pointer(paidTotal), occurred.Time, paid.Time
	return e, err
}

// event is scanEvent for a statement that selects nothing more.
func event(scan scanner) (schedule.Event, error) { return scanEvent(scan) }

// emit writes an event of an order. It is due to be delivered at once.
func (t tx) emit(r schedule.Record, kind schedule.EventKind, f schedule.Final, reason string) error {
	_, err := t.exec("INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending,"+
		" trade_state, total, paid_total, transaction_id, paid_at, reason, due_at)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, {now}, ?, ?, ?, ?, ?, ?, ?, {now})",
		string(kind), string(r.Region), r.MchID, r.SubMchID, r.OutTradeNo, r.ID, string(r.Owner), string(f.State),
		string(f.TradeState), optional(r.Total), optional(f.Total), f.TransactionID, t.d.at(f.PaidAt), reason)
	return err
}

// Conditions that select events: all of a merchant's, or all of one order's.
const (
	ofMerchant = "region = ? AND mchid = ?"
	ofOrder    = "order_id = (SELECT id FROM cloudpay_orders WHERE " + refIs + ")"
)

// number gives the new events for which the condition holds their IDs (the column seq), up to
// maxEvents of them. An event gets its ID when it is first read and not when it is written, because
// transactions commit in another sequence than they were given the values of an auto-increment: a
// reader that has read up to one value would miss a smaller one that is committed later. Here one
// transaction at a time numbers what is committed, so IDs grow and no gap is filled later. Only the
// events that are asked for are numbered, so that no reader waits for another merchant's backlog.
func (s *Store) number(ctx context.Context, condition string, args ...any) error {
	unnumbered, err := transact(ctx, s, "looking for new events", func(t tx) ([]int64, error) {
		return t.unnumbered(1, condition, args...)
	})
	if err != nil || len(unnumbered) == 0 {
		return err
	}
	return s.do(ctx, "numbering events", func(t tx) error {
		var last int64
		if found, err := t.one([]any{&last}, "SELECT value FROM cloudpay_counters WHERE name = 'events' {lock}"); err != nil {
			return err
		} else if !found {
			return errors.New("the row 'events' of cloudpay_counters is gone: put it back with the highest seq of cloudpay_events")
		}
		ids, err := t.unnumbered(maxEvents, condition, args...)
		if err != nil || len(ids) == 0 {
			return err
		}
		if _, err := t.exec(numbering(ids, last)); err != nil {
			return err
		}
		_, err = t.exec("UPDATE cloudpay_counters SET value = ? WHERE name = 'events'", last+int64(len(ids)))
		return err
	})
}

// unnumbered returns the row ids of new events.
func (t tx) unnumbered(limit int, condition string, args ...any) ([]int64, error) {
	return query(t, func(scan scanner) (id int64, err error) { return id, scan(&id) },
		"SELECT id FROM cloudpay_events WHERE seq IS NULL AND "+condition+" ORDER BY id LIMIT ?", append(slices.Clone(args), limit)...)
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
	if err := s.number(ctx, ofMerchant, string(of.Region), of.MchID); err != nil {
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
	if err := s.number(ctx, ofOrder, refValues(ref)...); err != nil {
		return nil, err
	}
	return transact(ctx, s, "reading the events of order "+ref.String(), func(t tx) ([]schedule.Event, error) {
		return query(t, event, "SELECT "+eventColumns+" FROM cloudpay_events WHERE seq IS NOT NULL AND "+ofOrder+" ORDER BY seq LIMIT ?",
			append(refValues(ref), min(limit, maxEvents))...)
	})
}
