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
			scan: dueEvents, also: " AND seq IS NOT NULL", table: "cloudpay_events", columns: deliveryColumns, read: scanDelivery,
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
