// Package app builds the object graph: it turns the environment into a configuration, and the
// configuration into clients, workflows and a handler. It is the one place where the parts meet.
// Building makes no connection: the first call that needs WeChat Pay or the database does.
//
// A function is built once, at its instance's cold start, and serves all calls of that instance. A
// faulty configuration makes an App that is Broken: a function answers each call with the report of
// the faults, so that its callers see more than a timeout; a container logs it and exits.
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
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/internal/sweep"
	"cloudpay/internal/telemetry"
	"cloudpay/internal/trigger"
)

// App is what a process needs to close and query orders.
type App struct {
	// Closer and Querier are the workflows. They must not be used if Broken is not nil.
	Closer  *closing.Closer
	Querier *closing.Querier
	// Store is the register. Sweeper closes due orders, Resolver resolves those in doubt; both
	// deliver events. All three are nil without CLOUDPAY_STORE.
	Store             *store.Store
	Sweeper, Resolver *sweep.Sweeper
	// PlainStore is the host of the store's database if the connection crosses a network without
	// TLS, or may do so; empty otherwise.
	PlainStore string
	// Broken reports all faults of the configuration together; nil if there are none.
	Broken error
	// Log writes one line of JSON for each record.
	Log *slog.Logger

	access trigger.Access
	// clients are the gateway's, with the keys that notifications are verified by.
	clients clients
	// lookup finds orders by WeChat Pay's number; nil without a store.
	lookup *closing.Lookup
	// memoryMB is the platform's limit; 0 if it does not tell.
	memoryMB int
	// emf: timers' log lines declare metrics for CloudWatch.
	emf bool
}

// New builds an App from an environment in the form of os.Environ. It logs to logs. A faulty
// configuration makes an App that is Broken, which answers its callers that it is and logs why. The
// error is non-nil only if the environment cannot be read at all.
func New(environ []string, logs io.Writer) (*App, error) {
	a, _, err := build(environ, logs)
	return a, err
}

// build is New, with the configuration that the App was built from.
func build(environ []string, logs io.Writer) (*App, config.Config, error) {
	settings, err := config.Load(environ)
	faults := &config.Faults{}
	// A *config.Faults is collected further; any other error means that nothing was read.
	if err != nil && !errors.As(err, &faults) {
		return nil, settings, fmt.Errorf("reading the configuration: %w", err)
	}
	merchant := merchantOf(settings)
	log := telemetry.New(logs, settings.LogLevel)
	gateway, clients := newGateway(settings, faults, log)
	a := &App{
		Closer:  &closing.Closer{Gateway: gateway, Merchant: merchant, Confirm: settings.ConfirmClose, Log: log},
		Querier: &closing.Querier{Gateway: gateway, Merchant: merchant, Log: log},
		Log:     log,
		access:  accessOf(settings, log),
		clients: clients,

		memoryMB: settings.MemoryMB,
		emf:      settings.EMF,
	}
	a.useStore(settings, faults)
	if len(faults.List) > 0 {
		a.Broken = faults
	}
	return a, settings, nil
}

// CloseOrder makes functions/closeorder: it closes one order or, on a timer, all due orders.
func CloseOrder(environ []string, logs io.Writer) (hosting.Function, error) {
	a, err := New(environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	return a.hosted(a.closing()), nil
}

// QueryOrder makes functions/queryorder: it queries one order or, on a timer, all orders in doubt.
func QueryOrder(environ []string, logs io.Writer) (hosting.Function, error) {
	a, err := New(environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	return a.hosted(a.querying()), nil
}

// closing is the function that closes orders.
func (a *App) closing() *trigger.Function {
	return a.function(order.OpClose, a.Closer.Close, a.Closer.CloseShown, a.Sweeper)
}

// querying is the function that queries orders.
func (a *App) querying() *trigger.Function {
	query := func(ctx context.Context, p order.Params, _ schedule.Record) order.Result {
		return a.Querier.Query(ctx, p)
	}
	return a.function(order.OpQuery, a.Querier.Query, query, a.Resolver)
}

// function makes a function of one workflow; doShown is the same for an order that was looked up
// already.
func (a *App) function(op order.Op, do trigger.Workflow, doShown shownWorkflow, sweeper *sweep.Sweeper) *trigger.Function {
	f := &trigger.Function{Op: op, Do: do, Broken: a.Broken, Access: a.access, Log: a.Log}
	// Without a store no order has a known owner, and a user's call is refused unless the policy is
	// any.
	if a.Store != nil {
		f.Owns = func(ctx context.Context, owner string, p order.Params) (schedule.Ownership, trigger.Workflow, error) {
			return a.owns(ctx, owner, p, doShown)
		}
		f.Find = a.find
		f.Sweep = sweepWith(sweeper)
		f.Metrics = a.metrics
	}
	if a.emf {
		f.EMF = a.labels()
	}
	return f
}

// hosted makes a hosting.Function of a function that has its process to itself.
func (a *App) hosted(f *trigger.Function) hosting.Function {
	return hosting.Function{
		Handle: f.Handle, HandleHTTP: f.HandleHTTP, Standing: a.access.Standing, IsSecret: a.access.IsSecret,
		Broken: a.Broken, Log: a.Log, MemoryMB: a.memoryMB, End: a.End,
	}
}

// End closes the store when the process ends. The database would log an aborted connection
// otherwise.
func (a *App) End() {
	if a.Store != nil {
		_ = a.Store.Close() // the process ends, with or without an error
	}
}

// accessOf is the configured access. A faulty setting opens nothing: the function is Broken and
// refuses every call.
func accessOf(c config.Config, log *slog.Logger) trigger.Access {
	return trigger.Access{
		Policy:          trigger.Policy(c.CallerPolicy),
		Service:         tokenOf(c.ServiceTokens),
		HTTP:            tokenOf(c.HTTPTokens),
		Timer:           tokenOf(c.TimerTokens),
		Metrics:         tokenOf(c.MetricsTokens),
		Keys:            tokenOf(append([]config.Secret{c.V2.Key, c.V3.Key}, c.NotifyKeys...)),
		AuthorizerClaim: c.HTTPAuthorizer.Claim,
		AuthorizerValue: c.HTTPAuthorizer.Value,
		BehindWXGateway: c.BehindWXGateway,
		WXHosts:         c.WXHosts,
		CORSOrigins:     c.CORSOrigins,

		CloudBaseContext: c.CloudBaseContext,
		LoginEnv:         c.Login.Env,
		Logins:           loginsOf(c, log),
	}
}

// tokenOf is a token that any of the values matches, so that a secret can be changed without a
// refused call.
func tokenOf(values []config.Secret) trigger.Token {
	texts := make([]string, 0, len(values))
	for _, value := range values {
		texts = append(texts, value.Reveal())
	}
	return trigger.NewToken(texts...)
}

// merchantOf is the configured merchant. All calls of the function act for it.
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
