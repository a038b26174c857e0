package fakestore

import (
	"context"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// receiver is what is kept of a merchant's receiver.
type receiver struct {
	since, opens time.Time
	lastError    string
}

// Receiver returns what is kept of the receiver of a merchant's events.
func (s *Store) Receiver(ctx context.Context, of order.Account) (outbox.Receiver, error) {
	unlock, err := s.begin(ctx, "receiver")
	if err != nil {
		return outbox.Receiver{}, err
	}
	defer unlock()
	kept, now := s.receivers[of], s.now()
	r := outbox.Receiver{FailingSince: kept.since, LastError: kept.lastError, Pause: max(kept.opens.Sub(now), 0)}
	if !kept.since.IsZero() {
		r.Failing = now.Sub(kept.since)
	}
	return r, nil
}

// ReceiverFailed records that a delivery failed.
func (s *Store) ReceiverFailed(ctx context.Context, of order.Account, reason string) error {
	return s.setReceiver(ctx, "receiverFailed", of, func(r *receiver) {
		if r.since.IsZero() {
			r.since = s.now()
		}
		r.lastError = oneLine(reason, 300)
	})
}

// ReceiverRecovered records that a delivery was acknowledged after others had failed.
func (s *Store) ReceiverRecovered(ctx context.Context, of order.Account) error {
	return s.setReceiver(ctx, "receiverRecovered", of, func(r *receiver) { r.since, r.lastError = time.Time{}, "" })
}

// PauseReceiver records for how long the receiver wants no deliveries.
func (s *Store) PauseReceiver(ctx context.Context, of order.Account, pause time.Duration) error {
	return s.setReceiver(ctx, "pauseReceiver", of, func(r *receiver) {
		if opens := s.now().Add(pause); opens.After(r.opens) {
			r.opens = opens
		}
	})
}

func (s *Store) setReceiver(ctx context.Context, op string, of order.Account, change func(*receiver)) error {
	unlock, err := s.begin(ctx, op)
	if err != nil {
		return err
	}
	defer unlock()
	kept := s.receivers[of]
	change(&kept)
	s.receivers[of] = kept
	return nil
}
