//go:build unix

package hosting

import (
	"math"
	"syscall"
)

// openFiles is how many files the process may have open, connections included; 0: unknown.
func openFiles() int {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return 0
	}
	return int(min(limit.Cur, math.MaxInt32))
}
