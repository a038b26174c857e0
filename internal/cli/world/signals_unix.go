//go:build unix

package world

import (
	"os"
	"syscall"
)

// ignored are the signals whose cause is an error in another place too.
func ignored() []os.Signal { return []os.Signal{syscall.SIGXFSZ} }
