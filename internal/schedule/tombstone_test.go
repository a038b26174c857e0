package schedule_test

import (
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

func TestTombstoneHash(t *testing.T) {
	t.Parallel()
	// The message as docs/databases.md describes it, by hand.
	sum := sha256.Sum256([]byte("\x00\x00\x00\x02cn\x00\x00\x00\x0a1900000001\x00\x00\x00\x00\x00\x00\x00\x02A1"))
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}
	if got, want := hex.EncodeToString(schedule.TombstoneHash(ref)), hex.EncodeToString(sum[:16]); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	// Where one field ends and the next begins is part of the message.
	other := order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: "A", OutTradeNo: "1"}
	if string(schedule.TombstoneHash(other)) == string(schedule.TombstoneHash(ref)) {
		t.Error("two orders have one tombstone")
	}
}
