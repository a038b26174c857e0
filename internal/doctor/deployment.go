package doctor

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// Deployment is a file that describes functions for their deployment (package deployfile), and
// where the values of its placeholders come from. File is required.
type Deployment struct {
	File string
	// EnvFiles are files of NAME=value lines, such as .env. A later one wins over an earlier one,
	// and each over Environ.
	EnvFiles []string
	// Environ is the environment of the deploying tool; it has the form of [os.Environ].
	Environ []string
}

// Examine yields what is wrong with the functions of cloudpay that the file describes: those with a
// variable of the README's table, and those with the name of one. Each fault has the line and what
// to write there. No value is in a finding.
//
// Placeholders are filled in from the EnvFiles, from Environ, and from the .env beside the file
// where its tool reads that. If none of them has a value for any, only the file itself is examined,
// and a finding says so. Nothing is looked up elsewhere, and no connection is made.
//
// Three things are told apart in a variable, because a rule may claim only what is sure:
//
//	its value is known         it is written, or its placeholder has a value: all rules apply
//	it has a value, unknown    only the cloud has it (ssm, !Ref, valueFrom, a mounted file), or no
//	                           values were given: it counts as right, whatever it is
//	it has none                it is not described, or empty, or its placeholder has no value
//
// A rule about two variables applies only if it holds for every value that the unknown one can
// have.
func (d Deployment) Examine(ctx context.Context) iter.Seq[Finding] {
	return func(yield func(Finding) bool) {
		for _, finding := range d.findings(ctx) {
			if !yield(finding) {
				return
			}
		}
	}
}

// findings are those of the file, of its values, of each function, and of all of them together.
//
// A mistake in a file of values shows in every function that takes the value. It is reported for
// each, because each has a line of its own, and the function that does not take it is right.
func (d Deployment) findings(ctx context.Context) []Finding {
	given, findings := d.readValues()
	functions, err := d.read(ctx, given)
	findings = append(findings, unreadable(d.File, err)...)
	var ours []described
	for _, f := range functions {
		if isOurs(f) && ctx.Err() == nil {
			ours = append(ours, described{Function: f, values: given}.started())
		}
	}
	if len(ours) == 0 && err == nil && ctx.Err() == nil {
		return append(findings, deploymentCheck.about(filepath.Base(d.File)).warning(
			bilingual.New("describes no function of cloudpay: none has a variable of the README's table", "未描述 cloudpay 的云函数：没有 README 表中的环境变量"),
			bilingual.New("name the file that is deployed", "请指定实际部署所用的文件")))
	}
	for _, f := range ours {
		if ctx.Err() != nil {
			break
		}
		findings = append(findings, f.examine()...)
	}
	if ctx.Err() != nil {
		return append(findings, d.unfinished())
	}
	for _, rule := range fileRules {
		findings = append(findings, rule(d, given, ours)...)
	}
	return findings
}

// read reads the description. It returns when ctx ends, although the parser, which knows no
// context, may still be at work: the file is bounded, so that it ends by itself.
func (d Deployment) read(ctx context.Context, given values) ([]deployfile.Function, error) {
	type result struct {
		functions []deployfile.Function
		err       error
	}
	done := make(chan result, 1)
	go func() {
		functions, err := deployfile.ReadFile(d.File, deployfile.Source{Lenient: true, Lookup: given.lookup})
		done <- result{functions, err}
	}()
	select {
	case r := <-done:
		return r.functions, r.err
	case <-ctx.Done():
		return nil, nil // unfinished says so
	}
}

// unfinished is a fault, and no finding that was skipped: what was not examined may be wrong, and
// the exit code must not say that all is well.
func (d Deployment) unfinished() Finding {
	return deploymentCheck.about(filepath.Base(d.File)).fault(
		bilingual.New("not examined to its end: the time is up", "未检查完毕：时间已到"),
		bilingual.New("give it more time, such as --timeout 1m", "请给出更长的时限，如 --timeout 1m"))
}

// examine applies the rules to one function. One without a fault has a finding that says so, which
// also tells that the function was taken for one of cloudpay's and examined.
func (f described) examine() []Finding {
	findings := make([]Finding, 0, 1)
	for _, rule := range functionRules {
		findings = append(findings, rule(f)...)
	}
	if len(findings) == 0 {
		return []Finding{f.at("").fine(bilingual.New("no fault that the file shows", "描述中未见错误"))}
	}
	return findings
}

// unreadable has a finding for each fault of the file itself: its syntax, a number, a schedule, a
// name that is described twice. The functions that could be read are examined nevertheless, so that
// one run shows everything.
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
	if info, missing := os.Stat(file); missing != nil || !info.Mode().IsRegular() {
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

// ownNames are the names under which cloudpay's functions are packed and described.
var ownNames = []string{"closeorder", "queryorder", "paynotify", "cloudpay", "cloudpay-public"}

// isOurs reports whether a described function is one of cloudpay's: by its name, or by its
// variables unless its runtime is another language's, as that of a shop's function with the same
// variables. A function with the name and no variables counts: every variable is missing there, and
// a deployment replaces all that were set before (docs.cloudbase.net/cli-v1/functions/configs).
func isOurs(f deployfile.Function) bool {
	if slices.Contains(ownNames, f.Name) {
		return true
	}
	if otherLanguage.MatchString(f.Runtime) {
		return false
	}
	for name := range f.Written.Variables {
		if slices.Contains(config.Names(), strings.TrimSuffix(name, config.FileSuffix)) {
			return true
		}
	}
	return false
}

// described is a function of cloudpay as a file describes it, with what the rules need to know of
// it. A rule is a function of it that returns its findings, none if all is well.
type described struct {
	deployfile.Function

	values values
	// faults are those of its configuration.
	faults []config.Fault
}

// at begins a finding at the line of a member or a variable, or else at the function's own.
func (f described) at(member string) Finding {
	line := f.Line
	if at, has := f.Written.Lines[member]; has {
		line = at
	}
	for _, name := range []string{member + config.FileSuffix, member} {
		if v, has := f.Written.Variables[name]; has {
			line = v.Line
		}
	}
	return deploymentCheck.about(fmt.Sprintf("%s:%d %s", f.File, line, f.Name))
}

// has reports whether a variable is given a value that is not empty, itself or as a file. Its value
// need not be known. Without values a placeholder counts as one, also if its default is empty.
func (f described) has(name string) bool {
	for _, as := range []string{name, name + config.FileSuffix} {
		v, written := f.Written.Variables[as]
		isLeftOut := !f.values.given && isPlaceholder(v.Text)
		if written && (f.isUnknown(v) || isLeftOut || strings.TrimSpace(f.Env[as]) != "") {
			return true
		}
	}
	return f.Written.Opaque
}

// isUnknown reports whether a variable has a value that cannot be examined: only the cloud knows
// it, or no values were given at all. What is unknown is never a fault, and never the reason of
// one.
func (f described) isUnknown(v deployfile.Variable) bool {
	return !v.Known && (v.Unset == "" || !f.values.given)
}

// value is a variable's value; empty if it has none or if it is not known.
func (f described) value(name string) string { return strings.TrimSpace(f.Env[name]) }

// isIn reports whether the file deploys the function to a cloud.
func (f described) isIn(cloud deployfile.Cloud) bool { return f.Cloud == cloud }

// routes are those of CLOUDPAY_ROUTES, as the function reads them: with commas between, and spaces
// around them dropped; nil if it has none. A name that is no route is a fault of the configuration.
func (f described) routes() []string {
	if f.value(nameRoutes) == "" {
		return nil
	}
	var routes []string
	for name := range strings.SplitSeq(f.value(nameRoutes), ",") {
		routes = append(routes, strings.TrimSpace(name))
	}
	return routes
}

// program is what of cloudpay runs as the function: closeorder, queryorder, paynotify or web. A
// function with CLOUDPAY_ROUTES is web whatever its name, since no other program reads that. Of the
// others the name in the file, the archive, the handler and the folder tell, in this order.
func (f described) program() string {
	if f.isIn(deployfile.Container) && !f.HTTP {
		return "cloudpay" // the command, which sweeps or migrates
	}
	if _, has := f.Written.Variables[nameRoutes]; has {
		return "web"
	}
	archive := strings.TrimSuffix(filepath.Base(f.Artifact), ".zip")
	for _, name := range []string{f.Name, archive, f.Handler, filepath.Base(f.Written.Folder)} {
		if name == notices || name == "closeorder" || name == "queryorder" || name == "web" {
			return name
		}
	}
	if f.HTTP || slices.Contains(ownNames, f.Name) {
		return "web"
	}
	return f.Name
}

// takesNotices reports whether WeChat Pay calls the function, so that a public address must lead to
// it and its answers have five seconds.
func (f described) takesNotices() bool {
	return f.program() == notices || slices.Contains(f.routes(), notices)
}

// functionRules are the rules of one function, in the order of their findings: what keeps it from
// starting comes before what it does wrong then, so that the first finding is the first to mend.
var functionRules = []func(f described) []Finding{
	runtimes, handlers, unsetVariables, unmountedFiles, refusedVariables, untrueGateway, untrueContext, guardedNotices, refusedRoutes,
	configured, secretsInFile, tooLong, localAddresses, privateStores, closedDoors, ignoredType,
	timersInVain, timerTokens, rareTimers, timeLimits, memorySizes, batchesWithoutReports,
	appIDs, plainStores, code,
}

// fileRules are the rules of a whole file: what no single function shows, and what was left out.
// They come last, since a fault of a function explains more than one of the file.
var fileRules = []func(d Deployment, given values, ours []described) []Finding{
	environments, missingSecrets, strayValues, nothingSweeps, valuesLeftOut, codeNotBuilt, rulesNotSeen,
}
