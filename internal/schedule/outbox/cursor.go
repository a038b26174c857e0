package outbox

import (
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// Cursor is a place in a merchant's events, behind the one that it names; the zero Cursor is before
// the first. A failover with lost commits, or a restore, gives numbers out again. By the ID and the
// time a register notices that the event with the number is not the one that was read.
type Cursor struct {
	Number int64
	// EventID and OccurredAt are of the event with the number. Without them only the number is
	// known.
	EventID    EventID
	OccurredAt time.Time
}

// Names reports whether e is the event that was read last. An event that was lost and then recorded
// again has the same ID and another time: the events before it may have been recorded in another
// order.
func (c Cursor) Names(e Event) bool {
	return c.Number == e.Number && (c.EventID == "" || c.EventID == e.EventID) &&
		(c.OccurredAt.IsZero() || c.OccurredAt.Equal(e.OccurredAt))
}

// String is the cursor in one word, as ParseCursor reads it.
func (c Cursor) String() string {
	text := strconv.FormatInt(c.Number, 10)
	if c.EventID == "" {
		return text
	}
	text += "." + string(c.EventID)
	if c.OccurredAt.IsZero() {
		return text
	}
	return text + "." + c.OccurredAt.UTC().Format(time.RFC3339Nano)
}

// ParseCursor reads NUMBER, NUMBER.EVENTID or NUMBER.EVENTID.OCCURREDAT.
func ParseCursor(text string) (Cursor, error) {
	number, rest, hasID := strings.Cut(text, ".")
	id, at, hasTime := strings.Cut(rest, ".")
	c := Cursor{EventID: EventID(strings.ToLower(id))}
	var err error
	if c.Number, err = strconv.ParseInt(number, 10, 64); err != nil || c.Number < 0 || hasID && c.EventID.Bytes() == nil {
		return Cursor{}, errCursor
	}
	if hasTime {
		if c.OccurredAt, err = time.Parse(time.RFC3339Nano, at); err != nil {
			return Cursor{}, errCursor
		}
	}
	return c, nil
}

var errCursor = bilingual.Errorf(
	"must be 0 for the beginning, or the last event that was read: its number, eventId and occurredAt with full stops between,"+
		" or its number alone",
	"须为 0（从头开始），或最后读到的事件：其 number、eventId、occurredAt 以英文句点相连，也可只写 number")
