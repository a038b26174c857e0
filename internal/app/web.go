package app

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"sync/atomic"

	"cloudpay/internal/config"
	"cloudpay/internal/hosting"
	"cloudpay/internal/paths"
	"cloudpay/internal/trigger"
	"cloudpay/internal/trigger/event"
)

// Web makes functions/web: the routes that CLOUDPAY_ROUTES names, behind one HTTP server. Each
// route answers as the function of its name does. Its variables may have the names that CloudBase's
// template pay-common gives them.
func Web(environ []string, logs io.Writer) (hosting.Function, error) {
	template := config.FromTemplate(environ)
	a, settings, err := build(template.Environ, logs)
	if err != nil {
		return hosting.Function{}, err
	}
	a.breakFor(webFaults(settings))
	a.Broken = template.Report(a.Broken)
	w := web{App: a, settings: settings, closing: a.closing(), querying: a.querying()}
	w.closing.Warm = &atomic.Bool{}
	w.querying.Warm = w.closing.Warm
	served := w.served()
	return hosting.Function{
		Handle: w.handleEvents(served), HandleHTTP: served.HandleHTTP, Standing: served.Standing, IsSecret: a.access.IsSecret,
		Broken: a.Broken, Log: a.Log, MemoryMB: a.memoryMB, End: a.End,
	}, nil
}

// webFaults are the faults of a configuration that serves other functions, and not this one.
func webFaults(c config.Config) []config.Fault {
	faults := c.CheckRoutes(c.Routes)
	if slices.Contains(c.Routes, string(paths.PayNotify)) {
		faults = append(faults, notifiedFaults(c)...)
	}
	return faults
}

// web has the routes' handlers.
type web struct {
	*App

	settings          config.Config
	closing, querying *trigger.Function
}

// served is the table of the routes that are configured.
func (w web) served() paths.Table {
	all := map[paths.Name]func() paths.Handler{
		paths.CloseOrder: func() paths.Handler { return w.own(w.closing) },
		paths.QueryOrder: func() paths.Handler { return w.own(w.querying) },
		paths.PayNotify:  w.payNotify,
		paths.Sweep:      w.sweepRoute,
		paths.Health:     w.healthRoute,
		paths.Metrics:    w.metricsRoute,
		paths.DropIn:     w.dropInRoute,
	}
	table := paths.Table{}
	for _, name := range w.settings.Routes {
		table[paths.Name(name)] = all[paths.Name(name)]()
	}
	return table
}

// own is the route of a function that answers requests by itself. It refuses methods by itself too,
// since it answers browsers' preflights.
func (w web) own(f *trigger.Function) paths.Handler {
	return paths.Handler{Serve: f.HandleRequest, Standing: w.access.Standing}
}

// payNotify is the route of WeChat Pay's notifications.
func (w web) payNotify() paths.Handler {
	f := payNotify{receiver: w.newReceiver(w.settings), broken: w.Broken != nil}
	return paths.Handler{Methods: []string{http.MethodPost}, Serve: f.serve, Standing: standingOfNotice}
}

// errOnlyRequests is the error for an event that is neither an HTTP request nor a template's.
var errOnlyRequests = errors.New(
	"web takes HTTP requests, and with the route dropin the events of wxpayFunctions: " +
		"set timers, queues and cloud calls on closeorder and queryorder")

// handleEvents returns a handler of the HTTP requests that come as events, and of the template's
// events where the route dropin is served. Its error is errOnlyRequests for every other event.
func (w web) handleEvents(served paths.Table) hosting.Handler {
	_, isDropIn := served[paths.DropIn]
	return func(ctx context.Context, inv hosting.Invocation) ([]byte, error) {
		e, fault := event.Decode(inv.Payload)
		if isDropIn {
			if reply, is, err := w.handleDropIn(ctx, inv, e, fault); is || err != nil {
				return reply, err
			}
		}
		if e.Kind != event.HTTP {
			return nil, errOnlyRequests
		}
		response, err := served.Serve(ctx, inv, e, fault)
		if err != nil {
			return nil, err
		}
		return e.EncodeResponse(response), nil
	}
}
