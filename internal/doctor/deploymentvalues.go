package doctor

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
	"cloudpay/internal/typo"
)

// values are what a description's placeholders stand for. From the strongest to the weakest they
// are from
//
//	files that were named     in the reverse of their order on the command line
//	the environment           of the deploying tool
//	files of the tool's own   .env.local, then .env
//
// so that what an operator names is what is examined, and the rest is as the tool has it.
type values struct {
	// files are in ascending order of precedence, with the environment among them: its Path is
	// empty.
	files []deployfile.EnvFile
	// given reports that there is a value for any. Without, a placeholder is no fault.
	given bool
}

// lookup is the value of an environment variable.
func (v values) lookup(name string) (string, bool) {
	at := v.source(name)
	if at == nil {
		return "", false
	}
	return at.Values[name], true
}

// source is what gives a variable its value; nil if nothing does. A variable that a file sets to
// nothing has a source, and an empty value.
func (v values) source(name string) *deployfile.EnvFile {
	for i := len(v.files) - 1; i >= 0; i-- {
		if _, has := v.files[i].Values[name]; has {
			return &v.files[i]
		}
	}
	return nil
}

// ownVariable matches the names of variables that are cloudpay's by their form, and comment a line
// of YAML that says nothing.
var (
	ownVariable = regexp.MustCompile(`\b(?:WXPAY|CLOUDPAY)_[A-Z0-9_]+\b`)
	comment     = regexp.MustCompile(`(?m)^\s*#.*$`)
)

// mentioned are the variables of cloudpay's that a description names.
func mentioned(text []byte) []string {
	return ownVariable.FindAllString(comment.ReplaceAllString(string(text), ""), -1)
}

// readValues reads the values of the placeholders. A file that cannot be read is a finding, unless
// it is one that the tool reads only where it exists.
//
// The environment alone counts as values only if it has one for a variable of cloudpay's that the
// description names: the environment of any machine has some variables, and without this a
// description would have faults on one machine and none on another.
func (d Deployment) readValues() (values, []Finding) {
	text := d.text()
	var v values
	var findings []Finding
	read := func(paths []string, must bool) {
		for _, path := range paths {
			file, err := deployfile.ReadEnvFile(path)
			switch {
			case err == nil:
				file.Path = filepath.Base(path)
				v.files, v.given = append(v.files, file), true
			case must || !errors.Is(err, fs.ErrNotExist):
				findings = append(findings, deploymentCheck.about(filepath.Base(path)).fault(bilingual.Wording(err),
					bilingual.New("give a file of lines NAME=value", "请提供每行为 名称=值 的文件")))
			}
		}
	}
	read(d.ownEnvFiles(string(text)), false)
	environ := deployfile.EnvFile{Values: map[string]string{}}
	for _, entry := range d.Environ {
		name, value, _ := strings.Cut(entry, "=")
		environ.Values[name] = value
	}
	for _, name := range mentioned(text) {
		_, has := environ.Values[name]
		v.given = v.given || has
	}
	v.files = append(v.files, environ)
	read(d.EnvFiles, true)
	return v, findings
}

// text is the description as it stands; empty if it cannot be read, which what parses it reports.
func (d Deployment) text() []byte {
	text, _ := readFile(d.File, maxDescription)
	return []byte(text)
}

// maxDescription limits a description, as package deployfile does.
const maxDescription = 256 << 10

// ownEnvFiles are the files that the description's tool reads by itself, the weakest first: .env
// and .env.local beside cloudbaserc.json (docs.cloudbase.net/cli-v1/config), .env beside a Compose
// file, a component of the Serverless Framework, and a serverless.yml that says so (useDotenv). The
// environment wins over all of them, as it does in these tools.
func (d Deployment) ownEnvFiles(text string) []string {
	beside := func(name string) string { return filepath.Join(filepath.Dir(d.File), name) }
	switch {
	case filepath.Ext(d.File) == ".json":
		return []string{beside(".env"), beside(".env.local")}
	case dotenvRead.MatchString(text):
		return []string{beside(".env")}
	default:
		return nil
	}
}

// dotenvRead matches the files beside which a .env is read.
var dotenvRead = regexp.MustCompile(`(?m)^(useDotenv: *true|component:|services:)`)

// unsetVariables refuses placeholders without a value, and with an empty one: the tool would refuse
// the file, or deploy the function without what the variable is for. An empty value counts as none
// in the functions (package config), and SCF's documents do not say whether it takes one.
func unsetVariables(f described) []Finding {
	if !f.values.given {
		return nil
	}
	var findings []Finding
	for _, name := range f.variablesByLine() {
		v := f.Written.Variables[name]
		switch {
		case v.Unset != "" && f.Written.Form == deployfile.Compose && f.takes(name) == "":
			// What follows the $ may be a piece of a password, and is not shown.
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s has a $ in its text, and what follows is taken for a variable, which is not set",
					"%s 的文本中有 $，其后内容被当作变量，而它未设置", name),
				bilingual.New("write $$ for a dollar sign, or set the variable", "美元符号请写作 $$，或设置该变量")))
		case v.Unset != "":
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s takes %s from the environment, where it is not set%s", "%s 取自环境变量 %s，而它未设置%s",
					name, v.Unset, f.values.nearest(v.Unset)),
				bilingual.Sprintf("set it, as a line %s=… of .env, or take this line out", "请设置它，如在 .env 中写 %s=…，或去掉此行", v.Unset)))
		case v.Known && f.value(name) == "" && v.Text != "" && !hasDefault(v.Text):
			findings = append(findings, f.at(name).fault(
				bilingual.Sprintf("%s is empty%s: the function starts without it", "%s 为空%s：函数启动时没有它", name, f.whence(name)),
				bilingual.New("give it a value, or take this line out", "请填写其值，或去掉此行")))
		}
	}
	return findings
}

// hasDefault reports whether a placeholder has an alternative, so that an empty value is meant:
// ${env:NAME, ”} of the Serverless Framework, ${NAME:-} of Compose.
func hasDefault(text string) bool {
	return strings.Contains(text, "${") && (strings.Contains(text, ",") || strings.Contains(text, ":-"))
}

// variablesByLine are the names of a function's variables in the order of their lines, in which a
// person reads the findings. Those of one line, as in JSON without line breaks, are in that of
// their names.
func (f described) variablesByLine() []string {
	return slices.SortedFunc(maps.Keys(f.Written.Variables), func(a, b string) int {
		return cmp.Or(f.Written.Variables[a].Line-f.Written.Variables[b].Line, strings.Compare(a, b))
	})
}

// nearest says which variable has a name that is one slip away from a missing one; empty if none
// has. Of several files the weakest is looked at first, which is the one that is written by hand.
func (v values) nearest(name string) bilingual.Text {
	for _, file := range v.files {
		for _, other := range slices.Sorted(maps.Keys(file.Values)) {
			if typo.Near(other, name) {
				return bilingual.Sprintf(" (%s has %s)", "（%s 中有 %s）", placeOf(file, other), other)
			}
		}
	}
	return bilingual.Text{}
}

// placeOf is where a variable is set.
func placeOf(file deployfile.EnvFile, name string) bilingual.Text {
	if file.Path == "" {
		return bilingual.New("the environment", "环境")
	}
	return bilingual.Same(fmt.Sprintf("%s:%d", file.Path, file.Lines[name]))
}

// strayValues refuses variables of cloudpay's in a file of values that the description does not
// mention outside of its comments: they never reach a function. A tool fills in placeholders from
// such a file, and passes on nothing by itself.
func strayValues(d Deployment, given values, ours []described) []Finding {
	if len(ours) == 0 {
		return nil
	}
	named := mentioned(d.text())
	var findings []Finding
	for _, file := range given.files {
		if file.Path == "" {
			continue // the environment of a machine has what it has
		}
		for _, name := range slices.Sorted(maps.Keys(file.Values)) {
			isTaken := slices.ContainsFunc(ours, func(f described) bool { _, has := f.Written.Variables[name]; return has })
			if !ownVariable.MatchString(name) || slices.Contains(named, name) || isTaken {
				continue
			}
			findings = append(findings, deploymentCheck.about(fmt.Sprintf("%s:%d", file.Path, file.Lines[name])).fault(
				bilingual.Sprintf("%s is set, and %s does not take it: it never reaches a function", "设置了 %s，而 %s 没有引用它：它不会传给任何云函数",
					name, ours[0].File),
				strayRemedy(name, ours[0])))
		}
	}
	return findings
}

// strayRemedy says how the description takes a variable, or that it is none of the README's table,
// which no description should take.
func strayRemedy(name string, f described) bilingual.Text {
	if !slices.Contains(config.Names(), strings.TrimSuffix(name, config.FileSuffix)) {
		return bilingual.New("take the name from the README's table, or leave it out", "请改用 README 表中的名称，或去掉该变量")
	}
	return bilingual.Sprintf("add %s to the variables of the function that needs it, or leave it out", "请在需要它的函数的环境变量中加上 %s，或去掉它",
		f.line(name))
}

// valuesLeftOut says that the placeholders' values were not looked at. An examination that has left
// something out must not read like one that has found nothing.
func valuesLeftOut(d Deployment, given values, ours []described) []Finding {
	if given.given || len(ours) == 0 || !slices.ContainsFunc(ours, described.hasPlaceholders) {
		return nil
	}
	return []Finding{deploymentCheck.about(filepath.Base(d.File)).skipped(bilingual.New(
		"the values of its placeholders were not given, so they were not examined: --env-file .env", "未提供占位符的值，因此未检查：--env-file .env"))}
}

// hasPlaceholders reports whether any of the variables takes one of the environment without a
// value.
func (f described) hasPlaceholders() bool {
	for _, v := range f.Written.Variables {
		if v.Unset != "" {
			return true
		}
	}
	return false
}

// isPlaceholder reports whether a text as it is written has a placeholder of any tool's.
func isPlaceholder(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "$")
}
