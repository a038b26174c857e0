// Command hello is a cloud function for the emulator's tests. It speaks the Go1 protocol through
// Tencent's own library and Lambda's through AWS's, so that the emulator is tested against
// another's idea of them, and the two others in plain HTTP. The event says what it does; variables
// named HELLO_... say how it starts.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/rpc"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"
	"github.com/tencentyun/scf-go-lib/cloudfunction"
	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
	"github.com/tencentyun/scf-go-lib/functioncontext"
)

// event is what the tests send.
type event struct {
	Do      string
	Text    string // spawn: answer afterwards
	Size    int
	Address string // where a test listens
	Setsid  bool   // spawn: leave the process group as well
	Exit    bool   // spawn: exit afterwards, and do not wait to be killed
}

// report is what the function knows about itself.
type report struct {
	Context  functioncontext.FunctionContext // Go1
	Lambda   *lambdacontext.LambdaContext    // Lambda
	Header   http.Header                     // custom runtime: of the event; web: of the request
	Request  string                          // web: method, host and URL
	Deadline time.Time
	Environ  []string // as at the start: the libraries add to it
	Folder   string
}

// headerKey finds a report's Header, and requestKey its Request, in a context.
type (
	headerKey  struct{}
	requestKey struct{}
)

var environ = os.Environ()

func main() {
	if address := os.Getenv("HELLO_HOLD"); address != "" {
		hold(address)
		return
	}
	if file := os.Getenv("HELLO_DEAF_IF"); file != "" {
		if _, err := os.Stat(file); err == nil {
			time.Sleep(time.Hour)
		}
	}
	switch wayToStart() {
	case "exit":
		fmt.Println("reading the configuration")
		fmt.Fprintln(os.Stderr, "hello: GREETING is missing: set it to a word")
		os.Exit(2)
	case "chatter":
		for i := range 15 {
			fmt.Printf("line %02d\n\n", i)
		}
		os.Exit(1)
	case "silent exit":
		os.Exit(0)
	case "deaf": // never listens
		time.Sleep(time.Hour)
	case "child": // has a process of its own do the work
		_ = os.Unsetenv("HELLO_START")
		cmd := exec.Command(os.Args[0])
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		_ = cmd.Run()
		os.Exit(1)
	case "mute": // accepts and says nothing
		serve(func(conn net.Conn) {
			_, _ = io.ReadFull(conn, make([]byte, 1))
			fmt.Println("a call without an answer")
			_, _ = io.Copy(io.Discard, conn)
		})
	case "nonsense": // speaks another protocol
		serve(func(conn net.Conn) {
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n")
			_ = conn.Close()
		})
	case "ping only": // has no Function.Invoke
		server := rpc.NewServer()
		_ = server.RegisterName("Function", pingOnly{})
		serve(func(conn net.Conn) { server.ServeConn(conn) })
	case "hang up": // closes the connection instead of answering, and lives on
		server := rpc.NewServer()
		serve(func(conn net.Conn) {
			_ = server.RegisterName("Function", hangUp{conn: conn})
			server.ServeConn(conn)
		})
	}
	switch {
	case os.Getenv("AWS_LAMBDA_RUNTIME_API") != "":
		startLambda()
	case os.Getenv("SCF_RUNTIME_API") != "":
		startCustom()
	case os.Getenv("PORT") != "":
		startWeb()
	default:
		cloudfunction.Start(handle)
	}
}

// wayToStart is HELLO_START, which counts only while there is the file HELLO_START_IF if that is
// named.
func wayToStart() string {
	if file := os.Getenv("HELLO_START_IF"); file != "" {
		if _, err := os.Stat(file); err != nil {
			return ""
		}
	}
	return os.Getenv("HELLO_START")
}

// handle does what the event says.
func handle(ctx context.Context, payload json.RawMessage) (any, error) {
	switch {
	case os.Getenv("HELLO_ECHO") != "":
		return payload, nil
	case os.Getenv("HELLO_REPORT") != "":
		return describe(ctx), nil
	case os.Getenv("HELLO_FAIL") != "":
		return nil, errors.New("as told")
	case os.Getenv("HELLO_BODY") != "":
		payload = bodyOf(payload)
	}
	var e event
	if err := json.Unmarshal(payload, &e); err != nil {
		return nil, err
	}
	switch e.Do {
	case "echo":
		return payload, nil
	case "raw":
		return json.RawMessage(e.Text), nil
	case "report":
		return describe(ctx), nil
	case "pid":
		return os.Getpid(), nil
	case "sleep":
		fmt.Println("sleeping as", os.Getpid())
		time.Sleep(time.Hour)
	case "panic":
		panic(e.Text)
	case "exit":
		fmt.Println("last words")
		os.Exit(e.Size)
	case "fail":
		return nil, errors.New(e.Text)
	case "print":
		for i := range e.Size {
			fmt.Fprintln(os.Stdout, e.Text, "out", i)
			fmt.Fprintln(os.Stderr, e.Text, "err", i)
		}
	case "write":
		fmt.Print(e.Text)
	case "big":
		return strings.Repeat("x", e.Size), nil
	case "meet":
		return meet(e.Address)
	case "spawn":
		return spawn(e)
	}
	return "Hello " + e.Text, nil
}

// bodyOf is what an HTTP trigger's event has for a body.
func bodyOf(payload json.RawMessage) json.RawMessage {
	var request struct{ Body string }
	if err := json.Unmarshal(payload, &request); err != nil {
		return payload
	}
	return json.RawMessage(request.Body)
}

// describe fills a report.
func describe(ctx context.Context) report {
	var r report
	if known, ok := functioncontext.FromContext(ctx); ok {
		r.Context = *known
	}
	r.Lambda, _ = lambdacontext.FromContext(ctx)
	r.Header, _ = ctx.Value(headerKey{}).(http.Header)
	r.Request, _ = ctx.Value(requestKey{}).(string)
	r.Deadline, _ = ctx.Deadline()
	r.Environ = environ
	r.Folder, _ = os.Getwd()
	return r
}

// meet tells the test that it is here, and waits until the test lets it go.
func meet(address string) (int, error) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	fmt.Fprintln(conn, os.Getpid())
	_, err = io.ReadFull(conn, make([]byte, 1))
	return os.Getpid(), err
}

// spawn starts a process that holds a connection to the test for as long as it lives.
func spawn(e event) (int, error) {
	self, err := os.Executable()
	if err != nil {
		return 0, err
	}
	cmd := exec.Command(self)
	cmd.Env = append(environ, "HELLO_HOLD="+e.Address)
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	detach(cmd, e.Setsid)
	if err := cmd.Start(); err != nil {
		return 0, err
	}
	if _, err := meet(e.Address); err != nil { // until the test has seen both
		return 0, err
	}
	if e.Exit {
		os.Exit(0)
	}
	if e.Text != "" {
		return os.Getpid(), nil
	}
	time.Sleep(time.Hour)
	return 0, nil
}

// hold keeps a connection open until the other side closes it.
func hold(address string) {
	conn, err := net.Dial("tcp", address)
	if err != nil {
		os.Exit(1)
	}
	fmt.Fprintln(conn, os.Getpid())
	_, _ = io.Copy(io.Discard, conn)
}

// serve handles each connection to the function's port.
func serve(handle func(net.Conn)) {
	l, err := net.Listen("tcp", "127.0.0.1:"+cmp.Or(os.Getenv("_LAMBDA_SERVER_PORT"), os.Getenv("PORT")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for {
		conn, err := l.Accept()
		if err != nil {
			os.Exit(1)
		}
		go handle(conn)
	}
}

// pingOnly is a service that answers Ping.
type pingOnly struct{}

func (pingOnly) Ping(*messages.PingRequest, *messages.PingResponse) error { return nil }

// hangUp is a service that answers Ping and hangs up on Invoke.
type hangUp struct {
	pingOnly
	conn net.Conn
}

func (h hangUp) Invoke(*messages.InvokeRequest, *messages.InvokeResponse) error {
	return h.conn.Close()
}
