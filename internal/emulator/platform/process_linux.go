package platform

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// dieWithParent has the kernel kill the process when this one ends, however it ends.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// peakMemory is the most resident memory a process has had, in bytes; 0 when it is gone. (proc(5), VmHWM. Not the
// resource usage that wait returns: that one counts the parent's memory at the time of the fork.)
func peakMemory(pid int) int64 {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status") //nolint:gosec // a number is no way out of a folder
	if err != nil {
		return 0
	}
	_, rest, _ := bytes.Cut(status, []byte("VmHWM:"))
	amount, _, _ := bytes.Cut(bytes.TrimSpace(rest), []byte(" kB"))
	kilobytes, err := strconv.ParseInt(string(amount), 10, 64)
	if err != nil {
		return 0 // a process that is gone but not waited for has no memory line
	}
	return kilobytes << 10
}
