// Package app builds the object graph: the environment becomes a configuration,
// the configuration becomes clients, workflows and a handler. It is the one place
// where the parts meet, and nothing in it touches the network.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"cloudpay/internal/closing"
	"cloudpay/internal/config"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger"
)

// App is what a process needs to close and query orders.
type App struct {
	// Closer and Querier are the workflows; neither is to be used when Broken.
	Closer  *closing.Closer
	Querier *closing.Querier
	// Store is where registered orders are kept. Sweeper closes those that are due, and Settler finds out about those in
	// doubt; both tell what became of them. All three are nil without CLOUDPAY_STORE.
	Store            *store.Store
	Sweeper, Settler *closing.Sweeper
	// PlainStore is the host of the store's database where it is, or may be, spoken to without TLS
	// over a network.
	PlainStore string
	// Broken is every fault of the configuration in one report, nil when there
	// is none.
	Broken error
	// Log writes one line of JSON for each thing worth saying.
	Log *slog.Logger

	access trigger.Access
	// lookup finds the orders that users name by another number than the merchant's; nil without a
	// store.
	lookup   *closing.Lookup
	memoryMB int
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
	merchant := merchantOf(settings)
	log := telemetry.New(logs, settings.LogLevel)
	gateway := newGateway(settings, faults, log)
	a := &App{
		Closer:  &closing.Closer{Gateway: gateway, Merchant: merchant, Confirm: settings.ConfirmClose, Log: log},
		Querier: &closing.Querier{Gateway: gateway, Merchant: merchant, Log: log},
		Log:     log,
		access:  accessOf(settings),

		memoryMB: settings.MemoryMB,
	}
	a.keepOrders(settings, faults)
	if len(faults.List) > 0 {
		a.Broken = faults
	}
	return a, nil
}

// CloseOrder makes functions/closeorder: it closes one order or, on a timer, every order that is
// due.
func CloseOrder(environ []string, logs io.Writer) (hosting.Function, error) {
	a, err := New(environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	return a.function(order.OpClose, a.Closer.Close, a.Sweeper), nil
}

// QueryOrder makes functions/queryorder: it queries one order or, on a timer, every order that is
// in doubt.
func QueryOrder(environ []string, logs io.Writer) (hosting.Function, error) {
	a, err := New(environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	return a.function(order.OpQuery, a.Querier.Query, a.Settler), nil
}

// function makes a's logger the process's too: what has no logger of its own (a
// panic caught by hosting, the libraries) is then in the same form.
func (a *App) function(op order.Op, do trigger.Workflow, sweeper *closing.Sweeper) hosting.Function {
	slog.SetDefault(a.Log)
	f := &trigger.Function{Op: op, Do: do, Broken: a.Broken, Access: a.access, Log: a.Log}
	if a.Store != nil {
		f.Owns, f.Find = a.owns, a.find
		f.Sweep = func(ctx context.Context) (any, error) { return sweeper.RunOnce(ctx) }
	}
	return hosting.Function{
		Handle: f.Handle, HandleHTTP: f.HandleHTTP, Standing: a.access.Standing, IsSecret: a.access.IsSecret,
		Broken: a.Broken, MemoryMB: a.memoryMB, End: a.end,
	}
}

// end takes leave of the store's database, which would log an aborted connection. Nothing is
// handled any more.
func (a *App) end() {
	if a.Store != nil {
		_ = a.Store.Close() // the process ends whatever it says
	}
}

// accessOf is who may call. A setting at fault opens nothing: the function is Broken, and serves nobody.
func accessOf(c config.Config) trigger.Access {
	return trigger.Access{
		Policy:          trigger.Policy(c.CallerPolicy),
		Service:         tokenOf(c.ServiceTokens),
		HTTP:            tokenOf(c.HTTPTokens),
		Timer:           tokenOf(c.TimerTokens),
		Keys:            tokenOf([]config.Secret{c.V2.Key, c.V3.Key, c.NotifyKey}),
		AuthorizerClaim: c.HTTPAuthorizer.Claim,
		AuthorizerValue: c.HTTPAuthorizer.Value,
		BehindWXGateway: c.BehindWXGateway,
		CORSOrigins:     c.CORSOrigins,
	}
}

// tokenOf is the token that any of the values is.
func tokenOf(values []config.Secret) trigger.Token {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		texts = append(texts, value.Reveal())
	}
	return trigger.NewToken(texts...)
}

func merchantOf(c config.Config) order.Merchant {
	return order.Merchant{
		Region:    c.Region,
		Partner:   c.Partner,
		AppID:     c.AppID,
		MchID:     c.MchID,
		SubMchID:  c.SubMchID,
		SubAppID:  c.SubAppID,
		SubMchIDs: c.SubMchIDs,
		API:       c.API,
		APIs:      c.APIs(),
	}
}
