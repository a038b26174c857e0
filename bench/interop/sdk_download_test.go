package interop_test

import (
	"crypto/x509"
	"errors"
	"net/url"
	"testing"

	"github.com/wechatpay-apiv3/wechatpay-go/core"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/validators"
	"github.com/wechatpay-apiv3/wechatpay-go/core/auth/verifiers"
	"github.com/wechatpay-apiv3/wechatpay-go/core/downloader"
	"github.com/wechatpay-apiv3/wechatpay-go/core/option"

	"cloudpay/pkg/paygate"
)

// downloadingScene is a scene whose SDK knows the platform by what its own downloader fetched from
// the gateway.
type downloadingScene struct {
	*scene

	downloader *downloader.CertificateDownloader
}

// eachDownloadingScene runs a test in both roles.
func eachDownloadingScene(t *testing.T, test func(t *testing.T, s *downloadingScene)) {
	t.Helper()
	for name, sub := range map[string]string{"direct": "", "partner": subMchID} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			gate := paygate.RunT(t)
			s := &downloadingScene{scene: &scene{Server: gate, sdk: sdk{t: t, mchID: gate.Merchant.MchID, subMchID: sub}}}
			to, err := url.Parse(gate.URL)
			if err != nil {
				t.Fatal(err)
			}
			// The client that downloads verifies nothing, until there is something to verify with.
			signer := option.WithMerchantCredential(s.mchID, gate.Merchant.SerialNo, gate.Merchant.PrivateKey)
			blank := newSDKClient(t, signer, redirect{to: to}, option.WithoutValidator())
			s.downloader, err = downloader.NewCertificateDownloaderWithClient(t.Context(), blank, gate.Merchant.V3Key)
			if err != nil {
				t.Fatalf("wechatpay-go downloads: %v\nhistory: %+v", err, gate.Requests())
			}
			verifier := verifiers.NewSHA256WithRSAVerifier(s.downloader)
			s.client = core.NewClientWithValidator(blank, validators.NewWechatPayResponseValidator(verifier))
			test(t, s)
		})
	}
}

// The SDK decrypts the emulator's list of certificates, and believes the emulator by it alone,
// before and after a rotation.
func TestSDKDownloadsCertificates(t *testing.T) {
	t.Parallel()
	eachDownloadingScene(t, func(t *testing.T, s *downloadingScene) {
		t.Helper()
		first := s.CertificateSerial()
		s.wantNewest(first)
		s.order("A1")
		if err := s.close("A1"); err != nil {
			t.Errorf("closing A1: %v", err)
		}
		second := s.MustRotateCertificate()
		if _, err := s.query("A1"); err == nil {
			t.Error("the SDK believes a certificate that it has not got")
		} else if _, answered := errors.AsType[*core.APIError](err); answered {
			t.Errorf("got %v, want the SDK's validator to refuse it", err)
		}
		s.downloadNewCertificate()
		for _, serial := range []string{first, second} {
			if _, has := s.downloader.Get(t.Context(), serial); !has {
				t.Errorf("the SDK has not got %s", serial)
			}
		}
		s.wantState("A1", paygate.StateClosed)
		s.order("A2")
		if err := s.close("A2"); err != nil {
			t.Errorf("closing A2: %v", err)
		}
		s.WantState("A2", paygate.StateClosed, s.owner())
	})
}

// downloadNewCertificate downloads after a rotation. The SDK verifies the list by the certificates
// that it had before, so a list that only the new one signs is refused, as the real gateway does
// not sign by a new certificate on its first day. An SDK that missed that day starts anew, and so
// does this.
func (s *downloadingScene) downloadNewCertificate() {
	s.t.Helper()
	if err := s.downloader.DownloadCertificates(s.t.Context()); err == nil {
		s.t.Error("the SDK believes a list signed by a certificate that it has not got")
	}
	blank := core.NewClientWithValidator(s.client, &validators.NullValidator{})
	fresh, err := downloader.NewCertificateDownloaderWithClient(s.t.Context(), blank, s.Merchant.V3Key)
	if err != nil {
		s.t.Fatalf("wechatpay-go downloads again: %v", err)
	}
	s.downloader = fresh
	s.client = core.NewClientWithValidator(blank, validators.NewWechatPayResponseValidator(verifiers.NewSHA256WithRSAVerifier(fresh)))
}

// wantNewest checks what was downloaded against what the gateway has.
func (s *downloadingScene) wantNewest(serial string) {
	s.t.Helper()
	if got := s.downloader.GetNewestSerial(s.t.Context()); got != serial {
		s.t.Errorf("newest certificate %s, want %s", got, serial)
	}
	if got, _ := s.downloader.Export(s.t.Context(), serial); got != string(s.CertificatePEM()) {
		s.t.Errorf("the certificate was downloaded as\n%s\nwant\n%s", got, s.CertificatePEM())
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(s.RootPEM())
	certificate, _ := s.downloader.Get(s.t.Context(), serial)
	if _, err := certificate.Verify(x509.VerifyOptions{Roots: roots, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
		s.t.Errorf("the certificate does not lead to the root: %v", err)
	}
}

// Of a list under another APIv3 key, the SDK takes nothing.
func TestSDKCannotReadAnothersCertificates(t *testing.T) {
	t.Parallel()
	eachDownloadingScene(t, func(t *testing.T, s *downloadingScene) {
		t.Helper()
		if _, err := downloader.NewCertificateDownloaderWithClient(t.Context(), s.client, s.Merchant.V2Key); err == nil {
			t.Error("the list was read with another key")
		}
	})
}
