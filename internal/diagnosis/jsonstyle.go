package diagnosis

import (
	"fmt"
	"regexp"
	"strings"
	"unicode/utf16"

	"cloudpay/internal/bilingual"
)

// asSent is the zero of each part of a style: as in the text that was sent.
const asSent = 0

// style is how a JSON text is written. The zero value is as it was sent.
type style struct {
	keys int
	// a place in spacings and escapings, counted from 1
	spaces, escapes int
	// a place in numberings, whose first is as sent
	numbers int
	// one object's keys in an order of its own; nil: as keys says
	moved *move
}

// move is one object's keys in another order.
type move struct {
	object *jsonNode
	order  []int
}

// The orders of keys.
const (
	sorted     = iota + 1 // by their bytes, as Go writes maps
	reversed              // as a stack gives them back
	documented            // as the documents of WeChat Pay print them
)

// compact is the place of the form without white space in spacings.
const compact = 1

// spacing is the white space of a form: inside the brackets, behind a comma and around a colon; at
// the begin of each line, and for each level.
// newline is empty for texts of one line.
type spacing struct{ inside, comma, colon, newline, indent string }

// spacings are the forms of white space that libraries write, the likeliest first.
var spacings = []struct {
	detail bilingual.Text
	form   spacing
}{
	// JavaScript, Go, PHP, Gson, Jackson, fastjson
	{bilingual.New("signed compact", "签名时是紧凑格式"), spacing{"", ",", ":", "", ""}},
	// JSON.stringify with an indent, Ruby, .NET on Linux
	{bilingual.New("signed indented by two spaces", "签名时缩进两个空格"), spacing{"", ",", ": ", "\n", "  "}},
	// PHP's JSON_PRETTY_PRINT, Python with an indent
	{bilingual.New("signed indented by four spaces", "签名时缩进四个空格"), spacing{"", ",", ": ", "\n", "    "}},
	// Go's json.Indent as it is mostly called
	{bilingual.New("signed indented by tabs", "签名时用制表符缩进"), spacing{"", ",", ": ", "\n", "\t"}},
	// Python's json.dumps
	{bilingual.New("signed with a space after each colon and comma", "签名时每个冒号和逗号后有空格"), spacing{"", ", ", ": ", "", ""}},
	{bilingual.New("signed with a space after each colon", "签名时每个冒号后有空格"), spacing{"", ",", ": ", "", ""}},
	{bilingual.New("signed with a space after each comma", "签名时每个逗号后有空格"), spacing{"", ", ", ":", "", ""}},
	// .NET on Windows
	{bilingual.New("signed indented, its lines ended with carriage return and line feed", "签名时有缩进，且以回车加换行结尾"),
		spacing{"", ",", ": ", "\r\n", "  "}},
	// Jackson's pretty printer
	{bilingual.New("signed indented, with a space before each colon, too", "签名时有缩进，且冒号前也有空格"), spacing{"", ",", " : ", "\n", "  "}},
	// texts written by hand, and JavaScript's own display of an object
	{bilingual.New("signed with spaces inside its brackets", "签名时括号内侧有空格"), spacing{" ", ", ", ": ", "", ""}},
	{bilingual.New("signed with a space on both sides of each colon", "签名时每个冒号两侧有空格"), spacing{"", ", ", " : ", "", ""}},
	{bilingual.New("signed with a space on both sides of each colon", "签名时每个冒号两侧有空格"), spacing{"", ",", " : ", "", ""}},
	{bilingual.New("signed indented by one space", "签名时缩进一个空格"), spacing{"", ",", ": ", "\n", " "}},
	{bilingual.New("signed indented by three spaces", "签名时缩进三个空格"), spacing{"", ",", ": ", "\n", "   "}},
	{bilingual.New("signed in lines without indents", "签名时分行但不缩进"), spacing{"", ",", ": ", "\n", ""}},
	{bilingual.New("signed in lines without indents", "签名时分行但不缩进"), spacing{"", ",", ":", "\n", ""}},
}

// escaping is which characters of a string are written as escapes. A quote, a backslash and what is
// below a space are always escaped (RFC 8259, section 7); the rest is up to the library, and all of
// its forms mean the same text. The signature is over the form.
type escaping struct {
	// / as \/
	slash bool
	// what is not ASCII as \uXXXX, with digits in capitals or not
	ascii, capitals bool
	// other characters that are written as \uXXXX
	more string
}

// escapings are the forms of escapes that libraries write, the likeliest first.
var escapings = []struct {
	detail bilingual.Text
	form   escaping
}{
	// JavaScript, Jackson
	{bilingual.New("signed with its characters as they are, and sent with escapes", "签名时字符未转义，发送时有转义"), escaping{}},
	// Python
	{bilingual.New(`signed with Chinese and other characters as \u escapes`, `签名时中文等字符写成 \u 转义`), escaping{ascii: true}},
	{bilingual.New(`signed with Chinese and other characters as \u escapes in capitals`, `签名时中文等字符写成大写的 \u 转义`),
		escaping{ascii: true, capitals: true}},
	// PHP, without and with JSON_UNESCAPED_UNICODE
	{bilingual.New(`signed with each / as \/ and other characters as \u escapes`, `签名时 / 写成 \/，中文等字符写成 \u 转义`),
		escaping{slash: true, ascii: true}},
	{bilingual.New(`signed with each / as \/`, `签名时 / 写成 \/`), escaping{slash: true}},
	// Go
	{bilingual.New(`signed with <, > and & as \u escapes`, `签名时 <、>、& 写成 \u 转义`), escaping{more: "<>&\u2028\u2029"}},
	{bilingual.New(`signed with <, > and & as \u escapes in capitals`, `签名时 <、>、& 写成大写的 \u 转义`),
		escaping{capitals: true, more: "<>&\u2028\u2029"}},
	// Gson
	{bilingual.New(`signed with <, >, &, = and ' as \u escapes`, `签名时 <、>、&、= 和 ' 写成 \u 转义`), escaping{more: "<>&='\u2028\u2029"}},
	// System.Text.Json
	{bilingual.New(`signed with all but plain letters as \u escapes`, `签名时除普通字母外都写成 \u 转义`),
		escaping{ascii: true, capitals: true, more: "<>&'+`\""}},
	{bilingual.New(`signed with <, >, & and other characters as \u escapes`, `签名时 <、>、& 和其他字符写成 \u 转义`),
		escaping{ascii: true, more: "<>&"}},
	{bilingual.New("signed with escapes for JavaScript", "签名时带 JavaScript 的转义"), escaping{more: "\u2028\u2029"}},
	{bilingual.New(`signed with ' as a \u escape`, `签名时 ' 写成 \u 转义`), escaping{more: "'"}},
}

// shortEscapes are the escapes of two characters (RFC 8259, section 7).
var shortEscapes = map[rune]string{'"': `\"`, '\\': `\\`, '\n': `\n`, '\r': `\r`, '\t': `\t`, '\b': `\b`, '\f': `\f`}

// write writes a string in quotes.
func (e escaping) write(out *strings.Builder, text string) {
	out.WriteByte('"')
	for _, r := range text {
		if isPlain(r) {
			out.WriteByte(byte(r)) //nolint:gosec // ASCII
			continue
		}
		short, isShort := shortEscapes[r]
		switch {
		case strings.ContainsRune(e.more, r), r < ' ' && !isShort, r > '~' && e.ascii:
			e.writeCode(out, r)
		case isShort:
			out.WriteString(short)
		case r == '/' && e.slash:
			out.WriteString(`\/`)
		default:
			out.WriteRune(r)
		}
	}
	out.WriteByte('"')
}

// isPlain reports whether a character is a letter or a digit of ASCII, which no library escapes.
func isPlain(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
}

// writeCode writes a character as one \uXXXX, or as two outside the basic plane.
func (e escaping) writeCode(out *strings.Builder, r rune) {
	form := `\u%04x`
	if e.capitals {
		form = `\u%04X`
	}
	for _, unit := range utf16.Encode([]rune{r}) {
		fmt.Fprintf(out, form, unit)
	}
}

// integerRule is a whole number as it is written in JSON, short enough for any integer type.
var integerRule = regexp.MustCompile(`^(0|-?[1-9][0-9]{0,15})$`)

// wholeFloatRule is a whole number with a fraction of zero.
var wholeFloatRule = regexp.MustCompile(`^(-?[0-9]+)\.0+$`)

// numbering is another form of numbers. WeChat Pay's amounts are whole fen, so that a fraction of
// zero means that a float came in between: Lua, PHP after a division, a JavaScript toFixed.
type numbering struct {
	detail bilingual.Text
	// texts of digits become numbers
	unquote bool
	change  func(raw string) string
}

// of is a number in this form.
func (n numbering) of(raw string) string {
	if n.change == nil {
		return raw
	}
	return n.change(raw)
}

// numberings are the forms of numbers that libraries write. The first is as sent.
var numberings = []numbering{
	{},
	{bilingual.New("signed with whole numbers as 1.0", "签名时整数写成 1.0"), false, func(raw string) string {
		if integerRule.MatchString(raw) {
			return raw + ".0"
		}
		return raw
	}},
	{bilingual.New("signed with whole numbers as 1.00", "签名时整数写成 1.00"), false, func(raw string) string {
		if integerRule.MatchString(raw) {
			return raw + ".00"
		}
		return raw
	}},
	{bilingual.New("signed with 1.0 as 1", "签名时 1.0 写成 1"), false, func(raw string) string {
		return wholeFloatRule.ReplaceAllString(raw, "$1")
	}},
	{bilingual.New("signed with its numbers as texts in quotes", "签名时数字写成带引号的字符串"), false, func(raw string) string {
		return `"` + raw + `"`
	}},
	{bilingual.New("signed with texts of digits as numbers", "签名时由数字组成的字符串写成数值"), true, nil},
}
