package diagnosis

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// Place is where two texts differ first. Of these two, with a space in front of the second's text:
//
//	GET\n/v3/pay\n{"mchid":"1900000001"}\n
//	GET\n/v3/pay\n{"mchid": "1900000001"}\n
//
// it is line 3, column 10: a double quote is expected, a space was signed.
type Place struct {
	// Line and Column count from 1, Column in characters. Lines end with a line feed.
	Line, Column int
	// Offset is the byte at which the differing character begins.
	Offset int
	// Before is what both texts have in front of it, at most 24 characters of its line.
	Before string
	// Expected and Signed are what follows in each, the differing character first, at most 24
	// characters; both end at the end of the line.
	Expected, Signed string
	// ExpectedName and SignedName name the differing characters: a space, a line feed, "é"
	// (U+00E9), the end of the text.
	ExpectedName, SignedName bilingual.Text
}

// Difference compares the text that should have been signed with the one that was. It returns the
// first character in which two texts differ. ok is false if they are equal.
func Difference(expected, signed string) (place Place, ok bool) {
	if expected == signed {
		return Place{}, false
	}
	at := 0
	for at < len(expected) && at < len(signed) && expected[at] == signed[at] {
		at++
	}
	for at > 0 && (!utf8.RuneStart(at0(expected, at)) || !utf8.RuneStart(at0(signed, at))) {
		at--
	}
	before := expected[:at]
	line := before[strings.LastIndexByte(before, '\n')+1:]
	const shown = 24
	return Place{
		Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(line) + 1, Offset: at,
		Before: lastOf(line, shown), Expected: firstOf(expected[at:], shown), Signed: firstOf(signed[at:], shown),
		ExpectedName: nameOf(expected[at:]), SignedName: nameOf(signed[at:]),
	}, true
}

// at0 is a text's byte, 0 at its end: the end of a text is the begin of a character, too.
func at0(text string, i int) byte {
	if i < len(text) {
		return text[i]
	}
	return 0
}

// lastOf is the last characters of a line, at most so many.
func lastOf(line string, most int) string {
	for utf8.RuneCountInString(line) > most {
		_, size := utf8.DecodeRuneInString(line)
		line = line[size:]
	}
	return line
}

// firstOf is the first characters of a text, up to the end of its line.
func firstOf(text string, most int) string {
	for i, r := range text {
		switch {
		case most == 0:
			return text[:i]
		case r == '\n':
			return text[:i+1]
		}
		most--
	}
	return text
}

// characterNames are the names of what a terminal shows as nothing, or as something else: blanks of
// all kinds, and the marks that an input method for Chinese puts in place of ASCII's.
var characterNames = map[rune]bilingual.Text{
	' ':      bilingual.New("a space", "空格"),
	'\n':     bilingual.New("a line feed", "换行符"),
	'\r':     bilingual.New("a carriage return", "回车符"),
	'\t':     bilingual.New("a tab", "制表符"),
	'"':      bilingual.New("a double quote", "英文双引号"),
	'\'':     bilingual.New("a single quote", "英文单引号"),
	'\\':     bilingual.New("a backslash", "反斜杠"),
	'\u00a0': bilingual.New("a no-break space (U+00A0)", "不换行空格（U+00A0）"),
	'\u200b': bilingual.New("a zero width space (U+200B)", "零宽空格（U+200B）"),
	'\ufeff': bilingual.New("a byte order mark (U+FEFF)", "字节顺序标记（U+FEFF）"),
	'\u3000': bilingual.New("an ideographic space (U+3000)", "全角空格（U+3000）"),
	'“':      bilingual.New("a curly quote (U+201C)", "中文引号（U+201C）"),
	'”':      bilingual.New("a curly quote (U+201D)", "中文引号（U+201D）"),
	'，':      bilingual.New("a fullwidth comma (U+FF0C)", "全角逗号（U+FF0C）"),
	'：':      bilingual.New("a fullwidth colon (U+FF1A)", "全角冒号（U+FF1A）"),
}

// nameOf names the first character of a text: in words where it cannot be seen, with its code point
// where it is not ASCII, and as a byte where the text is not UTF-8.
func nameOf(text string) bilingual.Text {
	r, size := utf8.DecodeRuneInString(text)
	name, named := characterNames[r]
	switch {
	case size == 0:
		return bilingual.New("the end of the text", "文本结尾")
	case named:
		return name
	case r == utf8.RuneError && size == 1:
		return bilingual.Sprintf("the byte %#02x, which is no UTF-8", "字节 %#02x（不是 UTF-8）", text[0])
	case r <= '~' && unicode.IsGraphic(r):
		return bilingual.Same(string(r))
	case unicode.IsGraphic(r):
		return bilingual.Same(fmt.Sprintf("%c (U+%04X)", r, r))
	default:
		return bilingual.Same(fmt.Sprintf("U+%04X", r))
	}
}
