//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// detach puts cmd into a session of its own, outside the function's process group.
func detach(cmd *exec.Cmd, setsid bool) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: setsid} }
