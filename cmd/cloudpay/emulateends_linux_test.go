package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
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

// site is a machine of its own for emulators: a folder with the command and the functions beside
// it, as dist/emulator has them, and a folder for temporary files.
type site struct {
	*testing.T

	program, bin, temp string
}

// newSite copies the command, which is this test binary under its name, and the functions; those of
// `make package` if CLOUDPAY_DIST names its folder.
func newSite(t *testing.T) *site {
	t.Helper()
	needSQLite(t)
	s := &site{T: t, bin: filepath.Join(t.TempDir(), "bin"), temp: t.TempDir()}
	s.program = filepath.Join(s.bin, commandName)
	self, err := os.Executable()
	if err == nil {
		err = os.Mkdir(s.bin, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	from := map[string]string{commandName: self}
	for _, name := range desk.Functions() {
		from[name] = filepath.Join(builtFunctions(t), name)
	}
	if dist := os.Getenv("CLOUDPAY_DIST"); dist != "" {
		for name := range from {
			from[name] = filepath.Join(dist, "emulator", name)
		}
	}
	for name, path := range from {
		copyFile(t, path, filepath.Join(s.bin, name))
	}
	return s
}

// emulator is a process that emulates.
type emulator struct {
	*site

	dir    string
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// emulate starts one, without a PATH and away from the sources.
func (s *site) emulate(dir string, flags ...string) *emulator {
	s.Helper()
	e := &emulator{site: s, dir: dir, ended: make(chan error, 1)}
	e.cmd = exec.CommandContext(s.Context(), s.program, append([]string{"emulate", "--dir", dir}, flags...)...)
	e.cmd.Dir, e.cmd.Env = s.temp, []string{"TMPDIR=" + s.temp, "LANG=C.UTF-8"}
	e.cmd.Stdout, e.cmd.Stderr = &e.output, &e.output
	e.cmd.Cancel = func() error { return e.cmd.Process.Kill() }
	if err := e.cmd.Start(); err != nil {
		s.Fatal(err)
	}
	go func() { e.ended <- e.cmd.Wait() }()
	return e
}

// ready waits until it serves.
func (e *emulator) ready() desk.Description {
	e.Helper()
	for {
		if d, err := desk.Read(e.dir); err == nil {
			return d
		}
		select {
		case err := <-e.ended:
			e.Fatalf("it ended before it served: %v\n%s", err, e.output.String())
		case <-time.After(10 * time.Millisecond):
		case <-e.Context().Done():
			e.Fatal("it neither ended nor served")
		}
	}
}

// signal sends it a signal.
func (e *emulator) signal(s syscall.Signal) {
	e.Helper()
	if err := e.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		e.Fatal(err)
	}
}

// end waits until it has ended, and returns its exit code and what it printed.
func (e *emulator) end() (code int, printed string) {
	e.Helper()
	select {
	case err := <-e.ended:
		if exit, is := errors.AsType[*exec.ExitError](err); is {
			return exit.ExitCode(), e.output.String()
		}
		if err != nil {
			e.Fatal(err)
		}
		return 0, e.output.String()
	case <-time.After(time.Minute): // ends a hang, and nothing else
		e.Fatal("it does not end")
		return 0, ""
	}
}

// wantNothingLeft fails if an emulator has left a process, a port or a file that it should not.
func (s *site) wantNothingLeft(d desk.Description, dir string) {
	s.Helper()
	for _, process := range s.processes() {
		s.Errorf("a process is left: %s", process)
	}
	for _, url := range []string{d.GatewayURL, d.BackupURL, d.AdminURL, d.CloudURL, d.ConsoleURL, d.EventsURL} {
		if url == "" {
			continue
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://")); err == nil {
			_ = conn.Close()
			s.Errorf("%s is still listened on", url)
		}
	}
	err := filepath.WalkDir(s.temp, func(path string, _ fs.DirEntry, err error) error {
		if path != s.temp {
			s.Errorf("a temporary file is left: %s", path)
		}
		return err
	})
	if err != nil {
		s.Error(err)
	}
	for _, pattern := range []string{".*", desk.File, "resetting"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			s.Errorf("left in the folder: %v", left)
		}
	}
}

// processes are those of the site's programs.
func (s *site) processes() []string {
	s.Helper()
	var found []string
	links, err := filepath.Glob("/proc/[0-9]*/exe")
	if err != nil {
		s.Fatal(err)
	}
	for _, link := range links {
		if program, err := os.Readlink(link); err == nil && strings.HasPrefix(program, s.bin) {
			found = append(found, link+" "+program)
		}
	}
	return found
}

// call calls closeorder as a service, which starts an instance.
func (e *emulator) call(d desk.Description) map[string]any {
	e.Helper()
	response, err := http.Post(d.AdminURL+"/orders", "application/json", strings.NewReader(`{"mchid":"1900000001","out_trade_no":"A1","total":100}`))
	if err != nil {
		e.Fatal(err)
	}
	_ = response.Body.Close()
	event, err := d.AsService([]byte(`{"out_trade_no":"A1"}`))
	if err != nil {
		e.Fatal(err)
	}
	answer, err := d.Call(e.Context(), "closeorder", event, desk.User{})
	if err != nil {
		e.Fatal(err)
	}
	var result map[string]any
	if err := json.Unmarshal(answer, &result); err != nil {
		e.Fatal(err)
	}
	return result
}

// The command with the functions beside it serves a world without Go, a PATH or sources, and a
// register besides.
func TestEmulatorAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	e := s.emulate(filepath.Join(t.TempDir(), "emu"), "--port-base", "0")
	d := e.ready()
	if got := e.call(d)["outcome"]; got != "closed" {
		t.Errorf("got the outcome %v", got)
	}
	if d.Env["CLOUDPAY_STORE"] == "" {
		t.Error("the functions have no store")
	}
	e.signal(syscall.SIGINT)
	if code, printed := e.end(); code != exitFine || strings.Contains(printed, "building") {
		t.Errorf("exit code %d\n%s", code, printed)
	}
}

// However an emulator is interrupted, it leaves nothing behind.
func TestEmulateEnds(t *testing.T) {
	t.Parallel()
	for name, interrupt := range map[string]func(e *emulator) desk.Description{
		"once": func(e *emulator) desk.Description {
			d := e.ready()
			e.call(d)
			e.signal(syscall.SIGINT)
			return d
		},
		"twice": func(e *emulator) desk.Description {
			d := e.ready()
			e.call(d)
			e.signal(syscall.SIGINT)
			e.signal(syscall.SIGINT)
			e.signal(syscall.SIGTERM)
			return d
		},
		"while it starts": func(e *emulator) desk.Description {
			for len(e.processes()) == 0 {
				if e.Context().Err() != nil {
					e.Fatal("it does not start")
				}
			}
			e.signal(syscall.SIGINT)
			return desk.Description{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			dir := filepath.Join(t.TempDir(), "emu")
			e := s.emulate(dir, "--port-base", "0")
			d := interrupt(e)
			if code, printed := e.end(); code == exitUsage || strings.Contains(printed, "panic") {
				t.Errorf("exit code %d\n%s", code, printed)
			}
			s.wantNothingLeft(d, dir)
		})
	}
}

// An emulator that is killed at any moment leaves no process, and the next one in the folder goes
// on with whatever was answered: the order that was placed, and its registration.
func TestEmulateKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := filepath.Join(t.TempDir(), "emu")
	const kills = 5
	last, answered := desk.Description{}, []string{}
	for run := range kills {
		e := s.emulate(dir, "--port-base", "0")
		waitUntil(t, func() bool { return e.ready().CloudURL != last.CloudURL }) // a killed one leaves its description
		last = e.ready()
		for _, number := range answered {
			e.wantKept(last, number)
		}
		for i := 0; ; i++ {
			number := fmt.Sprintf("K%d-%d", run, i)
			if !e.registers(last, number) {
				break
			}
			answered = append(answered, number)
			if i == run {
				go func() { _ = e.cmd.Process.Kill() }() // in the middle of what comes next
			}
		}
		_, _ = e.end()
		waitUntil(t, func() bool { return len(s.processes()) == 0 })
	}
	if len(answered) == 0 {
		t.Error("no order was placed and registered before a kill")
	}
	t.Logf("%d orders were placed and registered between %d kills", len(answered), kills)
}

// registers places an order and registers it; false if it was not answered.
func (e *emulator) registers(d desk.Description, number string) bool {
	e.Helper()
	response, err := http.Post(d.AdminURL+"/orders", "application/json",
		strings.NewReader(`{"mchid":"1900000001","out_trade_no":"`+number+`","total":100}`))
	if err != nil {
		return false
	}
	_ = response.Body.Close()
	event, err := d.AsService([]byte(`{"out_trade_no":"` + number + `","close_at":36000}`))
	if err != nil {
		e.Fatal(err)
	}
	answer, err := d.Call(e.Context(), "closeorder", event, desk.User{})
	return err == nil && response.StatusCode == http.StatusCreated && strings.Contains(string(answer), `"scheduled"`)
}

// wantKept wants an order with its registration, which a second one repeats.
func (e *emulator) wantKept(d desk.Description, number string) {
	e.Helper()
	response, err := http.Get(d.AdminURL + "/orders/" + number)
	if err != nil {
		e.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusOK {
		e.Errorf("WeChat Pay has lost %s: %s", number, response.Status)
	}
	event, err := d.AsService([]byte(`{"out_trade_no":"` + number + `","withdraw":true}`))
	if err != nil {
		e.Fatal(err)
	}
	answer, err := d.Call(e.Context(), "closeorder", event, desk.User{})
	if err != nil || !strings.Contains(string(answer), `"withdrawn"`) {
		e.Errorf("the register has lost %s: %s, %v", number, answer, err)
	}
}

// waitUntil looks again and again for what other processes bring about.
func waitUntil(t *testing.T, there func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatal("it has not come about within a minute")
		}
	}
}

// Two emulators serve at once, each in a folder and at ports of its own; what is taken is named
// with its holder, before anything is made.
func TestTwoEmulators(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	base := strconv.Itoa(freePorts(t, portsOfEmulator))
	dir, other := filepath.Join(t.TempDir(), "one"), filepath.Join(t.TempDir(), "two")
	first := s.emulate(dir, "--port-base", base)
	d := first.ready()
	if want := "http://127.0.0.1:" + base; d.GatewayURL != want {
		t.Errorf("got %s, want %s", d.GatewayURL, want)
	}
	code, printed := s.emulate(other, "--port-base", base).end()
	holder := "taken by process " + strconv.Itoa(first.cmd.Process.Pid) + " (" + commandName + ")"
	if code != exitFault || strings.Count(printed, holder) != portsOfEmulator || !strings.Contains(printed, "--port-base 0") {
		t.Errorf("exit code %d, want %q for each port in\n%s", code, holder, printed)
	}
	if _, err := os.Stat(filepath.Join(other, "secrets.json")); err == nil {
		t.Error("keys were made before the ports were looked at")
	}
	if code, printed := s.emulate(dir, "--port-base", "0").end(); code != exitFault || !strings.Contains(printed, "another emulator uses "+dir) {
		t.Errorf("exit code %d\n%s", code, printed)
	}
	second := s.emulate(other, "--port-base", "0")
	if got := second.call(second.ready())["outcome"]; got != "closed" {
		t.Errorf("got the outcome %v", got)
	}
	if got := first.call(d)["outcome"]; got != "closed" {
		t.Errorf("got the outcome %v", got)
	}
	for _, e := range []*emulator{first, second} {
		e.signal(syscall.SIGTERM)
		if code, printed := e.end(); code != exitFine {
			t.Errorf("exit code %d\n%s", code, printed)
		}
	}
}

// A folder that cannot be written ends with a sentence that says what to do.
func TestUnwritableFolder(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	dir := s.mounted("ro,size=1m")
	code, printed := s.emulate(filepath.Join(dir, "emu"), "--port-base", "0").end()
	if code != exitFault || !strings.Contains(printed, "choose a folder elsewhere with --dir") {
		t.Errorf("exit code %d\n%s", code, printed)
	}
}

// A disk that fills up ends with a sentence that says so, whichever file is the one too many.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, size := range []string{"4k", "8k", "16k", "32k", "64k", "128k"} {
		t.Run(size, func(t *testing.T) {
			t.Parallel()
			mine := *s
			mine.T = t
			dir := mine.mounted("size=" + size)
			code, printed := mine.emulate(filepath.Join(dir, "emu"), "--port-base", "0").end()
			if code != exitFault || !strings.Contains(printed, "the disk is full: make room there, or choose a folder elsewhere with --dir") {
				t.Errorf("exit code %d\n%s", code, printed)
			}
		})
	}
}

// mounted is the folder of a file system of its own.
func (s *site) mounted(options string) string {
	s.Helper()
	dir := s.TempDir()
	flags := uintptr(0)
	if rest, is := strings.CutPrefix(options, "ro,"); is {
		flags, options = syscall.MS_RDONLY, rest
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, options); err != nil {
		s.Skipf("SKIPPED: only root may mount a file system for this test: %v", err)
	}
	s.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			s.Errorf("unmounting %s: %v", dir, err)
		}
	})
	return dir
}
