//go:build unix

package platform

import (
	"errors"
	"os"
	"os/exec"
	"syscall"
)

// syncReads bounds sync. A pipe holds fewer buffers than this; only a function that prints without
// end fills more.
const syncReads = 64

// isolate puts a process into a group of its own, so that it can be killed with its children, and
// so that Ctrl-C in a terminal reaches the emulator only, which then ends its functions in order.
func isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	dieWithParent(cmd.SysProcAttr)
}

// interruptGroup interrupts a process and its children, as Ctrl-C does.
func interruptGroup(process *os.Process) {
	_ = syscall.Kill(-process.Pid, syscall.SIGINT) // ESRCH: already gone
}

// killGroup kills a process and its children.
func killGroup(process *os.Process) {
	_ = syscall.Kill(-process.Pid, syscall.SIGKILL) // ESRCH: already gone
}

// readAll passes on the pipe's bytes until its end. It waits without the lock, so that
// readAvailable can read in between.
func (o *output) readAll() {
	conn, err := o.pipe.SyscallConn()
	if err != nil {
		return // closed already
	}
	_ = conn.Read(func(fd uintptr) bool {
		for {
			if end, more := o.readSome(fd); end || !more {
				return end
			}
		}
	})
}

// readAvailable passes on what is in the pipe now. It does not wait for more.
func (o *output) readAvailable() {
	conn, err := o.pipe.SyscallConn()
	if err != nil {
		return // closed already, and read to its end before that
	}
	_ = conn.Control(func(fd uintptr) {
		for range syncReads {
			if end, more := o.readSome(fd); end || !more {
				return
			}
		}
	})
}

// readSome reads once without waiting. end means that the pipe has ended, more that there may be
// more to read.
func (o *output) readSome(fd uintptr) (end, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.over {
		return true, false
	}
	n, err := syscall.Read(int(fd), o.buffer)
	switch {
	case errors.Is(err, syscall.EINTR):
		return false, true
	case errors.Is(err, syscall.EAGAIN):
		return false, false
	case err != nil || n == 0:
		return true, false
	}
	o.take(o.buffer[:n])
	return false, true
}
