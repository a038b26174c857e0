//go:build !unix

package platform

import (
	"os"
	"os/exec"
)

// isolate does nothing: there are no process groups to use.
func isolate(*exec.Cmd) {}

// killGroup kills the process; what it started lives on.
func killGroup(process *os.Process) { _ = process.Kill() }

// readAll passes on the pipe's bytes until its end.
func (o *output) readAll() {
	buffer := make([]byte, len(o.buffer))
	for {
		n, err := o.pipe.Read(buffer)
		o.mu.Lock()
		o.take(buffer[:n])
		o.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// readAvailable does nothing: here a function's last lines may come after the line that closes the invocation.
func (*output) readAvailable() {}
