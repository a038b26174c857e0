package app_test

import (
	"cmp"
	"context"
	"crypto/x509"
	"encoding/pem"
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

// proofTries is how many calls each proof makes: PROOF_TRIES, or as many as fit into `make test`.
func proofTries(t *testing.T) int {
	t.Helper()
	const few = 400
	tries, err := strconv.Atoi(cmp.Or(os.Getenv("PROOF_TRIES"), strconv.Itoa(few)))
	if err != nil {
		t.Fatal(err)
	}
	return tries
}

// donor makes genuine, signed replies that name no order, about orders of its own. It asks the
// gateway directly, so that no function has seen them.
type donor struct {
	gate      *paygate.Server
	transport *http.Transport
	v2        v2xml.Client
	v3        v3json.Client
	made      atomic.Int64
}

func newDonor(t *testing.T, gate *paygate.Server) *donor {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(gate.Merchant.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := v3json.ParseKey(gate.Merchant.SerialNo, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
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

// reply is one more reply: the success of a close, ORDERCLOSED, ORDERPAID and ORDERNOTEXIST by
// turns.
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
		_, _ = client.CloseOrder(ctx, v2xml.Request{OutTradeNo: number}) // refusals are wanted, too
	} else {
		client := d.v3
		client.HTTPClient = &http.Client{Transport: tape}
		_, _ = client.CloseOrder(ctx, v3json.Request{OutTradeNo: number}) // as above
	}
	return tape.raw
}

// tape keeps the last reply as it is on the wire.
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

// proxy stands between the functions and the gateway, ends what TLS there would be, and becomes out
// of step.
type proxy struct {
	donor *donor
	// share is how many replies are followed by another's.
	share    float64
	injected atomic.Int64
	faults   atomic.Int64
}

// forward asks the gateway, and returns its reply as it is on the wire.
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

// extra is another order's reply, or nil.
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

// A moment is when an extra reply arrives on our connection.
type moment int

const (
	sameSegment moment = iota // in one segment with the reply before it
	soon                      // some milliseconds after that
	nextRequest               // just as the next request is made
)

// before sends the extra replies on our connections.
func (p *proxy) before(t *testing.T, when moment) string {
	t.Helper()
	var held sync.Map // a connection's extra reply that waits for the next request
	return wiretest.Serve(t, func(conn net.Conn, req *http.Request) {
		if extra, is := held.LoadAndDelete(conn); is {
			_, _ = conn.Write(extra.([]byte))
		}
		reply, extra := p.forward(t.Context(), req), p.extra(t.Context(), req) //nolint:contextcheck // the request has none
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

// behind sends the extra reply on connections of its own to the gateway, which it pools: whoever
// asks next over the same one gets it, and the one after that gets the reply to that question. Each
// of our connections may be new.
func (p *proxy) behind(t *testing.T) string {
	t.Helper()
	const pooled, longest = 4, 6
	var mu sync.Mutex
	var waiting [pooled][][]byte // what each connection still has to deliver
	var exchanges [pooled]int
	return wiretest.Serve(t, func(conn net.Conn, req *http.Request) {
		reply, extra := p.forward(t.Context(), req), p.extra(t.Context(), req) //nolint:contextcheck // the request has none
		mu.Lock()
		i := rand.N(pooled)
		inStep := len(waiting[i]) == 0
		waiting[i] = append(waiting[i], reply)
		if extra != nil && inStep {
			waiting[i] = append(waiting[i], extra)
		}
		reply, waiting[i] = waiting[i][0], waiting[i][1:]
		if exchanges[i]++; exchanges[i]%longest == 0 {
			waiting[i] = nil // the gateway closes what has been used that often
		}
		mu.Unlock()
		_, _ = conn.Write(reply)
	})
}

// forced is a gateway whose every answer is taken for conclusive, and which takes any connection:
// it is what the functions did before they knew routes.
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

// A tally counts what calls said of orders whose state the gateway knows.
type tally struct {
	donor *donor

	mu               sync.Mutex
	tries, proved    int
	wrong            int // paid and said to be closed, unpaid and said to be paid, there and said to be missing, …
	paidSaidClosed   int // of those: closed, alreadyClosed or notFound
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

// isWrong reports whether a result contradicts the gateway's own book.
func isWrong(got order.Result, state paygate.TradeState) bool {
	switch got.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed:
		return state != paygate.StateClosed
	case order.OutcomePaid:
		return state != paygate.StateSuccess
	case order.OutcomeNotFound:
		return true // every order is there
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
	// certain says that the extra replies reach calls whatever the moment: the transport closes a
	// connection that says something while nothing is asked, if it sees that before the next
	// request.
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

// prove makes calls through a proxy that is out of step, several at a time, and counts what they
// say.
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

// order makes an order of a try's that is paid, unpaid or closed.
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

// combined makes a combined order of a try's, of two that are paid or unpaid.
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

// try makes one call about an order. A query goes before it, over a connection that the call may
// use.
func (y *tally) try(ctx context.Context, a *app.App, i int) {
	ctx, cancel := context.WithTimeout(ctx, 6*time.Second)
	defer cancel()
	var p order.Params
	first := tryNumber(i)
	if i%7 == 0 {
		p, first = y.combined(i), first+"-1" // they are closed together, and paid together
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

// Genuine replies of other orders, wherever they come from, never make an order what it is not.
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

// The same replies do harm where every answer is believed: the proof above has a subject. One round
// of calls shows it as a rule, and some more where none of the extra replies came at the right
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

// eachStep runs a test for each way, all at once: most of their time is the pause before asking
// again.
func eachStep(t *testing.T, test func(t *testing.T, s step)) {
	t.Helper()
	var group sync.WaitGroup
	for _, s := range steps() {
		group.Go(func() { t.Run(s.name, func(t *testing.T) { test(t, s) }) })
	}
	group.Wait()
}
