package paygate_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// tester records what RunT does to a test.
type tester struct {
	cleanups []func()
	fatal    string
}

func (t *tester) Helper()          {}
func (t *tester) Cleanup(f func()) { t.cleanups = append(t.cleanups, f) }
func (t *tester) Fatalf(format string, args ...any) {
	if t.fatal == "" {
		t.fatal = fmt.Sprintf(format, args...)
	}
}

func (t *tester) end() {
	for _, f := range t.cleanups {
		f()
	}
}

// TestRunTStopsByItself: after the test the ports are closed. It is not parallel, as another test's
// gateway might get them.
func TestRunTStopsByItself(t *testing.T) {
	var fake tester
	server := paygate.RunT(&fake)
	for _, address := range []string{server.URL, server.AdminURL} {
		resp, err := http.Get(address + "/clock")
		if err != nil {
			t.Fatalf("%s does not answer: %v", address, err)
		}
		_ = resp.Body.Close()
	}
	fake.end()
	for _, address := range []string{server.URL, server.AdminURL} {
		if resp, err := http.Get(address + "/clock"); err == nil {
			_ = resp.Body.Close()
			t.Errorf("%s still answers", address)
		}
	}
	if fake.fatal != "" {
		t.Errorf("the test was ended: %s", fake.fatal)
	}
}

func TestRunTWithAHangingRequest(t *testing.T) {
	t.Parallel()
	var fake tester
	server := paygate.RunT(&fake, paygate.Options{Now: wireTime})
	s := dial(t, server)
	s.MustInject(paygate.Fault{Action: paygate.Hang})
	ended := make(chan error, 1)
	go func() { ended <- s.tryV3(t.Context(), s.closeV3("A1")) }()
	if _, err := s.AwaitRequests(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	fake.end()
	if err := <-ended; err == nil {
		t.Error("the hanging request was answered")
	}
}

func TestRunTSharesKeys(t *testing.T) {
	t.Parallel()
	one, two := paygate.RunT(t), paygate.RunT(t)
	if !one.PublicKey().Equal(two.PublicKey()) || one.Merchant.PrivateKey.D.Cmp(two.Merchant.PrivateKey.D) != 0 {
		t.Error("two gateways have different keys: each would cost a tenth of a second")
	}
	if one.Merchant.MchID != "1900007291" || one.Merchant.V2Key == two.Merchant.V2Key {
		t.Errorf("merchants are %s and %s, want the same number and secrets of their own", one.Merchant, two.Merchant)
	}
}

// TestVerbsEndTheTest when they cannot do what they say.
func TestVerbsEndTheTest(t *testing.T) {
	t.Parallel()
	for want, try := range map[string]func(s *paygate.Server){
		"adding order : out_trade_no":  func(s *paygate.Server) { s.MustAddOrder(paygate.Order{Total: 1}) },
		"looking up order A1":          func(s *paygate.Server) { s.MustOrder("A1") },
		"paying order A1":              func(s *paygate.Server) { s.MustPay("A1") },
		"refunding order A1":           func(s *paygate.Server) { s.MustRefund("A1") },
		"refunds of order A1":          func(s *paygate.Server) { s.MustRefunds("A1") },
		"ending refund R1":             func(s *paygate.Server) { s.MustEndRefund("R1", "SUCCESS") },
		"order A1 has no notification": func(s *paygate.Server) { s.MustWaitNotified("A1") },
		"injecting explode":            func(s *paygate.Server) { s.MustInject(paygate.Fault{Action: "explode"}) },
		"advancing the clock":          func(s *paygate.Server) { s.MustAdvance(-1) },
		"state is NOTPAY, want CLOSED": func(s *paygate.Server) {
			s.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 1})
			s.WantState("A1", paygate.StateClosed)
		},
		"give one Options, not 2":        nil,
		"Options.Merchants[0]: must not": nil,
	} {
		var fake tester
		switch {
		case try != nil:
			try(paygate.RunT(&fake))
		case strings.HasPrefix(want, "give"):
			paygate.RunT(&fake, paygate.Options{}, paygate.Options{})
		default:
			paygate.RunT(&fake, paygate.Options{Merchants: []*paygate.Merchant{nil}})
		}
		fake.end()
		if !strings.Contains(fake.fatal, want) {
			t.Errorf("the test ended with %q, want %q", fake.fatal, want)
		}
	}
}
