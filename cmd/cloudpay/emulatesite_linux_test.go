package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
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
	"cloudpay/internal/emulator/ports"
)

// site is a machine of its own for emulators: a folder with the command and the functions beside
// it, as dist/emulator has them, and a folder for temporary files. Every user may read it.
type site struct {
	*testing.T

	root, program, bin, temp string
}

// newSite makes a site with the command, which is this test binary under its name, and the
// functions; those of `make package` if CLOUDPAY_DIST names its folder.
func newSite(t *testing.T) *site {
	t.Helper()
	s := newSources(t)
	from := map[string]string{}
	for _, name := range append(desk.Functions(), "web") {
		from[name] = filepath.Join(builtFunctions(t), name)
	}
	if dist := os.Getenv("CLOUDPAY_DIST"); dist != "" {
		for _, name := range append(desk.Functions(), "web", commandName) {
			from[name] = filepath.Join(dist, "emulator", name)
		}
	}
	for name, path := range from {
		s.put(path, filepath.Join(s.bin, name))
	}
	return s
}

// newSources makes a site with the command alone, which then builds the functions from the sources.
func newSources(t *testing.T) *site {
	t.Helper()
	needSQLite(t)
	root := t.TempDir()
	s := &site{T: t, root: root, bin: filepath.Join(root, "bin"), temp: filepath.Join(root, "tmp")}
	s.program = filepath.Join(s.bin, commandName)
	for dir, mode := range map[string]os.FileMode{filepath.Dir(root): 0o755, root: 0o755, s.bin: 0o755, s.temp: os.ModeSticky | 0o777} {
		if err := errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, mode)); err != nil {
			t.Fatal(err)
		}
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s.put(self, s.program)
	return s
}

// put makes a file of the site from another one, which is left alone: as a link where one file
// system has both.
func (s *site) put(from, to string) {
	s.Helper()
	_ = os.Remove(to) // which a copy would write into
	if os.Link(from, to) != nil {
		copyFile(s.T, from, to)
	}
	if err := os.Chmod(to, 0o755); err != nil {
		s.Fatal(err)
	}
}

// on is the same site in a subtest.
func (s *site) on(t *testing.T) *site {
	t.Helper()
	mine := *s
	mine.T = t
	return &mine
}

// folder is an emulator's folder that is not there yet, in a folder that every user may write.
func (s *site) folder() string {
	s.Helper()
	dir, err := os.MkdirTemp(s.root, "world-")
	if err == nil {
		err = os.Chmod(dir, 0o777)
	}
	if err != nil {
		s.Fatal(err)
	}
	return filepath.Join(dir, "emu")
}

// emulator is a process that emulates.
type emulator struct {
	*site

	dir    string
	cmd    *exec.Cmd
	output bytes.Buffer
	ended  chan error
}

// command prepares a command that serves in a folder, without a PATH and away from the sources.
func (s *site) command(name, dir string, flags ...string) *emulator {
	e := &emulator{site: s, dir: dir, ended: make(chan error, 1)}
	e.cmd = exec.CommandContext(s.Context(), s.program, append([]string{name, "--dir", dir}, flags...)...)
	e.cmd.Dir, e.cmd.Env = s.temp, []string{"TMPDIR=" + s.temp, "LANG=C.UTF-8"}
	e.cmd.Stdout, e.cmd.Stderr = &e.output, &e.output
	e.cmd.Cancel = func() error { return e.cmd.Process.Kill() }
	return e
}

// start starts it.
func (e *emulator) start() *emulator {
	e.Helper()
	if err := e.cmd.Start(); err != nil {
		e.Fatal(err)
	}
	go func() { e.ended <- e.cmd.Wait() }()
	return e
}

// emulate starts an emulator at ports that are free.
func (s *site) emulate(dir string, flags ...string) *emulator {
	s.Helper()
	return s.command("emulate", dir, append([]string{"--port-base", "0"}, flags...)...).start()
}

// ready waits until it serves.
func (e *emulator) ready() desk.Description {
	e.Helper()
	var d desk.Description
	e.await("it serves", func() (there bool) {
		described, err := desk.Read(e.dir)
		// A killed one leaves its description, and the next one has ports of its own.
		d, there = described, err == nil && e.listens(described.GatewayURL)
		return there
	})
	return d
}

// listens reports whether the process itself listens at an address.
func (e *emulator) listens(url string) bool {
	_, text, err := net.SplitHostPort(strings.TrimPrefix(url, "http://"))
	port, notNumber := strconv.Atoi(text)
	if err != nil || notNumber != nil {
		return false
	}
	sockets := ports.Sockets(port)
	files, _ := filepath.Glob("/proc/" + strconv.Itoa(e.cmd.Process.Pid) + "/fd/*")
	for _, file := range files {
		if target, err := os.Readlink(file); err == nil && sockets[target] {
			return true
		}
	}
	return false
}

// await waits until something has come about while the process runs.
func (e *emulator) await(what string, there func() bool) {
	e.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case err := <-e.ended:
			e.Fatalf("it ended (%v) before %s:\n%s", err, what, e.output.String())
		case <-tick.C:
		case <-e.Context().Done():
			e.Fatalf("it neither ended, nor %s", what)
		}
	}
}

// signal sends it signals, one after the other.
func (e *emulator) signal(signals ...syscall.Signal) {
	e.Helper()
	for _, s := range signals {
		if err := e.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
			e.Fatal(err)
		}
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

// stop interrupts it, and wants it to end well.
func (e *emulator) stop() {
	e.Helper()
	e.signal(syscall.SIGINT)
	if code, printed := e.end(); code != exitFine {
		e.Errorf("exit code %d\n%s", code, printed)
	}
}

// kill kills it, and waits until nothing of it is left.
func (e *emulator) kill() {
	e.Helper()
	_ = e.cmd.Process.Kill()
	_, _ = e.end()
	waitUntil(e.T, func() bool { return len(e.processes()) == 0 })
}

// refused wants it to end with a sentence that says so, before it serves.
func (e *emulator) refused(sentences ...string) {
	e.Helper()
	code, printed := e.end()
	for _, sentence := range sentences {
		if code != exitFault || !strings.Contains(printed, sentence) {
			e.Errorf("exit code %d, want %d and %q in\n%s", code, exitFault, sentence, printed)
		}
	}
	for _, word := range []string{"panic", "goroutine", "ready:"} {
		if strings.Contains(printed, word) {
			e.Errorf("it printed %q:\n%s", word, printed)
		}
	}
}

// wantNothingLeft fails if an emulator has left a process, a port or a file that it should not.
// Without a process there is no port, but for one that was handed to a process elsewhere.
func (s *site) wantNothingLeft(base int, dir string) {
	s.Helper()
	// A compiler that was killed with its group may take a moment to be gone: its parent, which
	// would have waited for it, was killed with it.
	const dying = 200
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	left := s.processes()
	for tries := 0; len(left) > 0 && tries < dying; tries++ {
		<-tick.C
		left = s.processes()
	}
	for _, process := range left {
		s.Errorf("a process is left: %s", process)
	}
	for offset := range portsOfEmulator {
		if address := ports.Numbered(base, offset); len(ports.Sockets(base+offset)) > 0 {
			s.Errorf("%s is still listened on", address)
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
	for _, pattern := range []string{".*", "*.new", "lock.pid", desk.File, "resetting"} {
		if left, _ := filepath.Glob(filepath.Join(dir, pattern)); len(left) > 0 {
			s.Errorf("left in the folder: %v", left)
		}
	}
}

// processes are those that the site's programs are, and those that they have started, by what only
// these have: the program, the working directory or a variable below the site's folder.
func (s *site) processes() []string {
	s.Helper()
	var found []string
	folders, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		s.Fatal(err)
	}
	for _, folder := range folders {
		program, _ := os.Readlink(filepath.Join(folder, "exe")) // each is empty for a process that is gone
		place, _ := os.Readlink(filepath.Join(folder, "cwd"))
		environment, _ := os.ReadFile(filepath.Join(folder, "environ"))
		if strings.Contains(program+" "+place+" "+string(environment), s.root) {
			found = append(found, folder+" "+program)
		}
	}
	return found
}

// runs reports whether one of the processes is of a program.
func (s *site) runs(program string) bool {
	for _, process := range s.processes() {
		if filepath.Base(process) == program {
			return true
		}
	}
	return false
}

// shop is the merchant's side of a running emulator.
type shop struct {
	*emulator
	desk.Description
}

// open waits until an emulator serves.
func (e *emulator) open() shop {
	e.Helper()
	return shop{e, e.ready()}
}

// manage makes a request to the management API. The status is 0 if none was answered.
func (d shop) manage(method, path, body string) (status int, answer string) {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), method, d.AdminURL+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

// place adds an order at WeChat Pay, and reports whether that was answered as done.
func (d shop) place(number, more string) bool {
	d.Helper()
	status, _ := d.manage(http.MethodPost, "/orders", `{"mchid":"1900000001","out_trade_no":"`+number+`","total":100`+more+`}`)
	return status == http.StatusCreated
}

// state is an order's at WeChat Pay, empty if it has none.
func (d shop) state(number string) string {
	d.Helper()
	status, answer := d.manage(http.MethodGet, "/orders/"+number, "")
	var order struct {
		State string `json:"state"`
	}
	if status == http.StatusOK && json.Unmarshal([]byte(answer), &order) != nil {
		d.Errorf("the order %s is %s", number, answer)
	}
	return order.State
}

// result is what a function answers.
type result struct {
	ReturnCode string `json:"returnCode"`
	ReturnMsg  string `json:"returnMsg"`
	Outcome    string `json:"outcome"`
	Retryable  bool   `json:"retryable"`
}

// close calls closeorder as a service. The error says that no answer came.
func (d shop) close(event string) (r result, err error) {
	d.Helper()
	text, err := d.AsService([]byte(event))
	if err != nil {
		d.Fatal(err)
	}
	answer, err := d.Call(d.Context(), "closeorder", text, desk.User{})
	if err == nil {
		err = json.Unmarshal(answer, &r)
	}
	return r, err
}

// wantClosed places an order, and wants closeorder to close it.
func (d shop) wantClosed(number string) {
	d.Helper()
	if !d.place(number, "") {
		d.Errorf("the order %s was not placed", number)
	}
	if r, err := d.close(`{"out_trade_no":"` + number + `"}`); err != nil || r.Outcome != "closed" {
		d.Errorf("closing %s: got %+v, %v", number, r, err)
	}
}

// registers registers an order to be closed in ten hours, and reports whether that was answered as
// done.
func (d shop) registers(number string) bool {
	d.Helper()
	r, err := d.close(`{"out_trade_no":"` + number + `","close_at":36000}`)
	return err == nil && r.Outcome == "scheduled"
}

// waitUntil looks again and again for what other processes bring about.
func waitUntil(t *testing.T, there func() bool) {
	t.Helper()
	deadline := time.NewTimer(time.Minute) // ends a hang, and nothing else
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !there() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatal("it has not come about within a minute")
		}
	}
}
