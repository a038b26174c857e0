package v3json_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"strings"
	"testing"

	"cloudpay/pkg/v3json"
)

// prepared is an answer whose header was built once, so that a benchmark measures the client and not the gateway.
type prepared struct{ answer }

func (p prepared) RoundTrip(req *http.Request) (*http.Response, error) {
	body := io.ReadCloser(http.NoBody)
	if p.body != "" {
		body = io.NopCloser(strings.NewReader(p.body))
	}
	return &http.Response{StatusCode: p.status, Header: p.header, Body: body, Request: req}, nil
}

// BenchmarkClose is a whole call but for the network; at most 1.1 times BenchmarkCloseFloor.
func BenchmarkClose(b *testing.B) {
	client := newClient(b, prepared{signed(http.StatusNoContent, "")})
	client.Nonce = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.CloseOrder(b.Context(), v3json.CloseRequest{OutTradeNo: outTradeNo}); err != nil {
			b.Fatalf("CloseOrder: %v", err)
		}
	}
}

// BenchmarkCloseFloor is what no client can do without: one signature, one verification.
func BenchmarkCloseFloor(b *testing.B) { benchmarkFloor(b, signed(http.StatusNoContent, "")) }

// BenchmarkQuery reads a reply with every field there is; at most 1.1 times BenchmarkQueryFloor.
func BenchmarkQuery(b *testing.B) {
	client := newClient(b, prepared{signed(http.StatusOK, fullOrder)})
	client.Nonce = nil
	b.ReportAllocs()
	for b.Loop() {
		if _, err := client.QueryOrder(b.Context(), v3json.QueryRequest{OutTradeNo: outTradeNo}); err != nil {
			b.Fatalf("QueryOrder: %v", err)
		}
	}
}

// BenchmarkQueryFloor is one signature, and one verification of the same reply.
func BenchmarkQueryFloor(b *testing.B) { benchmarkFloor(b, signed(http.StatusOK, fullOrder)) }

func benchmarkFloor(b *testing.B, a answer) {
	b.Helper()
	private := loadMerchantKey(b)
	public := &platformKey().PublicKey
	request := sha256.Sum256([]byte("POST\n/v3/pay/transactions/out-trade-no/" + outTradeNo + "/close\n1722850421\n" + requestNonce + "\n\n"))
	message := []byte("1722850421\n" + replyNonce + "\n" + a.body + "\n")
	signature, err := base64.StdEncoding.DecodeString(a.header.Get("Wechatpay-Signature"))
	if err != nil {
		b.Fatalf("the floor's own signature: %v", err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, request[:]); err != nil {
			b.Fatalf("signing: %v", err)
		}
		digest := sha256.Sum256(message)
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatalf("verifying: %v", err)
		}
	}
}
