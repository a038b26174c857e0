package explain

import (
	"strconv"
	"strings"
)

// wordFault is why a command line could not be split exactly.
type wordFault int

const (
	// exact: the words are those that a shell would pass.
	exact wordFault = iota
	// openQuote: a quotation mark is not closed. The last word has all of the rest.
	openQuote
	// expansion: the shell would put a value in the place of a variable or a command.
	expansion
)

// splitWords splits a command line as a POSIX shell does (XCU, section 2.2):
//
//	'…'   everything is itself
//	"…"   \ quotes " \ $ ` and a line feed
//	\c    is c, and nothing before a line feed, which joins two lines
//	$'…'  has C's escapes, in bash; browsers' "copy as cURL" writes it
//
// It ends at the first line feed, semicolon, pipe or redirection that is not quoted; used is the
// offset of that. Nothing is expanded: a variable or a command stays as it is written, and makes
// the fault expansion, because the signature is over what the shell would have put there.
func splitWords(text string) (words []string, used int, fault wordFault) {
	s := splitter{text: text}
	for s.at < len(s.text) && !s.ended {
		s.step()
	}
	if !s.ended {
		s.endWord()
	}
	return s.words, s.at, s.fault
}

// splitter is where splitWords is in its text.
type splitter struct {
	text string
	at   int
	// word is the one that is being read, and inWord says that there is one, perhaps an empty one.
	word   strings.Builder
	inWord bool
	words  []string
	fault  wordFault
	// ended says that the command ends at at.
	ended bool
}

// endWord ends the word that is being read, if there is one.
func (s *splitter) endWord() {
	if s.inWord {
		s.words = append(s.words, s.word.String())
	}
	s.word.Reset()
	s.inWord = false
}

// step reads one character, one quoted piece, or one separator.
func (s *splitter) step() {
	switch c := s.text[s.at]; c {
	case '\\':
		s.escaped()
	case '\'':
		s.quoted(s.at+1, singleQuoted)
	case '"':
		s.quoted(s.at+1, doubleQuoted)
	case ' ', '\t', '\r':
		s.endWord()
		s.at++
	case '\n', ';', '|', '>', '<', '&':
		s.end(c)
	default:
		s.plain(c)
	}
}

// plain reads a character that stands for itself, or the beginning of $'.
func (s *splitter) plain(c byte) {
	if strings.HasPrefix(s.text[s.at:], "$'") {
		s.quoted(s.at+len("$'"), ansiQuoted)
		return
	}
	if c == '$' || c == '`' {
		s.fault = max(s.fault, expansion)
	}
	s.word.WriteByte(c)
	s.inWord = true
	s.at++
}

// escaped reads what follows a backslash. A line feed there joins two lines; a backslash at the end
// of the text stands for itself.
func (s *splitter) escaped() {
	rest := s.text[s.at+1:]
	switch {
	case strings.HasPrefix(rest, "\r\n"):
		s.at += len("\\\r\n")
		return
	case strings.HasPrefix(rest, "\n"):
		s.at += len("\\\n")
		return
	case rest == "":
		rest = `\`
	}
	s.word.WriteByte(rest[0])
	s.inWord = true
	s.at = min(s.at+len(`\`)+1, len(s.text))
}

// quoted reads a quoted piece from an offset on.
func (s *splitter) quoted(from int, read func(string, int, *strings.Builder) (int, wordFault)) {
	next, fault := read(s.text, from, &s.word)
	s.inWord = true
	s.at, s.fault = next, max(s.fault, fault)
}

// end ends the command. What follows it on the line belongs to the shell, not to curl.
func (s *splitter) end(by byte) {
	// A number before a redirection names a descriptor, and is no word.
	if descriptor := s.word.String(); by == '>' && (descriptor == "1" || descriptor == "2") {
		s.inWord = false
	}
	s.endWord()
	if line := strings.IndexByte(s.text[s.at:], '\n'); line >= 0 {
		s.at += line
	} else {
		s.at = len(s.text)
	}
	s.ended = true
}

// singleQuoted reads up to the closing quotation mark into word, and returns the offset behind it.
func singleQuoted(text string, i int, word *strings.Builder) (next int, fault wordFault) {
	closing := strings.IndexByte(text[i:], '\'')
	if closing < 0 {
		word.WriteString(text[i:])
		return len(text), openQuote
	}
	word.WriteString(text[i : i+closing])
	return i + closing + 1, exact
}

// doubleQuoted reads up to the closing quotation mark as singleQuoted does, with its escapes.
func doubleQuoted(text string, i int, word *strings.Builder) (next int, fault wordFault) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '"':
			return i + 1, fault
		case c == '\\' && i+1 < len(text) && strings.IndexByte("\"\\$`\n", text[i+1]) >= 0:
			if text[i+1] != '\n' {
				word.WriteByte(text[i+1])
			}
			i += 2
		default:
			if c == '$' && i+1 < len(text) && isNameByte(text[i+1]) || c == '`' {
				fault = expansion
			}
			word.WriteByte(c)
			i++
		}
	}
	return i, openQuote
}

// isNameByte reports whether a byte may follow the $ of a variable or a command. Any other $ is
// itself, as in a regular expression.
func isNameByte(c byte) bool {
	return c == '{' || c == '(' || c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
}

// ansiQuoted reads the $'…' of bash into word, and returns the offset behind it, as doubleQuoted
// does.
func ansiQuoted(text string, i int, word *strings.Builder) (next int, fault wordFault) {
	for i < len(text) {
		switch c := text[i]; {
		case c == '\'':
			return i + 1, exact
		case c == '\\' && i+1 < len(text):
			i += ansiEscape(text[i:], word)
		default:
			word.WriteByte(c)
			i++
		}
	}
	return i, openQuote
}

// ansiEscape writes what an escape at the start of a text stands for, and returns its length. An
// escape that bash does not know stays as it is.
func ansiEscape(text string, word *strings.Builder) int {
	simple := map[byte]byte{'n': '\n', 'r': '\r', 't': '\t', '\\': '\\', '\'': '\'', '"': '"'}
	if plain, known := simple[text[1]]; known {
		word.WriteByte(plain)
		return 2
	}
	digits := map[byte]int{'x': 2, 'u': 4, 'U': 8}[text[1]]
	end := min(2+digits, len(text))
	value, err := strconv.ParseUint(text[2:end], 16, 31)
	switch {
	case digits == 0 || err != nil:
		word.WriteString(text[:2])
		return 2
	case text[1] == 'x':
		word.WriteByte(byte(value & 0xff))
	default:
		word.WriteRune(rune(value)) // one that is no character becomes U+FFFD
	}
	return end
}
