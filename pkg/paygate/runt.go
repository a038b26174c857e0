package paygate

import (
	"cmp"
	"crypto/rsa"
	"net/http/httptest"
	"sync"
	"time"
)

// Tester is what [RunT] needs of a test: *testing.T, *testing.B and *testing.F have it. It keeps
// the package testing out of programs that only serve a gateway.
type Tester interface {
	Helper()
	Cleanup(f func())
	Fatalf(format string, args ...any)
}

// Server is a [Gateway] that listens on three loopback ports, for a test. Its Must and Want methods
// are the gateway's, but end the test by Fatalf where those return an error. Each test starts its
// own: tests that run in parallel then share no orders, faults or clock. With an [Options].File a
// test can start a second one that goes on with the state of the first, once [Gateway.Close] has
// released the file.
type Server struct {
	*Gateway
	// URL is that of the wire by the main domain, such as http://127.0.0.1:34567.
	URL string
	// BackupURL is that of the wire by the backup domain.
	BackupURL string
	// AdminURL is that of the management API.
	AdminURL string
	// Merchant is the first of the options' merchants, or the one that was made, with its private
	// key.
	Merchant *Merchant

	t Tester
}

// keyPool makes RSA keys once for all gateways that RunT starts in a process: each takes a tenth of
// a second and more.
type keyPool struct {
	mu   sync.Mutex
	keys []*rsa.PrivateKey
}

var sharedKeys keyPool

// The places in the pool. A certificate's n-th successor has the place firstRotation + n, counted
// from 0, in every gateway.
const (
	merchantPlace = iota
	publicKeyPlace
	certificatePlace
	firstRotation
)

// key returns the key of a place, and makes it if it is the first to ask.
func (p *keyPool) key(place int) (*rsa.PrivateKey, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.keys) <= place {
		key, err := keyOrNew(nil)
		if err != nil {
			return nil, err
		}
		p.keys = append(p.keys, key)
	}
	return p.keys[place], nil
}

// fill puts the pool's keys where the options have none. Tests that share a process therefore share
// the keys; nothing else is shared between gateways.
func (p *keyPool) fill(opts *Options) error {
	var keys [firstRotation]*rsa.PrivateKey
	for place := range keys {
		var err error
		if keys[place], err = p.key(place); err != nil {
			return err
		}
	}
	if len(opts.Merchants) == 0 {
		opts.Merchants = []*Merchant{merchantWithKey("1900007291", "wxd678efh567hg6787", keys[merchantPlace])}
	}
	opts.PlatformKey = cmp.Or(opts.PlatformKey, keys[publicKeyPlace])
	opts.CertificateKey = cmp.Or(opts.CertificateKey, keys[certificatePlace])
	return nil
}

// RunT starts a gateway, its backup domain and its management API, and stops them when the test
// ends. It takes at most one [Options], and fills in what is missing there: one merchant,
// 1900007291 with appid wxd678efh567hg6787, and keys that all gateways of the process share. If it
// fails, it ends the test by Fatalf; the result is nil if Fatalf returns.
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
	err := sharedKeys.fill(&opts)
	var gateway *Gateway
	if err == nil {
		gateway, err = New(opts)
	}
	if err != nil {
		t.Fatalf("paygate.RunT: %v", err)
		return nil
	}
	gateway.platform.newKey = func(rotation int) (*rsa.PrivateKey, error) {
		return sharedKeys.key(firstRotation + rotation)
	}
	wire, backup, admin := httptest.NewServer(gateway), httptest.NewServer(gateway.Backup()), httptest.NewServer(gateway.Admin())
	t.Cleanup(func() {
		_ = gateway.Close() // first, as the servers wait for their requests; a test has seen what was not kept
		wire.Close()
		backup.Close()
		admin.Close()
	})
	return &Server{
		Gateway: gateway, URL: wire.URL, BackupURL: backup.URL, AdminURL: admin.URL, Merchant: opts.Merchants[0], t: t,
	}
}

// Variables returns the environment that a function of the merchant's needs to call this gateway in
// both APIs. The way to it is WeChat Pay's own (WXPAY_ROUTE): TLS does not end elsewhere, for there
// is none. A test that puts a proxy between leaves that out.
func (s *Server) Variables() map[string]string {
	s.t.Helper()
	public, err := s.PublicKeyPEM()
	s.must("encoding the public key", err)
	return map[string]string{
		"WXPAY_MCHID":         s.Merchant.MchID,
		"WXPAY_APPID":         s.Merchant.AppID,
		"WXPAY_V2_KEY":        s.Merchant.V2Key,
		"WXPAY_SERIAL_NO":     s.Merchant.SerialNo,
		"WXPAY_PRIVATE_KEY":   string(s.Merchant.PrivateKeyPEM()),
		"WXPAY_PUBLIC_KEY_ID": s.PublicKeyID(),
		"WXPAY_PUBLIC_KEY":    string(public),
		"WXPAY_BASE_URL":      s.URL,
		"WXPAY_ROUTE":         "own",
	}
}

// MustAddCombined adds a combined order, or ends the test.
func (s *Server) MustAddCombined(c CombinedOrder) {
	s.t.Helper()
	s.must("adding combined order "+c.CombineOutTradeNo, s.AddCombined(c))
}

// MustCombined looks a combined order up, or ends the test.
func (s *Server) MustCombined(combineOutTradeNo string, of ...Owner) CombinedOrder {
	s.t.Helper()
	all, err := s.Combined(combineOutTradeNo, of...)
	s.must("looking up combined order "+combineOutTradeNo, err)
	return all
}

// MustRotateCertificate makes a new platform certificate and returns its serial number, or ends the
// test.
func (s *Server) MustRotateCertificate() string {
	s.t.Helper()
	serial, err := s.RotateCertificate()
	s.must("rotating", err)
	return serial
}

// MustSetSigning sets the shares of replies that are signed otherwise than asked, or ends the test.
func (s *Server) MustSetSigning(shares Signing) {
	s.t.Helper()
	s.must("setting shares", s.SetSigning(shares))
}

// MustSetDomain takes a domain down or up, or ends the test.
func (s *Server) MustSetDomain(domain string, up bool) {
	s.t.Helper()
	s.must("setting a domain", s.SetDomain(domain, up))
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

// MustPay has the user pay, or ends the test.
func (s *Server) MustPay(outTradeNo string, of ...Owner) {
	s.t.Helper()
	s.must("paying order "+outTradeNo, s.Pay(outTradeNo, of...))
}

// MustFailPayment has the user's payment fail, or ends the test.
func (s *Server) MustFailPayment(outTradeNo string, of ...Owner) {
	s.t.Helper()
	s.must("failing the payment of order "+outTradeNo, s.FailPayment(outTradeNo, of...))
}

// WantPaySign ends the test unless WeChat's client would let the user pay with the fields that it
// is handed; see [Gateway.CheckPaySign].
func (s *Server) WantPaySign(fields map[string]string) {
	s.t.Helper()
	s.must("paying with what the client was handed", s.CheckPaySign(fields))
}

// MustRefund has the merchant refund, or ends the test.
func (s *Server) MustRefund(outTradeNo string, of ...Owner) {
	s.t.Helper()
	s.must("refunding order "+outTradeNo, s.Refund(outTradeNo, of...))
}

// MustRefunds returns an order's refunds, or ends the test.
func (s *Server) MustRefunds(outTradeNo string, of ...Owner) []Refund {
	s.t.Helper()
	refunds, err := s.Refunds(outTradeNo, of...)
	s.must("looking up the refunds of order "+outTradeNo, err)
	return refunds
}

// MustEndRefund gives a refund its final status before its time, or ends the test.
func (s *Server) MustEndRefund(outRefundNo, status string, of ...Owner) {
	s.t.Helper()
	s.must("ending refund "+outRefundNo, s.EndRefund(outRefundNo, status, of...))
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

// WantState ends the test unless the order is in the state. The failure names the order, its state
// and the one wanted.
func (s *Server) WantState(outTradeNo string, want TradeState, of ...Owner) {
	s.t.Helper()
	if order := s.MustOrder(outTradeNo, of...); order.State != want {
		s.t.Fatalf("order %s: state is %s, want %s", outTradeNo, order.State, want)
	}
}

// must ends the test if there is an error, and says what was being done.
func (s *Server) must(doing string, err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatalf("paygate: %s: %v", doing, err)
	}
}
