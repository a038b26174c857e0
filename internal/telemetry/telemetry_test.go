package telemetry_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/slogtest"
	"unicode"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/telemetry"
)

// records parses a log, one record a line.
func records(t *testing.T, log *bytes.Buffer) []map[string]any {
	t.Helper()
	var all []map[string]any
	for line := range strings.Lines(log.String()) {
		var record map[string]any
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Fatalf("line %q: %v, want a JSON object", line, err)
		}
		all = append(all, record)
	}
	return all
}

// wantRecord writes one record with write and compares it, but for its time.
func wantRecord(t *testing.T, want map[string]any, write func(*slog.Logger)) {
	t.Helper()
	var log bytes.Buffer
	write(telemetry.New(&log, slog.LevelInfo))
	got := records(t, &log)
	if len(got) != 1 {
		t.Fatalf("got %d records, want one:\n%s", len(got), log.String())
	}
	delete(got[0], slog.TimeKey)
	if diff := cmp.Diff(want, got[0]); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	ctx := telemetry.WithRequestID(t.Context(), "r-1")
	for name, test := range map[string]struct {
		write func(*slog.Logger)
		want  map[string]any
	}{
		"on a record": {
			func(l *slog.Logger) { l.InfoContext(ctx, "hello", "a", 1) },
			map[string]any{"level": "INFO", "msg": "hello", "requestId": "r-1", "a": 1.0},
		},
		"none in the context": {
			func(l *slog.Logger) { l.InfoContext(t.Context(), "hello") },
			map[string]any{"level": "INFO", "msg": "hello"},
		},
		"empty": {
			func(l *slog.Logger) { l.InfoContext(telemetry.WithRequestID(ctx, ""), "hello") },
			map[string]any{"level": "INFO", "msg": "hello"},
		},
		"the inner one counts": {
			func(l *slog.Logger) { l.InfoContext(telemetry.WithRequestID(ctx, "r-2"), "hello") },
			map[string]any{"level": "INFO", "msg": "hello", "requestId": "r-2"},
		},
		"after With": {
			func(l *slog.Logger) { l.With("a", 1).With("b", 2).InfoContext(ctx, "hello") },
			map[string]any{"level": "INFO", "msg": "hello", "requestId": "r-1", "a": 1.0, "b": 2.0},
		},
		"outside every group": {
			func(l *slog.Logger) {
				l.With("a", 1).WithGroup("g").With("b", 2).WithGroup("h").With("c", 3).InfoContext(ctx, "hello", "d", 4)
			},
			map[string]any{
				"level": "INFO", "msg": "hello", "requestId": "r-1", "a": 1.0,
				"g": map[string]any{"b": 2.0, "h": map[string]any{"c": 3.0, "d": 4.0}},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRecord(t, test.want, test.write)
		})
	}
}

func TestLoggersFromOneGroupDoNotMix(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	parent := telemetry.New(&log, slog.LevelInfo).WithGroup("g").With("a", 1)
	left, right := parent.With("side", "left"), parent.With("side", "right")
	left.InfoContext(t.Context(), "hello")
	right.InfoContext(t.Context(), "hello")
	for i, side := range []string{"left", "right"} {
		if got := records(t, &log)[i]["g"]; !cmp.Equal(got, any(map[string]any{"a": 1.0, "side": side})) {
			t.Errorf("record %d: got group %v, want side %s", i, got, side)
		}
	}
}

func TestLevel(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	logger := telemetry.New(&log, slog.LevelWarn)
	logger.InfoContext(t.Context(), "quiet")
	logger.WarnContext(t.Context(), "loud")
	if got := records(t, &log); len(got) != 1 || got[0]["msg"] != "loud" {
		t.Errorf("got %v, want only the warning", got)
	}
	if logger.Enabled(t.Context(), slog.LevelInfo) {
		t.Error("got info enabled, want it off")
	}
}

func TestEmptyGroupIsNone(t *testing.T) {
	t.Parallel()
	wantRecord(t, map[string]any{"level": "INFO", "msg": "hello", "a": 1.0}, func(l *slog.Logger) {
		slog.New(l.Handler().WithGroup("")).InfoContext(t.Context(), "hello", "a", 1)
	})
}

// writes counts the calls of Write.
type writes struct{ lines []string }

func (w *writes) Write(p []byte) (int, error) {
	w.lines = append(w.lines, string(p))
	return len(p), nil
}

func TestOneLinePerRecord(t *testing.T) {
	t.Parallel()
	var log writes
	logger := telemetry.New(&log, slog.LevelInfo)
	ctx := telemetry.WithRequestID(t.Context(), "r\n1")
	logger.WithGroup("g\nh").ErrorContext(ctx, "two\nlines", "err", errors.New("three\r\nmore\u2028lines"))
	if len(log.lines) != 1 || strings.Count(log.lines[0], "\n") != 1 || !strings.HasSuffix(log.lines[0], "\n") {
		t.Errorf("got %q, want one write of one line", log.lines)
	}
}

// Terminal controls are escaped everywhere, and the record still decodes to the same texts.
func TestTerminalControlsAreEscaped(t *testing.T) {
	t.Parallel()
	const given = "A1\u202e\u009b31m\u2066\x7f 关单"
	var log bytes.Buffer
	logger := telemetry.New(&log, slog.LevelInfo)
	logger.ErrorContext(t.Context(), given, given, given, "error", errors.New(given))
	if text := log.String(); strings.ContainsFunc(strings.TrimSuffix(text, "\n"), func(r rune) bool { return !unicode.IsGraphic(r) }) {
		t.Errorf("got %q", text)
	}
	if got := records(t, &log)[0]; got["msg"] != given || got[given] != given || got["error"] != given {
		t.Errorf("got %q, want %q three times", got, given)
	}
}

func TestLongTextsAreCut(t *testing.T) {
	t.Parallel()
	const most = 8 << 10
	long := strings.Repeat("é", most) // two bytes each
	var broken *url.Error
	for name, test := range map[string]struct {
		value any
		want  any
	}{
		"a text that just fits": {long[:most], long[:most]},
		"a text of a byte more": {long[:most] + "x", long[:most] + "… (1 bytes more)"},
		"a text cut in half":    {"x" + long[:most], "x" + long[:most-2] + "… (1 bytes more)"},
		"an error":              {errors.New(long), long[:most] + "… (8192 bytes more)"},
		"a short error":         {errors.New("no"), "no"},
		"an error that is none": {broken, "!PANIC: runtime error: invalid memory address or nil pointer dereference"},
		"a number":              {7, 7.0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			wantRecord(t, map[string]any{"level": "INFO", "msg": "hello", "a": test.want}, func(l *slog.Logger) {
				l.InfoContext(t.Context(), "hello", "a", test.value)
			})
			wantRecord(t, map[string]any{"level": "INFO", "msg": "hello", "a": test.want}, func(l *slog.Logger) {
				l.With("a", test.value).InfoContext(t.Context(), "hello")
			})
		})
	}
	wantRecord(t, map[string]any{"level": "INFO", "msg": long[:most] + "… (8192 bytes more)"}, func(l *slog.Logger) {
		l.InfoContext(t.Context(), long)
	})
}

type token string

func (token) LogValue() slog.Value { return slog.StringValue("redacted") }

func TestSecretsRedactThemselves(t *testing.T) {
	t.Parallel()
	wantRecord(t, map[string]any{"level": "INFO", "msg": "hello", "token": "redacted"}, func(l *slog.Logger) {
		l.Info("hello", "token", token("s3cr3t"))
	})
}

// TestHandlerContract runs the standard library's own conformance suite for handlers.
func TestHandlerContract(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	handler := contextual{telemetry.New(&log, slog.LevelInfo).Handler()}
	if err := slogtest.TestHandler(handler, func() []map[string]any {
		all := records(t, &log)
		for _, record := range all {
			if record["requestId"] != "r-1" {
				t.Errorf("got record %v, want the request id on top", record)
			}
		}
		return all
	}); err != nil {
		t.Error(err)
	}
}

// contextual hands every record on with a request id, which the suite itself cannot give.
type contextual struct{ slog.Handler }

func (c contextual) Handle(ctx context.Context, record slog.Record) error {
	return c.Handler.Handle(telemetry.WithRequestID(ctx, "r-1"), record)
}

func (c contextual) WithAttrs(attrs []slog.Attr) slog.Handler {
	return contextual{c.Handler.WithAttrs(attrs)}
}

func (c contextual) WithGroup(name string) slog.Handler {
	return contextual{c.Handler.WithGroup(name)}
}

// spareful is an error whose text is for callers.
type spareful struct{}

func (spareful) Error() string  { return "the database is out of reach" }
func (spareful) Detail() string { return "dial tcp: refused" }

// The log has an error's detail, however it is wrapped.
func TestDetailIsForTheLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	telemetry.New(&out, slog.LevelInfo).Error("x", "error", fmt.Errorf("sweeping: %w", spareful{}))
	if got := out.String(); !strings.Contains(got, `"sweeping: the database is out of reach (dial tcp: refused)"`) {
		t.Errorf("got %s, want the detail behind the text", got)
	}
}

// What net/http says of a reply that nothing asked for has that reply in it.
func TestUnsolicitedReplyIsNotRepeated(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	line := slog.NewLogLogger(telemetry.New(&log, slog.LevelInfo).Handler(), slog.LevelInfo)
	line.Printf("Unsolicited response received on idle HTTP channel starting with %q; err=%v", "HTTP/1.1 200 OK\r\n\r\nopenid", nil)
	got := records(t, &log)
	if len(got) != 1 || got[0]["level"] != "WARN" || strings.Contains(log.String(), "openid") ||
		!strings.Contains(log.String(), "a reply came that no request had asked for") {
		t.Errorf("got %s, want a warning without the reply", log.String())
	}
}
