//go:build unix

package platform_test

import (
	"syscall"
	"testing"
)

// An idle process that lives but does nothing is replaced, too, and not left behind.
func TestInstanceThatHangsIdle(t *testing.T) {
	t.Parallel()
	f := start(t)
	before := f.pid()
	if err := syscall.Kill(before, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	if after := f.pid(); after == before || f.Live() != 1 {
		t.Errorf("afterwards: got process %d of %d, want one fresh one", after, f.Live())
	}
	wantGone(t, before)
}
