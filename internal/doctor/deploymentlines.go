package doctor

import (
	"fmt"
	"regexp"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/emulator/deployfile"
)

// mountedSecrets is where containers have their secrets, as files.
const mountedSecrets = "/run/secrets/"

// line is the line by which the file takes a variable from the environment, in the file's form; a
// container's secret, from a file. It is what a remedy has to be copied from.
func (f described) line(name string) string {
	if strings.HasSuffix(f.File, ".json") {
		return fmt.Sprintf("%q: %q", name, placeholder(f, name))
	}
	if f.isIn(deployfile.Container) && secretVariable.MatchString(name) {
		return name + config.FileSuffix + ": " + mountedSecrets + strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	}
	return name + ": " + placeholder(f, name)
}

// placeholder is how the file takes a variable from the environment. In Compose it is the form that
// ends with an error where there is no value. Kubernetes has none: the value itself is written.
func placeholder(f described, name string) string {
	switch {
	case strings.HasSuffix(f.File, ".json"):
		return "{{env." + name + "}}"
	case f.Written.Form == deployfile.Kubernetes:
		return "…"
	case f.Written.Form == deployfile.Compose:
		return "${" + name + ":?}"
	default:
		return "${env:" + name + "}"
	}
}

// taken matches a text that is one placeholder of any of the three forms, alone, and the variable
// that it takes; a default behind the name may be there.
var taken = regexp.MustCompile(`^(?:\{\{\s*env\.(\w+)\s*\}\}|\$\{env:(\w+)[^${}]*\}|\$\{?(\w+)(?:[:?-][^${}]*)?\}?)$`)

// takes is the environment variable that a variable takes as it is; empty if its text is anything
// else, such as a text with a placeholder within it.
func (f described) takes(name string) string {
	found := taken.FindStringSubmatch(strings.TrimSpace(f.Written.Variables[name].Text))
	if found == nil {
		return ""
	}
	return found[1] + found[2] + found[3]
}

// whence says where the value of a variable comes from, in brackets; empty if it is in the file.
// The place of a value is what has to be mended, and never the value itself is shown.
func (f described) whence(name string) bilingual.Text {
	variable := f.takes(name)
	source := f.values.source(variable)
	switch {
	case variable == "" || source == nil:
		return bilingual.Text{}
	case source.Path == "":
		return bilingual.Sprintf(" (%s of the environment)", "（环境变量 %s）", variable)
	}
	return bilingual.Sprintf(" (%s:%d)", "（%s:%d）", source.Path, source.Lines[variable])
}

// change is the line to change for a variable, and what to write there: the line of the file of
// values where the value is from, or of the description, or a line to be added to it. A secret that
// stands in the description gets its placeholder.
func (f described) change(name string) bilingual.Text {
	v, written := f.Written.Variables[name]
	if !written {
		return bilingual.Sprintf("add to its variables: %s", "在其环境变量中加上：%s", f.line(name))
	}
	if source := f.values.source(f.takes(name)); source != nil && source.Path != "" {
		return bilingual.Sprintf("in %s:%d: %s=…", "在 %s:%d：%s=…", source.Path, source.Lines[f.takes(name)], f.takes(name))
	}
	if !isPlaceholder(v.Text) && !secretVariable.MatchString(name) {
		return bilingual.Sprintf("in line %d: %s", "第 %d 行：%s", v.Line, strings.Replace(f.line(name), placeholder(f, name), "…", 1))
	}
	return bilingual.Sprintf("in line %d: %s", "第 %d 行：%s", v.Line, f.line(name))
}
