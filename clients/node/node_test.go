// Package node_test runs the tests of the npm package in this folder.
package node_test

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// leastTests is how many tests the package has at least: a run that finds none is no success.
const leastTests = 30

// summary is how the runner of Node.js counts, in TAP.
var summary = regexp.MustCompile(`(?m)^# (tests|fail|skipped) (\d+)$`)

// scripts are opened by the test itself: go test remembers a result until a file changes that its
// own process has opened, and does not see those of Node.js.
var scripts = []string{"index.js", "test/dropin.test.js"}

// TestPackage runs the package's tests on the Node.js that is installed.
func TestPackage(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	switch {
	case err == nil:
		t.Logf("on Node.js %s", version)
	case os.Getenv("CI") == "true":
		t.Fatal("CI must have Node.js: internal/toolchain/install.sh receivers")
	default:
		t.Skip("SKIPPED: Node.js is not installed, so clients/node was not tested")
	}
	for _, script := range scripts {
		if _, err := os.ReadFile(script); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=tap", "test/dropin.test.js")
	cmd.Env = append(os.Environ(), "NODE_OPTIONS=")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	counts := map[string]int{}
	for _, match := range summary.FindAllSubmatch(output, -1) {
		counts[string(match[1])], _ = strconv.Atoi(string(match[2]))
	}
	if counts["tests"] < leastTests || counts["fail"] > 0 || counts["skipped"] > 0 {
		t.Errorf("got %v, want at least %d tests, and none failed or skipped\n%s", counts, leastTests, output)
	}
}
