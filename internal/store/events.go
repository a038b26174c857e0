package store

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const eventColumns = "seq, kind, region, mchid, sub_mchid, out_trade_no, owner, occurred_at, ending, trade_state, total, paid_total," +
	" transaction_id, paid_at, reason"

func scanEvent(scan func(...any) error, more ...any) (schedule.Event, error) {
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

// tell writes an event about an order, due to be delivered at once.
func (t tx) tell(s schedule.Record, kind schedule.EventKind, f schedule.Final, reason string) error {
	_, err := t.exec("INSERT INTO cloudpay_events (kind, region, mchid, sub_mchid, out_trade_no, order_id, owner, occurred_at, ending,"+
		" trade_state, total, paid_total, transaction_id, paid_at, reason, due_at)"+
		" VALUES (?, ?, ?, ?, ?, ?, ?, {now}, ?, ?, ?, ?, ?, ?, ?, {now})",
		string(kind), string(s.Region), s.MchID, s.SubMchID, s.OutTradeNo, s.ID, string(s.Owner), string(f.State),
		string(f.TradeState), optional(s.Total), optional(f.Total), f.TransactionID, t.d.at(f.PaidAt), reason)
	return err
}

// ofMerchant is the condition of number for all events of a merchant's.
const ofMerchant = "region = ? AND mchid = ?"

// number gives numbers to those new events for which the condition holds, up to a chunk of them: only to those whose reader
// asks, so that nobody waits for the events of another, which perhaps nobody reads. An event's number is not made with it, for
// transactions are not committed in the order of the ids they were given: who reads up to one would miss those before it that
// come later. Here one transaction at a time numbers what is committed, so that numbers grow without a gap that could still be
// filled.
func (s *Store) number(ctx context.Context, condition string, args ...any) error {
	var unnumbered int64
	err := s.do(ctx, "looking for new events", func(t tx) error {
		_, err := t.one([]any{&unnumbered}, "SELECT id FROM cloudpay_events WHERE seq IS NULL AND "+condition+
			" ORDER BY id LIMIT 1", args...)
		return err
	})
	if err != nil || unnumbered == 0 {
		return err
	}
	return s.do(ctx, "numbering events", func(t tx) error {
		var last int64
		if found, err := t.one([]any{&last}, "SELECT value FROM cloudpay_counters WHERE name = 'events' {lock}"); err != nil {
			return err
		} else if !found {
			return errors.New("the row 'events' of cloudpay_counters is gone: put it back with the highest seq of cloudpay_events")
		}
		ids, err := t.unnumbered(condition, args...)
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

func (t tx) unnumbered(condition string, args ...any) ([]int64, error) {
	var ids []int64
	err := t.each(func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	}, "SELECT id FROM cloudpay_events WHERE seq IS NULL AND "+condition+" ORDER BY id LIMIT ?", append(slices.Clone(args), maxEvents)...)
	return ids, err
}

// numbering is one statement for all ids; they are numbers of ours, and stand in it as they are.
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

// Events returns a merchant's events with an ID above after, in order, up to limit of them (and never more than a thousand).
// Whoever keeps the last ID that it has dealt with misses none. None at all means that there are no newer ones.
func (s *Store) Events(ctx context.Context, of order.Account, after int64, limit int) ([]schedule.Event, error) {
	if err := s.number(ctx, ofMerchant, string(of.Region), of.MchID); err != nil {
		return nil, err
	}
	var events []schedule.Event
	err := s.do(ctx, "reading events", func(t tx) error {
		events = nil
		return t.each(func(scan func(...any) error) error {
			e, err := scanEvent(scan)
			events = append(events, e)
			return err
		}, "SELECT "+eventColumns+" FROM cloudpay_events WHERE region = ? AND mchid = ? AND seq > ? ORDER BY seq LIMIT ?",
			string(of.Region), of.MchID, after, min(limit, maxEvents))
	})
	return events, err
}

// ClaimDeliveries takes up to limit events of a merchant's that are due to be delivered, for as long as the lease, the longest due
// first. An event is due from its beginning, and again when the lease runs out without a word: it may be delivered twice, by
// one who was too slow to say so, and the receiver tells by its ID.
func (s *Store) ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Delivery, error) {
	if err := s.number(ctx, ofMerchant, string(of.Region), of.MchID); err != nil {
		return nil, err
	}
	token := newToken()
	var postings []schedule.Delivery
	var first int64 // the id of the first of them
	err := s.do(ctx, "claiming events to deliver", func(t tx) error {
		if len(postings) > 0 { // as with Claim
			if mine, err := t.mine("cloudpay_events", first, token); mine || err != nil {
				return err
			}
		}
		postings = nil
		args := []any{token, lease.Microseconds()}
		err := t.each(func(scan func(...any) error) error {
			p := schedule.Delivery{Token: token}
			var id int64
			var err error
			p.Event, err = scanEvent(scan, &id, &p.Attempts, &p.LastError)
			p.Attempts++
			if len(postings) == 0 {
				first = id
			}
			postings, args = append(postings, p), append(args, id)
			return err
		}, "SELECT "+eventColumns+", id, attempts, last_error FROM cloudpay_events"+
			" WHERE region = ? AND mchid = ? AND due_at <= {now} AND seq IS NOT NULL ORDER BY due_at LIMIT ? {skip}",
			string(of.Region), of.MchID, min(limit, maxEvents))
		if err != nil || len(postings) == 0 {
			return err
		}
		_, err = t.exec("UPDATE cloudpay_events SET token = ?, due_at = {soon}, attempts = attempts + 1 WHERE id IN ("+
			marks(len(postings))+")", args...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return postings, nil
}

// Delivered records that an event was delivered, so that it is not delivered again. It is an *order.LostClaimError when
// somebody else has taken the event since.
func (s *Store) Delivered(ctx context.Context, p schedule.Delivery) error {
	return s.post(ctx, p, "recording a delivery", "delivered_at = {now}, due_at = NULL, last_error = ''")
}

// Redeliver records that an event could not be delivered, and when it is due again; otherwise as Delivered.
func (s *Store) Redeliver(ctx context.Context, p schedule.Delivery, after time.Duration, reason string) error {
	return s.post(ctx, p, "putting off a delivery", "due_at = {soon}, last_error = ?", max(after, 0).Microseconds(), line(reason, maxReason))
}

// DeadLetter records that an event could not be delivered and will not be tried again, until Requeue; otherwise as Delivered.
func (s *Store) DeadLetter(ctx context.Context, p schedule.Delivery, reason string) error {
	return s.post(ctx, p, "giving up a delivery", "dead_at = {now}, due_at = NULL, last_error = ?", line(reason, maxReason))
}

// post writes to an event under its lease. What was written before, and lost its commit, may be written again.
func (s *Store) post(ctx context.Context, p schedule.Delivery, doing, assignments string, args ...any) error {
	return s.do(ctx, doing, func(t tx) error {
		n, err := t.exec("UPDATE cloudpay_events SET "+assignments+" WHERE seq = ? AND token = ?", append(args, p.ID, p.Token)...)
		if err == nil && n == 0 {
			err = &schedule.LostClaimError{Ref: p.Ref}
		}
		return err
	})
}

// DeadLetters lists a merchant's events that were given up, with an ID above after, up to limit of them.
func (s *Store) DeadLetters(ctx context.Context, of order.Account, after int64, limit int) ([]schedule.Delivery, error) {
	var postings []schedule.Delivery
	err := s.do(ctx, "listing undeliverable events", func(t tx) error {
		postings = nil
		return t.each(func(scan func(...any) error) error {
			var p schedule.Delivery
			var err error
			p.Event, err = scanEvent(scan, &p.Attempts, &p.LastError)
			postings = append(postings, p)
			return err
		}, "SELECT "+eventColumns+", attempts, last_error FROM cloudpay_events"+
			" WHERE region = ? AND mchid = ? AND dead_at IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
			string(of.Region), of.MchID, after, min(limit, maxEvents))
	})
	return postings, err
}

// Requeue has an event delivered again that was given up: it is due at once. False means that there is no such dead event.
func (s *Store) Requeue(ctx context.Context, of order.Account, id int64) (requeued bool, err error) {
	err = s.do(ctx, "requeueing an event", func(t tx) error {
		n, err := t.exec("UPDATE cloudpay_events SET dead_at = NULL, due_at = {now}, attempts = 0, token = NULL"+
			" WHERE region = ? AND mchid = ? AND seq = ? AND dead_at IS NOT NULL", string(of.Region), of.MchID, id)
		requeued = n > 0
		return err
	})
	return requeued, err
}
