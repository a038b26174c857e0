// Package nodetest is for tests of what is written in JavaScript: it skips them, loudly, where
// Node.js is not installed, and runs Node.js's own tests.
package nodetest

import (
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"testing"
)

// Need skips the test where node and npm are not installed. With CI=true it fails the test.
func Need(t testing.TB) {
	t.Helper()
	for _, program := range []string{"node", "npm"} {
		if _, err := exec.LookPath(program); err != nil {
			SkipMissing(t, "Node.js 20 with npm is not installed (Debian: apt-get install nodejs npm)")
		}
	}
}

// SkipMissing skips the test for want of a program that can be installed. With CI=true it fails the
// test.
func SkipMissing(t testing.TB, missing string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIPPED: " + missing)
}

// summary is how the runner of Node.js counts, in TAP.
var summary = regexp.MustCompile(`(?m)^# (tests|fail|skipped) (\d+)$`)

// Run runs scripts by the runner of Node.js. The test fails if one of theirs fails or is skipped,
// or if there are fewer than least: a run that finds no tests is no success. Files that the scripts
// read are named in reads: go test repeats a result until a file changes that its own process has
// opened, and does not see those that Node.js opens.
func Run(t testing.TB, least int, scripts, reads []string) {
	t.Helper()
	Need(t)
	for _, file := range append(reads, scripts...) {
		if _, err := os.ReadFile(file); err != nil {
			t.Fatal(err)
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
	if counts["tests"] < least || counts["fail"] > 0 || counts["skipped"] > 0 {
		t.Errorf("got %v, want at least %d tests, and none failed or skipped\n%s", counts, least, output)
	}
}
