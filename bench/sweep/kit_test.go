//go:build sqlite && databases

// Package sweep_test has real sweepers at work: sweep.Sweeper on a real database, and before it the
// APIv2 client, over HTTP, and the emulated gateway. It measures how busy a sweep keeps the
// gateway, beside a floor that has no store; it has four sweepers share their work; and it takes
// away from under a sweep what it stands on.
package sweep_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/store/storetest"
	"cloudpay/internal/sweep"
	"cloudpay/internal/wechatpay"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
)

// unlimited is more calls a second than are ever made here: what is held down is not the rate.
const unlimited = 20_000

// town is an emulated gateway that is looked at from outside: who asks for which order, and when.
type town struct {
	*paygate.Server

	testing.TB

	// url is the watched wire.
	url string
	// latency is how long each answer takes at least.
	latency time.Duration
	// hold, when it is not nil, is called before a request is handled, and again before its reply
	// is sent.
	hold func(who, op, no string, handled bool)

	mu    sync.Mutex
	seen  int
	known map[string]*dealings
}

// dealings is what was asked about one order.
type dealings struct {
	under           bool // an exchange is under way
	overlaps        int  // exchanges that began while another was under way
	queries, closes int
	by              map[string]bool
}

func newTown(t testing.TB) *town {
	t.Helper()
	w := &town{TB: t, Server: paygate.RunT(t), known: map[string]*dealings{}}
	wire := httptest.NewServer(w)
	t.Cleanup(wire.Close)
	w.url = wire.URL
	return w
}

var outTradeNo = regexp.MustCompile(`<out_trade_no>([^<]+)<`)

// historyKept is how many requests the gateway remembers: forgetting them one by one is slow.
const historyKept = 1000

func (w *town) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	arrived, gone := time.Now(), r.Context().Done()
	body, err := io.ReadAll(r.Body)
	found := outTradeNo.FindSubmatch(body)
	if err != nil || found == nil {
		w.Errorf("a request to %s of no order, error %v: %s", r.URL, err, body)
		return
	}
	who, op, no := r.UserAgent(), r.URL.Path[strings.LastIndexByte(r.URL.Path, '/')+1:], string(found[1])
	leave := w.enter(who, op, no)
	defer leave()
	if w.hold != nil {
		w.hold(who, op, no, false)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	w.Gateway.ServeHTTP(&lateWriter{ResponseWriter: rw, until: func() {
		if w.hold != nil {
			w.hold(who, op, no, true)
		}
		leave() // before whoever asks can know the answer and ask again
		pass(gone, time.Until(arrived.Add(w.latency)))
	}}, r)
}

// enter notes the beginning of an exchange; leave, which may be called twice, its end.
func (w *town) enter(who, op, no string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	d := w.known[no]
	if d == nil {
		d = &dealings{by: map[string]bool{}}
		w.known[no] = d
	}
	if d.under {
		d.overlaps++
	}
	d.under, d.by[who] = true, true
	if op == "closeorder" {
		d.closes++
	} else {
		d.queries++
	}
	if w.seen++; w.seen%historyKept == 0 {
		w.ClearRequests()
	}
	return sync.OnceFunc(func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		d.under = false
	})
}

// lateWriter sends nothing until it may.
type lateWriter struct {
	http.ResponseWriter

	until func()
}

func (l *lateWriter) WriteHeader(status int) {
	l.until()
	l.ResponseWriter.WriteHeader(status)
}

// pass waits, unless whoever waits for it has gone.
func pass(gone <-chan struct{}, d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-gone:
	}
}

// order makes an order that nobody has paid.
func (w *town) order(numbers ...string) {
	w.Helper()
	for _, no := range numbers {
		w.MustAddOrder(paygate.Order{OutTradeNo: no, Total: 1})
	}
}

// pay has the customer pay.
func (w *town) pay(numbers ...string) {
	w.Helper()
	for _, no := range numbers {
		w.MustPay(no)
	}
}

// states is how the orders stand.
func (w *town) states() map[string]paygate.TradeState {
	states := map[string]paygate.TradeState{}
	for _, o := range w.Orders() {
		states[o.OutTradeNo] = o.State
	}
	return states
}

// shop is the merchant.
func (w *town) shop() order.Merchant {
	return order.Merchant{AppID: w.Merchant.AppID, MchID: w.Merchant.MchID, API: order.V2, APIs: []order.API{order.V2}}
}

func (w *town) ref(no string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: w.Merchant.MchID, OutTradeNo: no}
}

// gateway returns one of its own for each sweeper.
func (w *town) gateway(who string) *wechatpay.Gateway {
	return &wechatpay.Gateway{APIs: map[order.API]wechatpay.Exchanger{order.V2: &wechatpay.Failover{
		Exchangers: []wechatpay.Exchanger{wechatpay.V2{Client: &v2xml.Client{
			AppID: w.Merchant.AppID, MchID: w.Merchant.MchID, Key: v2xml.Key(w.Merchant.V2Key),
			BaseURL: w.url, UserAgent: who, HTTPClient: wechatpay.NewHTTPClient(),
		}}},
		Routes: []order.Route{order.RouteOwn}, Domains: &wechatpay.Domains{},
	}}}
}

// sweeper sweeps what a store has.
func (w *town) sweeper(who string, kept sweep.Backlog, concurrency int) *sweep.Sweeper {
	return &sweep.Sweeper{
		Gateway: w.gateway(who), Merchant: w.shop(), Store: kept, Concurrency: concurrency, PerSecond: unlimited,
		Log: slog.New(slog.NewTextHandler(w.Output(), nil)),
	}
}

// register has orders closed at once.
func (w *town) register(kept *store.Store, numbers ...string) {
	w.Helper()
	entries := make([]schedule.Entry, len(numbers))
	for i, no := range numbers {
		entries[i].Ref = w.ref(no)
	}
	all, err := kept.RegisterAll(context.Background(), entries)
	if err != nil {
		w.Fatal(err)
	}
	for i, one := range all {
		if one.Err != nil || !one.Added {
			w.Fatalf("registering %s: got %+v, want it added", numbers[i], one)
		}
	}
}

// wantSettled wants each order ended as the gateway has it, and told once.
func (w *town) wantSettled(kept *store.Store) {
	w.Helper()
	want := map[tradestate.State]schedule.FinalState{tradestate.Closed: schedule.FinalClosed, tradestate.Success: schedule.FinalPaid}
	told := w.told(kept)
	for no, state := range w.states() {
		s, err := kept.Show(context.Background(), w.ref(no))
		if ending := want[tradestate.State(state)]; err != nil || s.Progress != schedule.Done || s.FinalState != ending || ending == "" {
			w.Errorf("order %s: got %s %q, error %v; the gateway has it as %s", no, s.Progress, s.FinalState, err, state)
		}
		if kinds := told[no]; len(kinds) != 1 || string(kinds[0]) != string(s.FinalState) {
			w.Errorf("order %s: got events %v, want %q once", no, kinds, s.FinalState)
		}
	}
}

// told are the events of each order.
func (w *town) told(kept *store.Store) map[string][]outbox.EventKind {
	w.Helper()
	told := map[string][]outbox.EventKind{}
	for after := (outbox.Cursor{}); ; {
		events, err := kept.Events(context.Background(), w.shop().Account(), after, 1000)
		if err != nil {
			w.Fatal(err)
		}
		if len(events) == 0 {
			return told
		}
		for _, e := range events {
			told[e.OutTradeNo] = append(told[e.OutTradeNo], e.Kind)
			after = e.Cursor()
		}
	}
}

// runsOut ends all leases: every order that is under one becomes due, as if minutes had passed.
func runsOut(t testing.TB, db storetest.Database, address string) {
	t.Helper()
	past := map[string]string{
		"postgres": "due_at - interval '2 minutes'",
		"mysql":    "due_at - INTERVAL 2 MINUTE",
		"sqlite":   "due_at - 120000000",
	}[db.Name]
	for _, statement := range []string{
		"UPDATE cloudpay_orders SET lease_until = " + past + ", due_at = " + past + " WHERE lease_until IS NOT NULL",
		"DELETE FROM cloudpay_watermarks", // which are ahead of due times that went back
	} {
		if _, err := storetest.Raw(t, address).ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

func open(t testing.TB, address string) *store.Store {
	t.Helper()
	s, err := store.Open(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func numbers(prefix string, n int) []string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprintf("%s%05d", prefix, i+1)
	}
	return list
}

func everyThird(list []string) (third []string) {
	for i := 0; i < len(list); i += 3 {
		third = append(third, list[i])
	}
	return third
}

// handled notes who holds which order, between claiming and writing down.
type handled struct {
	sweep.Backlog

	all *holders
	// idle is closed when nothing was left to be claimed.
	idle chan struct{}
	once sync.Once
}

// holders are shared by all who sweep.
type holders struct {
	mu       sync.Mutex
	held     map[int64]int
	overlaps int
	claimed  map[int64]int
	// finished are those whose end was said to be written down.
	finished map[string]schedule.FinalState
}

func newHolders() *holders {
	return &holders{held: map[int64]int{}, claimed: map[int64]int{}, finished: map[string]schedule.FinalState{}}
}

func (h *holders) watch(kept sweep.Backlog) *handled {
	return &handled{Backlog: kept, all: h, idle: make(chan struct{})}
}

func (h *handled) Claim(ctx context.Context, of order.Account, limit int, lease time.Duration) ([]schedule.Claim, error) {
	claims, err := h.Backlog.Claim(ctx, of, limit, lease)
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	for _, c := range claims {
		h.all.claimed[c.ID]++
		if h.all.held[c.ID]++; h.all.held[c.ID] > 1 {
			h.all.overlaps++
		}
	}
	if err == nil && len(claims) == 0 {
		h.once.Do(func() { close(h.idle) })
	}
	return claims, err
}

// drop is called before the write, since another may claim the order before whoever wrote knows
// that it did.
func (h *handled) drop(claims ...schedule.Claim) {
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	for _, c := range claims {
		h.all.held[c.ID]--
	}
}

func (h *handled) FinishAll(ctx context.Context, ended []schedule.Ended) []error {
	for _, e := range ended {
		h.drop(e.Claim)
	}
	errs := h.Backlog.FinishAll(ctx, ended)
	h.all.mu.Lock()
	defer h.all.mu.Unlock()
	for i, e := range ended {
		if errs[i] == nil {
			h.all.finished[e.Claim.OutTradeNo] = e.Final.State
		}
	}
	return errs
}

func (h *handled) RetryAll(ctx context.Context, postponed []schedule.Postponed) []error {
	for _, p := range postponed {
		h.drop(p.Claim)
	}
	return h.Backlog.RetryAll(ctx, postponed)
}

func (h *handled) GiveUp(ctx context.Context, c schedule.Claim, b schedule.Retry) error {
	h.drop(c)
	return h.Backlog.GiveUp(ctx, c, b)
}

func (h *handled) Release(ctx context.Context, claims []schedule.Claim) (int, error) {
	h.drop(claims...)
	return h.Backlog.Release(ctx, claims)
}

// names are for a failure's text.
func names(by map[string]bool) string { return strings.Join(slices.Sorted(maps.Keys(by)), ", ") }
