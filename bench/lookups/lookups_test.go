//go:build databases

// Package lookups_test measures what a stranger can tell by the clock: how long a user's look-ups
// take when the order is somebody else's, and when there is none. It asserts nothing, for that
// would be a test of the machine; see bench/README.md.
//
//	go test -tags databases -count=1 -v -timeout=60m ./lookups -calls 1000
package lookups_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"maps"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/store/storetest"
	"cloudpay/pkg/paygate"
)

var (
	calls   = flag.Int("calls", 0, "how many calls of each kind to measure; nothing is measured without")
	workers = flag.Int("workers", 40, "how many calls to make at once: more than the machine has time for measure its queue")
)

const (
	// storeAway is a round trip to the store, a statement having three (BEGIN, the statement,
	// COMMIT).
	storeAway = 5 * time.Millisecond
	// faster is by how much WeChat Pay is faster to say that there is no such order.
	faster = 20 * time.Millisecond
)

func TestMeasureLookups(t *testing.T) {
	if *calls == 0 {
		t.Skip("run by hand, with -calls 1000")
	}
	w := newWorld(t)
	for _, away := range []int64{5, 100, 120, 125, 240} {
		w.away.Store(away * int64(time.Millisecond))
		for _, kind := range w.kinds() {
			theirs, none := w.measure(kind)
			t.Logf("gateway %3d ms, %-36s KS distance %.3f  (another's %v, none %v)",
				away, kind.name, distance(theirs, none), quartiles(theirs), quartiles(none))
		}
	}
}

// A kind of look-up asks for an order of somebody else's, or for one that does not exist.
type kind struct {
	name         string
	ask          hosting.Handler
	theirs, none string
}

func (w *world) kinds() []kind {
	combined := func(number string) string {
		return fmt.Sprintf(`{"combine_out_trade_no":%q,"sub_orders":[{"mchid":%[2]q,"out_trade_no":"C1a"},{"mchid":%[2]q,"out_trade_no":"C1b"}]}`,
			number, w.gate.Merchant.MchID)
	}
	return []kind{
		{"queryorder by transaction_id", w.query, `{"transaction_id":"` + w.paid + `"}`, `{"transaction_id":"4200000000000000000000000009"}`},
		{"queryorder by combine_out_trade_no", w.query, combined("C1"), combined("C9")},
		{"closeorder by combine_out_trade_no", w.close, combined("C1"), combined("C9")},
	}
}

// measure makes the calls of both sorts in turn, so that what else the machine does meets both
// alike.
func (w *world) measure(k kind) (theirs, none []time.Duration) {
	theirs, none = make([]time.Duration, *calls), make([]time.Duration, *calls)
	var next atomic.Int64
	var all sync.WaitGroup
	for range *workers {
		all.Go(func() {
			for n := int(next.Add(1)) - 1; n < 2**calls; n = int(next.Add(1)) - 1 {
				if n%2 == 0 {
					theirs[n/2] = w.call(k.ask, k.theirs)
				} else {
					none[n/2] = w.call(k.ask, k.none)
				}
			}
		})
	}
	all.Wait()
	return theirs, none
}

// call asks as a user who never asked before, since the functions count what each user asks for.
func (w *world) call(ask hosting.Handler, event string) time.Duration {
	environment := map[string]string{
		"WX_OPENID": fmt.Sprintf("oUSER%010d", w.users.Add(1)), "WX_APPID": w.gate.Merchant.AppID, "TCB_SOURCE": "wx_client",
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	start := time.Now()
	reply, err := ask(ctx, hosting.Invocation{Payload: []byte(event), Environment: environment, Platform: hosting.SCF})
	took := time.Since(start)
	var result struct{ Outcome string }
	if err != nil || json.Unmarshal(reply, &result) != nil || result.Outcome != "notFound" {
		w.t.Errorf("%s: got %s and error %v, want notFound", event, reply, err)
	}
	return took
}

// A world is WeChat Pay some way off, a store some way off, and the functions in this process.
type world struct {
	t     *testing.T
	gate  *paygate.Server
	away  atomic.Int64 // how far WeChat Pay is, in nanoseconds
	users atomic.Int64
	paid  string // another's transaction_id

	query, close hosting.Handler
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, gate: paygate.RunT(t)}
	wire := httptest.NewServer(w)
	t.Cleanup(wire.Close)
	public, err := w.gate.PublicKeyPEM()
	if err != nil {
		t.Fatal(err)
	}
	address := storetest.Postgres(t).Migrated(t)
	environ := []string{
		"WXPAY_API=v3", "WXPAY_ROUTE=own", "WXPAY_MCHID=" + w.gate.Merchant.MchID, "WXPAY_APPID=" + w.gate.Merchant.AppID,
		"WXPAY_SERIAL_NO=" + w.gate.Merchant.SerialNo, "WXPAY_BASE_URL=" + wire.URL,
		"WXPAY_PRIVATE_KEY=" + string(w.gate.Merchant.PrivateKeyPEM()),
		"WXPAY_PUBLIC_KEY_ID=" + w.gate.PublicKeyID(), "WXPAY_PUBLIC_KEY=" + string(public),
		"CLOUDPAY_SERVICE_TOKEN=" + serviceToken, "CLOUDPAY_STORE=" + distant(t, address),
	}
	for handler, build := range map[*hosting.Handler]hosting.Build{&w.query: app.QueryOrder, &w.close: app.CloseOrder} {
		function, err := build(environ, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		*handler = function.Handle
	}
	w.fill()
	return w
}

const serviceToken = "service-kR7vQm2wZp9TnW4b"

// fill registers a paid order and a combined one, all of them somebody else's.
func (w *world) fill() {
	w.gate.MustAddOrder(paygate.Order{MchID: w.gate.Merchant.MchID, OutTradeNo: "A1", Total: 100})
	w.gate.MustPay("A1")
	w.paid = w.gate.MustOrder("A1").TransactionID
	w.gate.MustAddCombined(paygate.CombinedOrder{
		CombineOutTradeNo: "C1", SubOrders: []paygate.Order{{OutTradeNo: "C1a", Total: 1}, {OutTradeNo: "C1b", Total: 2}},
	})
	for _, number := range []string{"A1", "C1a", "C1b"} {
		event := fmt.Sprintf(`{"out_trade_no":%q,"close_at":86400,"openid":"oSOMEBODYELSE","service_token":%q}`, number, serviceToken)
		reply, err := w.close(context.Background(), hosting.Invocation{Payload: []byte(event), Platform: hosting.SCF})
		if err != nil || !strings.Contains(string(reply), `"scheduled"`) {
			w.t.Fatalf("registering %s: got %s and error %v", number, reply, err)
		}
	}
}

// ServeHTTP is the emulated gateway, as far away as the world says.
func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	arrived := time.Now()
	said := httptest.NewRecorder()
	w.gate.ServeHTTP(said, r)
	away := time.Duration(w.away.Load())
	if said.Code == http.StatusNotFound {
		away -= faster
	}
	time.Sleep(time.Until(arrived.Add(away)))
	maps.Copy(rw.Header(), said.Header())
	rw.WriteHeader(said.Code)
	_, _ = io.Copy(rw, bytes.NewReader(said.Body.Bytes()))
	if w.users.Load()%1000 == 0 {
		w.gate.ClearRequests()
	}
}

// distant is a store's address, through a wire that takes storeAway there and back.
func distant(t *testing.T, address string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	far := u.Host
	go func() {
		for {
			near, err := listener.Accept()
			if err != nil {
				return
			}
			conn, err := new(net.Dialer).Dial("tcp", far)
			if err != nil {
				_ = near.Close()
				continue
			}
			go carry(conn, near)
			go carry(near, conn)
		}
	}()
	u.Host = listener.Addr().String()
	query := u.Query()
	query.Set("max_conns", "40")
	u.RawQuery = query.Encode()
	return u.String()
}

// carry passes on what it reads, half a round trip later.
func carry(to io.WriteCloser, from io.Reader) {
	type parcel struct {
		at    time.Time
		bytes []byte
	}
	road := make(chan parcel, 1024)
	go func() {
		defer close(road)
		for {
			buffer := make([]byte, 16<<10)
			n, err := from.Read(buffer)
			if err != nil {
				return
			}
			road <- parcel{time.Now().Add(storeAway / 2), buffer[:n]}
		}
	}()
	for p := range road {
		time.Sleep(time.Until(p.at))
		_, _ = to.Write(p.bytes)
	}
	_ = to.Close()
}

// distance is the Kolmogorov–Smirnov distance of two samples: how much more often, at most over all
// times, one of them is over by then than the other. 0 is alike, 1 is told apart by one call; two
// halves of one sample of 2,000 are 0.06 or less in nineteen of twenty cases.
func distance(a, b []time.Duration) float64 {
	a, b = slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b))
	most, i, j := 0.0, 0, 0
	for i < len(a) && j < len(b) {
		t := min(a[i], b[j])
		for i < len(a) && a[i] <= t {
			i++
		}
		for j < len(b) && b[j] <= t {
			j++
		}
		most = max(most, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return most
}

func quartiles(a []time.Duration) string {
	a = slices.Sorted(slices.Values(a))
	at := func(q int) string { return a[(len(a)-1)*q/4].Round(time.Millisecond / 10).String() }
	return at(1) + " " + at(2) + " " + at(3)
}

func TestMain(m *testing.M) {
	flag.Parse()
	os.Exit(m.Run())
}
