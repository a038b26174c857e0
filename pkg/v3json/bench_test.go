package v3json_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/pkg/v3json"
)

// prepared is an answer whose header was built once, so that a benchmark measures the client and
// not the gateway.
type prepared struct{ answer }

func (p prepared) RoundTrip(req *http.Request) (*http.Response, error) {
	body := io.ReadCloser(http.NoBody)
	if p.body != "" {
		body = io.NopCloser(strings.NewReader(p.body))
	}
	return &http.Response{StatusCode: p.status, Header: p.header, Body: body, Request: req}, nil
}

// A call is measured against its floor, what no client can do without: one RSA-2048 signature and
// one verification. There is no network in either. The promise is at most 1.1 times the floor.
//
//	go test -run '^$' -bench . ./pkg/v3json

func BenchmarkClose(b *testing.B) {
	answer := signed(http.StatusNoContent, "")
	client := newClient(b, prepared{answer})
	client.Nonce = nil
	paired(b, func() error {
		_, err := client.CloseOrder(b.Context(), v3json.Request{OutTradeNo: outTradeNo})
		return err
	}, floor(b, answer))
}

// BenchmarkQuery reads a reply with every field there is.
func BenchmarkQuery(b *testing.B) {
	answer := signed(http.StatusOK, fullOrder)
	client := newClient(b, prepared{answer})
	client.Nonce = nil
	paired(b, func() error {
		_, err := client.QueryOrder(b.Context(), v3json.Request{OutTradeNo: outTradeNo, SubMchID: "1900008462"})
		return err
	}, floor(b, answer))
}

// floor signs a request and verifies the answer.
func floor(b *testing.B, a answer) func() error {
	b.Helper()
	private := loadMerchantKey(b)
	public := &platformKey().PublicKey
	request := sha256.Sum256([]byte("POST\n/v3/pay/transactions/out-trade-no/" + outTradeNo + "/close\n1722850421\n" + requestNonce + "\n\n"))
	message := []byte("1722850421\n" + replyNonce + "\n" + a.body + "\n")
	signature, err := base64.StdEncoding.DecodeString(a.header.Get("Wechatpay-Signature"))
	if err != nil {
		b.Fatalf("the floor's own signature: %v", err)
	}
	return func() error {
		if _, err := rsa.SignPKCS1v15(nil, private, crypto.SHA256, request[:]); err != nil {
			return err
		}
		digest := sha256.Sum256(message)
		return rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature)
	}
}

// paired runs a call and its floor in turns, so that a busy machine slows both alike, and reports
// the call's median time and its ratio to the floor's.
func paired(b *testing.B, call, floor func() error) {
	b.Helper()
	var calls, floors []float64
	for b.Loop() {
		calls, floors = append(calls, timed(b, call)), append(floors, timed(b, floor))
	}
	b.ReportMetric(median(calls), "ns/op")
	b.ReportMetric(median(floors), "ns/floor")
	b.ReportMetric(median(calls)/median(floors), "x-floor")
}

func timed(b *testing.B, f func() error) float64 {
	b.Helper()
	start := time.Now()
	if err := f(); err != nil {
		b.Fatal(err)
	}
	return float64(time.Since(start).Nanoseconds())
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}
