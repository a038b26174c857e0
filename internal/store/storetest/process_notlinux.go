//go:build unix && !linux

package storetest

import "syscall"

// dieWithUs can do nothing here for a test that is killed: its server has to be stopped by hand.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
