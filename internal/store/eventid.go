package store

import (
	"fmt"

	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// eventID scans an event's ID from what a driver returns for it: 16 bytes, or a UUID's text
// (PostgreSQL). NULL is a row of a program of the release before.
type eventID struct{ outbox.EventID }

func (id *eventID) Scan(value any) error {
	bytes, isBytes := value.([]byte)
	switch {
	case value == nil:
		id.EventID = ""
	case isBytes && len(bytes) == 16:
		id.EventID = outbox.EventIDOf(bytes)
	case isBytes:
		id.EventID = outbox.EventID(bytes)
	default:
		return fmt.Errorf("an event's id came as %T", value)
	}
	return nil
}

// of is the ID of a scanned event. That of a row without one is derived from its number, if the
// order can have several events of its kind: negative, so that it is no round of the order.
func (id *eventID) of(e outbox.Event) outbox.EventID {
	if id.EventID != "" {
		return id.EventID
	}
	return outbox.NewEventID(e.Ref, 1, e.Kind, e.Kind.Round(schedule.Record{Round: int(-e.Number)}, schedule.Final{State: e.FinalState}))
}
