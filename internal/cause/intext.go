package cause

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	// maxText is how much of a text is searched, in bytes.
	maxText = 64 << 10
	// maxGap is how long a part that varies may be, in bytes of the folded text. The longest is a
	// signature.
	maxGap = 512
)

// InText returns the messages that occur in a text, the longest first. A message that is a piece of
// another one that was found is left out, and so is a code beside a message: both have more causes
// than what was found.
//
// Case, white space, quotes, the width of punctuation, JSON's escapes and the marks of CDATA make
// no difference, because terminals, logs and chats change all of them. Only the first 64 KiB are
// searched.
func InText(text string) []Message {
	folded := fold(cut(text))
	var matches []pattern
	for _, p := range patterns() {
		if p.in(folded) {
			matches = append(matches, p)
		}
	}
	slices.SortStableFunc(matches, func(a, b pattern) int { return cmp.Compare(b.length, a.length) })
	hasMessage := slices.ContainsFunc(matches, func(p pattern) bool { return !p.isCode })
	var found []Message
	for i, p := range matches {
		if p.isCode && hasMessage || slices.ContainsFunc(matches[:i], p.isPieceOf) {
			continue
		}
		found = append(found, p.message)
	}
	return found
}

// cut keeps the beginning of a text that is too long, up to a whole character.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	end := maxText
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end]
}

// pattern is a message to search for: the folded parts between its gaps.
type pattern struct {
	message Message
	parts   []string
	length  int // of all parts, in bytes
	isCode  bool
	// whether the first part begins the message, and the last one ends it
	opens, closes bool
}

// patterns returns those of all messages.
var patterns = sync.OnceValue(func() []pattern {
	messages := Messages()
	all := make([]pattern, 0, len(messages))
	for _, message := range messages {
		p := pattern{message: message, isCode: code.MatchString(message.Text)}
		pieces := strings.Split(message.Text, "…")
		for i, piece := range pieces {
			part := fold(piece)
			if part == "" {
				continue
			}
			p.opens = p.opens || i == 0
			p.closes = i == len(pieces)-1
			p.parts = append(p.parts, part)
			p.length += len(part)
		}
		all = append(all, p)
	}
	return all
})

// code matches a message that is an error code alone.
var code = regexp.MustCompile(`^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$`)

// isPieceOf reports whether the whole message is within a part of another, longer one.
func (p pattern) isPieceOf(longer pattern) bool {
	within := func(part string) bool { return part != p.parts[0] && strings.Contains(part, p.parts[0]) }
	return len(p.parts) == 1 && slices.ContainsFunc(longer.parts, within)
}

// in reports whether the parts occur in a folded text one after the other, none too far behind the
// one before. The message's first and last words are whole words of the text.
func (p pattern) in(text string) bool {
	// Where the parts before may have ended, ascending; nil before the first. A part that occurs
	// several times may be followed by the next from any of them, so that all are kept.
	var ends []int
	for i, part := range p.parts {
		var reached []int
		for from := 0; ; {
			at := strings.Index(text[from:], part)
			if at < 0 {
				break
			}
			start, end := from+at, from+at+len(part)
			if p.fits(text, i, start, end) && (i == 0 || follows(ends, start)) {
				reached = append(reached, end)
			}
			from = start + 1
		}
		if ends = reached; len(ends) == 0 {
			return false
		}
	}
	return len(p.parts) > 0
}

// follows reports whether a part that starts here is behind an end, and near enough.
func follows(ends []int, start int) bool {
	i, exact := slices.BinarySearch(ends, start)
	if exact {
		return true
	}
	return i > 0 && start-ends[i-1] <= maxGap
}

// fits reports whether the part may stand at text[start:end]: a part that begins or ends the
// message does not cut a word of the text in two.
func (p pattern) fits(text string, part, start, end int) bool {
	cutsFirst := start > 0 && isWordByte(text[start]) && isWordByte(text[start-1])
	cutsLast := end < len(text) && isWordByte(text[end-1]) && isWordByte(text[end])
	if part == 0 && p.opens && cutsFirst {
		return false
	}
	return part < len(p.parts)-1 || !p.closes || !cutsLast
}

func isWordByte(b byte) bool {
	return b == '_' || '0' <= b && b <= '9' || 'a' <= b && b <= 'z'
}

// narrow has the ASCII forms of the punctuation that Chinese texts use.
var narrow = map[rune]rune{
	'，': ',', '。': '.', '：': ':', '；': ';', '！': '!', '？': '?', '（': '(', '）': ')', '【': '[', '】': ']',
	'《': '<', '》': '>', '＝': '=',
}

// fold makes texts comparable that terminals, logs and chats have changed: small letters, no
// quotes, narrow punctuation, and spaces only between words.
func fold(text string) string {
	text = strings.NewReplacer("<![CDATA[", "", "<![cdata[", "", "]]>", "").Replace(unescape(text))
	var b strings.Builder
	space := false
	var last rune
	for _, r := range text {
		if n, has := narrow[r]; has {
			r = n
		}
		switch r = unicode.ToLower(r); {
		case unicode.IsSpace(r):
			space = true
			continue
		case strings.ContainsRune("\"'`“”‘’\\", r):
			continue
		}
		if space && isWordRune(last) && isWordRune(r) {
			b.WriteByte(' ')
		}
		b.WriteRune(r)
		last, space = r, false
	}
	return b.String()
}

func isWordRune(r rune) bool { return 0 < r && r < utf8.RuneSelf && isWordByte(byte(r)) }

// unescape undoes the escapes that a text has once it was a string of JSON: \n, \/, \u9519. PHP and
// Python write Chinese so into their logs. An escape that is cut short is left out.
func unescape(text string) string {
	if !strings.Contains(text, `\`) {
		return text
	}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			b.WriteByte(text[i])
			continue
		}
		i++
		switch text[i] {
		case 'n', 'r', 't':
			b.WriteByte(' ')
		case 'u':
			if i+5 > len(text) {
				continue
			}
			if code, err := strconv.ParseUint(text[i+1:i+5], 16, 16); err == nil {
				b.WriteRune(rune(code))
				i += 4
			}
		default:
			b.WriteByte(text[i])
		}
	}
	return b.String()
}
