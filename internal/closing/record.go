package closing

import (
	"context"
	"log/slog"
)

// isRecorded reports whether a write was made; if not, the log says why not.
func isRecorded(ctx context.Context, log *slog.Logger, err error) bool {
	if err != nil {
		logger(log).ErrorContext(ctx, "what became of an order could not be recorded", "error", err)
	}
	return err == nil
}

// logger discards what is logged to a nil Log.
func logger(l *slog.Logger) *slog.Logger {
	if l == nil {
		return slog.New(slog.DiscardHandler)
	}
	return l
}
