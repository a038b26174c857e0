package paygate_test

import (
	"fmt"
	"math"
	"strings"
	"testing"

	"cloudpay/pkg/paygate"
)

// signers queries n orders, and returns the key that signed each reply, and names probes.
func (s *session) signers(n int, asked string) []string {
	s.t.Helper()
	signers := make([]string, n)
	for i := range signers {
		query := s.queryV3(fmt.Sprintf("A%d", i))
		query.header = map[string]string{"Wechatpay-Serial": asked}
		got := s.v3(query)
		signers[i] = got.header.Get("Wechatpay-Serial")
		switch probe := strings.HasPrefix(got.header.Get("Wechatpay-Signature"), "WECHATPAY/SIGNTEST/"); {
		case probe:
			signers[i] += " probe"
			s.wantLast("refused", "the signature is a probe")
		case got.signature() != signers[i]:
			s.t.Errorf("reply %d is signed by %s, want %s", i, got.signature(), signers[i])
		}
		if last := s.last(); !strings.HasPrefix(signers[i], last.SignedBy) || last.SignedBy == "" {
			s.t.Errorf("history says signed by %q, want %q", last.SignedBy, signers[i])
		}
	}
	return signers
}

func count(signers []string, what string) int {
	n := 0
	for _, signer := range signers {
		if strings.Contains(signer, what) {
			n++
		}
	}
	return n
}

// TestSigningShares: each share is about what it says, alike for a seed, and other for another.
func TestSigningShares(t *testing.T) {
	t.Parallel()
	const n = 10_000
	shares := paygate.Signing{CertificateShare: 0.3, PublicKeyShare: 0.1, ProbeShare: 0.2}
	for asked, want := range map[string]map[string]int{"p": {"c": n * 30 / 100, "!": n * 20 / 100}, "c": {"p": n * 10 / 100, "!": n * 20 / 100}} {
		drawn := paygate.Draws(shares, 1, asked, n)
		for mark, about := range want {
			if got := strings.Count(drawn, mark); got < about*9/10 || got > about*11/10 {
				t.Errorf("asked for %s: %s is drawn %d of %d times, want about %d", asked, mark, got, n, about)
			}
		}
		if paygate.Draws(shares, 1, asked, n) != drawn {
			t.Error("the same seed draws otherwise")
		}
		if paygate.Draws(shares, 2, asked, n) == drawn {
			t.Error("another seed draws the same")
		}
		if quiet := paygate.Draws(paygate.Signing{}, 1, asked, n); quiet != strings.Repeat(asked, n) {
			t.Error("without shares something is drawn")
		}
	}
}

// TestSigningSharesOnTheWire: what is drawn is what signs.
func TestSigningSharesOnTheWire(t *testing.T) {
	t.Parallel()
	const n = 40
	shares := paygate.Signing{CertificateShare: 0.5, ProbeShare: 0.3}
	s := start(t, paygate.Options{Signing: shares, Seed: 7})
	got := strings.Join(s.signers(n, s.PublicKeyID()), "")
	got = strings.NewReplacer(s.PublicKeyID(), "p", s.CertificateSerial(), "c", " probe", "!").Replace(got)
	if want := paygate.Draws(shares, 7, "p", n); got != want {
		t.Errorf("signed by %s, want %s", got, want)
	}
}

// TestSetSigning: shares of 0 and 1 are never and always, and a probe is not followed by another.
func TestSetSigning(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	if got := count(s.signers(20, s.PublicKeyID()), s.PublicKeyID()); got != 20 {
		t.Errorf("%d of 20 replies are signed by the public key, want all", got)
	}
	s.MustSetSigning(paygate.Signing{CertificateShare: 1})
	if got := count(s.signers(20, s.PublicKeyID()), s.CertificateSerial()); got != 20 {
		t.Errorf("%d of 20 replies are signed by the certificate, want all", got)
	}
	s.MustSetSigning(paygate.Signing{ProbeShare: 1})
	for range 3 {
		if got := s.v3(s.queryV3("A1")).signature(); got != "not base64" {
			t.Errorf("signature is %s, want a probe", got)
		}
		// a fault's signature is the fault's
		s.MustInject(paygate.Fault{Action: paygate.BadSignature, Times: 1})
		if got := s.v3(s.queryV3("A1")).signature(); got != "bad signature" {
			t.Errorf("signature is %s, want a bad one", got)
		}
		s.v3(s.queryV3("A1")).want(200)
	}
	for _, bad := range []paygate.Signing{{CertificateShare: 1.1}, {PublicKeyShare: -0.1}, {ProbeShare: math.NaN()}} {
		if err := s.SetSigning(bad); err == nil || !strings.Contains(err.Error(), "must be from 0 to 1") {
			t.Errorf("setting %+v: %v", bad, err)
		}
		if _, err := paygate.New(paygate.Options{Merchants: []*paygate.Merchant{s.Merchant}, Signing: bad}); err == nil {
			t.Errorf("a gateway is made with %+v", bad)
		}
	}
}

func TestAdminSigning(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.admin("POST", "/signing", `{"certificate_share":0.2,"probe_share":0.05}`).wantStatus(200).
		wantJSON(map[string]any{"certificate_share": 0.2, "public_key_share": 0.0, "probe_share": 0.05})
	s.admin("POST", "/signing", `{"certificate_share":0}`).wantStatus(200)
	s.admin("GET", "/signing", "").wantStatus(200).wantJSON(map[string]any{"certificate_share": 0.0, "probe_share": 0.05})
	if got, want := s.Signing(), (paygate.Signing{ProbeShare: 0.05}); got != want {
		t.Errorf("Signing is %+v, want %+v", got, want)
	}
	s.admin("POST", "/signing", `{"probe_share":2,"certificate_share":-1}`).
		wantError(400, "certificate_share: -1 must be from 0 to 1; probe_share: 2 must be from 0 to 1")
	s.admin("POST", "/signing", `{"probe_share":"2"}`).wantError(400, "probe_share: must be a number, not string")
	s.admin("POST", "/signing", `{"share":1}`).wantError(400, `unknown field "share"; known here: certificate_share, public_key_share, probe_share`)
}
