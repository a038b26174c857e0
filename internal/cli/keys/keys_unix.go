//go:build linux || darwin

package keys

import (
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// inForeground reports whether this process's group is the one that the terminal's keys go to.
func inForeground(terminal *os.File) bool {
	group, err := unix.IoctlGetInt(int(terminal.Fd()), unix.TIOCGPGRP)
	return err == nil && group == unix.Getpgrp()
}

// unbuffered has the terminal pass on each key at once and not show it. Its signals and its output
// stay as they are. If the process is put into the background later, its reads fail instead of
// stopping it.
func unbuffered(terminal *os.File) (restore func(), err error) {
	fd := int(terminal.Fd())
	before, err := unix.IoctlGetTermios(fd, getAttributes)
	if err != nil {
		return nil, fmt.Errorf("reading the terminal's settings: %w", err)
	}
	signal.Ignore(syscall.SIGTTIN, syscall.SIGTTOU)
	now := *before
	now.Lflag &^= unix.ICANON | unix.ECHO
	now.Cc[unix.VMIN], now.Cc[unix.VTIME] = 1, 0
	if err := unix.IoctlSetTermios(fd, setAttributes, &now); err != nil {
		return nil, fmt.Errorf("changing the terminal's settings: %w", err)
	}
	return func() { _ = unix.IoctlSetTermios(fd, setAttributes, before) }, nil
}
