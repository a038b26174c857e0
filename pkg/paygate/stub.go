package paygate

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// TODO: KEEP's.

func (b *orderBook) save(*record) {}

func unmarshal(value []byte, into any) error {
	dec := json.NewDecoder(bytes.NewReader(value))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("reading its value: %w", err)
	}
	return nil
}

func inBeijing(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.In(beijing())
}
