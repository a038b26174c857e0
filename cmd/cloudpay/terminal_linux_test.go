package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"golang.org/x/sys/unix"
)

// terminalCommands use a command on a terminal, one in each script:
//
//	terminal COMMAND ARGUMENT...   starts it in the background
//	press KEY                      presses a key; ^C is Ctrl-C
//	shows TEXT                     waits until the terminal shows a text, after the one before
//	leaves CODE                    waits until the command has ended with that exit code
var terminalCommands = map[string]func(ts *testscript.TestScript, neg bool, args []string){
	"terminal": openTerminal, "press": press, "shows": shows, "leaves": leaves,
}

// terminals are those of the scripts.
var terminals sync.Map // :: *testscript.TestScript → *terminal

// terminal is a pseudo terminal with a command on it.
type terminal struct {
	control *os.File
	ended   chan error // gets the command's end

	mu    sync.Mutex
	shown string // since the last text that was waited for
}

// openTerminal starts a command as the leader of a terminal's session.
func openTerminal(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: terminal COMMAND ARGUMENT...")
	}
	control, end, err := openPair()
	ts.Check(err)
	t := &terminal{control: control, ended: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Dir, cmd.Stdin, cmd.Stdout, cmd.Stderr = ts.MkAbs("."), end, end, end
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "TZ", "GOCACHE", "GOMODCACHE", "GOPATH", "GOPROXY", "GOFLAGS"} {
		cmd.Env = append(cmd.Env, name+"="+ts.Getenv(name))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	ts.Check(errors.Join(cmd.Start(), end.Close())) // the command has its own
	go t.read()
	go func() { t.ended <- cmd.Wait() }()
	ts.Defer(func() {
		cancel()
		_ = control.Close()
	})
	terminals.Store(ts, t)
}

// openPair opens the two ends of a pseudo terminal.
func openPair() (control, end *os.File, err error) {
	if control, err = os.OpenFile("/dev/ptmx", os.O_RDWR, 0); err != nil {
		return nil, nil, err
	}
	number := 0
	if err = unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err == nil {
		number, err = unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	}
	if err == nil {
		end, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	}
	if err != nil {
		_ = control.Close()
	}
	return control, end, err
}

// read keeps what the terminal shows, until the command has ended.
func (t *terminal) read() {
	buffer := make([]byte, 4<<10)
	for {
		n, err := t.control.Read(buffer)
		t.mu.Lock()
		t.shown += string(buffer[:n])
		t.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// take reports whether the terminal shows a text, and forgets all up to it.
func (t *terminal) take(text string) (before string, is bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	before, after, is := strings.Cut(t.shown, text)
	if is {
		t.shown = after
	}
	return before, is
}

// terminalOf is the script's.
func terminalOf(ts *testscript.TestScript) *terminal {
	t, is := terminals.Load(ts)
	if !is {
		ts.Fatalf("there is no terminal yet")
	}
	return t.(*terminal)
}

func press(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: press KEY")
	}
	_, err := terminalOf(ts).control.WriteString(strings.ReplaceAll(args[0], "^C", "\x03"))
	ts.Check(err)
}

func shows(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: shows TEXT")
	}
	t := terminalOf(ts)
	const longest = time.Minute // ends a hang, and nothing else
	ctx, cancel := context.WithTimeout(context.Background(), longest)
	defer cancel()
	for tick := time.Tick(10 * time.Millisecond); ; {
		before, is := t.take(args[0])
		if is {
			ts.Logf("%s%s", before, args[0])
			return
		}
		select {
		case <-tick:
		case <-ctx.Done():
			ts.Fatalf("the terminal does not show %q, but\n%s", args[0], before)
		}
	}
}

func leaves(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: leaves CODE")
	}
	code := 0
	err := <-terminalOf(ts).ended
	if exit, is := errors.AsType[*exec.ExitError](err); is {
		code, err = exit.ExitCode(), nil
	}
	ts.Check(err)
	if strconv.Itoa(code) != args[0] {
		ts.Fatalf("the exit code is %d, want %s", code, args[0])
	}
}
