package platform

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"cloudpay/internal/emulator/ports"
)

// dieWithParent has the kernel kill the process when this one ends, even by SIGKILL.
func dieWithParent(attr *syscall.SysProcAttr) { attr.Pdeathsig = syscall.SIGKILL }

// peakMemory is the most resident memory of a process, in bytes; 0 when it is gone (proc(5),
// VmHWM). The resource usage that wait returns is no replacement: it counts the parent's memory at
// the time of the fork.
func peakMemory(pid int) int64 {
	status, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "status"))
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

// mayListen reports whether the listener on a port can be a process of this group. It is false only
// if there is a listener, all open files of the group are known, and the listener is not among
// them.
func mayListen(group, port int) bool {
	sockets := ports.Sockets(port)
	if len(sockets) == 0 {
		return true // gone already, or not visible here
	}
	for _, process := range members(group) {
		files, err := os.ReadDir(filepath.Join(process, "fd")) // none if it is gone
		if errors.Is(err, os.ErrPermission) {
			return true // another user's process
		}
		for _, file := range files {
			target, err := os.Readlink(filepath.Join(process, "fd", file.Name()))
			if err == nil && sockets[target] {
				return true
			}
		}
	}
	return false
}

// listensOn reports whether a process of this group listens on a port.
func listensOn(group, port int) bool { return len(ports.Sockets(port)) > 0 && mayListen(group, port) }

// members are the folders in /proc of the processes in a group. The leader comes first: it is the
// one that listens, unless it is a script.
func members(group int) []string {
	list := []string{"/proc/" + strconv.Itoa(group)}
	all, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return list
	}
	for _, process := range all {
		if process != list[0] && groupOf(process) == group {
			list = append(list, process)
		}
	}
	return list
}

// groupOf reads a process's group (proc_pid_stat(5), pgrp); it is 0 when the process is gone.
func groupOf(process string) int {
	text, err := os.ReadFile(filepath.Join(process, "stat"))
	if err != nil {
		return 0
	}
	// The name in parentheses may contain anything; after it come the state, the parent, the group.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	const pgrp = 2
	if len(fields) <= pgrp {
		return 0
	}
	group, err := strconv.Atoi(fields[pgrp])
	if err != nil {
		return 0
	}
	return group
}
