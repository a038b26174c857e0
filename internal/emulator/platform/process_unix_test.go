//go:build unix

package platform_test

import (
	"syscall"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// An idle process that lives but hangs is replaced and killed.
func TestInstanceThatHangsIdle(t *testing.T) {
	t.Parallel()
	f := start(t, platform.Hurried)
	before := f.pid()
	stop(t, before)
	if after := f.pid(); after == before || f.Live() != 1 {
		t.Errorf("afterwards: got process %d of %d, want one fresh one", after, f.Live())
	}
	wantGone(t, before)
}

// stop stops a child of this process and returns when it does nothing any more. SIGSTOP alone is
// only a request: until one of the threads has received it for all of them, the others may still
// take an event, and then hang with it.
func stop(t *testing.T, pid int) {
	t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("stopping process %d: got status %v and %v, want it stopped", pid, status, err)
	}
}
