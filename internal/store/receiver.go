package store

import (
	"context"
	"slices"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// Receiver returns what is kept of the receiver of a merchant's events; the zero Receiver if none
// of its deliveries failed and it asked for no pause.
func (s *Store) Receiver(ctx context.Context, of order.Account) (outbox.Receiver, error) {
	return transact(ctx, s, "reading how the receiver does", func(t tx) (r outbox.Receiver, err error) {
		var since, opens, now moment
		_, err = t.one([]any{&since, &opens, &r.LastError, &now},
			"SELECT failing_since, opens_at, last_error, {now} FROM cloudpay_receivers WHERE "+ofMerchant, string(of.Region), of.MchID)
		if r.FailingSince = since.Time; !r.FailingSince.IsZero() {
			r.Failing = now.Sub(r.FailingSince)
		}
		if !opens.IsZero() {
			r.Pause = max(opens.Sub(now.Time), 0)
		}
		return r, err
	})
}

// ReceiverFailed records that a delivery failed. It keeps since when deliveries fail.
func (s *Store) ReceiverFailed(ctx context.Context, of order.Account, reason string) error {
	return s.setReceiver(ctx, of, "failing_since = COALESCE(failing_since, {now}), last_error = ?", line(reason, maxReason))
}

// ReceiverRecovered records that a delivery was acknowledged after others had failed. A pause is
// kept: the delivery may have begun before the receiver asked for it.
func (s *Store) ReceiverRecovered(ctx context.Context, of order.Account) error {
	return s.setReceiver(ctx, of, "failing_since = NULL, last_error = ''")
}

// PauseReceiver records for how long the receiver wants no deliveries. A longer pause that was
// recorded before stays. Requeue ends it.
func (s *Store) PauseReceiver(ctx context.Context, of order.Account, pause time.Duration) error {
	return s.setReceiver(ctx, of, "opens_at = CASE WHEN opens_at > {soon} THEN opens_at ELSE {soon} END",
		pause.Microseconds(), pause.Microseconds())
}

// setReceiver changes a merchant's row. It inserts the first, unless another process does.
func (s *Store) setReceiver(ctx context.Context, of order.Account, assignments string, args ...any) error {
	key := []any{string(of.Region), of.MchID}
	return s.do(ctx, "recording how the receiver does", func(t tx) error {
		set := func() (int64, error) {
			return t.exec("UPDATE cloudpay_receivers SET "+assignments+" WHERE "+ofMerchant, slices.Concat(args, key)...)
		}
		n, err := set()
		if err != nil || n > 0 {
			return err
		}
		_, err = t.exec("INSERT INTO cloudpay_receivers (region, mchid, last_error) VALUES (?, ?, '')"+t.d.ifNew, key...)
		if err == nil {
			_, err = set()
		}
		return err
	})
}

// Waiting counts a merchant's events that are still to be delivered, at most so many.
func (s *Store) Waiting(ctx context.Context, of order.Account, most int) (int, error) {
	return transact(ctx, s, "counting events to deliver", func(t tx) (n int, err error) {
		_, err = t.one([]any{&n}, "SELECT COUNT(*) FROM (SELECT id FROM cloudpay_events"+
			" WHERE "+ofMerchant+" AND due_at IS NOT NULL LIMIT ?) AS waiting",
			string(of.Region), of.MchID, most)
		return n, err
	})
}

// Pending lists events that are still to be delivered, those that are due first at the front, up to
// limit of them and never more than a thousand.
func (s *Store) Pending(ctx context.Context, of outbox.Selection, limit int) ([]outbox.Delivery, error) {
	if _, err := s.number(ctx, of.Account); err != nil {
		return nil, err
	}
	return transact(ctx, s, "listing events to deliver", func(t tx) ([]outbox.Delivery, error) {
		selected, args := ofSelection(of)
		return query(t, func(scan scanner) (p outbox.Delivery, err error) {
			var due, now moment
			p, err = scanDelivery(scan, &due, &now)
			p.DueAt, p.Age = due.Time, now.Sub(p.OccurredAt)
			return p, err
		}, "SELECT "+deliveryColumns+", due_at, {now} FROM cloudpay_events"+
			" WHERE "+selected+" AND due_at IS NOT NULL AND seq IS NOT NULL ORDER BY due_at LIMIT ?",
			append(args, min(limit, maxEvents))...)
	})
}

// Newest lists a merchant's events with a number below before, or the newest if that is 0, whatever
// became of them: the newest first, up to limit and never more than a thousand. Their Age is set.
func (s *Store) Newest(ctx context.Context, of outbox.Selection, before int64, limit int) ([]outbox.Delivery, error) {
	if _, err := s.number(ctx, of.Account); err != nil {
		return nil, err
	}
	if before == 0 {
		before = 1 << 62 // above every number
	}
	return transact(ctx, s, "reading events", func(t tx) ([]outbox.Delivery, error) {
		selected, args := ofSelection(of)
		return query(t, func(scan scanner) (d outbox.Delivery, err error) {
			var due, delivered, dead, now moment
			d, err = scanDelivery(scan, &due, &delivered, &dead, &now)
			d.DueAt, d.DeliveredAt, d.DeadAt, d.Age = due.Time, delivered.Time, dead.Time, now.Sub(d.OccurredAt)
			return d, err
		}, "SELECT "+deliveryColumns+", due_at, delivered_at, dead_at, {now} FROM cloudpay_events"+
			" WHERE "+selected+" AND seq < ? ORDER BY seq DESC LIMIT ?", append(args, before, min(limit, maxEvents))...)
	})
}
