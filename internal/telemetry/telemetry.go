// Package telemetry makes the one logger of the product: a JSON object a line, because SCF's log
// service indexes the fields of such a line, with the id of the request.
//
// It does not redact secrets: they are types that print "redacted" themselves. The package
// telemetrytest lets the tests' output be searched for those that do not.
package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"slices"
	"strings"

	"cloudpay/internal/printable"
)

// requestIDKey is the field's name: SCF's own, in camelCase like our replies.
const requestIDKey = "requestId"

// contextKey is the context's key of the request id.
type contextKey struct{}

// WithRequestID returns a context whose log records carry id; the empty id adds nothing.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// RequestID returns the id that WithRequestID put into ctx; "" if there is none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}

// maxText is the most bytes of a text in a record. A gateway's error or a deep stack is cut there:
// log services split longer lines, and bill for them.
const maxText = 8 << 10

// New returns a logger that writes each record of at least the given level to w: one line, one
// Write. Texts and errors of more than 8 KiB are cut, with the number of missing bytes. Characters
// that a terminal obeys are escaped.
func New(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(&handler{Handler: slog.NewJSONHandler(printable.NewWriter(w), &slog.HandlerOptions{Level: level, ReplaceAttr: short})})
}

// short cuts long texts and errors. An error with a JSON form of its own is kept as it is.
func short(_ []string, attr slog.Attr) slog.Attr {
	switch attr.Value.Kind() {
	case slog.KindString:
		if text := attr.Value.String(); len(text) > maxText {
			attr.Value = slog.StringValue(cut(text))
		}
	case slog.KindAny:
		err, isError := attr.Value.Any().(error)
		if _, marshals := attr.Value.Any().(json.Marshaler); isError && !marshals {
			attr.Value = slog.AnyValue(shortError{err})
		}
	default: // numbers and times are short
	}
	return attr
}

// shortError is an error whose text is made by slog, which recovers if Error panics, as that of a
// nil pointer does.
type shortError struct{ error }

func (e shortError) Error() string { return cut(e.error.Error() + detail(e.error)) }

// detailed is an error with a text for callers and a detail for the log only.
type detailed interface {
	error
	Detail() string
}

// detail is the detail of an error, or of an error that it wraps.
func detail(err error) string {
	if more, is := errors.AsType[detailed](err); is {
		return " (" + more.Detail() + ")"
	}
	return ""
}

// cut shortens a text to maxText bytes.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	// A character that the cut splits is dropped.
	return fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(text[:maxText], ""), len(text)-maxText)
}

// handler adds the request id at the top level of each record. An id that is added after a group
// was opened would be inside the group. Therefore everything from the first group on waits until a
// record is handled.
type handler struct {
	slog.Handler

	waiting []func(slog.Handler) slog.Handler
}

// unsolicited begins the message of net/http's transport about a reply without a request. The rest
// of the message is that reply, which may be about another customer's order.
const unsolicited = "Unsolicited response received on idle HTTP channel"

// Handle writes the record with the request id of ctx.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if strings.HasPrefix(record.Message, unsolicited) { // from package log, at INFO
		record = slog.NewRecord(record.Time, slog.LevelWarn, "a reply came that no request had asked for; "+
			"its connection is closed: something on the way may mix up replies", record.PC)
	}
	next := h.Handler
	if id := RequestID(ctx); id != "" {
		next = next.WithAttrs([]slog.Attr{slog.String(requestIDKey, id)})
	}
	for _, add := range h.waiting {
		next = add(next)
	}
	return next.Handle(ctx, record)
}

// WithAttrs returns a handler that adds attrs to each record.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(h.waiting) == 0 {
		return &handler{Handler: h.Handler.WithAttrs(attrs)}
	}
	return h.wait(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) })
}

// WithGroup returns a handler that puts later attributes into a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.wait(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

// wait returns a handler that applies add to each record. Clip makes two handlers that derive from
// this one append to different arrays.
func (h *handler) wait(add func(slog.Handler) slog.Handler) slog.Handler {
	return &handler{Handler: h.Handler, waiting: append(slices.Clip(h.waiting), add)}
}

// PanicKind is what may be logged of a recovered value: its type, because the value may be anything
// in memory, even a key. The text of Go's own faults is included: it has indices and types only.
func PanicKind(value any) string {
	kind := fmt.Sprintf("%T", value)
	if own, ok := value.(runtime.Error); ok {
		kind += ": " + own.Error()
	}
	return kind
}
