//go:build !unix

package platform

import (
	"os"
	"os/exec"
)

// isolate does nothing: there are no process groups.
func isolate(*exec.Cmd) {}

// interruptGroup kills the process: it cannot be interrupted.
func interruptGroup(process *os.Process) { _ = process.Kill() }

// killGroup kills the process; its children live on.
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

// readAvailable does nothing. A function's last lines may come after the closing line of the
// invocation here.
func (*output) readAvailable() {}
