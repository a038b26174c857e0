// Package console is the web page over an emulated world: what its two halves are doing, and why.
//
//	GET /            both worlds' health, counts of orders, what went wrong last, how to point an
//	                 SDK here
//	GET /requests    the requests to WeChat Pay as they come; /requests/{id} explains one
//	GET /orders      WeChat Pay's truth beside the register; /orders/{out_trade_no} shows one
//	GET /time        the clock and the timers; POST /time/advance and /time/fire move them
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
	"time"

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
	// Owner is whose orders the functions close, without an order's number: an order that a page
	// places is of this merchant.
	Owner Key
	// Register is the register of orders; nil: the functions keep none.
	Register Register
	// Client makes the calls of the management APIs; nil: one without a time limit, as streams
	// need. Every other call has a limit of its own.
	Client *http.Client
}

// Register is the register of orders, to be read. An error is shown on the page. Implementations
// are safe for concurrent use.
type Register interface {
	// Status counts the orders.
	Status(ctx context.Context) (Status, error)
	// Find returns an order; nil if it is not registered.
	Find(ctx context.Context, key Key) (*Registered, error)
	// List returns orders in a state of progress, up to limit, and where the list goes on; next is
	// empty at its end, and from at its beginning.
	List(ctx context.Context, progress Progress, from string, limit int) (orders []Registered, next string, err error)
}

// Status counts the orders of a register.
type Status struct {
	// Waiting orders wait for their time, those that are Due included; the oldest of them for
	// OldestDue.
	Waiting, Due int
	OldestDue    time.Duration
	// Closing orders are being closed, or in doubt: a close may have been sent whose result was
	// never recorded.
	Closing int
	// Stuck ones were given up, and wait for a person.
	Stuck int
	// Ended orders ended within the last minute.
	Ended int
	// EventsPending are to be delivered; EventsDead are not tried again.
	EventsPending, EventsDead int
}

// Key is an order's full name.
type Key struct {
	// Region is "cn", "global" or "hk".
	Region string
	// MchID is the merchant, or the service provider of SubMchID.
	MchID, SubMchID string
	OutTradeNo      string
}

// Progress is how far the register is with an order.
type Progress string

// The values of a Progress.
const (
	Waiting   Progress = "waiting"   // it waits for its time
	Closing   Progress = "closing"   // a close was intended, and may have been sent
	Stuck     Progress = "stuck"     // it was given up: a person has to look
	Withdrawn Progress = "withdrawn" // its registration was withdrawn
	Ended     Progress = "ended"     // a signed answer ended it
)

// Registered is an order of the register. Times that are not known are zero.
type Registered struct {
	Key

	Progress Progress
	// Final is how it ended: "closed", "paid" or "notFound"; empty before.
	Final string
	// TradeState is WeChat Pay's last word, and Proved says that it was signed.
	TradeState string
	Proved     bool
	// Total is the amount in fen; nil: it is not known.
	Total *int64

	// RegisteredAt, DueAt and EndedAt are by the register's clock, which follows the emulator's.
	// CloseAt is when the order was to be closed, and DueAt when it is next attempted: later than
	// CloseAt after an attempt that ended nothing.
	RegisteredAt, CloseAt, DueAt, EndedAt time.Time
	// Attempts counts the sweeps' attempts, and LastError is why the last one ended nothing.
	Attempts  int
	LastError string
}

// Console serves the pages. [New] makes one.
type Console struct {
	options Options
	api     *api
	assets  assets
	pages   pages
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
	c.handler = guarded(c.routes())
	return c, nil
}

// ServeHTTP answers a page, a file or the stream.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) { c.handler.ServeHTTP(w, r) }

// routes are all addresses.
func (c *Console) routes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", c.showOverview)
	mux.HandleFunc("GET /requests", c.showRequests)
	mux.HandleFunc("GET /requests/{id}", c.showRequest)
	mux.HandleFunc("GET /orders", c.showOrders)
	mux.HandleFunc("GET /orders/{number}", c.showOrder)
	mux.HandleFunc("GET /time", c.showTime)
	mux.HandleFunc("POST /time/advance", c.advance)
	mux.HandleFunc("POST /time/fire", c.fire)
	mux.HandleFunc("POST /language", chooseLanguage)
	mux.HandleFunc("GET /stream", c.stream)
	mux.Handle("GET /assets/", c.assets)
	mux.HandleFunc("/", c.showMissing)
	return mux
}
