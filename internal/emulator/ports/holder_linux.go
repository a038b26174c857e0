package ports

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"cloudpay/internal/bilingual"
)

// Fields of a line of /proc/net/tcp (proc_net_tcp(5)), and the state of a listening socket.
const (
	tcpLocal, tcpState, tcpInode, tcpFields = 1, 3, 9, 10

	tcpListens = "0A"
)

// Sockets returns the sockets that listen on a port, named as in /proc/PID/fd.
func Sockets(port int) map[string]bool {
	found := map[string]bool{}
	end := fmt.Sprintf(":%04X", port)
	for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // such as a system without IPv6
		}
		for line := range strings.Lines(string(text)) {
			fields := strings.Fields(line)
			if len(fields) >= tcpFields && fields[tcpState] == tcpListens && strings.HasSuffix(fields[tcpLocal], end) {
				found["socket:["+fields[tcpInode]+"]"] = true
			}
		}
	}
	return found
}

// holder finds the process that has such a socket open. The files of another user's process cannot
// be read.
func holder(port int) bilingual.Text {
	sockets := Sockets(port)
	processes, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(sockets) == 0 {
		return unknown
	}
	for _, process := range processes {
		if !holds(process, sockets) {
			continue
		}
		name, err := os.ReadFile(filepath.Join(process, "comm"))
		if err != nil {
			return unknown // it has just ended
		}
		return bilingual.Sprintf("process %s (%s)", "进程 %s（%s）", filepath.Base(process), strings.TrimSpace(string(name)))
	}
	return unknown
}

// holds reports whether a process has one of the sockets open.
func holds(process string, sockets map[string]bool) bool {
	files, err := os.ReadDir(filepath.Join(process, "fd"))
	if err != nil {
		return false
	}
	for _, file := range files {
		target, err := os.Readlink(filepath.Join(process, "fd", file.Name()))
		if err == nil && sockets[target] {
			return true
		}
	}
	return false
}
