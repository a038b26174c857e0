// Package telemetry makes the one logger of the product: a JSON object a line, since SCF's log service takes the fields
// of such a line apart, with the id of the request that it is about.
//
// Secrets are not its business: they are types that print "redacted" on their own, and the package telemetrytest lets the
// tests be searched for those that do not.
package telemetry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"cloudpay/internal/printable"
)

// requestIDKey is the field of the record. It is SCF's own word for it, in camelCase like our replies.
const requestIDKey = "requestId"

type contextKey struct{}

// WithRequestID returns a context whose log records carry id; the empty id adds nothing.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, contextKey{}, id)
}

// RequestID returns the id that WithRequestID put into ctx, "" when it has none.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(contextKey{}).(string)
	return id
}

// maxText is how much of a text gets into a record, in bytes. A gateway's error or a deep stack is cut there: log services
// tear longer lines apart, and bill for them.
const maxText = 8 << 10

// New returns a logger that writes each record of at least the given level to w: one line, one
// Write. Texts and errors of more than 8 KiB are cut, and say how much is missing. What a terminal
// would obey instead of show is escaped.
func New(w io.Writer, level slog.Level) *slog.Logger {
	return slog.New(&handler{Handler: slog.NewJSONHandler(printable.NewWriter(w), &slog.HandlerOptions{Level: level, ReplaceAttr: short})})
}

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

// shortError is an error whose text is asked for no sooner than slog is ready for it to panic, as a nil one does.
type shortError struct{ error }

func (e shortError) Error() string { return cut(e.error.Error() + detail(e.error)) }

// detailed is an error whose text is for callers, and which has more to say to the log.
type detailed interface {
	error
	Detail() string
}

// detail is what an error, or one in it, has to say to the log alone.
func detail(err error) string {
	if more, is := errors.AsType[detailed](err); is {
		return " (" + more.Detail() + ")"
	}
	return ""
}

func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	// A character that is cut in two goes whole.
	return fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(text[:maxText], ""), len(text)-maxText)
}

// handler puts the request id on top of each record. That has to come before any group is opened, else the id would
// stand inside the group; so from the first group on, what is added to the logger waits until there is a record.
type handler struct {
	slog.Handler

	waiting []func(slog.Handler) slog.Handler
}

// unsolicited begins the message of net/http's transport about a reply that no request asked for.
// The rest of it is that reply, which may be about another customer's order.
const unsolicited = "Unsolicited response received on idle HTTP channel"

// Handle writes the record with the request id of ctx.
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	if strings.HasPrefix(record.Message, unsolicited) { // it comes through package log, as an INFO
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

// WithGroup returns a handler that puts what comes later into a group.
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.wait(func(next slog.Handler) slog.Handler { return next.WithGroup(name) })
}

func (h *handler) wait(add func(slog.Handler) slog.Handler) slog.Handler {
	return &handler{Handler: h.Handler, waiting: append(slices.Clip(h.waiting), add)}
}
