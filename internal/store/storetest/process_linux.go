package storetest

import "syscall"

// dieWithUs ends a server when the test is killed. A process group of its own keeps the terminal's
// Ctrl-C from the server.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
