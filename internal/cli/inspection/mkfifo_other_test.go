//go:build !unix

package inspection_test

import "errors"

// mkfifo makes no named pipe here.
func mkfifo(string) error { return errors.ErrUnsupported }
