//go:build linux

package app_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/order"
)

// A container is a function's process as a container runs it: a server on PORT, with no platform in
// front of it.
type container struct {
	*env

	address string
	pid     int
}

// runContainer starts a function's process until the test ends.
func (e *env) runContainer(name string) *container {
	e.t.Helper()
	spec := e.spec(name, patient)
	cmd := exec.CommandContext(e.t.Context(), spec.Binary)
	cmd.Env = append(environ(e.vars), "PORT=0", "CLOUDPAY_LISTEN_HOST=127.0.0.1")
	out, err := cmd.StdoutPipe()
	if err != nil {
		e.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		e.t.Fatal(err)
	}
	log := bufio.NewReader(io.TeeReader(out, e.logged(io.Discard)))
	serving := regexp.MustCompile(`"serving HTTP","address":"([^"]+)"`)
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			e.t.Fatalf("%s ended (%v) without serving: %s", name, cmd.Wait(), line)
		}
		if match := serving.FindStringSubmatch(line); match != nil {
			done := make(chan struct{})
			go func() { defer close(done); _, _ = io.Copy(io.Discard, log) }()
			e.t.Cleanup(func() { _ = cmd.Process.Kill(); <-done; _ = cmd.Wait() })
			return &container{e, match[1], cmd.Process.Pid}
		}
	}
}

// attack opens many connections and runs begin on each of them, again whenever the function has
// closed one, until stop. It returns when begin has run once on each.
func (c *container) attack(connections int, begin func(net.Conn)) (stop func()) {
	c.t.Helper()
	var begun, ended sync.WaitGroup
	var stopped atomic.Bool
	var mu sync.Mutex
	open := map[net.Conn]bool{}
	hold := func(conn net.Conn) bool {
		mu.Lock()
		defer mu.Unlock()
		open[conn] = true
		return !stopped.Load()
	}
	begun.Add(connections)
	for range connections {
		ended.Go(func() {
			first := sync.OnceFunc(begun.Done)
			defer first()
			for !stopped.Load() {
				conn, err := net.Dial("tcp", c.address)
				if err != nil {
					c.t.Errorf("the function accepts no more: %v", err)
					return
				}
				if hold(conn) {
					begin(conn)
					first()
					_, _ = io.Copy(io.Discard, conn) // until it is closed, by the function or by stop
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

// slowBody sends the head of a POST and one byte.
func slowBody(conn net.Conn) {
	_, _ = io.WriteString(conn, "POST /queryorder HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{")
}

// authorised is a call with credentials that the function accepts.
type authorised struct{ name, header, value, body string }

func authorisedCallers(withService bool) []authorised {
	const a1 = `{"out_trade_no":"A1"}`
	callers := []authorised{{"bearer", "Authorization", "Bearer " + httpToken, a1}}
	if withService {
		callers = append(callers,
			authorised{"header", "Cloudpay-Service-Token", serviceToken, a1},
			authorised{"body", "X-Nothing", "x", `{"out_trade_no":"A1","service_token":"` + serviceToken + `"}`},
		)
	}
	return callers
}

// wantServed makes the callers' calls, first each on its own connection, then all on one. It fails
// the test unless all are answered.
func (c *container) wantServed(during string, callers []authorised) {
	c.t.Helper()
	for _, kept := range []bool{false, true} {
		transport := &http.Transport{DisableKeepAlives: !kept}
		client := &http.Client{Transport: transport, Timeout: time.Minute} // ends a hang
		for n := range 30 {
			caller := callers[n%len(callers)]
			if err := c.ask(client, caller); err != nil {
				c.t.Errorf("%s, %s, connection kept: %t: %v", during, caller.name, kept, err)
			}
		}
		transport.CloseIdleConnections()
	}
}

func (c *container) ask(client *http.Client, caller authorised) error {
	request, err := http.NewRequestWithContext(c.t.Context(), http.MethodPost, "http://"+c.address+"/queryorder", strings.NewReader(caller.body))
	if err != nil {
		return fmt.Errorf("making a request: %w", err)
	}
	request.Header.Set(caller.header, caller.value)
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("asking: %w", err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return fmt.Errorf("reading the answer: %w", err)
	}
	c.replied(body)
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("got %d %s, want 200", response.StatusCode, body)
	}
	return nil
}

// wantSmall fails the test if the process ever used more than 64 MB of memory.
func (c *container) wantSmall(during string) {
	c.t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.pid))
	if err != nil {
		c.t.Fatal(err)
	}
	match := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	if match == nil {
		c.t.Fatal("the system does not say how much memory the process had")
	}
	peak, _ := strconv.Atoi(string(match[1])) // digits
	c.t.Logf("%s: %d MB at most", during, peak*1024/1_000_000)
	if peak*1024 > 64_000_000 {
		c.t.Errorf("%s: got %d KiB in memory, want at most 64 MB", during, peak)
	}
}

// Authorised callers are served and memory stays small while 520 connections each send the head of
// a POST and one byte, again whenever they are closed: both when the function answers 401 to the
// head, and when it has to wait for the body because the body may hold the sender's token.
// bench/attack measures how quickly they are served.
func TestSlowBodiesHoldUpNoCaller(t *testing.T) {
	t.Parallel()
	for _, withService := range []bool{true, false} {
		t.Run(fmt.Sprintf("service token %t", withService), func(t *testing.T) {
			t.Parallel()
			e := strict(t, order.V2)
			if !withService {
				delete(e.vars, "CLOUDPAY_SERVICE_TOKEN")
			}
			e.order("A1")
			c := e.runContainer("queryorder")
			callers := authorisedCallers(withService)
			c.wantServed("before", callers)
			stop := c.attack(520, slowBody)
			c.wantServed("during", callers)
			stop()
			c.wantSmall("520 slow bodies")
			c.wantServed("after", callers)
		})
	}
}

// The same holds while 10,000 connections send nothing.
func TestIdleConnectionsHoldUpNoCaller(t *testing.T) {
	t.Parallel()
	e := strict(t, order.V2)
	e.order("A1")
	c := e.runContainer("queryorder")
	callers := authorisedCallers(true)
	idle := mostFiles(t, 10_000)
	for n := range idle {
		conn, err := net.Dial("tcp", c.address)
		if err != nil {
			t.Fatalf("connection %d: %v", n+1, err)
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	c.wantServed("during", callers)
	c.wantSmall(fmt.Sprintf("%d idle connections", idle))
}

// mostFiles raises the limit of open files as far as allowed, and returns how many of the wanted
// files fit.
func mostFiles(t *testing.T, wanted int) int {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < limit.Max {
		limit.Cur = limit.Max
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
			t.Logf("WARNING: the limit of open files cannot be raised: %v", err)
		}
	}
	const others = 1000 // files, for the tests that run beside this one
	can := int(min(limit.Cur, 1<<20)) - others
	if can < wanted {
		t.Logf("WARNING: %d connections and not %d are tried here, since no more files may be open (ulimit -n)", max(can, 0), wanted)
	}
	return max(0, min(wanted, can))
}
