package paygate

import (
	"crypto/rand"
	"crypto/rsa"
	"fmt"
	"net/http/httptest"
	"sync"
	"time"
)

// Tester is what RunT needs of a test: *testing.T, *testing.B and *testing.F have it.
type Tester interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Server is a gateway that listens on two loopback ports, for a test.
type Server struct {
	*Gateway
	URL      string    // of the wire, such as http://127.0.0.1:34567
	AdminURL string    // of the management API
	Merchant *Merchant // the first of the options' merchants, or the one that was made, with its private key

	t Tester
}

// testKeys are RSA keys that every test of a process shares: making one takes a tenth of a second and more.
type testKeys struct {
	merchant, publicKey, certificate *rsa.PrivateKey
}

var cachedKeys = sync.OnceValues(func() (testKeys, error) {
	var (
		keys  testKeys
		fault error
	)
	for _, place := range []**rsa.PrivateKey{&keys.merchant, &keys.publicKey, &keys.certificate} {
		key, err := rsa.GenerateKey(rand.Reader, keyBits)
		if err != nil {
			fault = fmt.Errorf("making a test key: %w", err)
		}
		*place = key
	}
	return keys, fault
})

// RunT starts a gateway and its management API, and stops both when the test ends. It takes at most one Options; what is
// missing there is filled in: one merchant, 1900007291 with appid wxd678efh567hg6787, and keys that the whole process shares.
func RunT(t Tester, options ...Options) *Server {
	t.Helper()
	if len(options) > 1 {
		t.Fatalf("paygate.RunT: give one Options, not %d", len(options))
		return nil
	}
	var opts Options
	if len(options) == 1 {
		opts = options[0]
	}
	keys, err := cachedKeys()
	if err != nil {
		t.Fatalf("paygate.RunT: %v", err)
		return nil
	}
	if opts.PlatformKey == nil {
		opts.PlatformKey = keys.publicKey
	}
	if opts.CertificateKey == nil {
		opts.CertificateKey = keys.certificate
	}
	if len(opts.Merchants) == 0 {
		opts.Merchants = []*Merchant{merchantWithKey("1900007291", "wxd678efh567hg6787", keys.merchant)}
	}
	gateway, err := New(opts)
	if err != nil {
		t.Fatalf("paygate.RunT: %v", err)
		return nil
	}
	wire, admin := httptest.NewServer(gateway), httptest.NewServer(gateway.Admin())
	t.Cleanup(func() {
		_ = gateway.Close() // always nil; first, as the servers wait for their requests
		wire.Close()
		admin.Close()
	})
	return &Server{Gateway: gateway, URL: wire.URL, AdminURL: admin.URL, Merchant: opts.Merchants[0], t: t}
}

// MustAddOrder adds an order, or ends the test.
func (s *Server) MustAddOrder(o Order) {
	s.t.Helper()
	s.must("adding order "+o.OutTradeNo, s.AddOrder(o))
}

// MustOrder looks an order up, or ends the test.
func (s *Server) MustOrder(outTradeNo string, of ...Owner) Order {
	s.t.Helper()
	order, err := s.Order(outTradeNo, of...)
	s.must("looking up order "+outTradeNo, err)
	return order
}

// MustPay makes the user pay, or ends the test.
func (s *Server) MustPay(outTradeNo string, of ...Owner) {
	s.t.Helper()
	s.must("paying order "+outTradeNo, s.Pay(outTradeNo, of...))
}

// MustRefund makes the merchant refund, or ends the test.
func (s *Server) MustRefund(outTradeNo string, of ...Owner) {
	s.t.Helper()
	s.must("refunding order "+outTradeNo, s.Refund(outTradeNo, of...))
}

// MustInject adds a fault, or ends the test.
func (s *Server) MustInject(f Fault) {
	s.t.Helper()
	s.must("injecting "+string(f.Action), s.Inject(f))
}

// MustAdvance moves the business clock, or ends the test.
func (s *Server) MustAdvance(d time.Duration) {
	s.t.Helper()
	s.must("advancing the clock", s.Advance(d))
}

// WantState ends the test unless the order is in the state.
func (s *Server) WantState(outTradeNo string, want TradeState, of ...Owner) {
	s.t.Helper()
	if order := s.MustOrder(outTradeNo, of...); order.State != want {
		s.t.Fatalf("order %s: state is %s, want %s", outTradeNo, order.State, want)
	}
}

func (s *Server) must(doing string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("paygate: %s: %v", doing, err)
	}
}
