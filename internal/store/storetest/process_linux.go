package storetest

import "syscall"

// dieWithUs ends a server when the test is killed and cannot. A group of its own keeps the terminal's Ctrl-C from it.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGQUIT}
}
