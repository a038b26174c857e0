package paygate

import (
	"cmp"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// The protocols that the gateway speaks, as [Fault].API and [Request].API have them.
const (
	// XML, signed with a key that both sides share.
	apiV2 = "v2"
	// JSON, signed with RSA.
	apiV3 = "v3"
	// JSON over the private link of WeChat cloud hosting, not signed.
	apiCloudRun = "wxcloudrun"
)

// The operations that a request can ask for.
const (
	opClose = "close"
	opQuery = "query"
	// APIv3 only: a download of the platform certificates.
	opCertificates = "certificates"
	// an order is placed, or a payment code charged.
	opPlace = "place"
	// APIv3 only: the self-test.
	opEcho = "echo"
	// the user pays on the page, or does not.
	opCashier = "cashier"
	// a payment-code order is given up, or given back.
	opReverse = "reverse"
	// a refund is asked for.
	opRefund = "refund"
	// a refund is queried, in APIv2 also all of an order.
	opRefundQuery = "refund-query"
)

// maxBody bounds what is read of a request, in bytes. The longest honest request, a combined
// order's close, is below 16 KiB.
const maxBody = 1 << 20

// maxDrained bounds what is read and thrown away of a longer body, in bytes.
const maxDrained = 64 << 20

// Options says what a gateway is to be. Only Merchants is required, and by [RunT] nothing; the zero
// value of every other field is ready for use.
type Options struct {
	// Merchants are the parties whose requests the gateway believes. Each may act for itself, and
	// as a service provider for its SubMchIDs.
	Merchants []*Merchant

	// Now is the wire clock: the timestamps of requests are compared with it, and replies are dated
	// by it. nil: time.Now.
	Now func() time.Time

	// Start is where the business clock begins, by which orders and certificates age. Zero: the
	// wire clock's time when the gateway is made. A File that has a clock begins where that stood.
	Start time.Time

	// Running is a gateway for people, not for tests. The business clock runs with the wire clock,
	// ahead of it by what [Gateway.Advance] has added, and a code_url and an h5_url are addresses
	// of the gateway's own pages, which a browser opens. false: the clock stands still until
	// Advance, and these addresses look like WeChat's; the management API shows an order's page.
	Running bool

	// File keeps the gateway's state: orders, refunds, notifications, the history, the clock, and
	// the keys and certificates that the options leave out. Whatever was answered is in it, so that
	// the process may be killed at any moment; the next gateway of the same File goes on there. It
	// is made if it is not there. One gateway at a time can have it open, until [Gateway.Close].
	// Empty: the state is in memory only.
	File string

	// History is how many requests [Gateway.Requests] holds, the newest. Zero: 10,000. A negative
	// one is an error.
	History int

	// PlatformKey signs the replies to requests whose Wechatpay-Serial names PublicKeyID. nil: one
	// is made.
	PlatformKey *rsa.PrivateKey

	// PublicKeyID names the public half of PlatformKey. Empty:
	// "PUB_KEY_ID_0119000000012026010100000000000001".
	PublicKeyID string

	// CertificateKey signs the replies to requests without Wechatpay-Serial, as the real gateway
	// does with its platform certificate. nil: one is made. The certificate around it is new in
	// each gateway without a File. A File that has certificates goes on with those.
	CertificateKey *rsa.PrivateKey

	// CertificateLifetime is how long a platform certificate is valid from when it is made. Zero:
	// five years, as the real ones. A negative one is an error.
	CertificateLifetime time.Duration

	// NoCertificates is a merchant that has only the public key, as merchants of after October 2024
	// do: /v3/certificates answers 404 RESOURCE_NOT_EXISTS, and the public key signs everything.
	NoCertificates bool

	// NotifyHosts are the hosts besides this machine that notifications may be sent to: names or
	// addresses, without a port. An address on any other host is never contacted, nor its name
	// looked up.
	NotifyHosts []string

	// NotifyRoots are the authorities whose certificates a receiver's https is believed by. nil:
	// the system's.
	NotifyRoots *x509.CertPool

	// Signing is what [Gateway.SetSigning] sets, from the start.
	Signing Signing

	// Seed makes the draws for Signing's shares repeatable: the n-th signed reply of a gateway is
	// drawn alike for each seed.
	Seed uint64

	// ReentrantClose makes a second APIv3 close of the same order answer 204 again; false answers
	// 400 ORDER_CLOSED. WeChat Pay's own documents say both.
	ReentrantClose bool

	// PlacedAgain is the code that answers the placing of a number that is known, by situation:
	// "different" (open, and placed with other parameters; absent: INVALID_REQUEST), "paid"
	// (INVALID_REQUEST, in APIv2 ORDERPAID), "closed" (ORDER_CLOSED, in APIv2 ORDERCLOSED) and
	// "expired" (open, and past its time_expire: as closed). WeChat Pay's documents leave most of
	// them open, and merchants report several.
	PlacedAgain map[string]string

	// SamePrepayID answers the same prepay_id to a placing that is repeated within two hours; false
	// answers a new one, beside which the first stays good. The documents do not say which.
	SamePrepayID bool

	// LatestExpiry is how far ahead a time_expire may lie; a later one is moved there. Zero: ninety
	// days. The documents for e-commerce platforms say fifteen.
	LatestExpiry time.Duration

	// CodePayErrors answers APIv3's codepay with 202 and an error's body, {"code":"USERPAYING"},
	// when the user has to type the password; false answers 202 and the transaction. The documents
	// do not say which.
	CodePayErrors bool

	// RefundTime is how long a refund that was asked for over the wire is PROCESSING, by the
	// business clock. Zero: ten seconds. A negative one makes it SUCCESS at once.
	RefundTime time.Duration

	// UnsignedErrors leaves APIv3 replies other than 2xx without a signature; false signs every
	// reply to a correctly signed request, as the documents promise.
	UnsignedErrors bool

	// Observe, if not nil, gets each request just before it is filed in the history, which is
	// before its reply is sent; it may set Call. It is called by the goroutines that serve the
	// requests, several at a time, and must not block.
	Observe func(*Request)

	// ObserveNotification, if not nil, gets each notification right after an attempt, and when none
	// is made: its address may not be called, or a fault lost or delayed it. at is the business
	// clock's time, and attempts are those just made: two for a fault that duplicates one. It is
	// called by the goroutines that deliver, several at a time, some of which hold the gateway's
	// lock: it must not block, and must not call the gateway.
	ObserveNotification func(n Notification, at time.Time, attempts []NotificationAttempt)
}

// Gateway is an emulated WeChat Pay. As an [http.Handler] it serves the wire; its other methods
// look inside and change what is there. It is safe for concurrent use. Everything is in memory, and
// lasts only with an [Options].File.
type Gateway struct {
	now func() time.Time
	// its own keys and certificates
	platform *platform
	// without private keys
	merchants      []*Merchant
	reentrantClose bool
	unsignedErrors bool
	// nil: nothing observes
	observe       func(*Request)
	codePayErrors bool
	// pages are answered as addresses that a browser opens
	running bool

	// nil without a file
	keep *keeper
	// the business clock, which orders and certificates share
	clock   *clock
	orders  *orderBook
	faults  *faultList
	history *history
	// the bytes of the newest requests and replies
	transcripts transcripts
	nonces      *nonceLog
	signing     *lottery
	domains     *domains
	// sends what merchants are told
	notifier *notifier
	// the notify_url of orders that are added without one; nil: none
	notifyByDefault atomic.Pointer[string]
	stream          streamTimes

	// closed by Close; requests that hang wait for it
	closed    chan struct{}
	closeOnce sync.Once
}

// New makes a gateway that serves at once; [Gateway.Close] releases the requests that a fault keeps
// hanging, ends the deliveries of notifications, and releases the file. Goroutines exist only while
// notifications are delivered. Without keys in the options or in the file it makes them, which
// takes some tenths of a second; [RunT] shares keys between the tests of a process. The error names
// every fault of the options. A file that is damaged, of a newer program, in use, or that cannot be
// written is an error that names it and the remedy.
func New(opts Options) (*Gateway, error) {
	merchants, noMerchants := adoptMerchants(opts.Merchants)
	lottery, noLottery := newLottery(opts.Signing, opts.Seed)
	_, noPlacing := newPlacingRules(&opts)
	if err := errors.Join(noMerchants, noLottery, noPlacing, checkNotifyHosts(opts.NotifyHosts), opts.check()); err != nil {
		return nil, fmt.Errorf("making a pay gateway: %w", err)
	}
	g := &Gateway{
		now: opts.Now, merchants: merchants, reentrantClose: opts.ReentrantClose, unsignedErrors: opts.UnsignedErrors,
		observe: opts.Observe, codePayErrors: opts.CodePayErrors, running: opts.Running,
		faults: &faultList{seed: opts.Seed}, nonces: &nonceLog{}, signing: lottery, domains: &domains{}, stream: defaultStreamTimes(),
		closed: make(chan struct{}),
	}
	if g.now == nil {
		g.now = time.Now
	}
	if err := g.open(opts); err != nil {
		g.keep.close(errClosed)
		return nil, fmt.Errorf("making a pay gateway: %w", err)
	}
	g.notifier.resume(opts.Running)
	return g, nil
}

// check returns an error that names each number that must not be negative.
func (o *Options) check() error {
	var wrong complaints
	wrong.expectf(o.CertificateLifetime >= 0, "Options.CertificateLifetime: %s must not be negative", o.CertificateLifetime)
	wrong.expectf(o.History >= 0, "Options.History: %d must not be negative", o.History)
	return wrong.err()
}

// open makes the state, or reads it from the file.
func (g *Gateway) open(opts Options) (err error) {
	if opts.File != "" {
		if g.keep, err = openKeeper(opts.File); err != nil {
			return err
		}
	}
	g.blank(opts)
	if g.keep != nil {
		if err := g.restore(); err != nil {
			return g.keep.explain(err)
		}
		g.convert()
		g.history.begin()
		g.keep.write(g.clock.entry())
	}
	if g.platform, err = newPlatform(opts, g.now, g.clock.time, g.keep); err != nil {
		return err
	}
	g.notifier = newNotifier(g, opts)
	return g.keep.err()
}

// blank gives the gateway a clock, a book and a history with nothing in them.
func (g *Gateway) blank(opts Options) {
	start, wire := opts.Start, g.now
	if start.IsZero() {
		start = g.now()
	}
	if !opts.Running {
		wire = nil
	}
	g.clock = newClock(start, wire, g.keep)
	rules, _ := newPlacingRules(&opts) // New has checked them
	g.orders = newOrderBook(g.clock, g.merchants, rules, g.keep)
	g.orders.refunds.time = cmp.Or(opts.RefundTime, defaultRefundTime)
	g.history = newHistory(cmp.Or(opts.History, defaultHistory), g.keep)
}

// Close ends every request that a fault keeps waiting, every stream and every delivery of a
// notification, and releases the file: requests that come later are refused if there is one. It has
// to come before the HTTP server is closed, which waits for its requests. The error says that the
// state could not be kept; the file has what was there before. Called again it does nothing.
func (g *Gateway) Close() (err error) {
	g.closeOnce.Do(func() {
		close(g.closed)
		g.notifier.close()
		g.history.end()
		err = g.keep.err()
		g.keep.close(errClosed)
	})
	return err
}

// ServeHTTP answers all protocols on the main domain: APIv2 under /pay/ and /secapi/, APIv3 under
// /v3/ and /hk/v3/, wxcloudrun under /_/pay/, and at /cashier the page on which a user pays. What
// is not played is answered in the protocol's own form, with a sentence that says so.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.serveOn(domainMain, w, r) }

// serveOn answers a request that came by one of the domains. Every way out of it files the request
// in the history, before the client sees a reply. It returns the id there; 0 for a visit of the
// page on which a user pays, which is not filed.
func (g *Gateway) serveOn(domain string, w http.ResponseWriter, r *http.Request) (id int) {
	ex := &exchange{gateway: g, w: w, r: r, rec: Request{
		Time: g.now().In(beijing()).Truncate(time.Second), Domain: domain, Method: r.Method, URL: r.RequestURI,
	}}
	if _, dated := w.Header()["Date"]; !dated { // by the handler around this one, if there is one
		w.Header().Set("Date", g.now().UTC().Format(http.TimeFormat))
	}
	ex.hear()
	g.route(ex)
	return ex.rec.ID
}

// route has a request answered by the protocol that its path belongs to.
func (g *Gateway) route(ex *exchange) {
	if !g.domains.isUp(ex.rec.Domain) {
		ex.refuseConnection()
		return
	}
	switch path := ex.r.URL.EscapedPath(); {
	case path == pathCashier:
		g.serveCashier(ex)
	case isV2(path):
		ex.rec.API = apiV2
		g.serveV2(ex, path)
	case strings.HasPrefix(path, "/v3/"), strings.HasPrefix(path, "/hk/v3/"):
		ex.rec.API = apiV3
		g.serveV3(ex, path)
	case strings.HasPrefix(path, pathCloudRun):
		ex.rec.API = apiCloudRun
		g.serveCloudRun(ex, path)
	default:
		ex.notPlayedAtAll()
	}
}

// merchant returns the merchant of a number, nil if there is none.
func (g *Gateway) merchant(mchID string) *Merchant {
	for _, m := range g.merchants {
		if m.MchID == mchID {
			return m
		}
	}
	return nil
}

// merchantIDs lists merchant numbers for a sentence.
func merchantIDs(merchants []*Merchant) string {
	ids := make([]string, len(merchants))
	for i, m := range merchants {
		ids[i] = m.MchID
	}
	return strings.Join(ids, ", ")
}

// exchange is one request on its way through the gateway, and its entry in the history.
type exchange struct {
	gateway *Gateway
	w       http.ResponseWriter
	r       *http.Request
	body    []byte
	// when it came, by the wire clock and the business clock, and what was read of its body
	began, clock time.Time
	heard        *heard
	// its bytes as they are kept; nil before it is filed
	said *transcript
	// filled in on the way, and filed by record
	rec Request
}

// read takes the request's body. It returns false if that failed; the reply has been sent then. Of
// a body that is too long as much is read as maxDrained allows: a client that is still sending
// would not see the reply.
func (ex *exchange) read() bool {
	body, err := io.ReadAll(io.LimitReader(ex.r.Body, maxBody+1))
	switch {
	case err != nil:
		ex.rec.Verdict = verdictCut
		ex.rec.Reason = "the body did not arrive whole: " + err.Error()
		ex.record(0)
		ex.cut()
		return false
	case len(body) > maxBody:
		_, _ = io.CopyN(io.Discard, ex.r.Body, maxDrained) // a client that is gone has no use for the reply
		ex.tooLong()
		return false
	}
	ex.body = body
	return true
}

// record files the request in the history with the status that it is about to be answered with; 0
// for no reply. A test that has the reply finds the request there.
func (ex *exchange) record(status int) {
	ex.rec.HTTPStatus = status
	if observe := ex.gateway.observe; observe != nil {
		observe(&ex.rec)
	}
	ex.gateway.history.add(ex.rec, ex.transcribe)
}

// wait lets d of real time pass. It returns false if the client goes away or the gateway closes
// first.
func (ex *exchange) wait(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ex.r.Context().Done():
		return false
	case <-ex.gateway.closed:
		return false
	}
}

// hang waits until the client goes away or the gateway closes.
func (ex *exchange) hang() {
	select {
	case <-ex.r.Context().Done():
	case <-ex.gateway.closed:
	}
}

// cut ends the connection without a reply.
func (ex *exchange) cut() { ex.endConnection(func(net.Conn) {}) }

// reset cuts the connection with a TCP reset, as a crashing server or a firewall does.
func (ex *exchange) reset() {
	ex.endConnection(func(conn net.Conn) {
		if tcp, ok := conn.(*net.TCPConn); ok {
			// best effort: without it the client sees an end in place of a reset
			_ = tcp.SetLinger(0)
		}
	})
}

// endConnection closes the connection after last. Where it cannot be had, as over HTTP/2 and in a
// test's recorder, the reply is aborted in net/http's own way, which is a panic.
func (ex *exchange) endConnection(last func(net.Conn)) {
	conn, _, err := http.NewResponseController(ex.w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) //nolint:forbidigo // net/http documents it, and recovers it silently
	}
	last(conn)
	_ = conn.Close() // the peer may be gone already
}
