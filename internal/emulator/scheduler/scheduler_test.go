package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/emulator/scheduler"
	"cloudpay/internal/emulator/spool"
)

// bubble is the time of a test's bubble, which begins at the year 2000.
type bubble struct{}

func (bubble) Time() time.Time { return time.Now() }

func (bubble) Wait(ctx context.Context, until time.Time) error {
	select {
	case <-time.After(time.Until(until)):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// kit is a service that notes what it sends.
type kit struct {
	*scheduler.Service

	t     *testing.T
	began time.Time
	sent  []string
	fails string // the ARN of a target that takes nothing
}

const (
	queue = "arn:aws:sqs:us-east-1:123456789012:orders"
	dead  = "arn:aws:sqs:us-east-1:123456789012:dead"
)

func newKit(t *testing.T, kept *spool.Spool) *kit {
	t.Helper()
	k := &kit{t: t, began: time.Now()}
	k.Service = scheduler.New(bubble{}, kept, k.send)
	if err := k.Resume(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.Close)
	return k
}

func (k *kit) send(_ context.Context, arn, event string) error {
	if arn == k.fails {
		return errors.New("not there")
	}
	k.sent = append(k.sent, fmt.Sprintf("%s %s %s", time.Since(k.began), arn[strings.LastIndex(arn, ":")+1:], event))
	return nil
}

func (k *kit) wantSent(want ...string) {
	k.t.Helper()
	if !slices.Equal(k.sent, want) {
		k.t.Errorf("got sent\n%s\nwant\n%s", strings.Join(k.sent, "\n"), strings.Join(want, "\n"))
	}
}

// do makes a request, and returns its status, its kind of error and its members.
func (k *kit) do(method, path, body string) (status int, kind string, members map[string]any) {
	k.t.Helper()
	w := httptest.NewRecorder()
	k.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	if err := json.Unmarshal(w.Body.Bytes(), &members); err != nil {
		k.t.Fatalf("%s: %v", w.Body, err)
	}
	return w.Code, w.Header().Get("X-Amzn-Errortype"), members
}

// body is a schedule for a time of the year 2000, with more members of the schedule.
func body(at, zone string, more ...string) string {
	return `{"ScheduleExpression":"at(` + at + `)","ScheduleExpressionTimezone":"` + zone + `","FlexibleTimeWindow":{"Mode":"OFF"},` +
		strings.Join(more, "") + `"Target":{"Arn":"` + queue + `","RoleArn":"arn:aws:iam::123456789012:role/expiry","Input":"{}",` +
		`"RetryPolicy":{"MaximumRetryAttempts":3},"DeadLetterConfig":{"Arn":"` + dead + `"}}}`
}

func (k *kit) create(name, body string) {
	k.t.Helper()
	if status, kind, members := k.do(http.MethodPost, "/schedules/"+name, body); status != http.StatusOK ||
		members["ScheduleArn"] != "arn:aws:scheduler:us-east-1:123456789012:schedule/default/"+name {
		k.t.Fatalf("%s: got %d %s %v", name, status, kind, members)
	}
}

func passes(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

const deleted = `"ActionAfterCompletion":"DELETE",`

// A schedule is sent once, at its time in its zone. It is gone then if it says so.
func TestOneShot(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.create("gone", body("2000-01-01T00:30:00", "UTC", deleted))
		k.create("kept", body("2000-01-01T09:00:00", "Asia/Shanghai")) // 01:00 UTC
		k.create("past", body("1999-12-31T00:00:00", "", deleted))
		passes(30*time.Minute - time.Millisecond)
		k.wantSent("0s orders {}")
		if status, _, shown := k.do(http.MethodGet, "/schedules/gone", ""); status != http.StatusOK || shown["ActionAfterCompletion"] != "DELETE" {
			t.Errorf("got %d %v, want the schedule", status, shown)
		}
		passes(24 * time.Hour)
		k.wantSent("0s orders {}", "30m0s orders {}", "1h0m0s orders {}")
		if status, kind, _ := k.do(http.MethodGet, "/schedules/gone", ""); status != http.StatusNotFound || kind != "ResourceNotFoundException" {
			t.Errorf("got %d %s, want it deleted after completion", status, kind)
		}
		if _, _, all := k.do(http.MethodGet, "/schedules", ""); len(all["Schedules"].([]any)) != 1 {
			t.Errorf("got %v listed, want the one that is kept", all)
		}
		if status, _, shown := k.do(http.MethodGet, "/schedules/kept", ""); status != http.StatusOK || shown["ScheduleExpressionTimezone"] != "Asia/Shanghai" {
			t.Errorf("got %d %v, want the schedule", status, shown)
		}
	})
}

// A schedule that is deleted before its time is not sent, and its name is free again.
func TestDeletion(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.create("A1", body("2000-01-01T00:30:00", "UTC", deleted))
		if status, kind, _ := k.do(http.MethodPost, "/schedules/A1", body("2000-01-01T00:30:00", "UTC", deleted)); status != http.StatusConflict || kind != "ConflictException" {
			t.Errorf("got %d %s, want a conflict", status, kind)
		}
		for _, want := range []int{http.StatusOK, http.StatusNotFound} {
			if status, _, _ := k.do(http.MethodDelete, "/schedules/A1?clientToken=x", ""); status != want {
				t.Errorf("got %d, want %d", status, want)
			}
		}
		passes(time.Hour)
		k.wantSent()
		k.create("A1", body("2000-01-01T02:00:00", "UTC", deleted))
		passes(time.Hour)
		if !k.Settled(t.Context()) {
			t.Error("got false, want it settled")
		}
		k.wantSent("2h0m0s orders {}")
	})
}

// What the target does not take goes to the dead-letter queue.
func TestDeadLetter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t, nil)
		k.fails = queue
		k.create("A1", body("2000-01-01T00:30:00", "UTC", deleted))
		passes(time.Hour)
		k.wantSent("30m0s dead {}")
	})
}

// A process that ends leaves its schedules to the next one, and none that was sent.
func TestSchedulesOutliveAProcess(t *testing.T) {
	t.Parallel()
	kept, err := spool.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = kept.Close() }()
	synctest.Test(t, func(t *testing.T) {
		first := newKit(t, kept)
		for name, more := range map[string]string{"gone": deleted, "stays": ""} {
			first.create(name, body("2000-01-01T00:10:00", "UTC", more))
		}
		first.create("waits", body("2000-01-01T00:30:00", "UTC", deleted))
		passes(10 * time.Minute)
		first.Close()
		second := newKit(t, kept)
		passes(time.Hour)
		second.wantSent("20m0s orders {}")
		second.Close()
		third := newKit(t, kept)
		passes(24 * time.Hour)
		third.wantSent()
	})
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	k := newKit(t, nil)
	good := body("2000-01-01T00:30:00", "UTC", deleted)
	replaced := func(old, with string) string {
		t.Helper()
		if !strings.Contains(good, old) {
			t.Fatalf("%s is not in %s", old, good)
		}
		return strings.Replace(good, old, with, 1)
	}
	for name, text := range map[string]string{
		"a rate":          replaced("at(2000-01-01T00:30:00)", "rate(5 minutes)"),
		"no such day":     replaced("2000-01-01", "2000-02-30"),
		"no such zone":    replaced(`"UTC"`, `"Mars"`),
		"a window":        replaced("OFF", "FLEXIBLE"),
		"another action":  replaced("DELETE", "KEEP"),
		"another target":  replaced(queue, "arn:aws:sns:us-east-1:123456789012:topic"),
		"no role":         replaced("arn:aws:iam::123456789012:role/expiry", ""),
		"no input":        replaced(`"Input":"{}"`, `"Input":""`),
		"another group":   replaced(deleted, deleted+`"GroupName":"shop",`),
		"disabled":        replaced(deleted, deleted+`"State":"DISABLED",`),
		"unknown members": replaced(deleted, deleted+`"KmsKeyArn":"x",`),
		"no JSON":         `{`,
		"too long":        strings.Repeat(" ", 2<<20),
	} {
		if status, kind, members := k.do(http.MethodPost, "/schedules/A1", text); status != http.StatusBadRequest || kind != "ValidationException" || members["Message"] == "" {
			t.Errorf("%s: got %d %s %v, want a refusal", name, status, kind, members)
		}
	}
	if status, _, _ := k.do(http.MethodPost, "/schedules/"+strings.Repeat("a", 65), good); status != http.StatusBadRequest {
		t.Errorf("a long name: got %d, want a refusal", status)
	}
	if status, kind, _ := k.do(http.MethodPut, "/schedules/A1", good); status != http.StatusNotFound || kind != "UnknownOperationException" {
		t.Errorf("UpdateSchedule: got %d %s, want a refusal", status, kind)
	}
}

// A schedule that cannot be kept is not accepted.
func TestWithoutASpool(t *testing.T) {
	t.Parallel()
	kept, err := spool.Open(filepath.Join(t.TempDir(), "cloud.db"))
	if err != nil {
		t.Fatal(err)
	}
	k := newKit(t, kept)
	if err := kept.Close(); err != nil {
		t.Fatal(err)
	}
	if status, kind, _ := k.do(http.MethodPost, "/schedules/A1", body("2000-01-01T00:30:00", "UTC")); status != http.StatusInternalServerError || kind != "InternalServerException" {
		t.Errorf("got %d %s, want that it is not accepted", status, kind)
	}
}
