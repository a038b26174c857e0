package platform_test

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// memoryIsMeasured says whether this system tells a process's memory.
const memoryIsMeasured = true

// emulate is what this test binary does as an emulator: it starts one function, which goes to the
// meeting named on standard input, and waits to be killed.
func emulate(binary string) {
	var address string
	if _, err := fmt.Scanln(&address); err != nil {
		os.Exit(1)
	}
	f, err := platform.Start(context.Background(), platform.Spec{Name: "hello", Binary: binary, TimeLimit: testTimeout})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	_, _ = f.Invoke(context.Background(), do{Do: "meet", Address: address}.event())
	os.Exit(1) // only if nobody killed it
}

func TestFunctionsDieWithTheEmulator(t *testing.T) {
	t.Parallel()
	m := openMeeting(t)
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = []string{emulatorVariable + "=" + hello, "GOCOVERDIR=" + t.TempDir()}
	cmd.Stderr = os.Stderr
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(input, m.l.Addr().String()+"\n"); err != nil {
		t.Fatal(err)
	}
	g := m.await()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	g.wantDead(t)
}
