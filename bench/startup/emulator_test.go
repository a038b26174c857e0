package startup_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "cloudpay/internal/cli/world" // see the package comment's imports
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// emulatorBuilt builds the command with the functions beside it, as `make package` does into
// dist/emulator.
var emulatorBuilt = sync.OnceValues(func() (program string, err error) {
	bin := filepath.Join(folder, "emulator")
	for _, source := range []string{"cmd/cloudpay", "functions/closeorder", "functions/queryorder"} {
		if err := platform.Build(context.Background(), "../..", "./"+source, filepath.Join(bin, filepath.Base(source)), "sqlite"); err != nil {
			return "", err
		}
	}
	return filepath.Join(bin, "cloudpay"), nil
})

// BenchmarkEmulate measures from exec until everything that the emulator describes answers: in a
// new folder, for which keys and tables are made, and in one that it has used before.
func BenchmarkEmulate(b *testing.B) {
	program, err := emulatorBuilt()
	if err != nil {
		b.Fatal(err)
	}
	b.Run("new", func(b *testing.B) {
		for b.Loop() {
			startEmulator(b, program, filepath.Join(b.TempDir(), "emu"))
		}
	})
	b.Run("again", func(b *testing.B) {
		dir := filepath.Join(b.TempDir(), "emu")
		startEmulator(b, program, dir)
		b.ResetTimer()
		for b.Loop() {
			startEmulator(b, program, dir)
		}
	})
}

// startEmulator starts an emulator, and ends it when it serves; the ending is not measured.
func startEmulator(b *testing.B, program, dir string) {
	b.Helper()
	var printed bytes.Buffer
	cmd := exec.CommandContext(b.Context(), program, "emulate", "--dir", dir, "--port-base", "0")
	cmd.Env = []string{}
	cmd.Stderr, cmd.Stdout = &printed, &printed
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	file := filepath.Join(dir, desk.File)
	for begin := time.Now(); ; {
		if _, err := os.Stat(file); err == nil {
			break
		}
		if time.Since(begin) > time.Minute {
			b.Fatalf("it does not serve:\n%s", printed.String())
		}
		time.Sleep(time.Millisecond)
	}
	b.StopTimer()
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatalf("%v\n%s", err, printed.String())
	}
	b.StartTimer()
}
