package app_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
)

// said counts the log's lines about a faulty configuration. It fails the test unless each is an
// error that names every fault.
func said(t *testing.T, log string) int {
	t.Helper()
	count := 0
	for line := range strings.Lines(log) {
		if !strings.Contains(line, "the function is not configured") {
			continue
		}
		count++
		var record struct{ Level, Fault string }
		if err := json.Unmarshal([]byte(line), &record); err != nil {
			t.Errorf("the line %s is no JSON: %v", line, err)
		}
		if record.Level != "ERROR" || !strings.Contains(record.Fault, "WXPAY_MCHID") || !strings.Contains(record.Fault, "WXPAY_V2_KEY") {
			t.Errorf("got %+v, want an error that names each fault", record)
		}
	}
	return count
}

func unconfigured(t *testing.T) *env {
	t.Helper()
	e := strict(t, order.V2)
	delete(e.vars, "WXPAY_MCHID")
	e.vars["WXPAY_V2_KEY"] = "short"
	return e
}

// On every cloud's hosting an unconfigured function logs its faults once at the start, and answers
// each call with them.
func TestUnconfiguredOnEachHosting(t *testing.T) {
	t.Parallel()
	for _, on := range []platform.Runtime{platform.Go1, platform.CustomRuntime, platform.Lambda, platform.Web} {
		t.Run(string(on), func(t *testing.T) {
			t.Parallel()
			e := unconfigured(t)
			var logs lockedBuffer
			spec := e.spec("closeorder", patient)
			spec.Runtime, spec.Log = on, e.collected(&logs)
			f, err := platform.Start(t.Context(), spec)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = f.Close() })
			for range 2 {
				if got := e.askUnconfigured(f, on); got.ErrCode != errcode.ConfigError {
					t.Errorf("got %s %s (%s), want CONFIG_ERROR", got.Outcome, got.ErrCode, got.ReturnMsg)
				}
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			if got := said(t, logs.String()); got != 1 {
				t.Errorf("said so %d times, want once:\n%s", got, logs.String())
			}
			e.wantAsked(0)
		})
	}
}

func (e *env) askUnconfigured(f *platform.Function, on platform.Runtime) order.Result {
	e.t.Helper()
	if on != platform.Web {
		got, _ := e.invoke(f, `{"out_trade_no":"A1","service_token":"`+serviceToken+`"}`, nil)
		return got
	}
	request, err := http.NewRequestWithContext(e.t.Context(), http.MethodPost, "http://function.example/closeorder", strings.NewReader(`{"out_trade_no":"A1"}`))
	if err != nil {
		e.t.Fatal(err)
	}
	request.Header.Set("Cloudpay-Service-Token", serviceToken)
	response, err := f.Fetch(e.t.Context(), request)
	if err != nil {
		e.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	var result order.Result
	if err := json.NewDecoder(response.Body).Decode(&result); err != nil || response.StatusCode != http.StatusInternalServerError {
		e.t.Errorf("got %d and error %v, want 500 and a result", response.StatusCode, err)
	}
	return result
}

// An unconfigured container logs its faults and exits with code 1 without serving. With
// CLOUDPAY_CONFIG_FAULTS=answer it serves, and answers with its faults.
func TestUnconfiguredContainer(t *testing.T) {
	t.Parallel()
	e := unconfigured(t)
	spec := e.spec("closeorder", patient)
	run := func(more ...string) *exec.Cmd {
		cmd := exec.CommandContext(t.Context(), spec.Binary)
		cmd.Env = append(append(environ(e.vars), "PORT=0", "CLOUDPAY_LISTEN_HOST=127.0.0.1"), more...)
		return cmd
	}
	var stdout, stderr lockedBuffer
	cmd := run()
	cmd.Stdout, cmd.Stderr = e.logged(&stdout), e.logged(&stderr)
	var exit *exec.ExitError
	if err := cmd.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Errorf("exit: got %v, want code 1", err)
	}
	if said(t, stdout.String()) != 1 || strings.Count(stdout.String(), "\n") != 1 || stderr.String() != "" {
		t.Errorf("got %q in the log and %q beside it, want one line and nothing", stdout.String(), stderr.String())
	}

	cmd = run("CLOUDPAY_CONFIG_FAULTS=answer")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	log := bufio.NewReader(out)
	first, _ := log.ReadString('\n')
	second, err := log.ReadString('\n')
	if err != nil || said(t, first) != 1 || !strings.Contains(second, "serving HTTP") {
		t.Errorf("got %q and %q (%v), want that it is not configured, and serves", first, second, err)
	}
}
