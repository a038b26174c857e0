// Package render shows people what the command line has to say: in English or Chinese, in tables
// and rows that line up in both, with a progress bar where there is a terminal.
//
// What programs read goes through [JSON], and is the same in both languages. Everything that is
// printed passes package printable, since order numbers, attachments and error texts are written by
// strangers.
package render

import (
	"cmp"
	"os"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
)

// Language is the one that people are spoken to in. The zero value is English.
type Language struct {
	Asked   string // --lang; empty: the locale decides
	Chinese bool
}

// Languages lists the values of --lang.
func Languages() []string { return []string{"en", "zh"} }

// LanguageOf returns the language that the arguments ask for with --lang, else the locale's. It
// reads the arguments itself: the commands' help is worded before the arguments are parsed.
func LanguageOf(args []string) *Language {
	return &Language{Chinese: cmp.Or(asked(args), localeLanguage()) == "zh"}
}

// asked is the value of the last --lang; empty when there is none, or only unknown ones. After --
// there are no flags.
func asked(args []string) string {
	language := ""
	for i, arg := range args {
		value, is := strings.CutPrefix(arg, "--lang=")
		switch {
		case arg == "--":
			return language
		case arg == "--lang" && i+1 < len(args):
			value = args[i+1]
		case !is:
			continue
		}
		if slices.Contains(Languages(), value) {
			language = value
		}
	}
	return language
}

// localeLanguage is the language of the locale, by the variables in POSIX's order. zh_CN, zh_TW and
// others are one Chinese here.
func localeLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := os.Getenv(name); locale != "" {
			return locale[:min(len(locale), len("zh"))]
		}
	}
	return ""
}

// Text returns a text in the language.
func (l *Language) Text(text bilingual.Text) string { return text.In(l.Chinese) }

// Say returns one of two wordings, formatted with the same values as [bilingual.Sprintf] does.
func (l *Language) Say(en, zh string, values ...any) string {
	if len(values) == 0 {
		return l.Text(bilingual.New(en, zh)) // a % in a help text is a per cent sign
	}
	return l.Text(bilingual.Sprintf(en, zh, values...))
}
