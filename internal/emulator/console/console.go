// Package console is the web page over an emulated world: what its two halves are doing, and why.
//
//	GET /            both worlds' health, counts of orders, what went wrong last, how to point an
//	                 SDK here
//	GET /requests    the requests to WeChat Pay as they come; /requests/{id} explains one
//	GET /orders      WeChat Pay's truth beside the register; POST /orders and
//	                 /orders/{out_trade_no}/{action} place, pay, refund, close and register; POST
//	                 /first/{step} does the steps of the first close
//	GET /orders/{n}  one order with what happened to it; POST …/replay does a step again, and
//	                 …/until moves the clock on to what is due next
//	GET /invoke      any trigger as any caller, as a form or as JSON; POST calls, and shows what
//	                 the function answered
//	GET /callers     which calls were denied; /callers/{id} shows which rules were tried, and POST
//	                 /callers/{id}/again makes the call as another caller
//	GET /explain     a form for a request from elsewhere, which POST /explain explains
//	GET /faults      what goes wrong in both worlds; POST /faults/… switches it, and
//	                 /faults/scenario saves and loads all of it
//	GET /time        the clock and the timers; POST /time/advance and /time/fire move them
//	GET /sweep       reports of sweeps, next attempts, stuck orders; POST /sweep/… sweeps, reopens
//	GET /events      the outbox and the event sink; POST /events/… delivers; /events/{n} is one
//	GET /settings    what every variable does and is set to; POST /settings/doctor examines
//	GET /stream      what the pages show, as server-sent events (stream.go)
//	POST /language   another language, in a cookie
//	GET /assets/…    the style, the scripts and the icon
//
// # No powers of its own
//
// The console reads and changes the world by the management APIs that docs/emulator.md describes,
// and each page names the calls that it made, as commands for curl. It has no state but the open
// streams: whatever a page shows is read when it is asked for, so that two pages never disagree
// about the world, and a page that is opened again after a restart shows what is there. What no API
// shows, the register of orders, it reads by a [Register], and cannot change.
//
// # Without and with JavaScript
//
// Pages are made whole on the server and work without JavaScript: filters and actions are forms,
// an action answers with the page that shows what it did. With JavaScript a page changes as
// something happens: htmx (folder htmx) puts into it what /stream sends. Nothing is loaded from a
// network, and there is no step that builds anything.
//
// # What strangers write
//
// An order's number, an attach, a header, an error's text: everything that the pages show may have
// been written by a stranger. html/template escapes it, no template marks a text as safe, and the
// Content-Security-Policy runs no script but those of /assets/ (guard.go).
//
// # Another page
//
// A page is a route in [Console.routes], a handler that fills a view with Data, a template that
// defines "main" (folder templates, named in loadPages), and a row of rooms with its key. Texts
// stand in the template in both languages: {{$v.T "Orders" "订单"}}.
// A page that is to change by itself has a Live address and either rows that the stream sends
// (reader.row), or a part with an id that htmx reads again at the event "changed".
package console

import (
	"context"
	"net/http"

	"cloudpay/internal/bilingual"
)

// Options are what a console stands on. The addresses are required, but for EventsURL.
type Options struct {
	// GatewayURL and BackupURL are WeChat Pay's, by its two domains; AdminURL is its management
	// API.
	GatewayURL, BackupURL, AdminURL string
	// CloudURL is the cloud with the functions.
	CloudURL string
	// EventsURL is the event sink; empty: there is none.
	EventsURL string
	// ConsoleURL is where the console itself is served.
	ConsoleURL string
	// Owner is the merchant of the functions, without an order's number: a page places orders of
	// this merchant.
	Owner Key
	// HasRegister says that the functions keep a register of orders. Its management API is on the
	// cloud's address.
	HasRegister bool
	// Calls makes the requests of Invoke; nil: that page calls nothing.
	Calls Calls
	// Client makes the calls of the management APIs; nil: one without a time limit, as streams
	// need. Every other call has a limit of its own.
	Client *http.Client
}

// Calls knows how each trigger reaches a function, and what proves each caller. It sends no call.
// Implementations are safe for concurrent use.
type Calls interface {
	// Triggers are all that there are, as they reach a function on a runtime.
	Triggers(runtime string) []Trigger
	// Prepare makes the request of a call, and read, which takes the function's answer out of the
	// cloud's. The error has a line for each fault of the call.
	Prepare(ctx context.Context, call Call) (request *http.Request, read Reading, err error)
	// Tokens are the secrets that a request may have, by the names that they have in a file.
	Tokens() (file string, tokens map[string]string)
}

// Reading takes a function's answer out of what the cloud answered to its call. The error is the
// cloud's refusal.
type Reading func(status int, header http.Header, body []byte) (answer []byte, err error)

// Trigger is what calls a function.
type Trigger struct {
	Name    string
	Meaning bilingual.Text
	// Callers are the kinds of callers that it can carry; none: the function has no such trigger.
	Callers []string
	// IsRequest says that it sends an HTTP request, and IsTimer that it may have a time.
	IsRequest, IsTimer bool
}

// Call is a call of a function, in the words of `cloudpay invoke`. What is empty is left out.
type Call struct {
	Function, Trigger, As string
	// Method and Path are those of an HTTP request; At is a timer's time; Data is the event, the
	// message or the body.
	Method, Path, At, Data string
}

// Console serves the pages. [New] makes one.
type Console struct {
	options Options
	api     *api
	// register reads the register; nil: the functions keep none.
	register *register
	assets   assets
	pages    pages
	// streams has a place for each reader of /stream; a full one refuses another.
	streams chan struct{}
	// handler is the routes behind the guard.
	handler http.Handler
}

// New makes a console. It connects to nothing before it is asked for a page.
func New(options Options) (*Console, error) {
	assets, err := loadAssets()
	if err != nil {
		return nil, bilingual.Errorf("reading the console's files: %w", "读取控制台的文件：%w", err)
	}
	pages, err := loadPages(assets)
	if err != nil {
		return nil, bilingual.Errorf("reading the console's pages: %w", "读取控制台的页面：%w", err)
	}
	c := &Console{options: options, api: newAPI(options), assets: assets, pages: pages, streams: make(chan struct{}, maxStreams)}
	if options.HasRegister {
		c.register = &register{c.api}
	}
	c.handler = guarded(c.routes())
	return c, nil
}

// ServeHTTP answers a page, a file or the stream.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes are all addresses.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, handler := range map[string]http.HandlerFunc{
		"GET /{$}":                       c.showOverview,
		"GET /requests":                  c.showRequests,
		"GET /requests/{id}":             c.showRequest,
		"GET /orders":                    c.showOrders,
		"POST /orders":                   c.placeOrder,
		"GET /orders/{number}":           c.showOrder,
		"GET /invoke":                    c.showInvoke,
		"POST /invoke":                   c.invoke,
		"GET /callers":                   c.showCallers,
		"GET /callers/{id}":              c.showCaller,
		"POST /callers/{id}/again":       c.callAgain,
		"GET /explain":                   c.showExplain,
		"POST /explain":                  c.explain,
		"GET /faults":                    c.showFaults,
		"POST /faults/switch":            c.switchFault,
		"POST /faults/remove":            c.removeFault,
		"POST /faults/clear":             c.clearFaults,
		"POST /faults/domains":           c.setDomain,
		"POST /faults/signing":           c.setSigning,
		"POST /faults/events":            c.failSink,
		"GET /faults/scenario":           c.saveScenario,
		"POST /faults/scenario":          c.loadScenario,
		"POST /orders/{number}/{action}": c.actOnOrder,
		"POST /first/{step}":             c.guideOn,
		"POST /orders/{number}/replay":   c.replay,
		"POST /orders/{number}/until":    c.moveTo,
		"GET /time":                      c.showTime,
		"POST /time/advance":             c.advance,
		"POST /time/fire":                c.fire,
		"GET /sweep":                     c.showSweep,
		"POST /sweep/run":                c.sweepNow,
		"POST /sweep/reopen":             c.reopen,
		"GET /events":                    c.showEvents,
		"GET /events/{number}":           c.showEvent,
		"POST /events/deliver":           c.deliverNow,
		"POST /events/redeliver":         c.redeliver,
		"POST /events/faults":            c.failSink,
		"POST /events/faults/clear":      c.mendSink,
		"GET /settings":                  c.showSettings,
		"POST /settings/doctor":          c.runDoctor,
		"POST /language":                 chooseLanguage,
		"GET /stream":                    c.stream,
		"/":                              c.showMissing,
	} {
		mux.HandleFunc(pattern, c.bounded(pattern, handler))
	}
	mux.Handle("GET /assets/", c.assets)
	return mux
}
