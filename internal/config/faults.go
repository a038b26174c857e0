package config

import (
	"slices"

	"cloudpay/internal/bilingual"
)

// Fault is one thing wrong with the environment. Its texts never hold a value.
type Fault struct {
	Variable string         // its name as it was given, or as it should have been
	Problem  bilingual.Text // goes on from the name: "is not set"
	Remedy   bilingual.Text // what to do, as an order: "give v3 or v2"
}

// String is the fault in one line.
func (f Fault) String() string { return f.Wording().EN }

// Wording is the fault in one line in both languages.
func (f Fault) Wording() bilingual.Text {
	return bilingual.Sprintf("%s %s: %s", "%s %s：%s", f.Variable, f.Problem, f.Remedy)
}

// Faults is the error of [Load]: everything that is wrong, misspelt names first, then in the order of the README's table.
type Faults struct { //nolint:errname // it is named for what it holds; the list is the point
	List []Fault
}

// Error is the whole report: a line that counts, then a line for each fault.
func (f *Faults) Error() string { return f.Wording().EN }

// Wording is the whole report in both languages.
func (f *Faults) Wording() bilingual.Text {
	report := bilingual.New("the configuration has a fault:", "配置有 1 项错误：")
	if len(f.List) != 1 {
		report = bilingual.Sprintf("the configuration has %d faults:", "配置有 %d 项错误：", len(f.List))
	}
	for _, fault := range f.List {
		line := fault.Wording()
		report.EN, report.ZH = report.EN+"\n  "+line.EN, report.ZH+"\n  "+line.ZH
	}
	return report
}

// Has tells whether any fault is about the variable, or about the file that it was to be read from.
func (f *Faults) Has(variable string) bool {
	return slices.ContainsFunc(f.List, func(fault Fault) bool {
		return fault.Variable == variable || fault.Variable == variable+FileSuffix
	})
}

// add files a fault under v; nil is none.
func (f *Faults) add(v variable, fault *Fault) {
	if fault == nil {
		return
	}
	remedy := fault.Remedy
	if remedy == (bilingual.Text{}) {
		remedy = v.remedy
	}
	f.List = append(f.List, Fault{Variable: v.name, Problem: fault.Problem, Remedy: remedy})
}
