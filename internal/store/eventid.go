package store

import (
	"fmt"

	"cloudpay/internal/schedule"
)

// eventID scans an event's ID from what a driver returns for it: 16 bytes, or a UUID's text
// (PostgreSQL). NULL is a row of a program of the release before.
type eventID struct{ schedule.EventID }

func (id *eventID) Scan(value any) error {
	bytes, isBytes := value.([]byte)
	switch {
	case value == nil:
		id.EventID = ""
	case isBytes && len(bytes) == 16:
		id.EventID = schedule.EventIDOf(bytes)
	case isBytes:
		id.EventID = schedule.EventID(bytes)
	default:
		return fmt.Errorf("an event's id came as %T", value)
	}
	return nil
}

// of is the ID of a scanned event. That of a row without one is derived from its number, if the
// order can have several events of its kind: negative, so that it is no round of the order.
func (id *eventID) of(e schedule.Event) schedule.EventID {
	if id.EventID != "" {
		return id.EventID
	}
	return schedule.NewEventID(e.Ref, 1, e.Kind, schedule.RoundOf(e.Kind, schedule.Record{Round: int(-e.Number)}, e.FinalState))
}
