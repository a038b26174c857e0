package event

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"unicode/utf16"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// A scanner passes over JSON text (RFC 8259) once, checks it, and hands out the members of one object or the elements
// of one array as the bytes they are. It copies nothing, so that what an event costs is decided by who reads a value,
// not by who wrote it: encoding/json takes two passes, keys in any case, and the last of two that are alike.
type scanner struct {
	text  []byte
	at    int
	fault flaw // the first one; "" while there is none
	// escaped says whether the string passed last has a backslash.
	escaped bool
}

// flaw is what is wrong with the text.
type flaw string

const (
	flawSyntax flaw = "is not JSON"
	flawCut    flaw = "is not JSON: it ends too early"
	flawRest   flaw = "is not JSON: something follows its end"
	flawDeep   flaw = "is nested too deeply"
)

// text is the flaw in both languages.
func (f flaw) text() bilingual.Text {
	switch f {
	case flawSyntax:
		return bilingual.New(string(f), "不是 JSON")
	case flawCut:
		return bilingual.New(string(f), "不是 JSON：过早结束")
	case flawRest:
		return bilingual.New(string(f), "不是 JSON：结尾之后还有内容")
	case flawDeep:
		return bilingual.New(string(f), "嵌套过深")
	}
	return bilingual.Same(string(f))
}

// members visits the members of an object that was scanned before: keys without quotes or escapes, values as written.
func members(object []byte, visit func(key, value []byte) bool) {
	s := scanner{text: object}
	s.object(1, visit)
}

// elements visits the elements of an array that was scanned before.
func elements(array []byte, visit func(value []byte) bool) {
	s := scanner{text: array}
	s.array(1, visit)
}

func (s *scanner) fail(f flaw) bool {
	s.fault = f
	if s.at >= len(s.text) && f == flawSyntax {
		s.fault = flawCut
	}
	return false
}

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

// next passes over white space and then, if it is there, over c.
func (s *scanner) next(c byte) bool {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == c {
		s.at++
		return true
	}
	return false
}

// value passes over one value that stands depth deep.
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

// object passes over an object, and shows its members to visit, if there is one, until that returns false.
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

// key passes over a member's name, and gives it if it is wanted.
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

// array passes over an array, and shows its elements to visit, if there is one, until that returns false.
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

// str passes over a string. Whether its bytes are UTF-8 is checked for the whole event at once.
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

// plain passes over eight bytes at a time while none of them ends the string, begins an escape or is a control
// character: an HTTP body is most of its event.
func plain(text []byte, at int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for len(text)-at >= 8 {
		w := binary.LittleEndian.Uint64(text[at:])
		quote, slash := w^(ones*'"'), w^(ones*'\\')
		// A top bit is left where a byte of w is below a space, or one of quote or slash is 0 (Bit Twiddling Hacks,
		// "Determine if a word has a byte less than n").
		if ((w-ones*' ')&^w|(quote-ones)&^quote|(slash-ones)&^slash)&tops != 0 {
			break
		}
		at += 8
	}
	return at
}

const longestEscape = len(`\u0000`)

// escape is the width of the escape that text begins with, 0 if it is none.
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

// codeUnit reads \uXXXX.
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

// one passes over one byte from low to high, if it is there.
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

// unquote gives the text of a string that was scanned before. Without escapes it is a part of quoted, not a copy.
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

// unescape reads the escape that text begins with: the character it stands for, and how long it is. Half of a surrogate
// pair becomes U+FFFD, as in encoding/json.
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
