// Command covergate copies the output of `go test -cover` from its input to its output, and fails when a package in it
// is covered less than its gate asks.
//
//	go test -cover ./... | covergate PATTERN=PERCENT...
//
// A pattern is a package's path, or one that ends in /* for the packages right below it. A gate that no package of the
// output meets is a failure as well: it guards nothing. So is a test that failed, for shells whose pipes hide it.
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

// gate is what packages must reach, and whether any was seen.
type gate struct {
	pattern string
	percent float64
	seen    bool
}

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

// coverage matches a line of go test: "ok  \tshop/pkg/v2xml\t0.02s\tcoverage: 97.5% of statements", or without the
// "ok" and the time when a package has no tests.
var coverage = regexp.MustCompile(`^(?:ok)?\s+(\S+)\s.*\bcoverage: ([0-9.]+)% of statements`)

// longestLine is what a failing test may print at most in one line.
const longestLine = 16 << 20

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
