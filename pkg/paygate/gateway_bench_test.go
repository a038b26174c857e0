package paygate_test

import (
	"crypto"
	"crypto/md5"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"cloudpay/pkg/paygate"
)

// BenchmarkHistory files a request in histories of several sizes, each full: the cost is the same.
func BenchmarkHistory(b *testing.B) {
	for _, size := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			s := paygate.RunT(b, paygate.Options{History: size})
			for range size {
				s.Remember(paygate.Request{URL: "/v3/pay/transactions/out-trade-no/A1"})
			}
			for b.Loop() {
				s.Remember(paygate.Request{URL: "/v3/pay/transactions/out-trade-no/A1"})
			}
		})
	}
}

// places are a gateway without a file, and one with it.
func places(b *testing.B, run func(b *testing.B, opts paygate.Options)) {
	b.Helper()
	b.Run("memory", func(b *testing.B) { run(b, paygate.Options{}) })
	b.Run("file", func(b *testing.B) { run(b, paygate.Options{File: filepath.Join(b.TempDir(), "gateway.db")}) })
}

// BenchmarkPay adds an order and has it paid, without HTTP.
func BenchmarkPay(b *testing.B) {
	places(b, func(b *testing.B, opts paygate.Options) {
		b.Helper()
		s := paygate.RunT(b, opts)
		for i := 0; b.Loop(); i++ {
			no := fmt.Sprint("A", i)
			s.MustAddOrder(paygate.Order{OutTradeNo: no, Total: 100})
			s.MustPay(no)
		}
	})
}

// BenchmarkV2 queries and places over HTTP, with client and gateway in one process, among 10,000
// orders. Its floor is the same client before a server that reads as much, makes the two MD5 sums
// and answers as much, and does nothing else.
func BenchmarkV2(b *testing.B) {
	b.Run("floor", func(b *testing.B) {
		m := paygate.RunT(b).Merchant
		floor := httptest.NewServer(http.HandlerFunc(answerFloor))
		b.Cleanup(floor.Close)
		send(b, func(client *http.Client, i int) error {
			return answered(client, queryingV2(b, floor.URL, m, i), "NOTPAY")
		})
	})
	for name, request := range map[string]func(b *testing.B, url string, m *paygate.Merchant, i int) *http.Request{
		"query": queryingV2, "place": postingV2,
	} {
		b.Run(name, func(b *testing.B) {
			places(b, func(b *testing.B, opts paygate.Options) {
				b.Helper()
				s := full(b, opts)
				word := map[string]string{"query": "NOTPAY", "place": "prepay_id"}[name]
				send(b, func(client *http.Client, i int) error {
					return answered(client, request(b, s.URL, s.Merchant, i), word)
				})
			})
		})
	}
}

// answerFloor is the least that a server of APIv2 can do.
func answerFloor(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the benchmark finds the answer wanting
	}
	reply := []byte("<trade_state>NOTPAY</trade_state>" + strings.Repeat("x", 550))
	for _, signed := range [][]byte{body, reply} {
		sum := md5.Sum(signed)
		reply = append(reply, hex.EncodeToString(sum[:])...)
	}
	_, _ = w.Write(reply) // the client misses what does not arrive
}

// queryingV2 is a query of one of the orders of full.
func queryingV2(b *testing.B, url string, m *paygate.Merchant, i int) *http.Request {
	b.Helper()
	doc := []pair{{"appid", m.AppID}, {"mch_id", m.MchID}, {"out_trade_no", fmt.Sprint("A", i%fullOrders)}, {"nonce_str", "4ca93f17ddf3443ceabf72f26d64fe0e"}}
	req, err := http.NewRequest(http.MethodPost, url+"/pay/orderquery", strings.NewReader(v2Request{doc: doc, merchant: m}.body()))
	if err != nil {
		b.Error(err)
	}
	return req
}

// postingV2 is a placing of another order each time.
func postingV2(b *testing.B, url string, m *paygate.Merchant, _ int) *http.Request {
	b.Helper()
	body := placingV2(m, int(placedSoFar.Add(1)))
	req, err := http.NewRequest(http.MethodPost, url+"/pay/unifiedorder", strings.NewReader(body))
	if err != nil {
		b.Error(err)
	}
	return req
}

// placedSoFar makes the numbers of a process's orders.
var placedSoFar atomic.Int64

// BenchmarkV3 queries over HTTP. The requests are signed beforehand: the gateway verifies one
// signature and makes one, which is what BenchmarkRSA does alone.
func BenchmarkV3(b *testing.B) {
	places(b, func(b *testing.B, opts paygate.Options) {
		b.Helper()
		opts.Now = wireTime
		s := full(b, opts)
		session := &session{Server: s, t: &testing.T{}}
		r := session.v3Defaults(session.queryV3("A1"))
		header := session.headers(r)
		send(b, func(client *http.Client, _ int) error {
			req, err := http.NewRequest(r.method, s.URL+r.uri, nil)
			if err != nil {
				return err
			}
			req.Header = header
			return answered(client, req, "NOTPAY")
		})
	})
}

// BenchmarkRSA is the floor of APIv3: a signature verified, and one made.
func BenchmarkRSA(b *testing.B) {
	key := paygate.RunT(b).Merchant.PrivateKey
	digest := sha256.Sum256([]byte("text"))
	before := processorTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
			if err == nil {
				err = rsa.VerifyPKCS1v15(&key.PublicKey, crypto.SHA256, digest[:], signature)
			}
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// fullOrders are the orders of a gateway that is measured.
const fullOrders = 10_000

// full is a gateway with orders and a full history.
func full(b *testing.B, opts paygate.Options) *paygate.Server {
	b.Helper()
	s := paygate.RunT(b, opts)
	for i := range fullOrders {
		s.MustAddOrder(paygate.Order{OutTradeNo: fmt.Sprint("A", i), Total: 100})
		s.Remember(paygate.Request{URL: "/pay/orderquery"})
	}
	return s
}

// send sends requests from sixteen clients at once, and reports how many a second were answered,
// and the processor time of client and server for each.
func send(b *testing.B, one func(client *http.Client, i int) error) {
	b.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	b.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	b.SetParallelism(8)
	b.ReportAllocs()
	before := processorTime(b)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if err := one(client, i); err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// answered sends a request, and returns an error unless a word is in the reply.
func answered(client *http.Client, req *http.Request, word string) error {
	resp, err := client.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(text), word) {
		err = fmt.Errorf("the reply is %s", text)
	}
	return err
}
