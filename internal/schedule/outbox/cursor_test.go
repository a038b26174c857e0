package outbox_test

import (
	"encoding/json"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

const someID = outbox.EventID("0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11")

// TestCursor reads each form of a cursor and writes it again.
func TestCursor(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 29, 1, 53, 57, 430_001_000, time.UTC)
	for text, want := range map[string]outbox.Cursor{
		"0":                    {},
		"42":                   {Number: 42},
		"42." + string(someID): {Number: 42, EventID: someID},
		"42." + string(someID) + ".2026-11-29T01:53:57.430001Z": {Number: 42, EventID: someID, OccurredAt: at},
	} {
		if got, err := outbox.ParseCursor(text); err != nil || got != want || got.String() != text {
			t.Errorf("%s: got %s and error %v", text, got, err)
		}
	}
	for _, text := range []string{
		"", "-1", "x", "1.", "1.x", "1..2026-11-29T01:53:57Z", "1." + string(someID) + ".", "1." + string(someID) + ".yesterday", "9999999999999999999",
	} {
		if got, err := outbox.ParseCursor(text); err == nil {
			t.Errorf("%q: got %s, want an error", text, got)
		}
	}
}

// TestCursorNames wants each part that a cursor has to be the event's.
func TestCursorNames(t *testing.T) {
	t.Parallel()
	at := time.Unix(1700000000, 0)
	event := outbox.Event{EventID: someID, Number: 42, OccurredAt: at}
	for _, test := range []struct {
		cursor outbox.Cursor
		want   bool
	}{
		{event.Cursor(), true},
		{outbox.Cursor{Number: 42}, true},
		{outbox.Cursor{Number: 42, EventID: someID, OccurredAt: at.UTC()}, true},
		{outbox.Cursor{Number: 41, EventID: someID}, false},
		{outbox.Cursor{Number: 42, EventID: "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e12"}, false},
		{outbox.Cursor{Number: 42, EventID: someID, OccurredAt: at.Add(time.Microsecond)}, false},
	} {
		if got := test.cursor.Names(event); got != test.want {
			t.Errorf("%s: got %v, want %v", test.cursor, got, test.want)
		}
	}
}

// TestEventJSON wants the number under its old name, too, and of a delivery how it went, without
// its token.
func TestEventJSON(t *testing.T) {
	t.Parallel()
	event := outbox.Event{
		EventID: someID, Number: 42, Kind: outbox.EventGaveUp, OccurredAt: time.Unix(1700000000, 0).UTC(),
		Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"},
	}
	const members = `"eventId":"0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11","number":42,"id":42,"kind":"gaveUp","region":"cn","mchId":"1900000001",` +
		`"outTradeNo":"A1","occurredAt":"2023-11-14T22:13:20Z"`
	delivery := outbox.Delivery{Event: event, Token: "secret", Attempts: 3, LastError: "HTTP 500"}
	for want, value := range map[string]any{
		"{" + members + "}": event,
		"{" + members + `,"attempts":3,"lastError":"HTTP 500"}`: delivery,
	} {
		if got, err := json.Marshal(value); err != nil || string(got) != want {
			t.Errorf("got  %s and error %v\nwant %s", got, err, want)
		}
	}
}
