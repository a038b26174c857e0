package config

import (
	"fmt"
	"slices"
	"strings"
)

// Fault is one thing wrong with the environment. Its texts never hold a value.
type Fault struct {
	Variable string // its name as it was given, or as it should have been
	Problem  string // goes on from the name: "is not set"
	Remedy   string // what to do, as an order: "give v3 or v2"
}

// String is the fault in one line.
func (f Fault) String() string { return f.Variable + " " + f.Problem + ": " + f.Remedy }

// Faults is the error of [Load]: everything that is wrong, misspelt names first, then in the order of the README's table.
type Faults struct { //nolint:errname // it is named for what it holds; the list is the point
	List []Fault
}

// Error is the whole report: a line that counts, then a line for each fault.
func (f *Faults) Error() string {
	var report strings.Builder
	if len(f.List) == 1 {
		report.WriteString("the configuration has a fault:")
	} else {
		fmt.Fprintf(&report, "the configuration has %d faults:", len(f.List))
	}
	for _, fault := range f.List {
		report.WriteString("\n  " + fault.String())
	}
	return report.String()
}

// Has tells whether any fault is about the variable, or about the file that it was to be read from.
func (f *Faults) Has(variable string) bool {
	return slices.ContainsFunc(f.List, func(fault Fault) bool {
		return fault.Variable == variable || fault.Variable == variable+fileSuffix
	})
}

// add files a fault under v; nil is none.
func (f *Faults) add(v variable, fault *Fault) {
	if fault == nil {
		return
	}
	remedy := fault.Remedy
	if remedy == "" {
		remedy = v.remedy
	}
	f.List = append(f.List, Fault{Variable: v.name, Problem: fault.Problem, Remedy: remedy})
}
