//go:build linux

package keys_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"cloudpay/internal/cli/keys"
)

// childVariable makes this test binary the program in the terminal.
const childVariable = "CLOUDPAY_TEST_KEYS"

func TestMain(m *testing.M) {
	if os.Getenv(childVariable) != "" {
		child()
		return
	}
	os.Exit(m.Run())
}

// child prints the keys that it gets, and ends at a q.
func child() {
	ctx, cancel := context.WithCancel(context.Background())
	_, _ = os.Stdout.WriteString("ready\n")
	keys.Watch(ctx, os.Stdin, func(key byte) {
		_, _ = os.Stdout.WriteString("<" + string(key) + ">")
		if key == 'q' {
			cancel()
		}
	})
	_, _ = os.Stdout.WriteString("end\n")
}

// A key arrives without Enter, and is not shown.
func TestWatch(t *testing.T) {
	t.Parallel()
	control, terminal := openTerminal(t)
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"=1")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = terminal, terminal, terminal
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = terminal.Close() // the child has its own
	said := ""
	read := func(until string) {
		t.Helper()
		buffer := make([]byte, 100)
		for !strings.Contains(said, until) {
			n, err := control.Read(buffer)
			if err != nil {
				t.Fatalf("after %q: %v", said, err)
			}
			said += string(buffer[:n])
		}
	}
	read("ready")
	for _, key := range []string{"r", "q"} {
		if _, err := control.WriteString(key); err != nil {
			t.Fatal(err)
		}
		read("<" + key + ">")
	}
	read("end")
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
}

// What is no terminal is left alone.
func TestNoTerminal(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "file"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	keys.Watch(t.Context(), file, func(byte) { t.Error("got a key of a file") })
}

// openTerminal opens a pair of pseudo terminals.
func openTerminal(t *testing.T) (control, terminal *os.File) {
	t.Helper()
	control, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("SKIPPED: no pseudo terminals here: %v", err)
	}
	t.Cleanup(func() { _ = control.Close() })
	if err := unix.IoctlSetPointerInt(int(control.Fd()), unix.TIOCSPTLCK, 0); err != nil {
		t.Fatal(err)
	}
	number, err := unix.IoctlGetInt(int(control.Fd()), unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	terminal, err = os.OpenFile("/dev/pts/"+strconv.Itoa(number), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return control, terminal
}
