package app_test

import (
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/app"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/pkg/paygate"
)

// newCertificateEnv is an env whose merchant number is unique, in this run and in others, because
// the file of certificates is named by the number. Its replies are verified with platform
// certificates; a test may add WeChat Pay's public key.
func newCertificateEnv(t *testing.T, options paygate.Options) *env {
	t.Helper()
	number, err := rand.Int(rand.Reader, big.NewInt(1e18))
	if err != nil {
		t.Fatal(err)
	}
	merchant, err := paygate.NewMerchant("19"+number.String(), "wxd678efh567hg6787")
	if err != nil {
		t.Fatal(err)
	}
	options.Merchants = []*paygate.Merchant{merchant}
	e := newEnvBefore(t, paygate.RunT(t, options))
	e.vars["WXPAY_V3_KEY"] = merchant.V3Key
	delete(e.vars, "WXPAY_V2_KEY")
	delete(e.vars, "WXPAY_PUBLIC_KEY")
	delete(e.vars, "WXPAY_PUBLIC_KEY_ID")
	t.Cleanup(func() {
		for _, file := range e.certificateFiles() {
			if err := os.Remove(file); err != nil {
				t.Error(err)
			}
		}
	})
	return e
}

// certificateFiles lists the files that the merchant's functions have written.
func (e *env) certificateFiles() []string {
	e.t.Helper()
	files, err := filepath.Glob(filepath.Join(os.TempDir(), "cloudpay-certificates-"+e.Merchant.MchID+"-*"))
	if err != nil {
		e.t.Fatal(err)
	}
	return files
}

// configurePublicKey adds WeChat Pay's public key to the configuration.
func (e *env) configurePublicKey() {
	e.t.Helper()
	public, err := e.PublicKeyPEM()
	if err != nil {
		e.t.Fatal(err)
	}
	e.vars["WXPAY_PUBLIC_KEY"], e.vars["WXPAY_PUBLIC_KEY_ID"] = string(public), e.PublicKeyID()
}

// certificatesFail makes every download of the certificates fail.
func (e *env) certificatesFail(how paygate.Action) {
	e.t.Helper()
	e.MustInject(paygate.Fault{Op: "certificates", Action: how})
}

// downloads counts the requests for the gateway's certificates.
func (e *env) downloads() int {
	n := 0
	for _, r := range e.Requests() {
		if r.Op == "certificates" {
			n++
		}
	}
	return n
}

// A merchant with an APIv3 key and no public key closes and queries in every region. The
// certificates are downloaded once for all instances.
func TestPlatformCertificates(t *testing.T) {
	t.Parallel()
	for _, region := range []string{"cn", "global", "hk"} {
		t.Run(region, func(t *testing.T) {
			t.Parallel()
			e := newCertificateEnv(t, paygate.Options{})
			e.vars["WXPAY_REGION"] = region
			e.order("A1")
			e.wantOutcome(e.query("A1"), order.OutcomeFound, "")
			closed := e.close("A1")
			e.wantOutcome(closed, order.OutcomeClosed, "")
			if closed.Proof != order.ProofSignature || closed.Attempts != 1 {
				t.Errorf("got %+v", closed)
			}
			if e.downloads() != 1 {
				t.Errorf("the certificates were downloaded %d times, want once: %+v", e.downloads(), e.Requests())
			}
			for _, r := range e.Requests() {
				if r.SignedBy != e.CertificateSerial() {
					t.Errorf("%s was signed by %s, want %s", r.Op, r.SignedBy, e.CertificateSerial())
				}
			}
			if files := e.certificateFiles(); len(files) != 1 || !strings.HasSuffix(files[0], "-"+region+".json") {
				t.Errorf("kept in %v, want one file of the region", files)
			}
		})
	}
}

// Configured roots must have signed a certificate.
func TestCertificateRoots(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{})
	e.order("A1")
	e.vars["WXPAY_CERT_ROOTS"] = string(e.RootPEM())
	e.wantOutcome(e.query("A1"), order.OutcomeFound, "")
	e.vars["WXPAY_CERT_ROOTS"] = string(paygate.RunT(t).RootPEM()) // another authority's
	got := e.close("A1")
	if got.Outcome != order.OutcomeUnknown || got.ErrCode != errcode.ConfigError || !strings.Contains(got.ReturnMsg, "Roots") {
		t.Errorf("got %+v", got)
	}
	e.WantState("A1", paygate.StateNotPay)
}

// A certificate that comes into use between two calls of an instance costs a download and no
// attempt.
func TestRotationInMidRun(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{})
	instance := e.start(app.CloseOrder)
	for i, no := range []string{"A1", "A2", "A3"} {
		e.order(no)
		if i == 1 {
			e.MustRotateCertificate()
		}
		got := instance(map[string]string{"out_trade_no": no}, patient)
		e.wantOutcome(got, order.OutcomeClosed, "")
		if got.Attempts != 1 {
			t.Errorf("%s took %d attempts", no, got.Attempts)
		}
		e.WantState(no, paygate.StateClosed)
	}
	if e.downloads() != 2 {
		t.Errorf("downloaded %d times, want once at first and once after the rotation", e.downloads())
	}
	history := e.Requests()
	if last := history[len(history)-1]; last.SignedBy != e.CertificateSerial() {
		t.Errorf("the last reply was signed by %s, want the new certificate %s", last.SignedBy, e.CertificateSerial())
	}
}

// While WeChat Pay switches a merchant to the public key, half of the replies are signed with the
// other kind of key. With both kinds configured no reply is lost.
func TestGraySwitchBetweenKeyKinds(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{Seed: 1, Signing: paygate.Signing{CertificateShare: 0.5, PublicKeyShare: 0.5}})
	e.configurePublicKey()
	instance := e.start(app.QueryOrder)
	e.order("A1")
	for range 20 {
		got := instance(map[string]string{"out_trade_no": "A1"}, patient)
		e.wantOutcome(got, order.OutcomeFound, "")
		if got.Attempts != 1 {
			t.Fatalf("it took %d attempts: %+v", got.Attempts, e.Requests())
		}
	}
	signers := map[string]int{}
	for _, r := range e.Requests() {
		if r.Op == "query" {
			signers[r.SignedBy]++
		}
	}
	if signers[e.PublicKeyID()] == 0 || signers[e.CertificateSerial()] == 0 || e.downloads() != 1 {
		t.Errorf("signed by %v, %d downloads; want both kinds, and one download", signers, e.downloads())
	}
}

// A fault of the certificates is found before any request about the order, and its remedy is named.
func TestCertificateFaultsAreNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		options paygate.Options
		change  func(e *env)
		says    []string
	}{
		{
			"a merchant without certificates", paygate.Options{NoCertificates: true}, func(*env) {},
			[]string{"use public-key mode", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY "},
		},
		{
			"a merchant that was switched to the public key", paygate.Options{},
			func(e *env) { e.certificatesFail(paygate.Switched) },
			[]string{"use public-key mode", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY "},
		},
		{
			"another APIv3 key", paygate.Options{},
			func(e *env) { e.vars["WXPAY_V3_KEY"] = strings.Repeat("k", 32) }, []string{"WXPAY_V3_KEY"},
		},
		{
			"the APIv2 key in its place", paygate.Options{},
			func(e *env) { e.vars["WXPAY_V3_KEY"] = e.Merchant.V2Key }, []string{"WXPAY_V3_KEY", "the APIv2 key is another"},
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := newCertificateEnv(t, tc.options)
			e.order("A1")
			tc.change(e)
			for _, o := range operations() {
				got := e.call(o.build, map[string]string{"out_trade_no": "A1"}, patient)
				if got.Outcome != order.OutcomeUnknown || got.ErrCode != errcode.ConfigError || got.ReturnCode != "FAIL" {
					t.Errorf("%s: got %+v", o.name, got)
				}
				for _, text := range tc.says {
					if !strings.Contains(got.ReturnMsg, text) {
						t.Errorf("%s: returnMsg = %q, want it to say %q", o.name, got.ReturnMsg, text)
					}
				}
			}
			e.WantState("A1", paygate.StateNotPay)
			if e.downloads() != len(e.Requests()) {
				t.Errorf("the order was asked about: %+v", e.Requests())
			}
		})
	}
}

// A 500 may be temporary, so the outcome is in doubt. The remedy is named all the same. The
// certificates are asked for until the time is up: of five seconds the last attempt has at least a
// third of 1.4, so that it ends in time on a busy machine, too.
func TestCertificatesThatAreNotToBeHadJustNow(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{})
	e.order("A1")
	e.certificatesFail(paygate.SystemError)
	for _, o := range operations() {
		got := e.call(o.build, map[string]string{"out_trade_no": "A1"}, 5*time.Second)
		if got.Outcome != order.OutcomeUnknown || got.ErrCode != errcode.UnknownSerial || !got.Retryable ||
			!strings.Contains(got.ReturnMsg, "if it lasts") || !strings.Contains(got.ReturnMsg, "WXPAY_PUBLIC_KEY_ID") {
			t.Errorf("%s: got %+v", o.name, got)
		}
	}
	e.ClearFaults()
	e.wantOutcome(e.close("A1"), order.OutcomeClosed, "")
}

// A merchant that was switched to the public key, and has configured it, misses no certificate even
// with the APIv3 key still configured.
func TestSwitchedWithThePublicKeyConfigured(t *testing.T) {
	t.Parallel()
	e := newCertificateEnv(t, paygate.Options{})
	e.configurePublicKey()
	e.certificatesFail(paygate.Switched)
	e.order("A1")
	e.wantOutcome(e.query("A1"), order.OutcomeFound, "")
	e.wantOutcome(e.close("A1"), order.OutcomeClosed, "")
}

// Mixed-up keys are found when the function starts. A caller gets the report, and no request
// reaches the gateway.
func TestMixedUpKeysAreNamed(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		change   func(e *env)
		variable string
		says     string
	}{
		{
			"a certificate as the public key", func(e *env) { e.vars["WXPAY_PUBLIC_KEY"] = string(e.CertificatePEM()) },
			"WXPAY_PUBLIC_KEY", "is a certificate, not a public key",
		},
		{
			"the merchant's own public key", func(e *env) { e.vars["WXPAY_PUBLIC_KEY"] = e.ownPublicKey() },
			"WXPAY_PUBLIC_KEY", "the merchant's own",
		},
		{
			"an APIv3 key that is too short", func(e *env) { e.vars["WXPAY_V3_KEY"] = "tooshort" },
			"WXPAY_V3_KEY", "has 8 bytes instead of 32",
		},
		{
			"the APIv2 key beside itself as the APIv3 key",
			func(e *env) { e.vars["WXPAY_V2_KEY"], e.vars["WXPAY_V3_KEY"] = e.Merchant.V2Key, e.Merchant.V2Key },
			"WXPAY_V3_KEY", "is the same as WXPAY_V2_KEY",
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, mode{api: order.V3})
			e.order("A1")
			tc.change(e)
			for _, o := range operations() {
				got := e.call(o.build, map[string]string{"out_trade_no": "A1"}, patient)
				e.wantOutcome(got, order.OutcomeRefused, errcode.ConfigError)
				if !strings.Contains(got.ReturnMsg, tc.variable+" ") || !strings.Contains(got.ReturnMsg, tc.says) {
					t.Errorf("%s: returnMsg = %q, want it to say that %s %s", o.name, got.ReturnMsg, tc.variable, tc.says)
				}
			}
			e.wantAsked(0)
		})
	}
}

// ownPublicKey is the public half of the merchant's key, in the form of WeChat Pay's public key.
func (e *env) ownPublicKey() string {
	e.t.Helper()
	der, err := x509.MarshalPKIXPublicKey(&e.Merchant.PrivateKey.PublicKey)
	if err != nil {
		e.t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

// A number of another kind is recognised: one that cannot be an order's is refused at once, any
// other names no order.
func TestNumbersOfTheWrongSide(t *testing.T) {
	t.Parallel()
	const mainlandID = "4200005678202611220000000002"
	whole, part := map[string]any{"out_trade_no": "C1"}, map[string]any{"out_trade_no": "C1-1"}
	for _, tc := range []struct {
		name, region string
		event        map[string]any
		outcome      order.Outcome
		says         string
	}{
		{"an overseas order on the mainland", "cn", map[string]any{"out_trade_no": "GL1"}, order.OutcomeNotFound, "WXPAY_REGION"},
		{"a mainland order overseas", "global", map[string]any{"out_trade_no": "CN1"}, order.OutcomeNotFound, "WXPAY_REGION"},
		{"a mainland order in Hong Kong", "hk", map[string]any{"out_trade_no": "CN1"}, order.OutcomeNotFound, "WXPAY_REGION"},
		{"a mainland id overseas", "global", map[string]any{"transaction_id": mainlandID}, order.OutcomeNotFound, "WXPAY_REGION"},
		{"an overseas id on the mainland", "cn", map[string]any{"transaction_id": "A1B2"}, order.OutcomeRefused, "transaction_id"},
		{"a combined order to the plain endpoint", "cn", whole, order.OutcomeNotFound, "combine_out_trade_no"},
		{"its part to the plain endpoint", "cn", part, order.OutcomeNotFound, "combine_out_trade_no"},
		{"a combined order overseas", "global", combined("C1"), order.OutcomeRefused, "on the mainland only"},
		{"a plain order to the combined endpoint", "cn", combined("CN1"), order.OutcomeNotFound, "by out_trade_no"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, mode{api: order.V3})
			e.vars["WXPAY_REGION"] = tc.region
			e.MustAddOrder(paygate.Order{OutTradeNo: "CN1", Total: 100})
			e.MustAddOrder(paygate.Order{OutTradeNo: "GL1", Total: 100, Region: "global"})
			e.MustAddCombined(paygate.CombinedOrder{CombineOutTradeNo: "C1", SubOrders: []paygate.Order{{OutTradeNo: "C1-1", Total: 100}}})
			for _, o := range operations() {
				got := e.call(o.build, tc.event, patient)
				if got.Outcome != tc.outcome || !strings.Contains(got.ErrCodeDes, tc.says) {
					t.Errorf("%s: got %s, %q; want %s, and %q named", o.name, got.Outcome, got.ErrCodeDes, tc.outcome, tc.says)
				}
			}
			for _, no := range []string{"CN1", "GL1", "C1-1"} {
				e.WantState(no, paygate.StateNotPay)
			}
		})
	}
}

// combined is a call for a combined order of one part.
func combined(no string) map[string]any {
	return map[string]any{
		"combine_out_trade_no": no, "sub_orders": []map[string]string{{"mchid": "1900007291", "out_trade_no": no + "-1"}},
	}
}
