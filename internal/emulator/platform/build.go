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
	"time"
)

// maxBuildOutput is the most bytes of the compiler's output in an error.
const maxBuildOutput = 2 << 10

// maxGoEnd is how long the go command may take to end after it was interrupted.
const maxGoEnd = 5 * time.Second

// goCommand prepares the go command. It ends when ctx ends. Ctrl-C in a terminal does not reach it,
// because it runs in a process group of its own: ctx alone tells an interrupted build from a failed
// one. It is interrupted and not killed, so that it can end what it began.
func goCommand(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	isolate(cmd)
	cmd.Cancel = func() error {
		interruptGroup(cmd.Process) // the compilers too
		return nil
	}
	cmd.WaitDelay = maxGoEnd
	return cmd
}

// killed ends what an interrupted go command has left running.
func killed(ctx context.Context, cmd *exec.Cmd) {
	if ctx.Err() != nil && cmd.Process != nil {
		killGroup(cmd.Process)
	}
}

// Module returns the path and the folder of the main module that the go command finds in the
// working directory of this process. When ctx ends first, the error wraps ctx's.
func Module(ctx context.Context) (path, dir string, err error) {
	cmd := goCommand(ctx, "list", "-m", "-f", "{{.Path}} {{.Dir}}")
	out, err := cmd.Output()
	killed(ctx, cmd)
	if err = cmp.Or(ctx.Err(), err); err != nil {
		return "", "", fmt.Errorf("finding the module: %w", err)
	}
	path, dir, _ = strings.Cut(strings.TrimSpace(string(out)), " ")
	return path, dir, nil
}

// Build compiles the command in package pkg (as `go build` takes it, such as
// ./functions/closeorder) of the module in moduleDir to the file out. The flags are those of a
// deployment, but the target is this machine: no paths, no symbols, no C, and with the tag
// lambda.norpc, without which aws-lambda-go links net/rpc.
//
// The error names the missing go command, wraps ctx's error when ctx ended, or carries the first 2
// KB of the compiler's output in one line.
func Build(ctx context.Context, moduleDir, pkg, out string, tags ...string) error {
	out, err := filepath.Abs(out)
	if err != nil {
		return fmt.Errorf("building %s: %w", pkg, err)
	}
	temp, err := os.MkdirTemp(os.Getenv("GOTMPDIR"), "cloudpay-build-")
	if err != nil {
		return fmt.Errorf("building %s: %w", pkg, err)
	}
	defer sweep(temp)
	tags = append(slices.Clone(tags), "lambda.norpc")
	cmd := goCommand(ctx, "build", "-trimpath", "-ldflags", "-s -w", "-tags", strings.Join(tags, ","), "-o", out, pkg)
	cmd.Dir = moduleDir
	// A developer may have set GOOS for a deployment; this binary must run on this machine.
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH, "GOTMPDIR="+temp)
	said, err := cmd.CombinedOutput()
	killed(ctx, cmd)
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

// sweep removes the folder of a build's temporary files. An interrupted go command removes its own
// while its compilers still write into it, and then leaves some of it behind. Those were killed by
// now, and may take a moment to end.
func sweep(temp string) {
	const attempts, pause = 100, 10 * time.Millisecond
	for range attempts {
		if os.RemoveAll(temp) == nil {
			return
		}
		<-time.After(pause)
	}
}
