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
func (s *Store) ReceiverFailed(ctx context.Context, of order.Account, reason string, pause time.Duration) error {
	unlock, err := s.begin(ctx, "receiverFailed")
	if err != nil {
		return err
	}
	defer unlock()
	kept, now := s.receivers[of], s.now()
	if kept.since.IsZero() {
		kept.since = now
	}
	kept.opens, kept.lastError = now.Add(pause), oneLine(reason, 300)
	s.receivers[of] = kept
	return nil
}

// ReceiverRecovered records that a delivery was acknowledged after others had failed.
func (s *Store) ReceiverRecovered(ctx context.Context, of order.Account) error {
	unlock, err := s.begin(ctx, "receiverRecovered")
	if err != nil {
		return err
	}
	defer unlock()
	delete(s.receivers, of)
	return nil
}
