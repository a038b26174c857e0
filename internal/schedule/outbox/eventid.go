package outbox

import (
	"encoding/binary"
	"encoding/hex"
	"strconv"
	"strings"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

// EventID identifies an event for its receiver: a UUID in its usual form, as
// 0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11.
type EventID string

// NewEventID derives the ID of an event from what it tells. It is the same whenever the same event
// is recorded, also after a failover that lost a commit or a restore, and differs for all others.
//
// It is a UUIDv8 (RFC 9562, section 5.8) of the schedule.Digest of region, mchid, sub_mchid,
// out_trade_no, generation, kind and round; generation and round are decimal.
func NewEventID(ref order.Ref, generation int, kind EventKind, round int) EventID {
	b := schedule.Digest(string(ref.Region), ref.MchID, ref.SubMchID, ref.OutTradeNo,
		strconv.Itoa(generation), string(kind), strconv.Itoa(round))
	b[6] = b[6]&0x0f | 0x80 // version 8
	b[8] = b[8]&0x3f | 0x80 // the variant
	return EventIDOf(b)
}

// idSize is the size of a UUID in bytes.
const idSize = 16

// Bytes returns the 16 bytes of the ID; nil if it is not a UUID.
func (id EventID) Bytes() []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(string(id), "-", ""))
	if err != nil || len(b) != idSize {
		return nil
	}
	return b
}

// EventIDOf is the ID of 16 bytes, as Bytes returns them.
func EventIDOf(b []byte) EventID {
	text := hex.EncodeToString(b)
	return EventID(text[:8] + "-" + text[8:12] + "-" + text[12:16] + "-" + text[16:20] + "-" + text[20:])
}

// Round is the round of an order's event of this kind. A kind that an order can have once in a
// generation has round 1. gaveUp has the order's own, which counts its reopenings. contradicted has
// the number of the end that was said second: closed 1, paid 2, notFound 3; and where a paid order
// was paid once more, a number of the second payment's transaction, which is above these.
func (kind EventKind) Round(r schedule.Record, said schedule.Final) int {
	switch {
	case kind == EventGaveUp:
		return r.Round
	case kind != EventContradicted:
		return 1
	case r.FinalState == schedule.FinalPaid && said.State == schedule.FinalPaid:
		const above = 4
		return above + int(binary.BigEndian.Uint32(schedule.Digest(said.TransactionID)))
	}
	return map[schedule.FinalState]int{schedule.FinalClosed: 1, schedule.FinalPaid: 2, schedule.FinalNotFound: 3}[said.State]
}
