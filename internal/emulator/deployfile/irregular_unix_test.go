//go:build unix

package deployfile_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cloudpay/internal/emulator/deployfile"
)

// What is no regular file is refused before it is opened, which a pipe would never let end, and so
// is a link that leads to itself.
func TestNoRegularFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	pipe, loop := filepath.Join(dir, "pipe.yml"), filepath.Join(dir, "loop.yml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(loop, loop); err != nil {
		t.Fatal(err)
	}
	for path, says := range map[string]string{
		pipe: "no regular file", dir: "no regular file", os.DevNull: "no regular file", loop: "too many levels of symbolic links",
	} {
		_, err := deployfile.ReadFile(path, deployfile.Source{Lenient: true, Lookup: os.LookupEnv})
		_, envErr := deployfile.ReadEnvFile(path)
		for _, err := range []error{err, envErr} {
			if err == nil || !strings.Contains(err.Error(), says) {
				t.Errorf("%s: got %v, want an error that says %q", filepath.Base(path), err, says)
			}
		}
	}
}
