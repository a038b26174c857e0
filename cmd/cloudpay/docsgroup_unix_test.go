//go:build unix

package main

import (
	"os/exec"
	"syscall"
)

// inOwnGroup gives a command a group of processes, as a terminal does: Ctrl-C is for all of them.
func inOwnGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} }

func interruptGroup(cmd *exec.Cmd) { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGINT) }
