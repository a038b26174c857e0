package desk

import (
	"debug/elf"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// place writes an executable for a machine: the head of this test's own, with the machine's name in
// it.
func place(t *testing.T, machine elf.Machine, path ...string) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(self)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	const length = 64 // an ELF header of 64 bits
	head := make([]byte, length)
	if _, err := io.ReadFull(file, head); err != nil {
		t.Fatal(err)
	}
	head[18], head[19] = byte(machine), byte(machine>>8)
	for i := 0x20; i < 0x30; i++ {
		head[i] = 0 // no tables follow
	}
	for i := 0x38; i < length; i++ {
		head[i] = 0
	}
	to := filepath.Join(path...)
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, head, 0o700); err != nil {
		t.Fatal(err)
	}
}

// A function is found where Build puts it and where `make package` puts it, and only for a
// machine like this one.
func TestFind(t *testing.T) {
	t.Parallel()
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: executables are looked into on Linux only")
	}
	here, foreign := elf.EM_X86_64, elf.EM_AARCH64
	if runtime.GOARCH == "arm64" {
		here, foreign = foreign, here
	}
	plain, scf, lambda := "closeorder", "closeorder/main", "lambda/closeorder/bootstrap"
	for name, test := range map[string]struct {
		here, foreign []string
		on            platform.Runtime
		want          string // or what is said
	}{
		"built by emulate":              {here: []string{plain}, on: platform.Go1, want: plain},
		"dist for SCF":                  {here: []string{scf}, foreign: []string{lambda}, on: platform.Go1, want: scf},
		"dist as a web function":        {here: []string{scf, lambda}, on: platform.Web, want: scf},
		"dist for Lambda":               {here: []string{scf, lambda}, on: platform.Lambda, want: lambda},
		"dist for Lambda, other arch":   {here: []string{scf}, foreign: []string{lambda}, on: platform.Lambda, want: scf},
		"dist for SCF, other arch":      {here: []string{lambda}, foreign: []string{scf}, on: platform.Go1, want: lambda},
		"all of it for another machine": {foreign: []string{scf, lambda}, on: platform.Go1, want: "is for another machine than this one"},
		"nothing":                       {on: platform.Go1, want: "there is no function closeorder in"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			for _, path := range test.here {
				place(t, here, dir, path)
			}
			for _, path := range test.foreign {
				place(t, foreign, dir, path)
			}
			place(t, here, dir, "web/main")
			if found, err := Find(dir, test.on); err == nil {
				t.Errorf("got %v without queryorder", found)
			}
			place(t, here, dir, "queryorder")
			if found, err := Find(dir, test.on); err == nil && found["web"] != filepath.Join(dir, "web", "main") {
				t.Errorf("got %v, want web, too", found)
			}
			got, err := find(dir, "closeorder", test.on)
			if err != nil {
				if !strings.Contains(err.Error(), test.want) {
					t.Errorf("got %v, want %q", err, test.want)
				}
				return
			}
			if want := filepath.Join(dir, test.want); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}
