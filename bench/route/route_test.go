//go:build unix

package route_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/pkg/v2xml"
	"cloudpay/pkg/v3json"
	"cloudpay/pkg/wire"
)

// caller makes calls over connections that it keeps, or over a new one for each.
type caller struct {
	testing.TB

	kept, single *http.Transport
	v2, v2Single v2xml.Client
	v3, v3Single v3json.Client
}

// newCaller calls that address as the gateway's merchant. resumes says whether TLS sessions are.
func newCaller(b testing.TB, g gateway, address string, resumes bool) *caller {
	b.Helper()
	kept := wire.NewTransport()
	kept.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	kept.ForceAttemptHTTP2 = false
	kept.TLSClientConfig.RootCAs = x509.NewCertPool()
	kept.TLSClientConfig.RootCAs.AppendCertsFromPEM(g.Root)
	if !resumes {
		kept.TLSClientConfig.ClientSessionCache = nil
	}
	single := kept.Clone()
	single.DisableKeepAlives = true
	b.Cleanup(kept.CloseIdleConnections)
	key, err := v3json.ParseKey(g.SerialNo, g.PrivateKey)
	if err != nil {
		b.Fatal(err)
	}
	platform, err := v3json.ParsePublicKey(g.PublicKeyID, g.PublicKey)
	if err != nil {
		b.Fatal(err)
	}
	keys, err := v3json.NewKeyring(platform)
	if err != nil {
		b.Fatal(err)
	}
	c := &caller{
		TB:   b,
		kept: kept, single: single,
		v2: v2xml.Client{
			AppID: g.AppID, MchID: g.MchID, Key: v2xml.Key(g.V2Key), BaseURL: "https://" + host, HTTPClient: &http.Client{Transport: kept},
		},
		v3: v3json.Client{MchID: g.MchID, Key: key, Keys: keys, BaseURL: "https://" + host, HTTPClient: &http.Client{Transport: kept}},
	}
	c.v2Single, c.v3Single = c.v2, c.v3
	c.v2Single.HTTPClient = &http.Client{Transport: single}
	c.v3Single.HTTPClient = c.v2Single.HTTPClient
	return c
}

func (c *caller) queryV2() {
	if _, err := c.v2.QueryOrder(c.Context(), v2xml.Request{OutTradeNo: outTradeNo}); err != nil {
		c.Fatal(err)
	}
}

func (c *caller) queryV3() {
	if _, err := c.v3.QueryOrder(c.Context(), v3json.Request{OutTradeNo: outTradeNo}); err != nil {
		c.Fatal(err)
	}
}

// A close of an order that is closed already is refused, signed: the same exchange to us.
func (c *caller) closeV2(client *v2xml.Client) {
	_, _ = client.CloseOrder(c.Context(), v2xml.Request{OutTradeNo: outTradeNo})
}

func (c *caller) closeV3(client *v3json.Client) {
	_, _ = client.CloseOrder(c.Context(), v3json.Request{OutTradeNo: outTradeNo})
}

// A way is what a call may lead to.
type way struct {
	name    string
	resumes bool
	do      func(c *caller)
}

func ways() []way {
	return []way{
		{"v2 query, used", true, func(c *caller) { c.queryV2() }},
		{"v2 query, new", false, func(c *caller) { c.kept.CloseIdleConnections(); c.queryV2() }},
		{"v2 query, new and resumed", true, func(c *caller) { c.kept.CloseIdleConnections(); c.queryV2() }},
		{"v2 close, new and resumed", true, func(c *caller) { c.closeV2(&c.v2Single) }},
		{"v2 close and query, used", true, func(c *caller) { c.closeV2(&c.v2); c.queryV2() }},
		{"v3 close, new and resumed", true, func(c *caller) { c.closeV3(&c.v3Single) }},
		{"v3 close and query, used", true, func(c *caller) { c.closeV3(&c.v3); c.queryV3() }},
	}
}

// eachWay measures each way, over each version of TLS.
func eachWay(b *testing.B, addresses func(gateway) map[uint16]string, measure func(b *testing.B, do func())) {
	b.Helper()
	g := startGateway(b)
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		for _, w := range ways() {
			b.Run(strings.ReplaceAll(tls.VersionName(version)+"/"+w.name, " ", "_"), func(b *testing.B) {
				c := newCaller(b, g, addresses(g)[version], w.resumes)
				for range 2 { // the session, and the connection
					c.queryV2()
				}
				c.closeV2(&c.v2Single)
				measure(b, func() { w.do(c) })
			})
		}
	}
}

// BenchmarkLatency is how long each way takes at a round trip of 30 ms: the median.
func BenchmarkLatency(b *testing.B) {
	eachWay(b, func(g gateway) map[uint16]string { return g.Far }, func(b *testing.B, do func()) {
		b.Helper()
		var took []time.Duration
		for b.Loop() {
			start := time.Now()
			do()
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms/median")
		b.ReportMetric(took[0].Seconds()*1e3, "ms/best")
	})
}

// share is how much of a processor a function of 128 MB has.
const share = 12

// BenchmarkProcessor is our own processor time of each way, on one processor: as it is, and where
// there is a twelfth of one.
func BenchmarkProcessor(b *testing.B) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	eachWay(b, func(g gateway) map[uint16]string { return g.Near }, func(b *testing.B, do func()) {
		b.Helper()
		before, calls := used(b), 0
		for b.Loop() {
			do()
			calls++
		}
		each := (used(b) - before) / time.Duration(calls)
		b.ReportMetric(each.Seconds()*1e6, "cpu-µs/op")
		b.ReportMetric(share*each.Seconds()*1e3, "ms-at-128MB/op")
		b.ReportMetric(1/(share*each.Seconds()), "per-s-at-128MB")
	})
}

// used is the processor time of this process so far.
func used(b testing.TB) time.Duration {
	b.Helper()
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		b.Fatal(err)
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// BenchmarkFirstCall is a process's first call over TLS, at no distance: with the system's roots
// read by that call, or before.
func BenchmarkFirstCall(b *testing.B) {
	g := startGateway(b)
	bundle, err := os.ReadFile("/etc/ssl/certs/ca-certificates.crt")
	if err != nil {
		b.Skip("this system keeps its roots elsewhere")
	}
	roots := filepath.Join(b.TempDir(), "roots.pem")
	if err := os.WriteFile(roots, append(bundle, g.Root...), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, when := range []string{"by the call", "before"} {
		b.Run(strings.ReplaceAll("roots read "+when, " ", "_"), func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), callerVariable+"="+when, "ROUTE_ADDRESS="+g.Near[tls.VersionTLS12], "SSL_CERT_FILE="+roots)
				out, err := cmd.Output()
				if err != nil {
					b.Fatal(err)
				}
				var ns int64
				if err := json.Unmarshal(out, &ns); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Duration(ns))
			}
			slices.Sort(took)
			b.ReportMetric(took[len(took)/2].Seconds()*1e3, "ms/median")
			b.ReportMetric(took[0].Seconds()*1e3, "ms/best")
		})
	}
}

// firstCall prints how long this process's first call took.
func firstCall() {
	transport := wire.NewTransport()
	transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, os.Getenv("ROUTE_ADDRESS"))
	}
	if os.Getenv(callerVariable) == "before" {
		_, err := x509.SystemCertPool()
		must(err)
	}
	start := time.Now()
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, "https://"+host+"/", http.NoBody)
	must(err)
	_, err = wire.Exchange(&http.Client{Transport: transport}, req, 1<<20)
	must(err)
	fmt.Println(time.Since(start).Nanoseconds())
}
