//go:build !linux

package platform

import "syscall"

// dieWithParent does nothing: only Linux has it. Elsewhere functions outlive an emulator that is
// killed.
func dieWithParent(*syscall.SysProcAttr) {}

// mayListen cannot tell which process listens.
func mayListen(int, int) bool { return true }

// listensOn cannot tell either.
func listensOn(int, int) bool { return false }

// peakMemory is unknown here.
func peakMemory(int) int64 { return 0 }
