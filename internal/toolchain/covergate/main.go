// Command covergate copies the output of `go test -cover` from its input to its output, and fails
// if a package's coverage is below its gate.
//
//	go test -cover ./... | covergate PATTERN=PERCENT...
//
// A pattern is the path of a package, or one with /* at its end for the packages directly below it.
// A gate without a package in the output is a failure: it guards nothing. So is a failed test, for
// shells in which a pipe hides it.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
)

func main() {
	gates, err := parseGates(os.Args[1:])
	if err == nil {
		err = hold(gates, os.Stdin, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "covergate:", err)
		os.Exit(1)
	}
}

// gate is the percentage that packages must reach, and whether one was seen.
type gate struct {
	pattern string
	percent float64
	seen    bool
}

// parseGates parses PATTERN=PERCENT.
func parseGates(args []string) ([]*gate, error) {
	gates := make([]*gate, 0, len(args))
	for _, arg := range args {
		pattern, number, _ := strings.Cut(arg, "=")
		percent, err := strconv.ParseFloat(number, 64)
		if err != nil {
			return nil, fmt.Errorf("%q is not PATTERN=PERCENT: %w", arg, err)
		}
		gates = append(gates, &gate{pattern: pattern, percent: percent})
	}
	return gates, nil
}

// coverage matches a line of go test: "ok  \tshop/pkg/v2xml\t0.02s\tcoverage: 97.5% of statements".
// A package without tests has neither the "ok" nor the time.
var coverage = regexp.MustCompile(`^(?:ok)?\s+(\S+)\s.*\bcoverage: ([0-9.]+)% of statements`)

// longestLine is the most bytes that a failing test may print in one line.
const longestLine = 16 << 20

// hold copies the lines and returns every fault: packages below their gate or failed, and gates
// without a package.
func hold(gates []*gate, in io.Reader, out io.Writer) error {
	var faults []error
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, longestLine)
	for lines.Scan() {
		if _, err := fmt.Fprintln(out, lines.Text()); err != nil {
			return err
		}
		if strings.HasPrefix(lines.Text(), "FAIL\t") {
			faults = append(faults, fmt.Errorf("a package failed: %s", lines.Text()))
		}
		match := coverage.FindStringSubmatch(lines.Text())
		if match == nil {
			continue
		}
		percent, err := strconv.ParseFloat(match[2], 64)
		if err != nil {
			return err
		}
		faults = append(faults, check(gates, match[1], percent))
	}
	for _, gate := range gates {
		if !gate.seen {
			faults = append(faults, fmt.Errorf("no package %s has a coverage of %g %% or any other", gate.pattern, gate.percent))
		}
	}
	return errors.Join(append(faults, lines.Err())...)
}

// check compares a package with its gates.
func check(gates []*gate, pkg string, percent float64) error {
	for _, gate := range gates {
		parent, star := strings.CutSuffix(gate.pattern, "/*")
		if gate.pattern != pkg && (!star || path.Dir(pkg) != parent) {
			continue
		}
		gate.seen = true
		if percent < gate.percent {
			return fmt.Errorf("%s is covered %g %%, less than %g %%", pkg, percent, gate.percent)
		}
	}
	return nil
}
