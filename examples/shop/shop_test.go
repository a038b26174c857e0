// Package shop_test runs the tests of the example shop, which is written in JavaScript.
package shop_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
)

// leastTests is how many tests the shop has at least: a run that finds none is no success.
const leastTests = 55

// summary is how the runner of Node.js counts, in TAP.
var summary = regexp.MustCompile(`(?m)^# (tests|fail|skipped) (\d+)$`)

// TestShop runs them on the Node.js that is installed. They need no network and no packages.
func TestShop(t *testing.T) {
	t.Parallel()
	version, err := exec.CommandContext(t.Context(), "node", "--version").Output()
	switch {
	case err == nil:
		t.Logf("on Node.js %s", version)
	case os.Getenv("CI") == "true":
		t.Fatal("CI must have Node.js: internal/toolchain/install.sh receivers")
	default:
		t.Skip("SKIPPED: Node.js is not installed, so examples/shop was not tested")
	}
	scripts := scripts(t)
	// The runner's result is remembered until a file changes that this process has opened, and it
	// does not see those that Node.js opens.
	for _, pattern := range []string{"server/*", "cloudfunctions/order/*.js"} {
		for _, file := range glob(t, pattern) {
			if _, err := os.ReadFile(file); err != nil {
				t.Fatal(err)
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"--test", "--test-reporter=tap"}, scripts...)...)
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

// scripts are the files of tests.
func scripts(t *testing.T) []string {
	t.Helper()
	found := glob(t, "test/*.test.*")
	for _, file := range found {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	found, err := filepath.Glob(pattern)
	if err != nil || len(found) == 0 {
		t.Fatalf("%s: found %v, %v", pattern, found, err)
	}
	return found
}
