//go:build unix

package main

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock locks a file for this process, or says errOccupied.
func lock(f *os.File) error {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return errOccupied
	}
	if err != nil {
		return fmt.Errorf("locking: %w", err)
	}
	return nil
}
