// Package attack_test measures what authorised callers of a container have to wait while others
// hold its connections: the function's own process, real sockets, the emulated gateway on loopback.
// What is right or wrong about it (every caller is served, memory stays below 64 MB) is a test of
// internal/app.
package attack_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	// A change of the product is to be a change of this test: see bench/startup.
	_ "cloudpay/internal/app"
	"cloudpay/internal/emulator/platform"
	"cloudpay/pkg/paygate"
)

const (
	serviceToken = "service-token-of-the-bench"
	httpToken    = "http-token-of-the-bench"
)

// binary is the path of queryorder, built once.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "cloudpay-attack-")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "queryorder")
	return file, platform.Build(context.Background(), "../..", "./functions/queryorder", file)
})

func TestMain(m *testing.M) {
	m.Run()
	if file, err := binary(); err == nil {
		_ = os.RemoveAll(filepath.Dir(file)) // what stays behind is in the way of nobody
	}
}

// container is the function's process.
type container struct {
	address string
	pid     int
}

func start(tb testing.TB, vars ...string) *container {
	tb.Helper()
	file, err := binary()
	if err != nil {
		tb.Fatal(err)
	}
	gate := paygate.RunT(tb)
	gate.MustAddOrder(paygate.Order{OutTradeNo: "A1", Total: 100})
	cmd := exec.CommandContext(tb.Context(), file)
	cmd.Env = append(slices.Clone(vars), "PORT=0", "CLOUDPAY_LISTEN_HOST=127.0.0.1", "CLOUDPAY_HTTP_TOKEN="+httpToken, "WXPAY_API=v2",
		"WXPAY_BASE_URL="+gate.URL, "WXPAY_MCHID="+gate.Merchant.MchID, "WXPAY_APPID="+gate.Merchant.AppID,
		"WXPAY_V2_KEY="+gate.Merchant.V2Key)
	out, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	log, serving := bufio.NewReader(out), regexp.MustCompile(`"serving HTTP","address":"([^"]+)"`)
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			tb.Fatalf("the function ended without serving: %s", line)
		}
		if match := serving.FindStringSubmatch(line); match != nil {
			go func() { _, _ = io.Copy(io.Discard, log) }() // until it ends
			return &container{match[1], cmd.Process.Pid}
		}
	}
}

// peak is the most memory that the process had, in millions of bytes.
func (c *container) peak(tb testing.TB) float64 {
	tb.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		return 0 // not on this system
	}
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		tb.Fatal("the system does not say how much memory the process had")
	}
	kB, _ := strconv.Atoi(string(match[1])) // digits
	return float64(kB) * 1024 / 1e6
}

// What attackers begin with.
const (
	head     = "POST /queryorder HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n"
	slowBody = head + "Content-Length: 60000\r\n\r\n{"
)

// attack is so many connections that each send a text and wait to be closed, again and again until
// stop. It returns when all have begun.
func (c *container) attack(tb testing.TB, connections int, text string) (stop func()) {
	tb.Helper()
	var stopped atomic.Bool
	var begun, ended sync.WaitGroup
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	begun.Add(connections)
	for range connections {
		ended.Go(func() {
			first := sync.OnceFunc(begun.Done)
			defer first()
			for !stopped.Load() {
				conn, err := net.Dial("tcp", c.address)
				if err != nil { // it was closed as soon as it was accepted
					first()
					continue
				}
				mu.Lock()
				open[conn] = true
				mu.Unlock()
				_, _ = io.WriteString(conn, text)
				first()
				if !stopped.Load() {
					_, _ = io.Copy(io.Discard, conn)
				}
				_ = conn.Close()
				mu.Lock()
				delete(open, conn)
				mu.Unlock()
			}
		})
	}
	begun.Wait()
	return func() {
		stopped.Store(true)
		mu.Lock()
		for conn := range open {
			_ = conn.Close()
		}
		mu.Unlock()
		ended.Wait()
	}
}

// idle is so many connections that send nothing, until stop.
func (c *container) idle(tb testing.TB, connections int) (stop func()) {
	tb.Helper()
	idle := make([]net.Conn, 0, connections)
	for range connections {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			tb.Logf("WARNING: only %d of %d idle connections could be opened: %v (see ulimit -n)", len(idle), connections, err)
			break
		}
		idle = append(idle, conn)
	}
	return func() {
		for _, conn := range idle {
			_ = conn.Close()
		}
	}
}

// caller is one who may query.
type caller struct {
	header, value, body string
	kept                bool // its connection
}

// ask queries the order, and returns how long the answer took. Every answer but the order's is an
// error.
func (c *container) ask(client *http.Client, who caller) (time.Duration, error) {
	began := time.Now()
	request, err := http.NewRequestWithContext(context.Background(), http.MethodPost, "http://"+c.address+"/queryorder", strings.NewReader(who.body))
	if err != nil {
		return 0, err
	}
	request.Header.Set(who.header, who.value)
	response, err := client.Do(request)
	if err != nil {
		return time.Since(began), err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err == nil && (response.StatusCode != http.StatusOK || !strings.Contains(string(answer), `"outcome":"found"`)) {
		err = fmt.Errorf("got %d %.200s", response.StatusCode, answer)
	}
	return time.Since(began), err
}

// BenchmarkCallersWait measures authorised callers' whole calls, one after the other, under each
// attack: with the bearer token and the service token in the head, with the service token in the
// body, on new connections and on one that is kept.
func BenchmarkCallersWait(b *testing.B) {
	const a1 = `{"out_trade_no":"A1"}`
	ways := []struct {
		name string
		caller
	}{
		{"head", caller{"Authorization", "Bearer " + httpToken, a1, false}},
		{"head, kept", caller{"Cloudpay-Service-Token", serviceToken, a1, true}},
		{"body", caller{"X-None", "x", `{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`, false}},
	}
	for _, attack := range []struct {
		name        string
		connections int
		text        string // "": nothing is sent, and what is closed stays closed
		open        bool   // no service token: the function answers 401 on the head
	}{
		{"quiet", 0, "", false},
		{"520 slow bodies", 520, slowBody, false},
		{"520 slow bodies, 401 on the head", 520, slowBody, true},
		{"520 half heads", 520, head, false},
		{"10000 idle", 10_000, "", false},
	} {
		for _, way := range ways {
			if attack.open && way.header != "Authorization" {
				continue
			}
			b.Run(attack.name+"/"+way.name, func(b *testing.B) {
				vars := []string{"CLOUDPAY_SERVICE_TOKEN=" + serviceToken}
				if attack.open {
					vars = nil
				}
				c := start(b, vars...)
				stop := func() {}
				switch {
				case attack.text != "":
					stop = c.attack(b, attack.connections, attack.text)
				case attack.connections > 0:
					stop = c.idle(b, attack.connections)
				}
				client := &http.Client{Transport: &http.Transport{DisableKeepAlives: !way.kept}, Timeout: time.Minute}
				took, refused := make([]time.Duration, 0, b.N), 0
				for b.Loop() {
					d, err := c.ask(client, way.caller)
					if took = append(took, d); err != nil {
						if refused++; refused == 1 {
							b.Logf("the first refusal: %v", err)
						}
					}
				}
				stop()
				slices.Sort(took)
				at := func(share float64) float64 {
					return float64(took[int(share*float64(len(took)-1))].Microseconds()) / 1000
				}
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(at(0.5), "p50-ms")
				b.ReportMetric(at(0.99), "p99-ms")
				b.ReportMetric(at(1), "max-ms")
				b.ReportMetric(float64(refused), "refused")
				b.ReportMetric(c.peak(b), "peak-MB")
			})
		}
	}
}
