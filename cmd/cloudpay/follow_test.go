package main

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/desk"
)

// process is this command in a process of its own, whose lines a test reads as they come.
type process struct {
	*exec.Cmd

	t     *testing.T
	lines chan string // of standard output and standard error
}

// run starts the command until the test ends.
func run(t *testing.T, arguments ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), self, arguments...), t: t, lines: make(chan string, 1000)}
	p.Args[0] = commandName // by which this test binary is the command
	p.Env = append(os.Environ(), "LANG=C.UTF-8", "LC_ALL=")
	reader, writer, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout, p.Stderr = writer, writer
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	_ = writer.Close()
	go func() {
		defer close(p.lines)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			p.lines <- lines.Text()
		}
	}()
	return p
}

// until returns the lines up to one with a text. Between two lines it calls meanwhile.
func (p *process) until(text string, meanwhile func()) (lines []string) {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(time.Minute); ; {
		select {
		case line, more := <-p.lines:
			lines = append(lines, line)
			if strings.Contains(line, text) {
				return lines
			}
			if !more {
				p.t.Fatalf("%v ended before %q:\n%s", p.Args, text, strings.Join(lines, "\n"))
			}
		case <-tick.C:
			meanwhile()
		case <-deadline: // ends a hang, and nothing else
			p.t.Fatalf("%v does not print %q:\n%s", p.Args, text, strings.Join(lines, "\n"))
		}
	}
}

// TestLogsFollowARestart: `emulate logs --follow` shows what comes, says that the gateway was
// killed, goes on with the next one at its new ports, and shows no line twice. Ctrl-C ends it.
func TestLogsFollowARestart(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: it needs an interrupt that a process can send")
	}
	dir, nothing := t.TempDir(), func() {}
	requests := 0
	request := func() { // that no merchant sends, and that has a number
		d, err := desk.Read(dir)
		if err != nil {
			return
		}
		requests++
		if response, err := http.Get(fmt.Sprintf("%s/number-%d", d.GatewayURL, requests)); err == nil {
			_ = response.Body.Close()
		}
	}
	first := run(t, "gateway", "--dir", dir, "--port-base", "0", "--log", "off")
	first.until("cloudpay gateway ready", nothing)
	follower := run(t, "emulate", "logs", "--follow", "--dir", dir)
	shown := follower.until("/number-", request)
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	shown = append(shown, follower.until("the emulator ended", nothing)...)

	second := run(t, "gateway", "--dir", dir, "--port-base", "0", "--log", "off")
	second.until("cloudpay gateway ready", nothing)
	request() // before or after the follower is back: it is shown
	shown = append(shown, follower.until(fmt.Sprintf("/number-%d ", requests), nothing)...)
	seen := map[string]bool{}
	again := false
	for _, line := range shown {
		again = again || strings.Contains(line, "the emulator serves again")
		_, what, _ := strings.Cut(line, "→")
		if strings.Contains(line, "/number-") && seen[what] {
			t.Errorf("%s is shown twice", what)
		}
		seen[what] = true
	}
	if !again {
		t.Errorf("got\n%s\nwant that the emulator serves again", strings.Join(shown, "\n"))
	}
	for _, p := range []*process{follower, second} {
		if err := errors.Join(p.Process.Signal(os.Interrupt), p.Wait()); err != nil {
			t.Errorf("%v: %v", p.Args, err)
		}
	}
}
