package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/store"
	"cloudpay/internal/store/sqlite"
)

// commandName is the name by which this test binary is the command itself.
const commandName = "cloudpay"

func TestMain(m *testing.M) {
	store.LinkSQLite(sqlite.Driver{}) // as main does
	testscript.Main(tidy{m}, map[string]func(){commandName: main})
}

// tidy removes what all tests together have built.
type tidy struct{ *testing.M }

// Run runs the tests.
func (m tidy) Run() int {
	defer func() { _ = os.RemoveAll(buildFolder()) }()
	return m.M.Run()
}

// buildFolder is made when it is first asked for.
var buildFolder = sync.OnceValue(func() string {
	dir, err := os.MkdirTemp("", "cloudpay-test-")
	if err != nil {
		panic(err)
	}
	return dir
})

// buildOnce builds the functions as emulate does.
var buildOnce = sync.OnceValue(func() error { return world.Build(context.Background(), buildFolder(), "web") })

// builtFunctions is the folder of the functions, built once for all tests.
func builtFunctions(t *testing.T) string {
	t.Helper()
	if err := buildOnce(); err != nil {
		t.Fatal(err)
	}
	return buildFolder()
}

// The scripts in testdata/script use the command as a person would. $REPO is this
// repository, $BIN the functions built once for all scripts.
func TestScripts(t *testing.T) {
	t.Parallel()
	repo, err := filepath.Abs(repositoryRoot)
	if err != nil {
		t.Fatal(err)
	}
	bin := builtFunctions(t)
	settings := goSettings(t)
	testscript.RunT(transcribed{T: t}, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Setup: func(e *testscript.Env) error {
			for name, value := range settings {
				e.Setenv(name, value)
			}
			e.Setenv("REPO", repo)
			e.Setenv("BIN", bin)
			e.Setenv("NOW", time.Now().Format(time.RFC3339))
			e.Setenv("TZ", "UTC")
			e.Defer(func() { inUse(t, e.WorkDir) })
			return nil
		},
		Condition: condition,
		Cmds:      scriptCommands(),
	})
}

// scriptCommands are the commands of scripts besides testscript's own.
func scriptCommands() map[string]func(ts *testscript.TestScript, neg bool, args []string) {
	commands := map[string]func(ts *testscript.TestScript, neg bool, args []string){
		"await": await, "becomes": becomes, "admin": admin, "asked": asked, "exits": exits, "configure": configure, "callers": callers,
	}
	maps.Copy(commands, terminalCommands)
	return commands
}

// condition tells a script what there is.
func condition(name string) (bool, error) {
	switch name {
	case "sqlite": // quick enough for what keeps orders in it
		return !raced, nil
	case "node":
		_, err := exec.LookPath("node")
		if err != nil && os.Getenv("CI") == "true" {
			return false, errors.New("Node.js is not installed (nodejs.org; Debian: apt-get install nodejs)")
		}
		return err == nil, nil
	case "port9000": // on which nothing listens
		l, err := net.Listen("tcp", "127.0.0.1:9000")
		if err == nil {
			_ = l.Close()
		}
		return err == nil, nil
	}
	return false, fmt.Errorf("there is no condition %s", name)
}

// goSettings are what the go command needs to build in a script, where there is
// no home directory.
func goSettings(t *testing.T) map[string]string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "-json", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS").Output()
	if err != nil {
		t.Fatal(err)
	}
	var settings map[string]string
	if err := json.Unmarshal(out, &settings); err != nil {
		t.Fatal(err)
	}
	return settings
}

// admin calls the management API of an emulator: "admin DIR METHOD PATH [BODY]". WeChat Pay's
// number for the order, which has the day in it, is $TRANSACTION_ID afterwards.
func admin(ts *testscript.TestScript, neg bool, args []string) {
	const least, most = 3, 4
	if neg || len(args) < least || len(args) > most {
		ts.Fatalf("usage: admin DIR METHOD PATH [BODY]")
	}
	d, err := desk.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	body := strings.Join(args[least:], "")
	request, err := http.NewRequestWithContext(context.Background(), args[1], d.AdminURL+args[2], strings.NewReader(body))
	ts.Check(err)
	response, err := http.DefaultClient.Do(request)
	ts.Check(err)
	defer func() { _ = response.Body.Close() }()
	reply, err := io.ReadAll(response.Body)
	ts.Check(err)
	_, _ = ts.Stdout().Write(reply)
	if response.StatusCode >= http.StatusBadRequest {
		ts.Fatalf("%s: %s", response.Status, reply)
	}
	var order struct {
		TransactionID string `json:"transaction_id"`
	}
	if json.Unmarshal(reply, &order) == nil && order.TransactionID != "" {
		ts.Setenv("TRANSACTION_ID", order.TransactionID)
	}
}

// configure puts what a function needs before an emulator into the environment: "configure DIR
// [partner]".
func configure(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 1 || len(args) > 2 {
		ts.Fatalf("usage: configure DIR [partner]")
	}
	d, err := desk.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	env := d.Env
	if len(args) == 2 {
		env = d.PartnerEnv
	}
	for name, value := range env {
		ts.Setenv(name, value)
	}
}

// exits runs a command that must end with that code: "exits CODE COMMAND ARGUMENT...".
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE COMMAND ARGUMENT...")
	}
	code := "0"
	err := ts.Exec(args[1], args[2:]...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		code, err = strconv.Itoa(exit.ExitCode()), nil
	}
	ts.Check(err)
	if code != args[0] {
		ts.Fatalf("the exit code is %s, want %s", code, args[0])
	}
}

// asked waits until an emulator's gateway has been asked about an order: "asked DIR ORDER".
func asked(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: asked DIR ORDER")
	}
	d, err := desk.Read(ts.MkAbs(args[0]))
	ts.Check(err)
	until(ts, "a request about "+args[1], func() (bool, error) {
		response, err := http.Get(d.AdminURL + "/requests")
		if err != nil {
			return false, err
		}
		defer func() { _ = response.Body.Close() }()
		history, err := io.ReadAll(response.Body)
		return strings.Contains(string(history), `"`+args[1]+`"`), err
	})
}

// await waits until a file is there: "await FILE".
func await(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: await FILE")
	}
	until(ts, args[0], func() (bool, error) {
		_, err := os.Stat(ts.MkAbs(args[0]))
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
}

// becomes runs a command until its output has a text, whatever its exit code: "becomes TEXT COMMAND
// ARGUMENT...".
func becomes(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: becomes TEXT COMMAND ARGUMENT...")
	}
	until(ts, args[0], func() (bool, error) {
		err := ts.Exec(args[1], args[2:]...)
		if _, ended := errors.AsType[*exec.ExitError](err); ended {
			err = nil
		}
		return strings.Contains(ts.ReadFile("stdout"), args[0]), err
	})
}

// callers have a function called by many at once, as services, each of whom must get an answer with
// a text: "callers NUMBER DIR FUNCTION EVENT TEXT".
func callers(ts *testscript.TestScript, neg bool, args []string) {
	const want = 5
	if neg || len(args) != want {
		ts.Fatalf("usage: callers NUMBER DIR FUNCTION EVENT TEXT")
	}
	number, err := strconv.Atoi(args[0])
	ts.Check(err)
	d, err := desk.Read(ts.MkAbs(args[1]))
	ts.Check(err)
	event, err := d.AsService([]byte(args[3]))
	ts.Check(err)
	faults := make(chan error, number)
	for range number {
		go func() {
			answer, err := d.Call(context.Background(), args[2], event, desk.User{})
			if err == nil && !strings.Contains(string(answer), args[4]) {
				err = fmt.Errorf("got %s, want %q in it", answer, args[4])
			}
			faults <- err
		}()
	}
	var all []error
	for range number {
		all = append(all, <-faults)
	}
	ts.Check(errors.Join(all...))
}

// until looks again and again for what other processes bring about.
func until(ts *testscript.TestScript, what string, there func() (bool, error)) {
	ctx, cancel := context.WithTimeout(context.Background(), 8*time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		is, err := there()
		ts.Check(err)
		if is {
			return
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			ts.Fatalf("%s is not there after eight minutes", what)
		}
	}
}
