package main

import (
	"errors"

	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
)

// flagError words what is wrong with a flag: pflag says it in English.
func flagError(err error) error {
	if unknown, is := errors.AsType[*pflag.NotExistError](err); is {
		return bilingual.Errorf("unknown flag: %s", "没有选项 %s", flagName(unknown.GetSpecifiedName(), unknown.GetSpecifiedShortnames()))
	}
	if lacking, is := errors.AsType[*pflag.ValueRequiredError](err); is {
		return bilingual.Errorf("flag needs an argument: %s", "选项 %s 需要一个值",
			flagName(lacking.GetSpecifiedName(), lacking.GetSpecifiedShortnames()))
	}
	if invalid, is := errors.AsType[*pflag.InvalidValueError](err); is {
		return bilingual.Errorf("--%s: must be %s, not %q", "--%s：须为%s，而不是 %q",
			invalid.GetFlag().Name, valueOf(invalid.GetFlag().Value.Type()), invalid.GetValue())
	}
	if syntax, is := errors.AsType[*pflag.InvalidSyntaxError](err); is {
		return bilingual.Errorf("bad flag syntax: %s", "选项写法有误：%s", syntax.GetSpecifiedFlag())
	}
	return bilingual.Errorf("%w", "选项有误：%w", err)
}

// flagName is a flag as it was typed.
func flagName(name, shorthands string) string {
	if shorthands != "" {
		return "-" + shorthands
	}
	return "--" + name
}

// valueOf says what a flag of a type takes.
func valueOf(kind string) bilingual.Text {
	switch kind {
	case "bool":
		return words("true or false", " true 或 false")
	case "int", "int64":
		return words("a whole number", "整数")
	case "duration":
		return words("a time such as 20s", "时长，如 20s")
	}
	return words("a valid value", "有效值")
}
