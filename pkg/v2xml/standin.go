package v2xml

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// XML 1.0 cannot contain most control characters nor bytes that are not UTF-8 (2.2), and its
// readers turn each carriage return into a line feed (2.11). The gateway puts such bytes into CDATA
// all the same and signs them as they are: a merchant's attach may contain them, or end inside a
// character. Each of them is replaced by a stand-in before the document is parsed, and put back
// into the value afterwards, so that the signature is computed over the bytes that were sent.

// firstStandIn stands for the byte 0, the code point after it for 1, and so on. They are private
// (plane 16), and XML allows them in text and not in names.
const firstStandIn rune = 0x10F000

var (
	cdataStart = []byte("<![CDATA[")
	cdataEnd   = []byte("]]>")
	// notCharacters begins U+FFFE and U+FFFF, among others.
	notCharacters = []byte("\xEF\xBF")
)

// needStandIns reports whether body is markup that may contain a byte which an XML reader alters or
// refuses.
func needStandIns(body []byte) bool {
	if !bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("<")) {
		return false
	}
	for _, b := range body {
		if b < ' ' && b != '\n' && b != '\t' {
			return true
		}
	}
	return !utf8.Valid(body) || bytes.Contains(body, notCharacters)
}

// addStandIns returns body with a stand-in for each byte that an XML reader alters or refuses. A
// carriage return is one only within CDATA; elsewhere it is white space between elements. A body
// that contains a stand-in of its own is returned unchanged: it could not be told from ours.
func addStandIns(body []byte) []byte {
	out := make([]byte, 0, len(body)+len(body)/8) // a stand-in has four bytes, and most bytes need none
	inCDATA := false
	for i := 0; i < len(body); {
		switch {
		case !inCDATA && bytes.HasPrefix(body[i:], cdataStart):
			inCDATA = true
		case inCDATA && bytes.HasPrefix(body[i:], cdataEnd):
			inCDATA = false
		}
		r, size := utf8.DecodeRune(body[i:])
		switch {
		case isStandIn(r):
			return body
		case r == utf8.RuneError && size == 1, !isXMLChar(r), r == '\r' && inCDATA:
			for _, b := range body[i : i+size] {
				out = utf8.AppendRune(out, firstStandIn+rune(b))
			}
		default:
			out = append(out, body[i:i+size]...)
		}
		i += size
	}
	return out
}

// removeStandIns returns value with the bytes in place of their stand-ins.
func removeStandIns(value string) string {
	if strings.IndexFunc(value, isStandIn) < 0 {
		return value
	}
	out := make([]byte, 0, len(value))
	for _, r := range value {
		if isStandIn(r) {
			out = append(out, byte((r-firstStandIn)&0xFF))
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

func isStandIn(r rune) bool { return firstStandIn <= r && r <= firstStandIn+0xFF }

// isXMLChar reports whether r is a Char of XML 1.0 (2.2), among what UTF-8 can encode.
func isXMLChar(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}
