package platform

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// maxBuildOutput is how much of the compiler's complaints an error carries.
const maxBuildOutput = 2 << 10

// goCommand is the go command, which ends with ctx and is not reached by Ctrl-C itself: whether it
// was interrupted is then known from ctx, and not guessed from how it ended.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	isolate(cmd)
	cmd.Cancel = func() error {
		killGroup(cmd.Process) // the compilers too
		return nil
	}
	return cmd
}

// Module is the main module, by its path and folder, that the go command finds in the process's
// working directory. When ctx ends first, the error is ctx's.
func Module(ctx context.Context) (path, dir string, err error) {
	out, err := goCommand(ctx, "list", "-m", "-f", "{{.Path}} {{.Dir}}").Output()
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return "", "", fmt.Errorf("finding the module: %w", err)
	}
	path, dir, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return path, dir, nil
}

// Build compiles the command in package pkg (as `go build` takes it, such as
// ./functions/closeorder) of the module in moduleDir to the file out, the way it is compiled for
// deployment, but for this machine: no paths, no symbols, no C, and with the tag lambda.norpc,
// without which aws-lambda-go links net/rpc.
func Build(ctx context.Context, moduleDir, pkg, out string, tags ...string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("building %s: %w", pkg, err)
	}
	tags = append(slices.Clone(tags), "lambda.norpc")
	cmd := goCommand(ctx, "build", "-trimpath", "-ldflags", "-s -w", "-tags", strings.Join(tags, ","), "-o", out, pkg)
	cmd.Dir = moduleDir
	// A developer's own GOOS is for deploying; what is built here must run here.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	said, err := cmd.CombinedOutput()
	switch {
	case err == nil:
		return nil
	case errors.Is(err, exec.ErrNotFound):
		return fmt.Errorf("building %s: the go command is not on the PATH, install Go (go.dev/dl): %w", pkg, err)
	case ctx.Err() != nil:
		return fmt.Errorf("building %s: %w", pkg, ctx.Err())
	default:
		text := strings.Join(strings.Split(strings.TrimSpace(string(said)), "\n"), " | ")
		return fmt.Errorf("building %s: %w: %s", pkg, err, text[:min(len(text), maxBuildOutput)])
	}
}
