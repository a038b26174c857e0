package app_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
	"cloudpay/pkg/wire/wiretest"
)

// proofTries is the number of calls of each proof: PROOF_TRIES, or few enough for `make test`.
func proofTries(t *testing.T) int {
	t.Helper()
	const few = 400
	tries, err := strconv.Atoi(cmp.Or(os.Getenv("PROOF_TRIES"), strconv.Itoa(few)))
	if err != nil {
		t.Fatal(err)
	}
	return tries
}

// donor makes genuine signed replies that name no order, about orders of its own. It calls the
// gateway directly, so that no function has seen these replies.
type donor struct {
	gate      *paygate.Server
	transport *http.Transport
	v2        v2xml.Client
	v3        v3json.Client
	made      atomic.Int64
}

func newDonor(t *testing.T, gate *paygate.Server) *donor {
	t.Helper()
	key, err := v3json.ParseKey(gate.Merchant.SerialNo, gate.Merchant.PrivateKeyPEM())
	if err != nil {
		t.Fatal(err)
	}
	keys, err := v3json.NewKeyring(v3json.PlatformKey{ID: gate.PublicKeyID(), Public: gate.PublicKey()})
	if err != nil {
		t.Fatal(err)
	}
	d := &donor{
		gate: gate, transport: wire.NewTransport(),
		v2: v2xml.Client{AppID: gate.Merchant.AppID, MchID: gate.Merchant.MchID, Key: v2xml.Key(gate.Merchant.V2Key), BaseURL: gate.URL},
		v3: v3json.Client{MchID: gate.Merchant.MchID, Key: key, Keys: keys, BaseURL: gate.URL},
	}
	t.Cleanup(d.transport.CloseIdleConnections)
	return d
}

// reply returns another reply: in turn the success of a close, ORDERCLOSED, ORDERPAID and
// ORDERNOTEXIST.
func (d *donor) reply(ctx context.Context, api order.API) []byte {
	n := d.made.Add(1)
	number := fmt.Sprintf("donor%d", n)
	switch n % 4 {
	case 0:
		d.gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100})
	case 1:
		d.gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100})
		d.close(ctx, api, number)
	case 2:
		d.gate.MustAddOrder(paygate.Order{OutTradeNo: number, Total: 100})
		d.gate.MustPay(number)
	}
	return d.close(ctx, api, number)
}

func (d *donor) close(ctx context.Context, api order.API, number string) []byte {
	tape := &tape{RoundTripper: d.transport}
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	if api == order.V2 {
		client := d.v2
		client.HTTPClient = &http.Client{Transport: tape}
		_, _ = client.CloseOrder(ctx, v2xml.Request{OutTradeNo: number}) // refusals are wanted too
	} else {
		client := d.v3
		client.HTTPClient = &http.Client{Transport: tape}
		_, _ = client.CloseOrder(ctx, v3json.Request{OutTradeNo: number}) // as above
	}
	return tape.raw
}

// tape keeps the last reply in its form on the wire.
type tape struct {
	http.RoundTripper

	raw []byte
}

func (p *tape) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := p.RoundTripper.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	p.raw, err = httputil.DumpResponse(resp, true)
	return resp, err
}

// proxy stands between the functions and the gateway, where TLS would end, and gets out of step.
type proxy struct {
	donor *donor
	// share is the share of replies that another order's reply follows.
	share    float64
	injected atomic.Int64
	faults   atomic.Int64
}

// forward passes a request on and returns the reply in its form on the wire.
func (p *proxy) forward(ctx context.Context, req *http.Request) []byte {
	ctx, cancel := context.WithTimeout(ctx, patient)
	defer cancel()
	out := req.Clone(ctx)
	out.RequestURI, out.Close = "", false
	out.URL.Scheme, out.URL.Host = "http", strings.TrimPrefix(p.donor.gate.URL, "http://")
	tape := &tape{RoundTripper: p.donor.transport}
	resp, err := tape.RoundTrip(out)
	if err != nil {
		p.faults.Add(1)
		return nil
	}
	_ = resp.Body.Close()
	return tape.raw
}

// extra returns another order's reply, or nil.
func (p *proxy) extra(ctx context.Context, req *http.Request) []byte {
	if rand.Float64() >= p.share {
		return nil
	}
	p.injected.Add(1)
	api := order.V3
	if strings.HasPrefix(req.URL.Path, "/pay/") {
		api = order.V2
	}
	return p.donor.reply(ctx, api)
}

// A moment is the time at which an extra reply arrives on our connection.
type moment int

const (
	sameSegment moment = iota // in one segment with the preceding reply
	soon                      // some milliseconds after that
	nextRequest               // just as the next request is made
)

// before sends the extra replies on our connections.
func (p *proxy) before(t *testing.T, when moment) string {
	t.Helper()
	ctx := t.Context()
	var held sync.Map // by connection, the extra reply that waits for the next request
	return wiretest.Serve(t, func(conn net.Conn, req *http.Request) {
		if extra, is := held.LoadAndDelete(conn); is {
			_, _ = conn.Write(extra.([]byte))
		}
		reply, extra := p.forward(ctx, req), p.extra(ctx, req)
		if when == sameSegment {
			_, _ = conn.Write(append(reply, extra...))
			return
		}
		_, _ = conn.Write(reply)
		switch {
		case extra == nil:
		case when == soon:
			time.AfterFunc(rand.N(5*time.Millisecond), func() { _, _ = conn.Write(extra) })
		default:
			held.Store(conn, extra)
		}
	})
}

// behind inserts the extra reply into pooled connections of its own to the gateway: the next
// request on the same one gets it, and the request after that gets the reply to the one before. Our
// connections may all be new.
func (p *proxy) behind(t *testing.T) string {
	t.Helper()
	const pooled, longest = 4, 6
	ctx := t.Context()
	var mu sync.Mutex
	var waiting [pooled][][]byte // the replies that wait in each connection
	var exchanges [pooled]int
	return wiretest.Serve(t, func(conn net.Conn, req *http.Request) {
		reply, extra := p.forward(ctx, req), p.extra(ctx, req)
		mu.Lock()
		i := rand.N(pooled)
		inStep := len(waiting[i]) == 0
		waiting[i] = append(waiting[i], reply)
		if extra != nil && inStep {
			waiting[i] = append(waiting[i], extra)
		}
		reply, waiting[i] = waiting[i][0], waiting[i][1:]
		if exchanges[i]++; exchanges[i]%longest == 0 {
			waiting[i] = nil // the gateway closes a connection after this many
		}
		mu.Unlock()
		_, _ = conn.Write(reply)
	})
}

// forced treats every answer as conclusive, on any connection, as the functions did before routes
// were introduced.
type forced struct{ closing.Gateway }

func (f forced) Close(ctx context.Context, c order.Call) order.Answer {
	c.Fresh = false
	return conclusive(f.Gateway.Close(ctx, c))
}

func (f forced) Query(ctx context.Context, c order.Call) order.Answer {
	c.Fresh = false
	return conclusive(f.Gateway.Query(ctx, c))
}

func conclusive(a order.Answer) order.Answer {
	a.Route, a.Fresh = order.RouteOwn, true
	return a
}

// A tally counts the results of calls against the states at the gateway.
type tally struct {
	donor *donor

	mu               sync.Mutex
	tries, proved    int
	wrong            int // paid but reported closed, unpaid but reported paid, existing but reported missing, …
	paidSaidClosed   int // of those, reported closed, alreadyClosed or notFound
	unpaidSaidPaid   int
	examples         []string
	injected, faults int64
}

func (y *tally) count(got order.Result, state paygate.TradeState) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.tries++
	if got.Outcome != order.OutcomeUnknown {
		y.proved++
	}
	if !isWrong(got, state) {
		return
	}
	y.wrong++
	switch {
	case state == paygate.StateSuccess:
		y.paidSaidClosed++
	case got.Outcome == order.OutcomePaid:
		y.unpaidSaidPaid++
	}
	if len(y.examples) < 3 {
		y.examples = append(y.examples, fmt.Sprintf("%s order said to be %s %s", state, got.Outcome, got.ErrCode))
	}
}

// isWrong reports whether a result contradicts the state at the gateway.
func isWrong(got order.Result, state paygate.TradeState) bool {
	switch got.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed:
		return state != paygate.StateClosed
	case order.OutcomePaid:
		return state != paygate.StateSuccess
	case order.OutcomeNotFound:
		return true // every order exists
	case order.OutcomeFound:
		return string(got.TradeState) != string(state)
	default:
		return false
	}
}

func (y *tally) String() string {
	return fmt.Sprintf("%d tries with %d replies of other orders: %d proved, %d wrong (%d paid and closed or missing, %d unpaid and paid) %v",
		y.tries, y.injected, y.proved, y.wrong, y.paidSaidClosed, y.unpaidSaidPaid, y.examples)
}

// A step is one way of being out of step.
type step struct {
	name  string
	route string // WXPAY_ROUTE
	// certain is set if the extra replies reach calls at any moment. Otherwise the transport may
	// close the connection first: it does so if data arrives between two requests and it sees that
	// in time.
	certain bool
	start   func(t *testing.T, p *proxy) string
}

func steps() []step {
	before := func(when moment) func(*testing.T, *proxy) string {
		return func(t *testing.T, p *proxy) string { t.Helper(); return p.before(t, when) }
	}
	return []step{
		{"before us, same segment", "own", false, before(sameSegment)},
		{"before us, soon", "own", false, before(soon)},
		{"before us, next request", "own", true, before(nextRequest)},
		{"behind a pool", "", true, func(t *testing.T, p *proxy) string { t.Helper(); return p.behind(t) }},
	}
}

// prove makes calls through a proxy that is out of step, several at a time, and counts their
// results.
func (s step) prove(t *testing.T, tries int, change func(closing.Gateway) closing.Gateway) *tally {
	t.Helper()
	gate := paygate.RunT(t)
	p := &proxy{donor: newDonor(t, gate), share: 0.6}
	e := newEnvBefore(t, gate)
	e.vars["WXPAY_BASE_URL"], e.vars["WXPAY_ROUTE"] = s.start(t, p), s.route
	const instances, callers = 4, 12
	apps := make([]*app.App, instances)
	for i := range apps {
		a := e.app()
		a.Closer.Gateway, a.Querier.Gateway = change(a.Closer.Gateway), change(a.Querier.Gateway)
		apps[i] = a
	}
	y := &tally{donor: p.donor}
	var group sync.WaitGroup
	for caller := range callers {
		group.Go(func() {
			for i := caller; i < tries; i += callers {
				y.try(t.Context(), apps[caller%instances], i)
			}
		})
	}
	group.Wait()
	y.injected, y.faults = p.injected.Load(), p.faults.Load()
	if y.faults > 0 {
		t.Errorf("the proxy lost %d requests", y.faults)
	}
	return y
}

// order adds an order for a try: paid, unpaid or closed.
func (y *tally) order(ctx context.Context, i int) order.Params {
	p := order.Params{OutTradeNo: tryNumber(i), API: []order.API{order.V2, order.V3}[i%2]}
	y.donor.gate.MustAddOrder(paygate.Order{OutTradeNo: p.OutTradeNo, Total: 100})
	switch i / 2 % 4 {
	case 0, 1:
		y.donor.gate.MustPay(p.OutTradeNo)
	case 2:
		y.donor.close(ctx, p.API, p.OutTradeNo)
	}
	return p
}

func tryNumber(i int) string { return fmt.Sprintf("try%d", i) }

// combined adds a combined order for a try, of two parts that are paid or unpaid.
func (y *tally) combined(i int) order.Params {
	gate, number := y.donor.gate, tryNumber(i)
	p := order.Params{CombineOutTradeNo: number, API: order.V3}
	c := paygate.CombinedOrder{CombineOutTradeNo: number, MchID: gate.Merchant.MchID}
	for _, part := range []string{number + "-1", number + "-2"} {
		c.SubOrders = append(c.SubOrders, paygate.Order{OutTradeNo: part, Total: 50})
		p.SubOrders = append(p.SubOrders, order.SubOrder{MchID: gate.Merchant.MchID, OutTradeNo: part})
	}
	gate.MustAddCombined(c)
	if i/2%2 == 0 {
		gate.MustPay(number)
	}
	return p
}

// try makes one call about an order, after a query whose connection the call may use.
func (y *tally) try(ctx context.Context, a *app.App, i int) {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	var p order.Params
	first := tryNumber(i)
	if i%7 == 0 {
		p, first = y.combined(i), first+"-1" // the parts are closed or paid together
	} else {
		p = y.order(ctx, i)
	}
	asked := p
	asked.SubOrders = nil
	if call, err := a.Closer.Merchant.QueryCall(asked); err == nil {
		a.Querier.Gateway.Query(ctx, call)
	}
	var got order.Result
	if i%5 == 0 {
		got = a.Querier.Query(ctx, asked)
	} else {
		got = a.Closer.Close(ctx, p)
	}
	y.count(got, y.donor.gate.MustOrder(first).State)
}

func asIs(g closing.Gateway) closing.Gateway { return g }

// Genuine replies about other orders, wherever they arrive, never lead to a wrong result.
func TestOutOfStep(t *testing.T) {
	t.Parallel()
	eachStep(t, func(t *testing.T, s step) {
		t.Helper()
		y := s.prove(t, proofTries(t)/len(steps()), asIs)
		t.Log(y)
		if y.wrong > 0 {
			t.Errorf("%d of %d are wrong, want none", y.wrong, y.tries)
		}
		if y.injected < int64(y.tries/4) || y.proved == 0 {
			t.Errorf("%s: too little happened to show anything", y)
		}
	})
}

// The same replies lead to wrong results if every answer is believed, so the test above does prove
// something. One round of calls usually shows it; more follow if no extra reply came at the right
// moment.
func TestOutOfStepIsDangerous(t *testing.T) {
	t.Parallel()
	const rounds = 8
	eachStep(t, func(t *testing.T, s step) {
		t.Helper()
		for range rounds {
			y := s.prove(t, max(proofTries(t)/len(steps())/2, 60), func(g closing.Gateway) closing.Gateway { return forced{g} })
			t.Log(y)
			if y.paidSaidClosed > 0 || !s.certain {
				return
			}
		}
		t.Error("no paid order was said to be closed")
	})
}

// eachStep runs a test for each way, all at the same time: most of their time is the pause before
// the next attempt.
func eachStep(t *testing.T, test func(t *testing.T, s step)) {
	t.Helper()
	var group sync.WaitGroup
	for _, s := range steps() {
		group.Go(func() { t.Run(s.name, func(t *testing.T) { test(t, s) }) })
	}
	group.Wait()
}
