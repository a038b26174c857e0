package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// ClaimDeliveries leases up to limit events of a merchant that are due to be delivered, the longest
// due first. An event is due from the time it is written, and again when a lease expires without a
// result. So a delivery that outlives its lease may be made twice; the receiver recognises the
// event by its ID.
func (s *Store) ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error) {
	return s.claimDeliveries(ctx, of, limit, lease, "")
}

// ClaimNewestDeliveries is ClaimDeliveries for the other end of the queue: of the thousand events
// that became due last, those with the fewest attempts, the newest first. They are the least likely
// to have been refused before.
func (s *Store) ClaimNewestDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]outbox.Delivery, error) {
	return s.claimDeliveries(ctx, of, limit, lease, newestDue)
}

// newestDue selects the events of ClaimNewestDeliveries. An event that was given back is due since
// then, so that the number says which is newer. Nothing is locked: the thousand would be.
var newestDue = "SELECT id AS due_id, due_at AS was_due FROM (SELECT id, due_at, attempts, seq FROM " + dueEvents.table +
	" WHERE " + dueEvents.rows + deliverable + " AND due_at >= ? AND due_at <= {now} ORDER BY due_at DESC LIMIT 1000) AS newest" +
	" ORDER BY attempts, seq DESC LIMIT ?"

// deliverable narrows due events to those that have a number.
const deliverable = " AND seq IS NOT NULL"

func (s *Store) claimDeliveries(
	ctx context.Context, of order.Account, limit int, lease time.Duration, due string,
) ([]outbox.Delivery, error) {
	if _, err := s.number(ctx, of); err != nil {
		return nil, err
	}
	if err := s.survey(ctx, of, dueEvents); err != nil {
		return nil, err
	}
	token := newToken()
	var deliveries []outbox.Delivery
	var first int64
	return transact(ctx, s, "claiming events to deliver", func(t tx) ([]outbox.Delivery, error) {
		if len(deliveries) > 0 { // as in claim
			if mine, err := t.mine("cloudpay_events", first, token); mine || err != nil {
				return deliveries, err
			}
		}
		taken, err := leasing[outbox.Delivery]{
			scan: dueEvents, also: deliverable, due: due, table: "cloudpay_events", columns: deliveryColumns, read: scanDelivery,
			assignments: "due_at = {soon}, attempts = attempts + 1",
			args:        []any{lease.Microseconds()},
			free:        "due_at <= {now}",
		}.take(t, of, min(limit, maxEvents), token)
		deliveries = make([]outbox.Delivery, len(taken))
		for i, row := range taken {
			deliveries[i], first = row.row, taken[0].id
			deliveries[i].Token = token
		}
		return deliveries, err
	})
}

// deliveryColumns are a delivery's columns; scanDelivery takes them in this order.
const deliveryColumns = eventColumns + ", attempts, last_error"

// scanDelivery reads a delivery without its token, and whatever the statement selects after its
// columns.
func scanDelivery(scan scanner, more ...any) (d outbox.Delivery, err error) {
	d.Event, err = scanEvent(scan, append([]any{&d.Attempts, &d.LastError}, more...)...)
	return d, err
}

// DeadLetters lists dead letters with a number above after, up to limit of them and never more than
// a thousand.
func (s *Store) DeadLetters(ctx context.Context, of outbox.Selection, after int64, limit int) ([]outbox.Delivery, error) {
	return transact(ctx, s, "listing undeliverable events", func(t tx) ([]outbox.Delivery, error) {
		selected, args := ofSelection(of)
		return query(t, func(scan scanner) (outbox.Delivery, error) { return scanDelivery(scan) }, "SELECT "+deliveryColumns+
			" FROM cloudpay_events WHERE "+selected+" AND dead_at IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
			append(args, after, min(limit, maxEvents))...)
	})
}
