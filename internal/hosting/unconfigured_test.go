package hosting_test

import (
	"bytes"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

const unconfigured = "the configuration has a fault:\n  WXPAY_MCHID is not set: give the merchant number"

// run runs a function that is not configured until it ends, and returns its exit code and what it
// wrote.
func runUnconfigured(t *testing.T, env ...string) (code int, wrote string) {
	t.Helper()
	var out bytes.Buffer
	cmd := command(t, append(env, brokenVariable+"="+unconfigured)...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return cmd.ProcessState.ExitCode(), out.String()
}

// wantSaidOnce fails the test unless the fault is in the log in one line, once, with what follows
// of it.
func wantSaidOnce(t *testing.T, wrote, then string) {
	t.Helper()
	if strings.Count(wrote, "WXPAY_MCHID is not set: give the merchant number") != 1 || strings.Count(wrote, "the function is not configured") != 1 {
		t.Errorf("got %q, want the fault once, in one line", wrote)
	}
	if !strings.Contains(wrote, then) {
		t.Errorf("got %q, want %q in it", wrote, then)
	}
}

// A container whose function is not configured ends with code 1, and does not open its port before.
// So does any other function where the operator says so.
func TestUnconfiguredEnds(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{
		"a container":           {"PORT=0"},
		"one that says so":      {"PORT=0", "CLOUDPAY_CONFIG_FAULTS=exit"},
		"one with another word": {"PORT=0", "CLOUDPAY_CONFIG_FAULTS=whatever"},
		"SCF, Go1, told so":     {"_LAMBDA_SERVER_PORT=0", "CLOUDPAY_LISTEN_HOST=127.0.0.1", "CLOUDPAY_CONFIG_FAULTS=exit"},
		"SCF, custom, told so":  {"SCF_RUNTIME_API=127.0.0.1", "SCF_RUNTIME_API_PORT=1", "CLOUDPAY_CONFIG_FAULTS= exit "},
		"SCF's web, told so":    {"PORT=0", "SCF_RUNTIME=Go1", "CLOUDPAY_CONFIG_FAULTS=exit"},
		"Lambda, told so":       {"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1", "CLOUDPAY_CONFIG_FAULTS=exit"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, wrote := runUnconfigured(t, env...)
			if code != 1 || strings.Contains(wrote, "serving HTTP") {
				t.Errorf("got code %d and %q, want 1 and nothing served", code, wrote)
			}
			wantSaidOnce(t, wrote, "CLOUDPAY_CONFIG_FAULTS=answer")
		})
	}
}

// Everywhere else it answers, and has said so once at its start. The processes here are given a
// platform that is gone, or are web functions; that the faults are answered is package trigger's.
func TestUnconfiguredAnswers(t *testing.T) {
	t.Parallel()
	for name, env := range map[string][]string{
		"SCF's web function":   {"PORT=0", "SCF_RUNTIME=Go1"},
		"CloudBase's":          {"PORT=0", "TENCENTCLOUD_RUNENV=SCF"},
		"a container, told so": {"PORT=0", "CLOUDPAY_CONFIG_FAULTS=answer"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var said bytes.Buffer
			cmd := command(t, append(env, brokenVariable+"="+unconfigured)...)
			p := startWebHearing(t, cmd, &said)
			for range 2 {
				if got := p.send("GET", "/who", ""); got.StatusCode != http.StatusOK {
					t.Errorf("got %d, want an answer", got.StatusCode)
				}
			}
			_ = p.cmd.Process.Kill()
			for range p.exited {
				continue // until all that it wrote was read
			}
			wantSaidOnce(t, said.String(), "answered with CONFIG_ERROR")
		})
	}
	for name, env := range map[string][]string{
		"SCF, custom": {"SCF_RUNTIME_API=127.0.0.1", "SCF_RUNTIME_API_PORT=1"},
		"Lambda":      {"AWS_LAMBDA_RUNTIME_API=127.0.0.1:1"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, wrote := runUnconfigured(t, env...)
			if code != 1 || !strings.Contains(wrote, "127.0.0.1:1") {
				t.Errorf("got code %d and %q, want that it asked its platform, which is gone", code, wrote)
			}
			wantSaidOnce(t, wrote, "answered with CONFIG_ERROR")
		})
	}
}
