package hosting_test

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"

	"cloudpay/internal/hosting"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/telemetry/telemetrytest"
)

// blowUp is what the log must name as the place of the panic.
func blowUp() { panic("boom\nin two lines") }

// TestPanicIsLogged is not parallel: it borrows slog's default logger, which the whole process
// shares.
func TestPanicIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(telemetry.New(&log, slog.LevelInfo))
	defer slog.SetDefault(before)

	f := serveSCF(t, func(context.Context, hosting.Invocation) ([]byte, error) {
		blowUp()
		return nil, nil
	})
	f.wantError(f.invoke(messages.InvokeRequest{RequestId: "r-7"}), "panicError", "panicked")

	_, _ = telemetrytest.Output(t, telemetrytest.Logs).Write(log.Bytes())
	if lines := strings.Count(log.String(), "\n"); lines != 1 {
		t.Fatalf("log: got %d lines, want 1:\n%s", lines, log.String())
	}
	var line struct {
		Level, Msg, Panic, Stack string
		RequestID                string `json:"requestId"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log line is not JSON: %v", err)
	}
	if line.Level != "ERROR" || line.RequestID != "r-7" || line.Panic != "string" {
		t.Errorf("log line: got %+v, want level ERROR, request id r-7 and the panic's type", line)
	}
	if strings.Contains(log.String(), "boom") {
		t.Errorf("log: got the panic's own words, want none:\n%s", log.String())
	}
	if !strings.Contains(line.Stack, "hosting_test.blowUp") {
		t.Errorf("stack: got %q, want the place of the panic in it", line.Stack)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		given time.Time
		limit time.Duration
		want  time.Time
	}{
		"future":                        {now.Add(time.Minute), 0, now.Add(time.Minute)},
		"future wins over the limit":    {now.Add(time.Minute), time.Second, now.Add(time.Minute)},
		"a nanosecond to come":          {now.Add(1), time.Second, now.Add(1)},
		"this very moment":              {now, 7 * time.Second, now.Add(7 * time.Second)},
		"past, with a limit":            {now.Add(-time.Hour), 7 * time.Second, now.Add(7 * time.Second)},
		"past, without a limit":         {now.Add(-time.Hour), 0, now.Add(3 * time.Second)},
		"1970, the protocol's zero":     {time.Unix(0, 0), 0, now.Add(3 * time.Second)},
		"absent, Go's zero":             {time.Time{}, 0, now.Add(3 * time.Second)},
		"past, with a negative limit":   {now.Add(-time.Hour), -time.Second, now.Add(3 * time.Second)},
		"1970, with the longest limit":  {time.Unix(0, 0), 900 * time.Second, now.Add(900 * time.Second)},
		"future, with a negative limit": {now.Add(time.Second), -1, now.Add(time.Second)},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := hosting.Deadline(now, c.given, c.limit); !got.Equal(c.want) {
				t.Errorf("deadline(%v, %v, %v): got %v, want %v", now, c.given, c.limit, got, c.want)
			}
		})
	}
}
