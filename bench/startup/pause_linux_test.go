package startup_test

import (
	"syscall"
	"time"
)

// pause lets d pass. Go's own timers are only as fine as a millisecond in a process that is idle
// otherwise, as its netpoller's waits are; that would be a fifth of what is measured.
func pause(d time.Duration) {
	wait := syscall.NsecToTimespec(int64(d))
	_ = syscall.Nanosleep(&wait, nil) // an error says that a signal cut it short
}
