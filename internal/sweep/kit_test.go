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
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/order/verdict"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store/fakestore"
	"cloudpay/internal/sweep"
)

// town is a gateway that keeps many orders and tells the truth about them, after a while.
type town struct {
	t *testing.T

	mu     sync.Mutex
	states map[string]tradestate.State
	// latency is what each exchange takes.
	latency time.Duration
	// odd, when it is not nil, may answer an exchange in the truth's stead.
	odd func(ctx context.Context, op, outTradeNo string) (order.Answer, bool)

	busy   map[string]int // exchanges under way, by order
	asked  map[string][]string
	inAir  int
	most   int // exchanges at once
	calls  int
	doubly int // exchanges about an order that had one under way
}

func newTown(t *testing.T) *town {
	t.Helper()
	return &town{t: t, states: map[string]tradestate.State{}, busy: map[string]int{}, asked: map[string][]string{}}
}

func (w *town) Close(ctx context.Context, c order.Call) order.Answer {
	return w.exchange(ctx, "close", c.OutTradeNo, func(state tradestate.State, known bool) order.Answer {
		switch {
		case !known:
			return answer(verdict.SaysMissing, errcode.OrderNotExist)
		case state.Paid():
			return answer(verdict.SaysPaid, "ORDERPAID")
		case state.Closed():
			return answer(verdict.SaysClosed, "ORDERCLOSED")
		case state == tradestate.UserPaying:
			return answer(verdict.SaysPaying, errcode.UserPaying)
		}
		w.states[c.OutTradeNo] = tradestate.Closed
		return answer(verdict.Accepted, "")
	})
}

func (w *town) Query(ctx context.Context, c order.Call) order.Answer {
	return w.exchange(ctx, "query", c.OutTradeNo, func(state tradestate.State, known bool) order.Answer {
		if !known {
			return answer(verdict.SaysMissing, errcode.OrderNotExist)
		}
		a := answer(verdict.Stated, "")
		a.Facts = &order.Facts{TradeState: state, OutTradeNo: c.OutTradeNo}
		return a
	})
}

func (w *town) exchange(
	ctx context.Context, op, no string, handle func(state tradestate.State, known bool) order.Answer,
) order.Answer {
	leave := w.enter(op, no)
	defer leave()
	if w.odd != nil {
		if a, is := w.odd(ctx, op, no); is {
			return a
		}
	}
	if w.latency > 0 {
		timer := time.NewTimer(w.latency)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout, Proof: order.ProofNone}
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	state, known := w.states[no]
	return handle(state, known)
}

func (w *town) enter(op, no string) (leave func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.calls++
	w.inAir++
	w.most = max(w.most, w.inAir)
	if w.busy[no] > 0 {
		w.doubly++
	}
	w.busy[no]++
	w.asked[no] = append(w.asked[no], op)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.inAir--
		w.busy[no]--
	}
}

func (w *town) set(no string, state tradestate.State) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.states[no] = state
}

func (w *town) state(no string) tradestate.State {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.states[no]
}

func (w *town) wantAsked(no, want string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if got := strings.Join(w.asked[no], " "); got != want {
		w.t.Errorf("the gateway was asked %q about %s, want %q", got, no, want)
	}
}

// newStore is an empty register of the shop's. Its clock is the process's, which synctest makes a fake one.
func newStore() *fakestore.Store { return fakestore.New(shop.Account(), time.Now) }

func ref(outTradeNo string) order.Ref {
	return order.Ref{Region: order.Mainland, MchID: shop.MchID, OutTradeNo: outTradeNo}
}

// world is a town, a store and a sweeper between them.
type world struct {
	t       *testing.T
	town    *town
	store   *fakestore.Store
	sweeper *sweep.Sweeper
	log     *locked
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, town: newTown(t), store: newStore(), log: &locked{}}
	w.sweeper = w.another()
	return w
}

// another is one more sweeper, as another instance has it.
func (w *world) another() *sweep.Sweeper {
	return &sweep.Sweeper{
		Gateway: w.town, Merchant: shop, Store: w.store, Concurrency: 4,
		Log: slog.New(slog.NewTextHandler(w.log, nil)),
	}
}

// passes lets time go by: a false one, under synctest.
func passes(d time.Duration) { <-time.NewTimer(d).C }

// locked lets several write.
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

// order is one that is due, and its state at WeChat Pay ("" for none).
func (w *world) order(no string, state tradestate.State, change ...func(*schedule.Entry)) {
	w.t.Helper()
	w.store.Add(w.t, no, change...)
	if state != "" {
		w.town.set(no, state)
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

// wantSettled wants every order to have ended as it has at the gateway, once.
func (w *world) wantSettled() {
	w.t.Helper()
	for _, ref := range w.store.Refs() {
		kept, is := w.store.At(ref.OutTradeNo), w.town.state(ref.OutTradeNo)
		if kept.Progress != schedule.Done || (kept.FinalState == schedule.FinalPaid) != is.Paid() || (kept.FinalState == schedule.FinalClosed) != is.Closed() {
			w.t.Errorf("%s is kept as %s %q, and is %s (%s)", ref.OutTradeNo, kept.Progress, kept.FinalState, is, kept.LastError)
		}
		if n := w.store.Finals(ref.OutTradeNo); n != 1 {
			w.t.Errorf("%s was ended %d times, want once", ref.OutTradeNo, n)
		}
	}
	if w.town.doubly > 0 {
		w.t.Errorf("%d exchanges were about an order that had another under way", w.town.doubly)
	}
}

// shop is the merchant that every test acts for.
var shop = order.Merchant{
	AppID: "wx0123456789abcdef",
	MchID: "1900000001",
	API:   order.V3,
	APIs:  []order.API{order.V2, order.V3},
}

// answer is an authenticated reply over the merchant's own route.
func answer(v verdict.Verdict, code string) order.Answer {
	return order.Answer{Verdict: v, Code: code, Proof: order.ProofSignature, Route: order.RouteOwn, Fresh: true}
}

// hangs answers nothing until it is told to stop.
func hangs(ctx context.Context) order.Answer {
	<-ctx.Done()
	return order.Answer{Verdict: verdict.Doubted, Code: errcode.Timeout, Proof: order.ProofNone}
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
	closer := &closing.Closer{Gateway: w.town, Merchant: shop, Store: w.store}
	return closer.Close(withLimit(w.t, 3*time.Second), order.Params{OutTradeNo: "A1"})
}
