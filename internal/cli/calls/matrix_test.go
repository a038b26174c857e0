package calls_test

import (
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// seen is what a function logs of one call: what it takes the caller for, and by which trigger.
type seen struct{ Caller, Trigger string }

// log passes on what the functions see. Each function writes lines of its own.
type log struct {
	calls chan seen

	mu   sync.Mutex
	rest string
}

func (l *log) Write(text []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest += string(text)
	for {
		line, rest, whole := strings.Cut(l.rest, "\n")
		if !whole {
			return len(text), nil
		}
		l.rest = rest
		var s seen
		if at := strings.IndexByte(line, '{'); at >= 0 && json.Unmarshal([]byte(line[at:]), &s) == nil && s.Caller != "" {
			l.calls <- s
		}
	}
}

// every is each caller of the matrix.
var every = []string{"nobody", "user:oABC", "page:u1", "cognito:us-east-1:1", "service", "impostor", "http", "timer"}

// forms are the triggers by the names that the functions log, where those differ.
var forms = map[string]string{"sdk": "call", "scf": "call", "aws": "call", "timer": "scf-timer"}

// expected is what a function takes a caller for, by docs/callers.md; empty: the trigger does not
// carry that caller there, or the runtime has no such trigger. Go1 and Node.js have the platform's
// word on the caller in each invocation.
func expected(on platform.Runtime, trigger, as string) string {
	as, _, _ = strings.Cut(as, ":")
	isHTTP := slices.Contains([]string{"function-url", "tcb-http", "api-gateway", "aws-http", "aws-rest"}, trigger) ||
		on == platform.Web && trigger == "call"
	isQueue := slices.Contains([]string{"cmq", "ckafka", "tdmq", "sqs"}, trigger)
	isTimer := trigger == "timer" || trigger == "eventbridge"
	isCloudBase := trigger == "call" || trigger == "sdk"
	switch {
	case on == platform.Web && !isHTTP:
		return ""
	case isTimer && as == "timer" && on == platform.CustomRuntime && trigger == "eventbridge":
		return "nobody" // such an event has no message, and the platform does not mark it
	case isTimer && as == "nobody" && on == platform.CustomRuntime:
		return "nobody"
	case isTimer && (as == "timer" || as == "nobody"):
		return "timer"
	case isTimer, as == "timer", as == "http" && !isHTTP:
		return ""
	case as == "service", as == "impostor", as == "http":
		return as
	case as == "cognito" && trigger == "aws" && on == platform.Lambda:
		return "stranger"
	case as == "cognito":
		return ""
	case as == "user":
		return whoseUser(on, isCloudBase)
	case as == "page" && isCloudBase:
		return map[platform.Runtime]string{platform.Go1: "user", platform.Node: "user", platform.CustomRuntime: "nobody"}[on]
	case as == "page":
		return ""
	case isQueue && on == platform.Lambda:
		return "queue"
	case isHTTP:
		return "nobody"
	case on == platform.Lambda:
		return "direct"
	case trigger == "sdk" && on != platform.CustomRuntime:
		return "stranger" // CloudBase says that an SDK calls, and names nobody
	}
	return "nobody"
}

// whoseUser is what a mini-program's user is taken for. Only Go1 and Node.js get the platform's
// word; elsewhere the event's userInfo lowers trust, and a web function takes the gateway's headers
// only where nothing else can reach it.
func whoseUser(on platform.Runtime, isCloudBase bool) string {
	switch {
	case !isCloudBase:
		return ""
	case on == platform.Go1, on == platform.Node:
		return "user"
	case on == platform.Web:
		return "nobody"
	}
	return "stranger"
}

// Every trigger reaches a function on every runtime as every caller that it can carry; the
// function, built as it is deployed, tells each for what it is. The rest is refused before anything
// is sent.
func TestEveryTriggerOnEveryRuntimeAsEveryCaller(t *testing.T) {
	t.Parallel()
	bin := t.TempDir()
	if err := desk.Build(t.Context(), bin, desk.Functions()); err != nil {
		t.Fatal(err)
	}
	for _, on := range append(platform.Runtimes(), platform.Node) {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			if on == platform.Node {
				wantNode(t)
			}
			described, l := deploy(t, bin, on)
			for _, trigger := range calls.Triggers() {
				for _, as := range every {
					one(t, described, l, trigger, as)
				}
			}
		})
	}
}

// wantNode skips a test for want of Node.js, which in CI is a failure.
func wantNode(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("node"); err == nil {
		return
	}
	const missing = "Node.js is not installed (nodejs.org; Debian: apt-get install nodejs)"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

// deploy runs the functions as they are deployed: they trust only callers that prove themselves.
// That of Node.js stands in for queryorder.
func deploy(t *testing.T, bin string, on platform.Runtime) (desk.Description, *log) {
	t.Helper()
	world, err := desk.Start(t.Context(), t.TempDir(), desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(world.Close)
	as := desk.Settings{API: "v2", Region: "cn"}
	env := world.Env(as)
	delete(env, "CLOUDPAY_CALLER_POLICY")
	l := &log{calls: make(chan seen, 1)}
	binaries := map[string]string{}
	for _, name := range desk.Functions() {
		binaries[name] = filepath.Join(bin, name)
	}
	deployed := desk.Deployment{Binaries: binaries, Runtime: on, Env: env, Logs: io.Writer(l), Address: desk.AnyPort}
	if on == platform.Node {
		spec := platform.Spec{Name: "queryorder", Folder: filepath.Join("testdata", "nodejs"), Runtime: on}
		for _, token := range []string{"CLOUDPAY_SERVICE_TOKEN", "CLOUDPAY_HTTP_TOKEN"} {
			spec.Env = append(spec.Env, token+"="+env[token])
		}
		deployed.Functions = []platform.Spec{spec}
	}
	url, stop, err := world.Deploy(t.Context(), deployed)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return world.Describe(url, on, as), l
}

// one makes one call of the matrix.
func one(t *testing.T, d desk.Description, l *log, trigger, as string) {
	t.Helper()
	c := calls.Call{Function: "queryorder", Trigger: trigger, As: parse(t, as), Data: []byte(`{"out_trade_no":"A1"}`)}
	if trigger == "timer" || trigger == "eventbridge" {
		c.Data = nil
	}
	want := expected(d.Runtime, trigger, as)
	checked, err := c.Check(t.Context(), d)
	if (err == nil) != (want != "") {
		t.Errorf("%s as %s: got %v, want it sent: %t", trigger, as, err, want != "")
	}
	if want == "" || err != nil {
		return
	}
	_, _ = checked.Send(t.Context()) // a timer without a store fails, and says so
	const longest = 30 * time.Second
	select {
	case got := <-l.calls:
		form := trigger
		if other, differs := forms[trigger]; differs {
			form = other
		}
		if d.Runtime == platform.Web {
			form = "web"
		}
		if got.Caller != want || got.Trigger != form {
			t.Errorf("%s as %s: got caller %s by %s, want %s by %s", trigger, as, got.Caller, got.Trigger, want, form)
		}
	case <-time.After(longest):
		t.Fatalf("%s as %s: the function logs no caller within %v", trigger, as, longest)
	}
}
