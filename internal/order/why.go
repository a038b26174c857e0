package order

import (
	"cmp"
	"strings"
	"unicode"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order/errcode"
)

// Why is the result's code with its text, in each language; the zero Text for a result without a
// code. The result has one text for both languages: the gateway's, which is Chinese, or ours, which
// is in both unless it is a technical detail.
func (r *Result) Why() bilingual.Text {
	if r.ErrCode == "" {
		return bilingual.Text{}
	}
	row, known := errcode.Lookup(r.ErrCode)
	said := cmp.Or(r.ErrCodeDes, r.ReturnMsg)
	text := bilingual.Same(said)
	detail, fromTable := strings.CutPrefix(said, row.Text())
	english, chinese, both := inBoth(said)
	before, hint, hinted := inParentheses(said)
	switch {
	case known && (fromTable || said == ""):
		text = bilingual.New(row.Meaning+detail, row.MeaningZH+detail)
	case hinted:
		text = bilingual.New(before+" ("+hint.EN+")", before+"（"+hint.ZH+"）")
	case both:
		text = bilingual.New(english, chinese)
	case known && !isChinese(said):
		text.ZH = row.MeaningZH + "（" + said + "）"
	}
	return bilingual.New(r.ErrCode+": "+text.EN, r.ErrCode+"："+text.ZH)
}

// inBoth splits what [bilingual.Text.String] joined.
func inBoth(said string) (english, chinese string, both bool) {
	for at := 0; ; {
		next := strings.Index(said[at:], " / ")
		if next < 0 {
			return "", "", false
		}
		english, chinese = said[:at+next], said[at+next+len(" / "):]
		if !isChinese(english) && isChinese(chinese) {
			return english, chinese, true
		}
		at += next + 1
	}
}

// inParentheses cuts off our hint, in both languages, that follows the gateway's text.
func inParentheses(said string) (before string, hint bilingual.Text, found bool) {
	before, inside, opened := strings.Cut(said, " (")
	inside, closed := strings.CutSuffix(inside, ")")
	if !opened || !closed {
		return "", bilingual.Text{}, false
	}
	english, chinese, both := inBoth(inside)
	return before, bilingual.New(english, chinese), both
}

func isChinese(text string) bool {
	return strings.ContainsFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
}
