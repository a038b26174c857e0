package hosting

import (
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// cgroupLimits are where Linux says how much memory a container may have: version 2's file, and
// version 1's. Inside a container its own limit is the root's.
var cgroupLimits = []string{"/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"}

// noLimit is more than any machine has: cgroup's version 1 says that there is no limit by a number
// close to 2^63.
const noLimit = 1 << 50

// limitMemory tells Go's runtime how much memory it should make do with, by the platform's figure
// in MB (0 for none) or the container's: it then collects garbage sooner instead of being killed.
// GOMEMLIMIT, which the runtime has read by itself, is the operator's word and stays.
func limitMemory(getenv func(string) string, platformMB int) {
	if getenv("GOMEMLIMIT") != "" {
		return
	}
	if limit := softLimit(platformMB, containerMemory(os.ReadFile)); limit > 0 {
		debug.SetMemoryLimit(limit)
	}
}

// softLimit is three quarters of the smaller figure, 0 when there is none. The rest is for what the
// runtime does not count: the binary's own pages, and the kernel's for its connections.
func softLimit(platformMB int, container int64) int64 {
	limit := int64(platformMB) << 20
	if limit == 0 || container > 0 && container < limit {
		limit = container
	}
	return limit / 4 * 3
}

// containerMemory is what the container may have, in bytes; 0 when it has no limit.
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
