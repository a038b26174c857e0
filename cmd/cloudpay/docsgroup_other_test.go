//go:build !unix

package main

import "os/exec"

// inOwnGroup and interruptGroup are for where there are groups of processes; elsewhere there is no
// bash either.
func inOwnGroup(*exec.Cmd) {}

func interruptGroup(cmd *exec.Cmd) { _ = cmd.Process.Kill() }
