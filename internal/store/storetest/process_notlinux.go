//go:build unix && !linux

package storetest

import "syscall"

// dieWithUs cannot end the server of a killed test on this system; it has to be stopped by hand.
func dieWithUs() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true}
}
