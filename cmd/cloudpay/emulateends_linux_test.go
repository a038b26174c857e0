package main

import (
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cloudpay/internal/emulator/desk"
)

// The command with the functions beside it serves a world without Go, a PATH or sources, and a
// register besides.
func TestEmulatorAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	d := s.emulate(s.folder()).open()
	d.wantClosed("A1")
	if d.Env["CLOUDPAY_STORE"] == "" {
		t.Error("the functions have no store")
	}
	d.stop()
	if printed := d.output.String(); strings.Contains(printed, "building") {
		t.Errorf("it built the functions:\n%s", printed)
	}
}

// However and whenever an emulator is interrupted, it leaves nothing behind.
func TestEmulateEnds(t *testing.T) {
	t.Parallel()
	for moment, reach := range map[string]func(*testing.T, int) *emulator{
		"while it starts":                     starting,
		"while it compiles":                   compiling,
		"while it serves":                     called,
		"while a function waits":              waiting,
		"while a function of Node.js runs":    computing,
		"while WeChat Pay alone serves":       alone,
		"while it fires timers and is called": busy,
	} {
		for times, interrupt := range map[string]func(*emulator){
			"once":            func(e *emulator) { e.signal(syscall.SIGINT) },
			"twice":           func(e *emulator) { e.signal(syscall.SIGINT, syscall.SIGTERM) },
			"again and again": (*emulator).pester,
		} {
			t.Run(moment+" "+times, func(t *testing.T) {
				t.Parallel()
				base := freePorts(t, portsOfEmulator)
				e := reach(t, base)
				if len(e.processes()) == 0 {
					t.Error("the test does not see the emulator's processes")
				}
				interrupt(e)
				code, printed := e.end()
				switch {
				case code < 0 && printed == "": // it had not begun, and the signal ended it
				case code != exitFine && !strings.Contains(printed, "interrupted"):
					t.Errorf("exit code %d without a reason:\n%s", code, printed)
				case strings.Contains(printed, "panic"), strings.Contains(printed, "goroutine "):
					t.Errorf("it crashed:\n%s", printed)
				}
				e.wantNothingLeft(base, e.dir)
			})
		}
	}
}

// pester interrupts it until it has ended.
func (e *emulator) pester() {
	e.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-e.ended:
			e.ended <- err // for end
			return
		case <-tick.C:
			e.signal(syscall.SIGINT)
		case <-e.Context().Done():
			e.Fatal("it does not end")
		}
	}
}

// at starts an emulator at ports counted from a base.
func (s *site) at(base int) *emulator {
	s.Helper()
	return s.command("emulate", s.folder(), "--port-base", strconv.Itoa(base)).start()
}

// starting is an emulator of which nothing is known but that there is a process.
func starting(t *testing.T, base int) *emulator {
	t.Helper()
	e := newSite(t).at(base)
	e.await("there was a process", func() bool { return len(e.processes()) > 0 })
	return e
}

// compiling is one that has the functions compiled, by a Go that has compiled nothing before.
func compiling(t *testing.T, base int) *emulator {
	t.Helper()
	s := newSources(t)
	e := s.command("emulate", s.folder(), "--port-base", strconv.Itoa(base))
	root, err := filepath.Abs(repositoryRoot)
	if err != nil {
		t.Fatal(err)
	}
	e.cmd.Dir = root
	e.cmd.Env = append(e.cmd.Env, "PATH="+os.Getenv("PATH"))
	for name, value := range goSettings(t) {
		if name != "GOCACHE" {
			e.cmd.Env = append(e.cmd.Env, name+"="+value)
		}
	}
	e.cmd.Env = append(e.cmd.Env, "GOCACHE="+filepath.Join(s.root, "cache"))
	e.start()
	e.await("the compiler ran", func() bool { return e.runs("compile") })
	return e
}

// called is one that serves, and has called both functions.
func called(t *testing.T, base int) *emulator {
	t.Helper()
	e := newSite(t).at(base)
	d := e.open()
	d.wantClosed("A1")
	if _, err := d.Call(t.Context(), "queryorder", []byte("{}"), desk.User{}); err != nil {
		t.Error(err)
	}
	return e
}

// alone is WeChat Pay without functions.
func alone(t *testing.T, base int) *emulator {
	t.Helper()
	s := newSources(t)
	e := s.command("gateway", s.folder(), "--port-base", strconv.Itoa(base)).start()
	if d := e.open(); !d.place("A1", "") {
		t.Error("the order was not placed")
	}
	return e
}

// waiting is one whose function has sent a request to WeChat Pay that is not answered.
func waiting(t *testing.T, base int) *emulator {
	t.Helper()
	e := newSite(t).at(base)
	d := e.open()
	if !d.place("A1", "") {
		t.Error("the order was not placed")
	}
	if status, answer := d.manage(http.MethodPost, "/faults", `{"match":{"op":"close"},"action":"hang"}`); status != http.StatusCreated {
		t.Fatal(status, answer)
	}
	go func() { _, _ = d.close(`{"out_trade_no":"A1"}`) }() // it ends with the emulator
	e.await("the function asked WeChat Pay", func() bool {
		_, answer := d.manage(http.MethodGet, "/requests", "")
		return strings.Contains(answer, `"A1"`)
	})
	return e
}

// computing is one whose function is in the middle of its work, with a child process of its own.
func computing(t *testing.T, base int) *emulator {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		skip := t.Skip
		if os.Getenv("CI") == "true" {
			skip = t.Fatal
		}
		skip("SKIPPED: Node.js is not installed (nodejs.org; Debian: apt-get install nodejs)")
	}
	s := newSite(t)
	dir := filepath.Join(s.root, "shop")
	for name, text := range map[string]string{
		"cloudbaserc.json": `{"functionRoot": "functions", "functions": [{"name": "work", "runtime": "Nodejs18.15", "handler": "index.main", "timeout": 60}]}`,
		"functions/work/index.js": `exports.main = async () => {
			require('child_process').spawn('sleep', ['600'], {stdio: 'ignore'})
			await new Promise(() => setInterval(() => {}, 1000))
		}`,
	} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	e := s.command("emulate", s.folder(), "--port-base", strconv.Itoa(base), "--functions", dir)
	e.cmd.Env = append(e.cmd.Env, "PATH="+os.Getenv("PATH"))
	d := e.start().open()
	go func() { _, _ = d.Call(t.Context(), "work", []byte("{}"), desk.User{}) }() // it ends with the emulator
	e.await("the function's child ran", func() bool { return e.runs("sleep") })
	return e
}

// busy is one that is called, fires timers, notifies and is followed at the same time.
func busy(t *testing.T, base int) *emulator {
	t.Helper()
	e := newSite(t).at(base)
	d := e.open()
	for _, path := range []string{d.AdminURL + "/requests/stream", d.CloudURL + "/v1/calls/stream", d.EventsURL + "/events/stream"} {
		response, err := http.Get(path)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
	}
	for i := range 4 {
		go func() {
			for n := 0; t.Context().Err() == nil && d.place("B"+strconv.Itoa(i)+"-"+strconv.Itoa(n), ""); n++ {
				_, _ = d.close(`{"out_trade_no":"B` + strconv.Itoa(i) + "-" + strconv.Itoa(n) + `"}`)
			}
		}()
	}
	go func() { _, _ = d.manage(http.MethodPost, "/clock", `{"advance":"1h"}`) }()
	e.await("calls were answered", func() bool {
		_, answer := d.manage(http.MethodGet, "/orders?state=CLOSED", "")
		return strings.Contains(answer, `"CLOSED"`)
	})
	return e
}

// Two emulators serve at once, each in a folder and at ports of its own; what is taken is named
// with its holder, before anything is made.
func TestTwoEmulators(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	base := strconv.Itoa(freePorts(t, portsOfEmulator))
	dir, other := s.folder(), s.folder()
	first := s.command("emulate", dir, "--port-base", base).start().open()
	if want := "http://127.0.0.1:" + base; first.GatewayURL != want {
		t.Errorf("got %s, want %s", first.GatewayURL, want)
	}
	pid := strconv.Itoa(first.cmd.Process.Pid)

	taken := s.command("emulate", other, "--port-base", base).start()
	holder := "taken by process " + pid + " (" + commandName + ")"
	taken.refused(holder, "--port-base 0")
	if printed := taken.output.String(); strings.Count(printed, holder) != portsOfEmulator {
		t.Errorf("want %q for each port in\n%s", holder, printed)
	}
	if _, err := os.Stat(filepath.Join(other, "secrets.json")); err == nil {
		t.Error("keys were made before the ports were looked at")
	}
	s.command("gateway", other, "--port-base", base).start().refused(holder, "--port-base 0")
	s.emulate(dir).refused("another emulator uses " + dir + " (process " + pid + ")")
	s.command("gateway", dir, "--port-base", "0").start().refused("another emulator uses " + dir + " (process " + pid + ")")

	secondBase := freePorts(t, portsOfEmulator)
	second := s.command("emulate", other, "--port-base", strconv.Itoa(secondBase)).start().open()
	if want := "http://127.0.0.1:" + strconv.Itoa(secondBase); second.GatewayURL != want {
		t.Errorf("got %s, want %s", second.GatewayURL, want)
	}
	second.wantClosed("A1")
	first.wantClosed("A1") // each has an order of that number
	second.stop()
	first.wantClosed("A2")
	first.signal(syscall.SIGTERM)
	if code, printed := first.end(); code != exitFine {
		t.Errorf("exit code %d\n%s", code, printed)
	}
	s.wantNothingLeft(secondBase, other)
}
