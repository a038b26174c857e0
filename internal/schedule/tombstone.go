package schedule

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"cloudpay/internal/order"
)

// Tombstone is what a register keeps for good of an order that it pruned, under the TombstoneHash
// of the order's Ref.
type Tombstone struct {
	// FinalState, Generation and EndedAt are the order's own.
	FinalState FinalState
	Generation int
	EndedAt    time.Time
	// PrunedAt is when the order was deleted.
	PrunedAt time.Time
}

// Record is what is still known of the pruned order.
func (t Tombstone) Record(ref order.Ref) Record {
	return Record{
		Entry: Entry{Ref: ref}, Generation: t.Generation, Round: 1, Progress: Done, Authenticated: true,
		FinalState: t.FinalState, EndedAt: t.EndedAt, Pruned: true,
	}
}

// TombstoneHash is the key of an order's tombstone: the first 16 bytes of the SHA-256 of region,
// mchid, sub_mchid and out_trade_no, as Digest takes them.
func TombstoneHash(ref order.Ref) []byte {
	return Digest(string(ref.Region), ref.MchID, ref.SubMchID, ref.OutTradeNo)
}

// Digest is the first 16 bytes of the SHA-256 of the fields, each preceded by its length in bytes
// as a big-endian uint32: numbers may contain any separator, and no two lists of fields are the
// same message.
func Digest(fields ...string) []byte {
	var message []byte
	for _, field := range fields {
		message = binary.BigEndian.AppendUint32(message, uint32(len(field))) //nolint:gosec // a field has at most some hundred bytes
		message = append(message, field...)
	}
	sum := sha256.Sum256(message)
	return sum[:sha256.Size/2]
}
