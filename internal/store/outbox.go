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

// Delivered records that an event was delivered; it is not delivered again. The error is a
// *schedule.LostClaimError if the event was claimed again since. Repeating a write under a lease
// changes nothing.
func (s *Store) Delivered(ctx context.Context, p schedule.Delivery) error {
	return s.post(ctx, p, "recording a delivery", "delivered_at = {now}, due_at = NULL, last_error = ''")
}

// Redeliver records a failed delivery and when the event is due again. Its error is as Delivered's.
func (s *Store) Redeliver(ctx context.Context, p schedule.Delivery, after time.Duration, reason string) error {
	return s.post(ctx, p, "putting off a delivery", "due_at = {soon}, last_error = ?", max(after, 0).Microseconds(), line(reason, maxReason))
}

// DeadLetter records a failed delivery that is not tried again until Requeue. Its error is as
// Delivered's.
func (s *Store) DeadLetter(ctx context.Context, p schedule.Delivery, reason string) error {
	return s.post(ctx, p, "giving up a delivery", "dead_at = {now}, due_at = NULL, last_error = ?", line(reason, maxReason))
}

// post updates an event under its lease.
func (s *Store) post(ctx context.Context, p schedule.Delivery, doing, assignments string, args ...any) error {
	return s.do(ctx, doing, func(t tx) error {
		n, err := t.exec("UPDATE cloudpay_events SET "+assignments+" WHERE "+ofMerchant+" AND seq = ? AND token = ?",
			append(args, string(p.Region), p.MchID, p.Number, p.Token)...)
		if err == nil && n == 0 {
			err = &schedule.LostClaimError{Ref: p.Ref}
		}
		return err
	})
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

// Requeue makes a dead letter due at once, and counts its attempts anew. It returns false if the
// merchant has no dead letter with this ID.
func (s *Store) Requeue(ctx context.Context, of order.Account, id int64) (requeued bool, err error) {
	return transact(ctx, s, "requeueing an event", func(t tx) (bool, error) {
		n, err := t.exec("UPDATE cloudpay_events SET dead_at = NULL, due_at = {now}, attempts = 0, token = NULL"+
			" WHERE "+ofMerchant+" AND seq = ? AND dead_at IS NOT NULL", string(of.Region), of.MchID, id)
		return n > 0, err
	})
}
