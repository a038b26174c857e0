package platform_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// module writes a one-file module.
func module(t *testing.T, code string) string {
	t.Helper()
	folder := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.com/m\n\ngo 1.26\n", "main.go": code} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

func TestBuildMakesAProgramForThisMachine(t *testing.T) { // not parallel: it sets the developer's environment
	t.Setenv("GOOS", "plan9")
	t.Setenv("GOARCH", "386")
	folder := module(t, `package main

func main() { print("built") }
`)
	program := filepath.Join(folder, "bin", "program.exe")
	if err := platform.Build(t.Context(), folder, ".", program); err != nil {
		t.Fatal(err)
	}
	said, err := exec.CommandContext(t.Context(), program).CombinedOutput()
	if err != nil || string(said) != "built" {
		t.Errorf("running it: got %q and %v, want %q", said, err, "built")
	}
	code, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(code), folder) {
		t.Errorf("the program names its build folder %s; -trimpath is missing", folder)
	}
}

func TestBuildTellsWhatTheCompilerSays(t *testing.T) {
	t.Parallel()
	folder := module(t, `package main

func main() { undefinedA(); undefinedB() }
`)
	err := platform.Build(t.Context(), folder, ".", filepath.Join(folder, "program"))
	wantError(t, err, "building .: ", "main.go:3:15: undefined: undefinedA", " | ", "undefinedB")

	err = platform.Build(t.Context(), folder, "./nowhere", filepath.Join(folder, "program"))
	wantError(t, err, "building ./nowhere: ")
}

func TestBuildWithoutTime(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := platform.Build(ctx, ".", "./testdata/hello", filepath.Join(t.TempDir(), "hello"))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Build: got %v, want context.Canceled", err)
	}
}

func TestBuildWithoutGo(t *testing.T) { // not parallel: it takes the PATH away
	t.Setenv("PATH", t.TempDir())
	err := platform.Build(t.Context(), ".", "./testdata/hello", filepath.Join(t.TempDir(), "hello"))
	wantError(t, err, "the go command is not on the PATH", "go.dev/dl")
}
