//go:build !race

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/schedule/pruning"
)

// ended registers orders that ended, and has the events of the first so many acknowledged.
func (d *register) ended(acknowledged int, numbers ...string) {
	d.t.Helper()
	for _, no := range numbers {
		ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: no}
		if _, err := d.Register(d.t.Context(), schedule.Entry{Ref: ref}); err != nil {
			d.t.Fatal(err)
		}
		if err := d.Observe(d.t.Context(), ref, schedule.Final{State: schedule.FinalClosed}); err != nil {
			d.t.Fatal(err)
		}
		if _, code := d.orders("events"); code != exitFine { // which numbers the event
			d.t.Fatalf("events: got code %d", code)
		}
	}
	events, err := d.Events(d.t.Context(), order.Account{Region: order.Mainland, MchID: "1900000001"}, outbox.Cursor{}, max(acknowledged, 1))
	if err != nil || len(events) < acknowledged {
		d.t.Fatalf("got %d events and error %v, want %d", len(events), err, acknowledged)
	}
	after := "0"
	if acknowledged > 0 {
		after = events[acknowledged-1].Cursor().String()
	}
	if said, code := d.orders("events", "--after", after, "--acknowledge"); code != exitFine {
		d.t.Fatalf("events --acknowledge: got code %d: %s", code, said)
	}
}

// want runs a command and wants its exit code, and texts in what it prints.
func (d *register) want(code int, texts []string, args ...string) {
	d.t.Helper()
	said, got := d.orders(args...)
	if got != code {
		d.t.Errorf("%v: got code %d, want %d: %s", args, got, code, said)
	}
	for _, text := range texts {
		if !strings.Contains(said, text) {
			d.t.Errorf("%v: got %q, want %q in it", args, said, text)
		}
	}
}

func TestOrdersPrune(t *testing.T) {
	d := newRegister(t)
	d.ended(2, "A1", "A2", "A3")
	file := filepath.Join(t.TempDir(), "orders.jsonl.zst")
	const kept = "1 are kept: they have events that are not acknowledged"
	d.want(exitFine, []string{"2 orders that ended before ", "would be pruned", kept}, "prune", "--before", "0d", "--archive", file, "--dry-run")
	if _, err := os.Stat(file); err == nil {
		t.Error("a dry run made an archive")
	}
	d.want(exitFine, []string{"deleting 0 orders that ended before 20", "0 orders that ended before"}, "prune", "--before", "1d")
	d.want(exitFine, []string{"deleting 2 orders that ended before 20", "2 orders that ended before ", "are pruned, with 2 events", kept},
		"prune", "--before", "0d", "--archive", file)
	d.want(exitFine, []string{`"orders":0,"events":0,"kept":1}`}, "prune", "--before", "0d", "--archive", file, "--json")
	if got := archived(t, file); got != "A1 A2" {
		t.Errorf("got %s in the archive, want A1 A2", got)
	}
	// What is left of a pruned order.
	d.want(exitFine, []string{"✓ closed  A1", "pruned"}, "show", "A1")
	d.want(exitFine, []string{`"ending":"closed"`, `"pruned":true`}, "show", "A1", "--json")
	// A reader goes on from an event that was pruned.
	d.want(exitFine, []string{"A3"}, "events", "--after", "2")
}

// TestOrdersPruneRests wants a rest after each step, of three times what it took.
func TestOrdersPruneRests(t *testing.T) {
	d := newRegister(t)
	var entries []schedule.Entry
	account := order.Account{Region: order.Mainland, MchID: "1900000001"}
	for i := range 2*pruneStep + 1 {
		entries = append(entries, schedule.Entry{Ref: order.Ref{Region: account.Region, MchID: account.MchID, OutTradeNo: fmt.Sprint("A", i)}})
	}
	if _, err := d.RegisterAll(t.Context(), entries); err != nil {
		t.Fatal(err)
	}
	claims, err := d.Claim(t.Context(), account, len(entries), time.Minute)
	if err != nil || len(claims) != len(entries) {
		t.Fatalf("got %d claims and error %v, want all", len(claims), err)
	}
	ended := make([]schedule.Ended, len(claims))
	for i, c := range claims {
		ended[i] = schedule.Ended{Claim: c, Final: schedule.Final{State: schedule.FinalClosed}}
	}
	if err := errors.Join(d.FinishAll(t.Context(), ended)...); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Events(t.Context(), account, outbox.Cursor{}, len(claims)); err != nil { // which numbers them
		t.Fatal(err)
	}
	if _, err := d.Acknowledge(t.Context(), account, int64(len(claims))); err != nil {
		t.Fatal(err)
	}
	var slept []time.Duration
	p := &pruneCmd{storeFlags: storeFlags{Language: new(render.Language)}, sleep: func(_ context.Context, d time.Duration) bool {
		slept = append(slept, d)
		return len(slept) < 2
	}}
	cmd := &cobra.Command{}
	cmd.SetErr(io.Discard)
	cmd.SetContext(t.Context())
	began := time.Now()
	err = p.prune(cmd, d.Store, pruning.Selection{Account: account, Before: time.Now().Add(time.Hour)}, int64(len(claims)))
	if took := time.Since(began); len(slept) != 2 || slept[0] <= 0 || slept[0]+slept[1] > 3*took || slept[0]+slept[1] < 3*took/2 {
		t.Errorf("got rests of %v in %v, want two of three times what their steps took", slept, took)
	}
	if !errors.Is(err, errInterrupted) || p.done.Orders != 2*pruneStep {
		t.Errorf("got %d pruned and error %v, want two steps, and that it was interrupted", p.done.Orders, err)
	}
}

func TestOrdersPruneRefusals(t *testing.T) {
	d := newRegister(t)
	d.ended(1, "A1")
	spoilt := filepath.Join(t.TempDir(), "spoilt.zst")
	if err := os.WriteFile(spoilt, []byte("A1,closed\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for said, args := range map[string][]string{
		"--before: must be given, for example 90d": {},
		`days (90d), a date or a time, not "soon"`: {"--before", "soon"},
		`days (90d), a date or a time, not "3m"`:   {"--before", "3m"},
		`days (90d), a date or a time, not "36h"`:  {"--before", "36h"},
		"--before: must be past":                   {"--before", "2099-01-01"},
		"--archive: must end in .zst":              {"--before", "0d", "--archive", "orders.jsonl"},
		"is damaged from byte 0 on, or is no zstd": {"--before", "0d", "--archive", spoilt},
		"no such file or directory":                {"--before", "0d", "--archive", filepath.Join(spoilt+".d", "a.zst")},
		"--sub-mch-id: must be this merchant":      {"--before", "0d", "--sub-mch-id", "1900000109"},
	} {
		d.want(exitUsage, []string{said}, append([]string{"prune"}, args...)...)
	}
	d.want(exitUsage, []string{"not with --dead"}, "events", "--dead", "--acknowledge")
	for _, after := range []string{"1", "1.0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11"} {
		d.want(exitUsage, []string{"--acknowledge: must come with --after NUMBER.EVENTID.OCCURREDAT"}, "events", "--acknowledge", "--after", after)
	}
	d.want(exitFine, []string{"the last: --after 1."}, "events")
	d.want(exitFine, []string{"1 orders that ended"}, "prune", "--before", "0d", "--dry-run") // nothing was deleted
}

// archived reads an archive, as zstdcat does, and lists its orders.
func archived(t *testing.T, path string) string {
	t.Helper()
	var numbers []string
	for _, line := range archivedLines(t, path) {
		numbers = append(numbers, line.OutTradeNo)
	}
	return strings.Join(numbers, " ")
}

type archivedLine struct {
	order.Ref

	Events []outbox.Event `json:"events"`
}

// archivedLines reads what is whole of an archive.
func archivedLines(t *testing.T, path string) []archivedLine {
	t.Helper()
	packed, err := os.Open(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = packed.Close() }()
	z, err := zstd.NewReader(packed)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	var text bytes.Buffer
	_, _ = text.ReadFrom(z) // the last frame of a killed process may be cut off
	var lines []archivedLine
	for line := range bytes.Lines(text.Bytes()) {
		var one archivedLine
		if err := json.Unmarshal(line, &one); err != nil {
			break // a line of that frame
		}
		lines = append(lines, one)
	}
	return lines
}
