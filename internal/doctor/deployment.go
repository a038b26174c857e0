package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// ExamineDeployment reads a file that describes functions for their deployment (package deployfile)
// and yields what is sure to be wrong with those of cloudpay: the functions with a variable of the
// README's table. Placeholders are not filled in, and nothing is looked up elsewhere, so that the
// result is the same on every machine. A value in the file is never in a finding.
func ExamineDeployment(file string) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		functions, err := deployfile.ReadFile(file, deployfile.Source{Raw: true})
		for _, finding := range append(unreadable(file, err), examineFunctions(file, functions, err)...) {
			if !yield(finding) {
				return
			}
		}
	}
}

// unreadable has a finding for each fault of the file itself.
func unreadable(file string, err error) []Finding {
	if err == nil {
		return nil
	}
	list := []error{err}
	if several, is := errors.AsType[interface {
		error
		Unwrap() []error
	}](err); is {
		list = several.Unwrap()
	}
	if errors.Is(err, fs.ErrNotExist) {
		return []Finding{deploymentCheck.about(file).fault(bilingual.Wording(err),
			bilingual.New("name the file that is deployed", "请指定实际部署所用的文件"))}
	}
	findings := make([]Finding, 0, len(list))
	for _, fault := range list {
		findings = append(findings, deploymentCheck.about(file).fault(bilingual.Wording(fault),
			bilingual.New("mend the file there: its tool would refuse it, too, or deploy something else", "请修正该处：部署工具同样会拒绝，或部署成别的内容")))
	}
	return findings
}

// examineFunctions applies the rules to each function of cloudpay. A function without a fault has a
// finding that says so.
func examineFunctions(file string, functions []deployfile.Function, unread error) []Finding {
	var findings []Finding
	for _, f := range functions {
		if !isOurs(f) {
			continue
		}
		about := deploymentCheck.about(fmt.Sprintf("%s:%d %s", f.File, f.Line, f.Name))
		before := len(findings)
		for _, rule := range deploymentRules {
			findings = append(findings, rule(about, f)...)
		}
		if len(findings) == before {
			findings = append(findings, about.fine(bilingual.New("no fault that the file shows", "描述中未见错误")))
		}
	}
	if len(findings) == 0 && unread == nil {
		return []Finding{deploymentCheck.about(file).warning(
			bilingual.New("describes no function of cloudpay: none has a variable of the README's table", "未描述 cloudpay 的云函数：没有 README 表中的环境变量"),
			bilingual.New("name the file that is deployed", "请指定实际部署所用的文件"))}
	}
	return findings
}

// isOurs reports whether a described function is one of cloudpay's, by its variables.
func isOurs(f deployfile.Function) bool {
	for name := range f.Env {
		if slices.Contains(config.Names(), strings.TrimSuffix(name, config.FileSuffix)) {
			return true
		}
	}
	return false
}

// deploymentRules are the rules of a description, in the order of their findings.
var deploymentRules = []func(about Finding, f deployfile.Function) []Finding{
	doorsBehindGateway, routesInVain, unknownVariables, secretsInFile, variablesTooLong, timersInVain, timeLimits,
}
