package archive_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"

	"cloudpay/internal/cli/archive"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

var noon = time.Date(2026, 8, 1, 12, 0, 0, 0, time.UTC)

// pruned is an order that was paid, with one event and one change.
func pruned(id int64, no string) pruning.Order {
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", SubMchID: "1900000109", OutTradeNo: no}
	return pruning.Order{
		Record: schedule.Record{
			Entry: schedule.Entry{Ref: ref, Owner: "tcb:1", Total: new(int64(7))}, ID: id, Generation: 1, Round: 1, RegisteredAt: noon,
			Progress: schedule.Done, Authenticated: true, FinalState: schedule.FinalPaid, TransactionID: "4200", PaidTotal: new(int64(7)), EndedAt: noon,
		},
		Events:  []outbox.Event{{EventID: outbox.NewEventID(ref, 1, outbox.EventPaid, 1), Number: id, Kind: outbox.EventPaid, Ref: ref, OccurredAt: noon}},
		Changes: []schedule.Changed{{At: noon, By: "shop", Field: "total", Was: "6", Became: "7"}},
	}
}

func open(t *testing.T, path string) *archive.File {
	t.Helper()
	f, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func write(t *testing.T, f *archive.File, orders ...pruning.Order) {
	t.Helper()
	if err := f.Append(orders); err != nil {
		t.Fatal(err)
	}
}

func closeIt(t *testing.T, f *archive.File) {
	t.Helper()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}

// numbers reads an archive as any zstd reader does, and lists the orders in it.
func numbers(t *testing.T, path string) string {
	t.Helper()
	var found []string
	for _, text := range lines(t, path) {
		var one struct {
			OutTradeNo string `json:"outTradeNo"`
		}
		if err := json.Unmarshal(text, &one); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		found = append(found, one.OutTradeNo)
	}
	return strings.Join(found, " ")
}

func lines(t *testing.T, path string) [][]byte {
	t.Helper()
	packed, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := z.DecodeAll(packed, nil)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.Split(bytes.TrimSuffix(text, []byte("\n")), []byte("\n"))
}

func TestAppend(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	f := open(t, path)
	write(t, f, pruned(1, "A1"), pruned(2, "A2"))
	write(t, f, pruned(3, "A3"))
	closeIt(t, f)
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	f = open(t, path)
	write(t, f, pruned(4, "A4"))
	closeIt(t, f)
	if got, want := numbers(t, path), "A1 A2 A3 A4"; got != want {
		t.Errorf("got orders %s, want %s", got, want)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("got mode %v, want it for its owner alone", info.Mode())
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	f := open(t, path)
	write(t, f, pruned(1, "A1"))
	closeIt(t, f)
	var got map[string]any
	if err := json.Unmarshal(lines(t, path)[0], &got); err != nil {
		t.Fatal(err)
	}
	events, _ := got["events"].([]any)
	delete(got, "events")
	want := map[string]any{
		"id": 1.0, "region": "cn", "mchId": "1900000001", "subMchId": "1900000109", "outTradeNo": "A1", "owner": "tcb:1", "total": 7.0,
		"closeIn": 0.0, "registeredAt": "2026-08-01T12:00:00Z", "progress": "done", "authenticated": true, "attempts": 0.0, "generation": 1.0,
		"ending": "paid", "transactionId": "4200", "paidTotal": 7.0, "endedAt": "2026-08-01T12:00:00Z",
		"changes": []any{map[string]any{"at": "2026-08-01T12:00:00Z", "by": "shop", "field": "total", "was": "6", "became": "7"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the order (-want +got):\n%s", diff)
	}
	if len(events) != 1 {
		t.Errorf("got events %v, want one", events)
	}
}

// A process may be killed at any byte of an append. The next one goes on behind the last whole
// append, and what it writes can be read.
func TestOpenCutsWhatWasNotFinished(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	f := open(t, path)
	write(t, f, pruned(1, "A1"))
	first := size(t, path)
	write(t, f, pruned(2, "A2"))
	closeIt(t, f)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := int(first); n < len(whole); n += 3 {
		if err := os.WriteFile(path, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		f := open(t, path)
		if want := int64(n) - first; f.Cut != want {
			t.Errorf("at byte %d: got %d bytes cut off, want %d", n, f.Cut, want)
		}
		write(t, f, pruned(3, "A3"))
		closeIt(t, f)
		if got, want := numbers(t, path), "A1 A3"; got != want {
			t.Errorf("at byte %d: got orders %s, want %s", n, got, want)
		}
	}
}

func TestOpenRefusesWhatItWouldSpoil(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(whole []byte) []byte{
		"another file":           func([]byte) []byte { return []byte("out_trade_no,close_at\nA1,1800\n") },
		"zeroes at the end":      func(whole []byte) []byte { return append(whole, make([]byte, 100)...) },
		"a byte of the last one": func(whole []byte) []byte { whole[len(whole)-3]++; return whole },
		"a byte within it":       func(whole []byte) []byte { whole[len(whole)-30]++; return whole },
	} {
		path := filepath.Join(t.TempDir(), "a.jsonl.zst")
		f := open(t, path)
		write(t, f, pruned(1, "A1"))
		closeIt(t, f)
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		spoilt := spoil(whole)
		if err := os.WriteFile(path, spoilt, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Open(path); err == nil || !strings.Contains(err.Error(), "is damaged from byte") {
			t.Errorf("%s: got error %v, want that it is damaged", name, err)
		}
		if left, err := os.ReadFile(path); err != nil || !bytes.Equal(left, spoilt) {
			t.Errorf("%s: the file was changed (%v)", name, err)
		}
	}
}

func TestOpenRefusesAnotherWriter(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	f := open(t, path)
	if _, err := archive.Open(path); err == nil || !strings.Contains(err.Error(), "another process writes it") {
		t.Errorf("got error %v, want that it is in use", err)
	}
	closeIt(t, f)
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("got %v, want a new archive without orders to be removed", err)
	}
	if _, err := archive.Open(t.TempDir()); err == nil || !strings.Contains(err.Error(), "is no regular file") {
		t.Errorf("a folder: got error %v, want that it is none", err)
	}
}

// A frame of another program, such as a skippable one or one that was compressed anew, is as good
// as ours.
func TestOpenTakesOtherFrames(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.jsonl.zst")
	var packed bytes.Buffer
	packed.WriteString("\x50\x2a\x4d\x18\x03\x00\x00\x00any") // RFC 8878, section 3.1.2
	z, err := zstd.NewWriter(&packed, zstd.WithEncoderCRC(false))
	if err != nil {
		t.Fatal(err)
	}
	for range 100_000 {
		if _, err := z.Write([]byte(`{"outTradeNo":"A1"}` + "\n")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := z.Write(bytes.Repeat([]byte{'\n'}, 1<<20)); err != nil { // blocks of one byte, repeated
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, packed.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	f := open(t, path)
	if f.Cut != 0 {
		t.Errorf("got %d bytes cut off, want none", f.Cut)
	}
	closeIt(t, f)
}

func size(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}
