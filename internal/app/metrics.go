package app

import (
	"context"
	"fmt"
	"log/slog"

	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry"
)

// sweepWith returns what a timer runs. A sweep that the configuration keeps from closing anything
// has failed, although it has a report.
func sweepWith(sweeper *sweep.Sweeper) func(context.Context) (any, error) {
	return func(ctx context.Context) (any, error) {
		report, err := sweeper.RunOnce(ctx)
		if err == nil {
			err = report.Err()
		}
		return report, err
	}
}

// labels name the merchant in metrics.
func (a *App) labels() []slog.Attr {
	of := a.Closer.Merchant.Account()
	return []slog.Attr{slog.String("region", string(of.Region)), slog.String("mchId", of.MchID)}
}

// metrics returns how the register stands, in Prometheus's text format.
func (a *App) metrics(ctx context.Context) (string, error) {
	status, err := a.Store.Status(ctx, a.Closer.Merchant.Account(), a.Sweeper.PerSecond)
	if err != nil {
		return "", fmt.Errorf("reading the metrics: %w", err)
	}
	return telemetry.Prometheus(a.labels(), sweep.Standing(status)), nil
}
