package sweep_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/closing"
	"cloudpay/internal/closing/closingtest"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// fakeGateway is a gateway that keeps many orders and tells the truth about them, after a while.
type fakeGateway struct {
	t *testing.T

	mu     sync.Mutex
	states map[string]tradestate.State
	// latency is what each exchange takes.
	latency time.Duration
	// clock, when it is not nil, is the time in each answer.
	clock func() order.Clock
	// odd, when it is not nil, may answer an exchange instead.
	odd func(ctx context.Context, op, outTradeNo string) (order.Answer, bool)

	busy   map[string]int // exchanges under way, by order
	asked  map[string][]string
	flying int // exchanges under way
	most   int // exchanges at once
	calls  int
	doubly int // exchanges about an order that had one under way
}

func newFakeGateway(t *testing.T) *fakeGateway {
	t.Helper()
	return &fakeGateway{t: t, states: map[string]tradestate.State{}, busy: map[string]int{}, asked: map[string][]string{}}
}

func (g *fakeGateway) Close(ctx context.Context, c order.Call) order.Answer {
	return g.exchange(ctx, "close", c.OutTradeNo, func(state tradestate.State, known bool) order.Answer {
		switch {
		case !known:
			return closingtest.Answer(verdict.SaysMissing, errcode.OrderNotExist)
		case state.Paid():
			return closingtest.Answer(verdict.SaysPaid, "ORDERPAID")
		case state.Closed():
			return closingtest.Answer(verdict.SaysClosed, "ORDERCLOSED")
		case state == tradestate.UserPaying:
			return closingtest.Answer(verdict.SaysPaying, "USERPAYING")
		}
		g.states[c.OutTradeNo] = tradestate.Closed
		return closingtest.Answer(verdict.Accepted, "")
	})
}

func (g *fakeGateway) Query(ctx context.Context, c order.Call) order.Answer {
	return g.exchange(ctx, "query", c.OutTradeNo, func(state tradestate.State, known bool) order.Answer {
		if !known {
			return closingtest.Answer(verdict.SaysMissing, errcode.OrderNotExist)
		}
		a := closingtest.Answer(verdict.Stated, "")
		a.Facts = &order.Facts{TradeState: state, OutTradeNo: c.OutTradeNo}
		return a
	})
}

func (g *fakeGateway) exchange(
	ctx context.Context, op, no string, handle func(state tradestate.State, known bool) order.Answer,
) (a order.Answer) {
	leave := g.enter(op, no)
	defer leave()
	if g.clock != nil {
		defer func() { a.Clock = g.clock() }()
	}
	if g.odd != nil {
		if a, is := g.odd(ctx, op, no); is {
			return a
		}
	}
	if g.latency > 0 {
		timer := time.NewTimer(g.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout, Proof: order.ProofNone}
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	state, known := g.states[no]
	return handle(state, known)
}

func (g *fakeGateway) enter(op, no string) (leave func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.calls++
	g.flying++
	g.most = max(g.most, g.flying)
	if g.busy[no] > 0 {
		g.doubly++
	}
	g.busy[no]++
	g.asked[no] = append(g.asked[no], op)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.flying--
		g.busy[no]--
	}
}

func (g *fakeGateway) set(no string, state tradestate.State) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.states[no] = state
}

func (g *fakeGateway) state(no string) tradestate.State {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.states[no]
}

func (g *fakeGateway) wantAsked(no, want string) {
	g.t.Helper()
	g.mu.Lock()
	defer g.mu.Unlock()
	if got := strings.Join(g.asked[no], " "); got != want {
		g.t.Errorf("the gateway was asked %q about %s, want %q", got, no, want)
	}
}

// newStore is an empty register of the shop's. Its clock is the process's, which synctest makes a
// fake one.
func newStore() *fakestore.Store { return fakestore.New(shop.Account(), time.Now) }

func ref(outTradeNo string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: outTradeNo}
}

// world is a gateway, a store and a sweeper between them.
type world struct {
	t       *testing.T
	gateway *fakeGateway
	store   *fakestore.Store
	sweeper *sweep.Sweeper
	log     *locked
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, gateway: newFakeGateway(t), store: newStore(), log: &locked{}}
	w.sweeper = w.another()
	return w
}

// another is one more sweeper, as another instance has it.
func (w *world) another() *sweep.Sweeper {
	return &sweep.Sweeper{
		Gateway: w.gateway, Merchant: shop, Store: w.store, Concurrency: 4,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

// passes lets time go by: fake time, under synctest.
func passes(d time.Duration) { <-time.NewTimer(d).C }

// locked is a buffer for concurrent writers.
type locked struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// order registers an order that is due, and sets its state at WeChat Pay ("" for none).
func (w *world) order(no string, state tradestate.State, change ...func(*schedule.Entry)) {
	w.t.Helper()
	w.store.Add(w.t, no, change...)
	if state != "" {
		w.gateway.set(no, state)
	}
}

// sweep runs once with so much time, and wants every order that was claimed to be counted once.
func (w *world) sweep(d time.Duration) sweep.Report {
	w.t.Helper()
	return w.sweepWith(w.sweeper, d)
}

func (w *world) sweepWith(s *sweep.Sweeper, d time.Duration) sweep.Report {
	w.t.Helper()
	report, err := s.RunOnce(withLimit(w.t, d))
	if err != nil {
		w.t.Errorf("sweeping: %v", err)
	}
	if got := accounted(report); got != report.Claimed {
		w.t.Errorf("%d orders are accounted for, want the %d claimed: %+v", got, report.Claimed, report)
	}
	return report
}

func accounted(r sweep.Report) int {
	return r.Closed + r.AlreadyClosed + r.Paid + r.NotFound + r.Retried + r.GaveUp + r.Released + r.Lost + r.Contradicted + r.Unrecorded
}

// wantEnded wants every order to have ended as it has at the gateway, once.
func (w *world) wantEnded() {
	w.t.Helper()
	for _, ref := range w.store.Refs() {
		kept, is := w.store.At(ref.OutTradeNo), w.gateway.state(ref.OutTradeNo)
		if kept.Progress != schedule.Done || (kept.FinalState == schedule.FinalPaid) != is.Paid() || (kept.FinalState == schedule.FinalClosed) != is.Closed() {
			w.t.Errorf("%s is kept as %s %q, and is %s (%s)", ref.OutTradeNo, kept.Progress, kept.FinalState, is, kept.LastError)
		}
		if n := w.store.Finals(ref.OutTradeNo); n != 1 {
			w.t.Errorf("%s was ended %d times, want once", ref.OutTradeNo, n)
		}
	}
	if w.gateway.doubly > 0 {
		w.t.Errorf("%d exchanges were about an order that had another under way", w.gateway.doubly)
	}
}

// shop is the merchant that every test acts for.
var shop = order.Merchant{
	AppID: "wx0123456789abcdef",
	MchID: "1900000001",
	API:   order.V3,
	APIs:  []order.API{order.V2, order.V3},
}

// withLimit is the context of an invocation that the platform ends after d.
func withLimit(t *testing.T, d time.Duration) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	t.Cleanup(cancel)
	return ctx
}

// closeDirectly closes A1 as a caller does, beside the sweeps.
func (w *world) closeDirectly() order.Result {
	closer := &closing.Closer{Gateway: w.gateway, Merchant: shop, Store: w.store}
	return closer.Close(withLimit(w.t, 3*time.Second), order.Params{OutTradeNo: "A1"})
}
