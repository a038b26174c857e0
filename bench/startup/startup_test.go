package startup_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"fmt"
	"slices"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// samples are durations of the same thing.
type samples []time.Duration

// median is robust: the other jobs of a machine make some samples long, and none short.
func (s samples) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// first starts a program for one event, and returns how long its answer took and how much memory it
// had by then.
func first(b *testing.B, p program, event []byte, check func(answer []byte) error) (took time.Duration, memory int64) {
	b.Helper()
	running, answer, took := p.start(b, event)
	defer running.stop()
	if err := check(answer); err != nil {
		b.Fatal(err)
	}
	return took, running.peakMemory(b)
}

// BenchmarkStart starts hello and a function in turns, and reports the medians from exec to the
// first answer, and how many hellos the function takes. For v2 that is at most 3 (x-hello). For v3,
// rsa-ms is one RSA-2048 signature and one verification, measured in the same turns: the function
// makes both once, and the emulated gateway makes both once before it can answer.
func BenchmarkStart(b *testing.B) {
	for _, kind := range []struct{ function, api, outcome string }{
		{queryorder, "v2", "found"},
		{queryorder, "v3", "found"},
		{closeorder, "v2", "closed"},
		{closeorder, "v3", "closed"},
	} {
		b.Run(kind.function+"-"+kind.api, func(b *testing.B) {
			gate := warmGateway(b)
			floor, measured := greeter(b), function(b, kind.function, gate, kind.api)
			var hellos, answers, signatures samples
			var memory int64
			for n := 0; b.Loop(); n++ {
				no := fmt.Sprintf("A%d", n)
				gate.MustAddOrder(paygate.Order{OutTradeNo: no, Total: 100, OpenID: "oABC"})
				if kind.function == queryorder {
					gate.MustPay(no) // a paid order's report is the longest
				}
				took, _ := first(b, floor, eventFor(no), func(answer []byte) error { return checkGreeting(answer, no) })
				hellos = append(hellos, took)
				took, used := first(b, measured, eventFor(no), func(answer []byte) error {
					return checkOutcome(answer, kind.outcome, kind.api)
				})
				answers, memory = append(answers, took), max(memory, used)
				signatures = append(signatures, signAndVerify(b, gate.Merchant.PrivateKey))
			}
			b.ReportMetric(0, "ns/op") // of a turn: it would be taken for the function's
			b.ReportMetric(milliseconds(hellos.median()), "hello-ms")
			b.ReportMetric(milliseconds(answers.median()), "start-ms")
			b.ReportMetric(float64(answers.median())/float64(hellos.median()), "x-hello")
			b.ReportMetric(mebibytes(memory), "peak-MiB")
			b.ReportMetric(megabytes(b, kind.function), "binary-MB")
			if kind.api == "v3" {
				b.ReportMetric(milliseconds(signatures.median()), "rsa-ms")
			}
		})
	}
}

// warmGateway is a gateway that has answered both APIs before.
func warmGateway(b *testing.B) *paygate.Server {
	b.Helper()
	gate := paygate.RunT(b)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "warm", Total: 100})
	for _, api := range []string{"v2", "v3"} {
		first(b, function(b, queryorder, gate, api), eventFor("warm"), func(answer []byte) error {
			return checkOutcome(answer, "found", api)
		})
	}
	return gate
}

// signAndVerify is what no v3 call can do without.
func signAndVerify(b *testing.B, key *rsa.PrivateKey) time.Duration {
	b.Helper()
	digest := sha256.Sum256([]byte("GET\n/v3/pay/transactions/out-trade-no/A1?mchid=1900007291\n1722850421\nnonce\n\n"))
	begin := time.Now()
	signature, err := rsa.SignPKCS1v15(nil, key, crypto.SHA256, digest[:])
	if err != nil {
		b.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}
