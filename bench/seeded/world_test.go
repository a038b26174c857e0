package seeded_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/closing"
	"cloudpay/internal/order"
	"cloudpay/internal/wechatpay"
	"cloudpay/pkg/paygate"
)

const (
	// callers close at the same time while things go wrong, and fewer afterwards: then each is to have its time.
	callers, settlers = 64, 16
	// patience is what a close may take when nothing goes wrong, on a machine that is busy with other things.
	patience = 20 * time.Second

	subMchID = "1900000109"
)

// clock is what the gateway and the clients go by. It leaps, so that what takes minutes (probation of a domain, the pause
// between downloads of certificates) passes within seconds.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time       { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) leap(d time.Duration) { c.ahead.Add(int64(d)) }

// trust is how the product knows WeChat Pay.
type trust string

const (
	byKey  trust = "the public key"
	byList trust = "downloaded certificates"
	byBoth trust = "the public key and downloaded certificates"
)

// shop is one configuration of the product.
type shop struct {
	closer  *closing.Closer
	querier *closing.Querier
}

// world is a gateway and its merchants, for some hundred orders.
type world struct {
	*paygate.Server

	t      *testing.T
	seed   uint64
	number int
	clock  clock
	trust  trust
	limits string // the settings, for a failure's text
	shops  map[string]shop

	stories []*story

	mu     sync.Mutex
	events map[event]int
}

func newWorld(t *testing.T, seed uint64, number int) *world {
	t.Helper()
	r := draws(seed, number, -1)
	w := &world{
		t: t, seed: seed, number: number, shops: map[string]shop{}, events: map[event]int{},
		trust: []trust{byKey, byList, byBoth}[r.IntN(3)],
	}
	opts := paygate.Options{
		Now:            w.clock.now,
		Seed:           r.Uint64(),
		NoCertificates: w.trust == byKey && r.IntN(3) == 0,
		ReentrantClose: r.IntN(2) == 0,
		UnsignedErrors: r.IntN(3) == 0,
	}
	w.Server = paygate.RunT(t, opts)
	vars := w.configuration(r)
	w.limits = fmt.Sprintf("trust in %s, confirm %q, sign type %q, roots %t, no certificates %t, reentrant close %t, unsigned errors %t",
		w.trust, vars["WXPAY_CONFIRM_CLOSE"], vars["WXPAY_V2_SIGN_TYPE"], vars["WXPAY_CERT_ROOTS"] != "",
		opts.NoCertificates, opts.ReentrantClose, opts.UnsignedErrors)
	for _, k := range kinds {
		if _, open := w.shops[k.shop()]; !open {
			w.shops[k.shop()] = w.open(vars, k)
		}
	}
	return w
}

func (w *world) String() string { return w.limits }

// configuration is the environment of a direct merchant on the mainland.
func (w *world) configuration(r *rand.Rand) map[string]string {
	w.t.Helper()
	public, err := w.PublicKeyPEM()
	if err != nil {
		w.t.Fatal(err)
	}
	vars := map[string]string{
		"WXPAY_MCHID":            w.Merchant.MchID,
		"WXPAY_APPID":            w.Merchant.AppID,
		"WXPAY_V2_KEY":           w.Merchant.V2Key,
		"WXPAY_V2_SIGN_TYPE":     []string{"MD5", "HMAC-SHA256"}[r.IntN(2)],
		"WXPAY_SERIAL_NO":        w.Merchant.SerialNo,
		"WXPAY_PRIVATE_KEY":      string(w.Merchant.PrivateKeyPEM()),
		"WXPAY_BASE_URL":         w.URL,
		"WXPAY_ROUTE":            "own",
		"WXPAY_BACKUP_URL":       w.BackupURL,
		"WXPAY_CLOUDRUN_URL":     w.URL,
		"WXPAY_CONFIRM_CLOSE":    []string{"0", "1"}[r.IntN(2)],
		"CLOUDPAY_CALLER_POLICY": "any",
	}
	if w.trust != byList {
		vars["WXPAY_PUBLIC_KEY_ID"], vars["WXPAY_PUBLIC_KEY"] = w.PublicKeyID(), string(public)
	}
	if w.trust != byKey {
		vars["WXPAY_V3_KEY"] = w.Merchant.V3Key
	}
	if w.trust != byKey && r.IntN(2) == 0 {
		vars["WXPAY_CERT_ROOTS"] = string(w.RootPEM())
	}
	return vars
}

// open builds the product for a kind of orders, as its functions do, and gives it the world's clock.
func (w *world) open(vars map[string]string, k kind) shop {
	w.t.Helper()
	environ := []string{"WXPAY_REGION=" + string(k.region), "WXPAY_API=" + string(k.home())}
	for name, value := range vars {
		environ = append(environ, name+"="+value)
	}
	if k.partner {
		environ = append(environ, "WXPAY_SUB_MCHID="+subMchID)
	}
	a, err := app.New(environ, io.Discard)
	if err != nil {
		w.t.Fatal(err)
	}
	if a.Broken != nil {
		w.t.Fatal(a.Broken)
	}
	gateway, is := a.Closer.Gateway.(*wechatpay.Gateway)
	if !is {
		w.t.Fatalf("the product's gateway is a %T", a.Closer.Gateway)
	}
	for _, api := range gateway.APIs {
		failover, _ := api.(*wechatpay.Failover)
		failover.Domains.Now = w.clock.now
		for _, x := range failover.Exchangers {
			if v3, is := x.(wechatpay.V3); is {
				v3.Client.Now = w.clock.now
			}
		}
	}
	a.Closer.Now = w.clock.now
	return shop{closer: a.Closer, querier: a.Querier}
}

// storm closes many orders at once, and lets fate strike between them.
func (w *world) storm(orders int) {
	w.t.Helper()
	fate := draws(w.seed, w.number, -2)
	for i := range orders {
		w.stories = append(w.stories, w.newStory(i))
	}
	w.strike(fate)
	each(callers, w.stories, func(i int) {
		if i%16 == 15 {
			w.strike(fate)
		}
	}, func(s *story) { s.live() })
}

// calm ends everything that goes wrong: faults, outages, the switch between keys, customers who are about to pay.
func (w *world) calm() {
	w.t.Helper()
	w.note(w.Requests())
	w.ClearRequests()
	w.ClearFaults()
	w.MustSetSigning(paygate.Signing{})
	for _, domain := range []string{"main", "backup"} {
		w.MustSetDomain(domain, true)
	}
	w.clock.leap(4 * time.Minute) // beyond a domain's probation, and beyond a pause after a download
	for _, s := range w.stories {
		if state := s.truth(); state == "USERPAYING" || state == "ACCEPT" {
			w.MustPay(s.number, s.payee())
		}
	}
}

// settle closes every order once more, and judges all that was ever said of it.
func (w *world) settle() {
	w.t.Helper()
	each(settlers, w.stories, func(int) {}, func(s *story) { s.end() })
	for _, s := range w.stories {
		s.judge()
	}
}

// each does something to every story, that many at a time, in order; before is called before each, never twice at once.
func each(at int, stories []*story, before func(i int), do func(*story)) {
	var group sync.WaitGroup
	turn := make(chan struct{}, at)
	for i, s := range stories {
		before(i)
		turn <- struct{}{}
		group.Go(func() {
			do(s)
			<-turn
		})
	}
	group.Wait()
}

// strike makes something happen to the whole world.
func (w *world) strike(r *rand.Rand) {
	w.t.Helper()
	if r.IntN(2) == 0 { // outages are short
		for _, domain := range []string{"main", "backup"} {
			w.MustSetDomain(domain, true)
		}
	}
	switch r.IntN(6) {
	case 0:
		w.clock.leap(time.Minute + time.Second) // a list of certificates may be downloaded again
		if w.CertificateSerial() != "" {
			w.MustRotateCertificate()
			w.count(rotated)
		}
	case 1:
		w.clock.leap(time.Duration(30+r.IntN(160)) * time.Second)
		w.count(leapt)
	case 2:
		w.MustSetSigning(paygate.Signing{
			CertificateShare: w.share(r, w.trust == byBoth),
			PublicKeyShare:   w.share(r, w.trust == byBoth),
			ProbeShare:       w.share(r, true) / 4,
		})
		w.count(switched)
	case 3:
		fault := certificateFaults[r.IntN(len(certificateFaults))]
		w.MustInject(paygate.Fault{Op: "certificates", Action: fault, Times: 1})
	default:
		w.outage(r)
	}
}

// share is between none and all of the replies. A merchant who was not told of both keys is spared most of the switch.
func (w *world) share(r *rand.Rand, ready bool) float64 {
	if !ready {
		return float64(r.IntN(2)) / 10
	}
	return float64(r.IntN(11)) / 10
}

// certificateFaults are what can befall a download of certificates.
var certificateFaults = []paygate.Action{
	paygate.SystemError, paygate.RateLimit, paygate.HTML502, paygate.BadSignature, paygate.Unsigned, paygate.UnknownSerial, paygate.Probe,
	paygate.Stale, paygate.Truncate, paygate.Drop, paygate.Reset, paygate.Hang, paygate.WrongMerchant, paygate.Oversize,
	paygate.Switched,
}

// outage takes domains down, or up again.
func (w *world) outage(r *rand.Rand) {
	w.t.Helper()
	forecast := []struct {
		up    [2]bool
		event event
	}{
		{[2]bool{true, true}, bothUp}, {[2]bool{true, true}, bothUp}, {[2]bool{true, true}, bothUp}, {[2]bool{true, true}, bothUp}, {[2]bool{true, true}, bothUp},
		{[2]bool{false, true}, mainDown}, {[2]bool{false, true}, mainDown}, {[2]bool{true, false}, backupDown}, {[2]bool{false, false}, bothDown},
	}
	weather := forecast[r.IntN(len(forecast))]
	w.MustSetDomain("main", weather.up[0])
	w.MustSetDomain("backup", weather.up[1])
	w.count(weather.event)
}

func (w *world) count(e event) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events[e]++
}

// note counts what shows in the gateway's history only.
func (w *world) note(history []paygate.Request) {
	for _, q := range history {
		for _, fault := range q.Faults {
			w.count(event(fault))
		}
		for e, is := range map[event]bool{
			asked:         true,
			byBackup:      q.Domain == "backup" && q.HTTPStatus != 0,
			byPublicKey:   q.SignedBy == w.PublicKeyID(),
			byCertificate: q.SignedBy != "" && q.SignedBy != w.PublicKeyID(),
			probed:        strings.Contains(q.Reason, "is a probe"),
			lied:          slices.Contains(q.Faults, paygate.Refuse) && slices.Contains(slices.Concat(lies[order.V2], lies[order.V3]), q.Code),
			downloaded:    q.Op == "certificates" && q.HTTPStatus == 200,
		} {
			if is {
				w.count(e)
			}
		}
	}
}
