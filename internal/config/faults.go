package config

import (
	"slices"

	"cloudpay/internal/bilingual"
)

// Fault is one fault of the environment. Its texts never contain a value.
type Fault struct {
	// Variable is the name that is set, or that should be.
	Variable string
	// Problem continues the name: "is not set".
	Problem bilingual.Text
	// Remedy is an instruction: "give v3 or v2".
	Remedy bilingual.Text
}

// String is the fault in one line, in English.
func (f Fault) String() string { return f.Wording().EN }

// Wording is the fault in one line, in both languages.
func (f Fault) Wording() bilingual.Text {
	return bilingual.Sprintf("%s %s: %s", "%s %s：%s", f.Variable, f.Problem, f.Remedy)
}

// Faults is the error of [Load]: every fault, misspelt names first, then in the order of the
// README's table.
type Faults struct { //nolint:errname // it is named for what it holds; the list is the point
	List []Fault
}

// Error is the whole report: a line with the count, then a line for each fault.
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

// Has reports whether the variable has a fault, itself or as a file.
func (f *Faults) Has(variable string) bool {
	return slices.ContainsFunc(f.List, func(fault Fault) bool {
		return fault.Variable == variable || fault.Variable == variable+FileSuffix
	})
}

// add appends a fault of v; nil is none. A fault without a remedy gets the variable's.
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
