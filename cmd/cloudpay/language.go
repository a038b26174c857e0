package main

import (
	"cmp"
	"os"
	"slices"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
)

// language is what people are spoken to in: English, or Chinese. It is chosen before there are any
// commands, since their help is worded in it.
type language struct {
	asked   string // --lang
	chinese bool
}

// languageOf is the language that the arguments ask for with --lang, or else the locale.
func languageOf(args []string) *language {
	asked := askedLanguage(args)
	return &language{chinese: cmp.Or(asked, localeLanguage()) == "zh"}
}

// askedLanguage is the value of --lang; empty when it is not given or none of ours. What comes
// after -- are no flags.
func askedLanguage(args []string) string {
	asked := ""
	for i, arg := range args {
		value, is := strings.CutPrefix(arg, "--lang=")
		switch {
		case arg == "--":
			return asked
		case arg == "--lang" && i+1 < len(args):
			value = args[i+1]
		case !is:
			continue
		}
		if slices.Contains(languages(), value) {
			asked = value
		}
	}
	return asked
}

func localeLanguage() string {
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := os.Getenv(name); locale != "" {
			return locale[:min(len(locale), len("zh"))]
		}
	}
	return ""
}

func languages() []string { return []string{"en", "zh"} }

// register adds --lang to a command and all below it.
func (l *language) register(cmd *cobra.Command) {
	cmd.PersistentFlags().StringVar(&l.asked, "lang", "", l.say(words(
		"language: en or zh (default by LC_ALL, LC_MESSAGES or LANG)", "语言：en 或 zh（默认取决于 LC_ALL、LC_MESSAGES 或 LANG）")))
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions(languages(), cobra.ShellCompDirectiveNoFileComp))
}

func (l *language) check() error {
	if l.asked != "" && !slices.Contains(languages(), l.asked) {
		return usagef("--lang: must be en or zh, not %q", "--lang：须为 en 或 zh，而不是 %q", l.asked)
	}
	return nil
}

// say is a text in the language.
func (l *language) say(text bilingual.Text) string { return text.In(l.chinese) }

// sayf is a text in the language with values in it.
func (l *language) sayf(en, zh string, values ...any) string {
	return bilingual.Sprintf(en, zh, values...).In(l.chinese)
}

// words is one text in both languages.
func words(en, zh string) bilingual.Text { return bilingual.New(en, zh) }

// padded fills a text up to a width in a terminal's columns.
func padded(text string, width int) string {
	return text + strings.Repeat(" ", max(0, width-columns(text)))
}

// columns is how wide a terminal shows a text: Chinese characters and their punctuation take two.
func columns(text string) int {
	width := 0
	for _, r := range text {
		width++
		if unicode.Is(unicode.Han, r) || '\u3000' <= r && r <= '\u303f' || '\uff00' <= r && r <= '\uff60' {
			width++
		}
	}
	return width
}

// spellings lets a flag be given as the parameter is spelt in a call (--sub_mch_id), and as APIv3 does (--sub-mchid).
func spellings(_ *pflag.FlagSet, name string) pflag.NormalizedName {
	name = strings.ReplaceAll(name, "_", "-")
	switch name {
	case "sub-mchid":
		name = "sub-mch-id"
	case "combine":
		name = "combine-out-trade-no"
	}
	return pflag.NormalizedName(name)
}

// amount shows a sum of money both as people say it and as the API counts it.
func (l *language) amount(fen *int64, currency string) string {
	if fen == nil {
		return ""
	}
	if currency != "" && currency != "CNY" {
		// Not every currency has hundredths, so that no point is put where none may belong.
		return l.sayf("%d of the smallest unit of %s", "%d（%s 最小单位）", *fen, currency)
	}
	return l.sayf("%d.%02d yuan (%d fen)", "%d.%02d 元（%d 分）", *fen/100, *fen%100, *fen)
}
