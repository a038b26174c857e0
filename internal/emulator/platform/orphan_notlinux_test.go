//go:build !linux

package platform_test

import "os"

// memoryIsMeasured says whether this system tells a process's memory.
const memoryIsMeasured = false

// emulate is for Linux, where a function dies with its emulator.
func emulate(string) { os.Exit(1) }
