package hosting_test

import (
	"io/fs"
	"os/exec"
	"strconv"
	"testing"

	"cloudpay/internal/hosting"
)

func TestSoftLimit(t *testing.T) {
	t.Parallel()
	const mb = 1 << 20
	for _, c := range []struct {
		platformMB      int
		container, want int64
	}{
		{0, 0, 0}, {128, 0, 96 * mb}, {0, 256 * mb, 192 * mb}, {128, 64 * mb, 48 * mb}, {64, 128 * mb, 48 * mb}, {3072, 0, 2304 * mb},
	} {
		if got := hosting.SoftLimit(c.platformMB, c.container); got != c.want {
			t.Errorf("%d MB of the platform's and %d bytes of the container's: got %d, want %d", c.platformMB, c.container, got, c.want)
		}
	}
}

func TestContainerMemory(t *testing.T) {
	t.Parallel()
	const v2, v1 = "/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"
	for name, c := range map[string]struct {
		files map[string]string
		want  int64
	}{
		"version 2":           {map[string]string{v2: "134217728\n"}, 134217728},
		"version 1":           {map[string]string{v1: "268435456\n"}, 268435456},
		"version 2, no limit": {map[string]string{v2: "max\n"}, 0},
		"version 1, no limit": {map[string]string{v1: "9223372036854771712\n"}, 0},
		"none":                {nil, 0},
		"nonsense":            {map[string]string{v2: "128M\n", v1: "-1\n"}, 0},
	} {
		got := hosting.ContainerMemory(func(name string) ([]byte, error) {
			text, ok := c.files[name]
			if !ok {
				return nil, fs.ErrNotExist
			}
			return []byte(text), nil
		})
		if got != c.want {
			t.Errorf("%s: got %d, want %d", name, got, c.want)
		}
	}
}

// The limit reaches Go's runtime in a process that serves, and GOMEMLIMIT is left alone.
func TestMemoryIsLimited(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		env  []string
		want int64
	}{
		"the platform's":      {[]string{memoryVariable + "=32"}, 24 << 20},
		"the operator's":      {[]string{memoryVariable + "=32", "GOMEMLIMIT=50MiB"}, 50 << 20},
		"the operator's, off": {[]string{memoryVariable + "=32", "GOMEMLIMIT=off"}, 1<<63 - 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := startWeb(t, command(t, append(c.env, "PORT=0")...), (*exec.Cmd).StderrPipe)
			if got := p.send("GET", "/memory", "").content; got != strconv.FormatInt(c.want, 10) {
				t.Errorf("got a limit of %s bytes, want %d", got, c.want)
			}
		})
	}
}
