package render

import (
	"errors"
	"fmt"
	"strings"

	"github.com/rivo/uniseg"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
)

// Flags lists flags in two columns below a title: how they are written, and what they mean. It is
// empty without any. pflag's own list counts bytes, which sets Chinese columns askew.
func (l *Language) Flags(title string, flags *pflag.FlagSet) string {
	var written, meant []string
	widest := 0
	// A hidden flag works and is not shown.
	flags.VisitAll(func(flag *pflag.Flag) {
		if flag.Hidden {
			return
		}
		short := "    "
		if flag.Shorthand != "" {
			short = "-" + flag.Shorthand + ", "
		}
		kind, usage := pflag.UnquoteUsage(flag)
		line := strings.TrimRight("  "+short+"--"+flag.Name+" "+l.kind(kind), " ")
		written, meant = append(written, line), append(meant, usage+l.initial(flag.DefValue))
		widest = max(widest, uniseg.StringWidth(line))
	})
	if written == nil {
		return ""
	}
	var out strings.Builder
	out.WriteString("\n\n" + title)
	// A usage of several lines is indented to the second column.
	for i, line := range written {
		more := "\n" + Pad("", widest+len("   "))
		fmt.Fprintf(&out, "\n%s   %s", Pad(line, widest), strings.ReplaceAll(meant[i], "\n", more))
	}
	return out.String()
}

// kind names what a flag takes, by pflag's name for it. A flag may name it in its usage, between
// backquotes; such a name is shown as it is.
func (l *Language) kind(name string) string {
	zh, known := map[string]string{"string": "文本", "stringArray": "文本…", "int": "整数", "duration": "时长"}[name]
	if !known {
		return name
	}
	return l.Say(name, zh)
}

// initial says what a flag is when it is not given, unless that is nothing: the zero value of its
// type, which its usage explains where it means something.
func (l *Language) initial(value string) string {
	switch value {
	case "", "0", "0s", "false", "[]":
		return ""
	default:
		return l.Say(" (default %s)", "（默认 %s）", value)
	}
}

// FlagError is what is wrong with a flag, in both languages. pflag says it in English, by types
// that tell the cases apart; an error of a type that is not known here keeps its English words.
func FlagError(err error) error {
	if unknown, is := errors.AsType[*pflag.NotExistError](err); is {
		return bilingual.Errorf("unknown flag: %s", "没有选项 %s", typed(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()))
	}
	if lacking, is := errors.AsType[*pflag.ValueRequiredError](err); is {
		return bilingual.Errorf("flag needs an argument: %s", "选项 %s 需要一个值",
			typed(lacking.GetSpecifiedName(), lacking.GetSpecifiedShortnames()))
	}
	if invalid, is := errors.AsType[*pflag.InvalidValueError](err); is {
		rule, known := valueRules[invalid.GetFlag().Value.Type()]
		if !known {
			rule = bilingual.New("a valid value", "有效值")
		}
		return bilingual.Errorf("--%s: must be %s, not %q", "--%s：须为%s，而不是 %q", invalid.GetFlag().Name, rule, invalid.GetValue())
	}
	if syntax, is := errors.AsType[*pflag.InvalidSyntaxError](err); is {
		return bilingual.Errorf("bad flag syntax: %s", "选项写法有误：%s", syntax.GetSpecifiedFlag())
	}
	return bilingual.Errorf("%w", "选项有误：%w", err)
}

// typed is a flag as it was typed: -x or --name. Shorthands that were typed together, as in -xyz,
// stay together.
func typed(name, shorthands string) string {
	if shorthands != "" {
		return "-" + shorthands
	}
	return "--" + name
}

// valueRules say what a flag of a type takes, by pflag's name for the type. pflag itself quotes
// strconv's error.
var valueRules = map[string]bilingual.Text{
	"bool":     bilingual.New("true or false", " true 或 false"),
	"int":      bilingual.New("a whole number", "整数"),
	"int64":    bilingual.New("a whole number", "整数"),
	"duration": bilingual.New("a time such as 20s", "时长，如 20s"),
}
