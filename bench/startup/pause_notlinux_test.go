//go:build !linux

package startup_test

import "time"

// pause lets d pass, and up to a millisecond more.
func pause(d time.Duration) { <-time.After(d) }
