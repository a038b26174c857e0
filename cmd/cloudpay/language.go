package main

import (
	"fmt"
	"os"
	"strings"
	"unicode"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// language is what people are spoken to in: English, or Chinese.
type language struct{ chosen string }

// register adds --lang.
func (l *language) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&l.chosen, "lang", "", "language of the table: en or zh (default by LC_ALL, LC_MESSAGES or LANG)")
	_ = cmd.RegisterFlagCompletionFunc("lang", cobra.FixedCompletions([]string{"en", "zh"}, cobra.ShellCompDirectiveNoFileComp))
}

func (l *language) check() error {
	switch l.chosen {
	case "", "en", "zh":
		return nil
	}
	return usagef("--lang: must be en or zh, not %q", l.chosen)
}

// chinese tells whether it is Chinese: what was asked for, or what the locale says.
func (l *language) chinese() bool {
	if l.chosen != "" {
		return l.chosen == "zh"
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if locale := os.Getenv(name); locale != "" {
			return strings.HasPrefix(locale, "zh")
		}
	}
	return false
}

// words is one text in both languages.
type words struct{ en, zh string }

func (w words) in(chinese bool) string {
	if chinese {
		return w.zh
	}
	return w.en
}

// printable takes out of a text what a terminal would obey instead of show: it may be a stranger's.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, text)
}

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
func amount(fen *int64, currency string, chinese bool) string {
	if fen == nil {
		return ""
	}
	if currency != "" && currency != "CNY" {
		// Not every currency has hundredths, so that no point is put where none may belong.
		return fmt.Sprintf(words{"%d of the smallest unit of %s", "%d（%s 最小单位）"}.in(chinese), *fen, printable(currency))
	}
	return fmt.Sprintf(words{"%d.%02d yuan (%d fen)", "%d.%02d 元（%d 分）"}.in(chinese), *fen/100, *fen%100, *fen)
}
