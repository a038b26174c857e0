package outbox_test

import (
	"crypto/sha256"
	"fmt"
	"regexp"
	"testing"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// TestEventID compares an ID with the hash of its message written out, and finds that no two events
// share one, whatever separators their numbers hold.
func TestEventID(t *testing.T) {
	t.Parallel()
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: "", OutTradeNo: "A1"}
	got := outbox.NewEventID(ref, 1, outbox.EventClosed, 1)
	sum := sha256.Sum256([]byte("\x00\x00\x00\x02cn\x00\x00\x00\x0a1900000001\x00\x00\x00\x00\x00\x00\x00\x02A1\x00\x00\x00\x011\x00\x00\x00\x06closed\x00\x00\x00\x011"))
	form := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	want := fmt.Sprintf("%x-%x", sum[:4], sum[4:6])
	if !form.MatchString(string(got)) || string(got[:13]) != want || string(got[24:]) != fmt.Sprintf("%x", sum[10:16]) {
		t.Errorf("got %s, want the hash %x as a UUIDv8", got, sum[:16])
	}
	if len(got.Bytes()) != 16 || outbox.EventID("nonsense").Bytes() != nil {
		t.Errorf("got the bytes %x, want those of the ID, and none of nonsense", got.Bytes())
	}
	seen := map[outbox.EventID]string{got: "A1"}
	for _, other := range []struct {
		ref        order.Ref
		generation int
		kind       outbox.EventKind
		round      int
	}{
		{order.Ref{Region: "cn", MchID: "1900000001", OutTradeNo: "A2"}, 1, outbox.EventClosed, 1},
		{order.Ref{Region: "cn", MchID: "1900000001", SubMchID: "A", OutTradeNo: "1"}, 1, outbox.EventClosed, 1},
		{order.Ref{Region: "cn", MchID: "1900000001", OutTradeNo: "A1|1"}, 1, outbox.EventClosed, 1},
		{ref, 11, outbox.EventClosed, 1},
		{ref, 1, outbox.EventClosed, 11},
		{ref, 2, outbox.EventClosed, 1},
		{ref, 1, outbox.EventPaid, 1},
		{ref, 1, outbox.EventGaveUp, 2},
	} {
		id := outbox.NewEventID(other.ref, other.generation, other.kind, other.round)
		if before, known := seen[id]; known {
			t.Errorf("%+v has the ID of %s", other, before)
		}
		seen[id] = fmt.Sprintf("%+v", other)
	}
}
