//go:build !linux

package containertest

import (
	"errors"
	"syscall"
	"testing"
)

func isolated(spec) *syscall.SysProcAttr { return nil }

func enter(spec) error { return errors.New("only Linux has containers") }

// need skips a test: only Linux has containers.
func need(t testing.TB) {
	t.Helper()
	t.Skip("SKIPPED, the image was not tried: only Linux has containers")
}
