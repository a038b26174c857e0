package event

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// A scanner checks JSON text (RFC 8259) in one pass, and shows the members of one object or the
// elements of one array as the bytes they are. It copies nothing, so that the cost of an event is
// up to its reader and not to its writer. encoding/json takes two passes, matches keys in any case
// of letters, and keeps the last of two equal keys.
//
// Its methods return false at the first flaw, and leave it in fault.
type scanner struct {
	text  []byte
	at    int
	fault flaw // "" before the first one
	// escaped reports whether the last string has a backslash.
	escaped bool
}

// flaw is why a text is no JSON that is accepted here.
type flaw string

const (
	flawSyntax flaw = "is not JSON"
	flawCut    flaw = "is not JSON: it ends too early"
	flawRest   flaw = "is not JSON: something follows its end"
	flawDeep   flaw = "is nested too deeply"
)

// text is the flaw in both languages.
func (f flaw) text() bilingual.Text {
	return bilingual.New(string(f), map[flaw]string{
		flawSyntax: "不是 JSON", flawCut: "不是 JSON：过早结束", flawRest: "不是 JSON：结尾之后还有内容", flawDeep: "嵌套过深",
	}[f])
}

// members visits the members of an object that was scanned before: keys without quotes or escapes,
// values as written. It ends when visit returns false.
func members(object []byte, visit func(key, value []byte) bool) {
	s := scanner{text: object}
	s.object(1, visit)
}

// elements visits the elements of an array that was scanned before. It ends when visit returns
// false.
func elements(array []byte, visit func(value []byte) bool) {
	s := scanner{text: array}
	s.array(1, visit)
}

// fail notes a flaw and returns false. A text that ends in the middle of a value is cut.
func (s *scanner) fail(f flaw) bool {
	s.fault = f
	if s.at >= len(s.text) && f == flawSyntax {
		s.fault = flawCut
	}
	return false
}

// space skips white space.
func (s *scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

// next skips white space, and c if that follows.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value skips one value that is nested depth deep.
func (s *scanner) value(depth int) bool {
	if s.at >= len(s.text) {
		return s.fail(flawSyntax)
	}
	switch s.text[s.at] {
	case '{':
		return s.object(depth+1, nil)
	case '[':
		return s.array(depth+1, nil)
	case '"':
		return s.str()
	case 't':
		return s.word("true")
	case 'f':
		return s.word("false")
	case 'n':
		return s.word("null")
	default:
		return s.number()
	}
}

// object skips an object. A visit that is not nil sees its members, and ends it by returning false.
func (s *scanner) object(depth int, visit func(key, value []byte) bool) bool {
	if depth > maxDepth {
		return s.fail(flawDeep)
	}
	s.at++ // {
	if s.next('}') {
		return true
	}
	for {
		s.space()
		key, ok := s.key(visit != nil)
		if !ok || !s.colon() {
			return false
		}
		from := s.at
		if !s.value(depth) {
			return false
		}
		if visit != nil && !visit(key, s.text[from:s.at]) {
			return false
		}
		if s.next('}') {
			return true
		}
		if !s.next(',') {
			return s.fail(flawSyntax)
		}
	}
}

// key skips a member's name, and returns it unquoted if it is wanted.
func (s *scanner) key(wanted bool) ([]byte, bool) {
	from := s.at
	if from >= len(s.text) || s.text[from] != '"' {
		return nil, s.fail(flawSyntax)
	}
	if !s.str() || !wanted {
		return nil, s.fault == ""
	}
	if s.escaped {
		return unquote(s.text[from:s.at]), true
	}
	return s.text[from+1 : s.at-1], true
}

func (s *scanner) colon() bool {
	if !s.next(':') {
		return s.fail(flawSyntax)
	}
	s.space()
	return true
}

// array skips an array. A visit that is not nil sees its elements, and ends it by returning false.
func (s *scanner) array(depth int, visit func(value []byte) bool) bool {
	if depth > maxDepth {
		return s.fail(flawDeep)
	}
	s.at++ // [
	if s.next(']') {
		return true
	}
	for {
		s.space()
		from := s.at
		if !s.value(depth) {
			return false
		}
		if visit != nil && !visit(s.text[from:s.at]) {
			return false
		}
		if s.next(']') {
			return true
		}
		if !s.next(',') {
			return s.fail(flawSyntax)
		}
	}
}

// str skips a string. Its bytes need not be UTF-8: that is checked once for the whole event.
func (s *scanner) str() bool {
	s.escaped = false
	text, at := s.text, s.at+1
	for {
		at = plain(text, at)
		if at == len(text) {
			break
		}
		switch c := text[at]; {
		case c == '"':
			s.at = at + 1
			return true
		case c == '\\':
			s.escaped = true
			width := escape(text[at:])
			if width == 0 {
				s.at = at
				return s.fail(flawSyntax)
			}
			at += width
		case c < ' ':
			s.at = at
			return s.fail(flawSyntax)
		default:
			at++
		}
	}
	s.at = at
	return s.fail(flawSyntax)
}

// plain skips eight bytes at a time while none of them ends the string, begins an escape or is a
// control character. Most of an HTTP event is its body, so that most bytes are skipped here.
func plain(text []byte, at int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(text)-at >= 8 {
		w := binary.LittleEndian.Uint64(text[at:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// A top bit is set where a byte of w is below a space, or one of quote or slash is 0 (Bit
		// Twiddling Hacks, "Determine if a word has a byte less than n").
		if ((w-ones*' ')&^w|(quote-ones)&^quote|(slash-ones)&^slash)&tops != 0 {
			break
		}
		at += 8
	}
	return at
}

const longestEscape = len(`\u0000`)

// escape is the width of the escape at the start of text, 0 for an invalid one.
func escape(text []byte) int {
	if len(text) < 2 {
		return 0
	}
	switch text[1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return 2
	case 'u':
		if _, ok := codeUnit(text); ok {
			return longestEscape
		}
	}
	return 0
}

// codeUnit decodes \uXXXX at the start of text.
func codeUnit(text []byte) (rune, bool) {
	var unit [2]byte
	if len(text) < longestEscape || text[0] != '\\' || text[1] != 'u' {
		return 0, false
	}
	if _, err := hex.Decode(unit[:], text[2:longestEscape]); err != nil {
		return 0, false
	}
	return rune(unit[0])<<8 | rune(unit[1]), true
}

func (s *scanner) word(word string) bool {
	for i := range len(word) {
		if s.at >= len(s.text) || s.text[s.at] != word[i] {
			return s.fail(flawSyntax)
		}
		s.at++
	}
	return true
}

// number skips a number. Its grammar is JSON's: no leading zeros, no plus sign, no bare point.
func (s *scanner) number() bool {
	s.one('-', '-')
	if !s.one('0', '0') && !s.digits() {
		return s.fail(flawSyntax)
	}
	if s.one('.', '.') && !s.digits() {
		return s.fail(flawSyntax)
	}
	if s.one('e', 'e') || s.one('E', 'E') {
		if !s.one('+', '+') {
			s.one('-', '-')
		}
		if !s.digits() {
			return s.fail(flawSyntax)
		}
	}
	return true
}

// one skips one byte from low to high, and reports whether it was there.
func (s *scanner) one(low, high byte) bool {
	if s.at < len(s.text) && low <= s.text[s.at] && s.text[s.at] <= high {
		s.at++
		return true
	}
	return false
}

func (s *scanner) digits() bool {
	from := s.at
	for s.one('0', '9') {
	}
	return s.at > from
}

// unquote decodes a string that was scanned before. Without escapes the result is a part of quoted,
// not a copy.
func unquote(quoted []byte) []byte {
	text := quoted[1 : len(quoted)-1 : len(quoted)-1]
	at := bytes.IndexByte(text, '\\')
	if at < 0 {
		return text
	}
	read := make([]byte, 0, len(text))
	for ; at >= 0; at = bytes.IndexByte(text, '\\') {
		read = append(read, text[:at]...)
		r, width := unescape(text[at:])
		read = utf8.AppendRune(read, r)
		text = text[at+width:]
	}
	return append(read, text...)
}

// unescape decodes the escape at the start of text, and returns its width. Half of a surrogate pair
// becomes U+FFFD, as in encoding/json.
func unescape(text []byte) (rune, int) {
	const short = "\"\\/bfnrt"
	const meant = "\"\\/\b\f\n\r\t"
	for i := range len(short) {
		if text[1] == short[i] {
			return rune(meant[i]), 2
		}
	}
	unit, _ := codeUnit(text)
	if !utf16.IsSurrogate(unit) {
		return unit, longestEscape
	}
	second, _ := codeUnit(text[longestEscape:])
	if pair := utf16.DecodeRune(unit, second); pair != utf8.RuneError {
		return pair, 2 * longestEscape
	}
	return utf8.RuneError, longestEscape
}
