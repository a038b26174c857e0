package world

import (
	"os"
	"os/signal"
	"syscall"
)

// holdSignals keeps signals from ending the process from now on: the command's context tells of the
// first one, and the others would leave its work undone, or end a process that has done it and is
// about to end with a code of its own. A file that grows beyond the limit of this user's files
// (SIGXFSZ, setrlimit(2)) is an error of the write instead of the process's end.
func holdSignals() {
	again := make(chan os.Signal, 1) // never read: what does not fit in is dropped
	signal.Notify(again, os.Interrupt, syscall.SIGTERM)
	signal.Ignore(ignored()...)
}
