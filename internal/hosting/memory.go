package hosting

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// cgroupLimits are the files with a container's memory limit: cgroup version 2's, and version 1's.
// Inside a container, its own limit is in the root.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// noLimit is more than any machine has: cgroup version 1 writes a number near 2^63 for no limit.
const noLimit = 1 << 50

// limitMemory sets Go's soft memory limit from the platform's figure in MB (0: unknown) or the
// container's, so that the runtime collects garbage sooner instead of being killed. The operator's
// GOMEMLIMIT, which the runtime has read by itself, stays.
func limitMemory(getenv func(string) string, platformMB int) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := softLimit(platformMB, containerMemory(os.ReadFile)); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// softLimit is three quarters of the smaller figure; 0: neither is known. The rest is for what the
// runtime does not count: the binary's pages, and the kernel's for connections.
func softLimit(platformMB int, container int64) int64 {
	limit := int64(platformMB) << 20
	if limit == 0 || container > 0 && container < limit {
		limit = container
	}
	return limit / 4 * 3
}

// containerMemory is the container's limit in bytes; 0: it has none.
func containerMemory(readFile func(string) ([]byte, error)) int64 {
	for _, name := range cgroupLimits {
		text, err := readFile(name)
		if err != nil {
			continue
		}
		// "max" is version 2's word for no limit.
		limit, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
		if err == nil && limit > 0 && limit < noLimit {
			return limit
		}
	}
	return 0
}
