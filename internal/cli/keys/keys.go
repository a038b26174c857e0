// Package keys reads single keys of a terminal.
package keys

import (
	"context"
	"os"

	"golang.org/x/term"
)

// Watch calls pressed for every key that is pressed in a terminal, without Enter, until ctx ends.
// It does nothing if the file is no terminal, or if this process is in its background, where a read
// would stop it. The terminal is as it was afterwards; Ctrl-C still interrupts.
//
// A read in progress cannot be ended. The goroutine of the last one ends with the process.
func Watch(ctx context.Context, terminal *os.File, pressed func(key byte)) {
	if !term.IsTerminal(int(terminal.Fd())) || !inForeground(terminal) {
		return
	}
	restore, err := unbuffered(terminal)
	if err != nil {
		return
	}
	defer restore()
	keys := make(chan byte)
	go read(ctx, terminal, keys)
	for {
		select {
		case key, ok := <-keys:
			if !ok {
				return
			}
			pressed(key)
		case <-ctx.Done():
			return
		}
	}
}

// read passes on what is typed.
func read(ctx context.Context, terminal *os.File, keys chan<- byte) {
	defer close(keys)
	key := make([]byte, 1)
	for {
		if n, err := terminal.Read(key); err != nil || n == 0 {
			return
		}
		select {
		case keys <- key[0]:
		case <-ctx.Done():
			return
		}
	}
}
