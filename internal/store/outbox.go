package store

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// ClaimDeliveries leases up to limit events of a merchant that are due to be delivered, the longest
// due first. An event is due from the time it is written, and again when a lease expires without a
// result. So a delivery that outlives its lease may be made twice; the receiver recognises the
// event by its ID.
func (s *Store) ClaimDeliveries(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Delivery, error) {
	if _, err := s.number(ctx, of); err != nil {
		return nil, err
	}
	if err := s.survey(ctx, of, dueEvents); err != nil {
		return nil, err
	}
	token := newToken()
	var deliveries []schedule.Delivery
	var first int64
	return transact(ctx, s, "claiming events to deliver", func(t tx) ([]schedule.Delivery, error) {
		if len(deliveries) > 0 { // as in claim
			if mine, err := t.mine("cloudpay_events", first, token); mine || err != nil {
				return deliveries, err
			}
		}
		taken, err := leasing[schedule.Delivery]{
			scan: dueEvents, also: " AND seq IS NOT NULL", table: "cloudpay_events", columns: deliveryColumns, read: scanDelivery,
			assignments: "due_at = {soon}, attempts = attempts + 1",
			args:        []any{lease.Microseconds()},
			free:        "due_at <= {now}",
		}.take(t, of, min(limit, maxEvents), token)
		deliveries = make([]schedule.Delivery, len(taken))
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
func scanDelivery(scan scanner, more ...any) (d schedule.Delivery, err error) {
	d.Event, err = scanEvent(scan, append([]any{&d.Attempts, &d.LastError}, more...)...)
	return d, err
}

// DeadLetters lists a merchant's dead letters with an ID above after, up to limit of them and never
// more than a thousand.
func (s *Store) DeadLetters(ctx context.Context, of order.Account, after int64, limit int) ([]schedule.Delivery, error) {
	return transact(ctx, s, "listing undeliverable events", func(t tx) ([]schedule.Delivery, error) {
		return query(t, func(scan scanner) (schedule.Delivery, error) { return scanDelivery(scan) }, "SELECT "+deliveryColumns+
			" FROM cloudpay_events WHERE "+ofMerchant+" AND dead_at IS NOT NULL AND seq > ? ORDER BY seq LIMIT ?",
			string(of.Region), of.MchID, after, min(limit, maxEvents))
	})
}
