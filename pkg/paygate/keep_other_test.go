//go:build !linux

package paygate_test

import (
	"testing"
	"time"
)

// smallDisk ends the test: only Linux has file systems of any size.
func smallDisk(t *testing.T, _ string) string {
	t.Helper()
	t.Skip("NOT TESTED: no small file system can be mounted here")
	return ""
}

// processorTime is zero: it is measured on Linux only.
func processorTime(*testing.B) time.Duration { return 0 }
