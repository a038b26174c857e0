// Package app builds the object graph: the environment becomes a configuration,
// the configuration becomes clients, workflows and a handler. It is the one place
// where the parts meet, and nothing in it touches the network.
package app

import (
	"errors"
	"fmt"
	"io"
	"log/slog"

	"cloudpay/internal/closing"
	"cloudpay/internal/config"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger"
)

// App is what a process needs to close and query orders.
type App struct {
	// Closer and Querier are the workflows; neither is to be used when Broken.
	Closer  *closing.Closer
	Querier *closing.Querier
	// Broken is every fault of the configuration in one report, nil when there
	// is none.
	Broken error
	// Log writes one line of JSON for each thing worth saying.
	Log *slog.Logger

	access trigger.Access
}

// New builds an App from an environment in the form of os.Environ, logging to
// logs. A configuration with faults gives an App that is Broken, so that callers
// can be answered and the log says why. The error is not nil only when nothing
// may be served at all; it is the same report.
func New(environ []string, logs io.Writer) (*App, error) {
	settings, err := config.Load(environ)
	faults := &config.Faults{}
	if err != nil && !errors.As(err, &faults) {
		return nil, fmt.Errorf("reading the configuration: %w", err)
	}
	door := openDoor(settings, faults)
	merchant := merchantOf(settings)
	a := &App{
		Closer:  &closing.Closer{Gateway: door, Merchant: merchant, Confirm: settings.ConfirmClose},
		Querier: &closing.Querier{Gateway: door, Merchant: merchant},
		Log:     telemetry.New(logs, settings.LogLevel),
		access:  accessOf(settings),
	}
	if len(faults.List) > 0 {
		a.Broken = faults
	}
	return a, nil
}

// CloseOrder makes the handler of functions/closeorder.
func CloseOrder(environ []string, logs io.Writer) (hosting.Handler, error) {
	a, err := New(environ, logs)
	if err != nil {
		return nil, err
	}
	return a.handler(order.OpClose, a.Closer.Close), nil
}

// QueryOrder makes the handler of functions/queryorder.
func QueryOrder(environ []string, logs io.Writer) (hosting.Handler, error) {
	a, err := New(environ, logs)
	if err != nil {
		return nil, err
	}
	return a.handler(order.OpQuery, a.Querier.Query), nil
}

// handler makes a's logger the process's too: what has no logger of its own (a
// panic caught by hosting, the libraries) is then in the same form.
func (a *App) handler(op order.Op, do trigger.Workflow) hosting.Handler {
	slog.SetDefault(a.Log)
	return (&trigger.Function{Op: op, Do: do, Broken: a.Broken, Access: a.access, Log: a.Log}).Handle
}

// accessOf is who may call. A setting at fault opens nothing: the function is Broken, and serves nobody.
func accessOf(c config.Config) trigger.Access {
	return trigger.Access{
		Policy:          trigger.Policy(c.CallerPolicy),
		Service:         trigger.NewToken(c.ServiceToken.Reveal()),
		HTTP:            trigger.NewToken(c.HTTPToken.Reveal()),
		Timer:           trigger.NewToken(c.TimerToken.Reveal()),
		AuthorizerClaim: c.HTTPAuthorizer.Claim,
		AuthorizerValue: c.HTTPAuthorizer.Value,
		BehindWXGateway: c.BehindWXGateway,
		CORSOrigins:     c.CORSOrigins,
	}
}

func merchantOf(c config.Config) order.Merchant {
	m := order.Merchant{
		Region:    order.Region(c.Region),
		Partner:   c.Mode == config.Partner,
		AppID:     c.AppID,
		MchID:     c.MchID,
		SubMchID:  c.SubMchID,
		SubAppID:  c.SubAppID,
		SubMchIDs: c.SubMchIDs,
		API:       order.API(c.API),
	}
	for _, api := range []config.API{config.APIv2, config.APIv3, config.WXCloudRun} {
		if c.Has(api) {
			m.APIs = append(m.APIs, order.API(api))
		}
	}
	return m
}
