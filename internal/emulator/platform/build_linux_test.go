package platform_test

import (
	"os"
	"path/filepath"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// The go command runs in a process group of its own: Ctrl-C in a terminal reaches this process
// alone, which then ends the command.
func TestGoCommandIsNotInterruptedItself(t *testing.T) { // not parallel: it sets PATH
	const script = "#!/bin/sh\nread -r pid name state parent group rest < /proc/$$/stat\necho $group $pid\n"
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "go"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin+":"+os.Getenv("PATH"))
	group, pid, err := platform.Module(t.Context())
	if err != nil || group == "" || group != pid {
		t.Errorf("the go command is process %s of group %s, want a group of its own: %v", pid, group, err)
	}
}
