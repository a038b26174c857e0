//go:build !unix

package world

import (
	"os"
	"syscall"
)

// ignored is a signal that the command ignores already: none at all would mean every signal.
func ignored() []os.Signal { return []os.Signal{syscall.SIGPIPE} }
