package store

import (
	"context"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// ofOrder is the condition for all events of one order.
const ofOrder = "order_id = (SELECT id FROM cloudpay_orders WHERE " + refIs + ")"

// History returns what was told of one order, in order, up to limit events; none when nothing was, or the order is not
// registered. What can be no order's name is an *order.NotRegisteredError.
func (s *Store) History(ctx context.Context, ref order.Ref, limit int) ([]schedule.Event, error) {
	if err := registrable(ref); err != nil {
		return nil, err
	}
	if err := s.number(ctx, ofOrder, refValues(ref)...); err != nil {
		return nil, err
	}
	var events []schedule.Event
	err := s.do(ctx, "reading the events of order "+ref.String(), func(t tx) error {
		events = nil
		return t.each(func(scan func(...any) error) error {
			e, err := scanEvent(scan)
			events = append(events, e)
			return err
		}, "SELECT "+eventColumns+" FROM cloudpay_events WHERE seq IS NOT NULL AND "+ofOrder+" ORDER BY seq LIMIT ?",
			append(refValues(ref), min(limit, maxEvents))...)
	})
	return events, err
}
