package startup_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/rpc"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
)

const (
	// patience is how long a process may take for anything. It bounds a test that fails, and
	// measures nothing.
	patience = 10 * time.Second

	// glance is the pause between two looks at a port that is not open yet: the resolution of what
	// is measured.
	glance = 100 * time.Microsecond

	// Ports below those that the system gives to outgoing connections, and apart from those that
	// the emulated platform picks (20000 up), whose tests may be running.
	firstPort, portCount = 12000, 8000
)

// program is a function to start.
type program struct {
	binary      string
	env         []string // KEY=value, on top of what every process gets
	environment string   // of each invocation, as JSON
}

// process is a running function.
type process struct {
	program

	cmd    *exec.Cmd
	client *rpc.Client
	output bytes.Buffer // only to be read after stop
}

// start starts the program, has it answer one event, and returns how long that took from exec on.
func (p program) start(tb testing.TB, event []byte) (running *process, answer []byte, took time.Duration) {
	tb.Helper()
	address := freeAddress(tb)
	_, port, _ := net.SplitHostPort(address)
	running = &process{program: p, cmd: exec.Command(p.binary)}
	running.cmd.Stdout, running.cmd.Stderr = &running.output, &running.output
	running.cmd.Dir = folder
	running.cmd.Env = append([]string{
		"HOME=" + folder,
		"PATH=/usr/local/bin:/usr/bin:/bin",
		"TZ=UTC",
		"SCF_RUNTIME=Go1",
		"TENCENTCLOUD_RUNENV=SCF",
		"CLOUDPAY_LISTEN_HOST=127.0.0.1",
		"_LAMBDA_SERVER_PORT=" + port,
	}, p.env...)

	begin := time.Now()
	if err := running.cmd.Start(); err != nil {
		tb.Fatalf("starting %s: %v", p.binary, err)
	}
	conn, err := dial(tb.Context(), address)
	if err == nil {
		running.client = rpc.NewClient(conn)
		answer, err = running.invoke(event)
	}
	took = time.Since(begin)

	if err != nil {
		running.stop()
		tb.Fatalf("%s: %v\nit said: %s", p.binary, err, running.output.Bytes())
	}
	return running, answer, took
}

// dial tries until the port is open.
func dial(ctx context.Context, address string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var dialer net.Dialer
	for {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		switch {
		case err == nil:
			return conn, nil
		case ctx.Err() != nil:
			return nil, fmt.Errorf("it does not listen on %s: %w", address, err)
		}
		pause(glance)
	}
}

// invoke has the function answer one event, as the platform does.
func (p *process) invoke(event []byte) ([]byte, error) {
	deadline := time.Now().Add(patience)
	request := &messages.InvokeRequest{
		Payload:         event,
		RequestId:       "5e0c1e4d-6d0a-4b63-9c80-27f60f3b2b0f",
		Deadline:        messages.InvokeRequest_Timestamp{Seconds: deadline.Unix(), Nanos: int64(deadline.Nanosecond())},
		Namespace:       "default",
		FunctionName:    "measured",
		FunctionVersion: "$LATEST",
		MemoryLimitInMb: 128,
		TimeLimitInMs:   int32(patience.Milliseconds()),
		Environment:     p.environment,
	}
	response := &messages.InvokeResponse{}
	call := p.client.Go("Function.Invoke", request, response, make(chan *rpc.Call, 1))
	timer := time.NewTimer(2 * patience)
	defer timer.Stop()
	select {
	case <-call.Done:
	case <-timer.C:
		return nil, errors.New("it does not answer")
	}
	switch {
	case call.Error != nil:
		return nil, call.Error
	case response.Error != nil:
		return nil, errors.New(response.Error.Message)
	}
	return response.Payload, nil
}

// stop ends the process. What it printed can then be read.
func (p *process) stop() {
	if p.client != nil {
		_ = p.client.Close()
	}
	_ = p.cmd.Process.Kill() // an error says that it has ended already
	_ = p.cmd.Wait()         // an error says that it was killed
}

// peakMemory is the most resident memory that the process has had so far, in bytes (proc(5),
// VmHWM). The resource usage that wait returns is no use: it begins with the memory of this process
// at the time of the fork.
func (p *process) peakMemory(tb testing.TB) int64 {
	tb.Helper()
	return p.memory(tb, "VmHWM:")
}

// memory is a figure of the process's status in /proc, in bytes.
func (p *process) memory(tb testing.TB, figure string) int64 {
	tb.Helper()
	status, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/status")
	if err != nil {
		tb.Skipf("a process's memory is read from Linux's /proc: %v", err)
	}
	_, rest, _ := bytes.Cut(status, []byte(figure))
	amount, _, _ := bytes.Cut(rest, []byte("kB"))
	kilobytes, err := strconv.ParseInt(string(bytes.TrimSpace(amount)), 10, 64)
	if err != nil {
		tb.Fatalf("%s in /proc: %v", figure, err)
	}
	return kilobytes << 10
}

// freeAddress is a loopback address on which nothing listens now.
func freeAddress(tb testing.TB) string {
	tb.Helper()
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(firstPort+rand.IntN(portCount)))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		if err := l.Close(); err != nil {
			tb.Fatal(err)
		}
		return address
	}
	tb.Fatalf("no free port found on 127.0.0.1 from %d on", firstPort)
	return ""
}
