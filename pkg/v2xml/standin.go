package v2xml

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// XML 1.0 cannot hold most control characters nor bytes that are not UTF-8 (2.2), and its readers
// make a line feed of each carriage return (2.11). The gateway puts such bytes into CDATA all the
// same and signs them as they are: a merchant's attach may hold them, or be cut inside a character.
// Each of them is replaced by a stand-in before the document is parsed, and put back into the value
// afterwards. The signature is then computed over the bytes that were sent, and whoever altered one
// of them on the way has broken it.

// firstStandIn stands for the byte 0, the code point after it for 1, and so on. They are private
// (plane 16), and XML allows them in text and not in names.
const firstStandIn rune = 0x10F000

var (
	cdataStart = []byte("<![CDATA[")
	cdataEnd   = []byte("]]>")
	// notCharacters is how U+FFFE and U+FFFF begin, among others.
	notCharacters = []byte("\xEF\xBF")
)

// needStandIns reports whether body is markup that may hold a byte which XML does not hand on as it
// is.
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

// addStandIns returns body with a stand-in for each byte that XML does not hand on as it is. A
// carriage return is one only within CDATA; elsewhere it is white space between elements. A body
// that holds a stand-in of its own is returned as it is, since that could not be told from ours.
func addStandIns(body []byte) []byte {
	out := make([]byte, 0, len(body)+len(body)/8) //nolint:mnd // most need none
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

// removeStandIns returns value with the bytes in the place of their stand-ins.
func removeStandIns(value string) string {
	if strings.IndexFunc(value, isStandIn) < 0 {
		return value
	}
	out := make([]byte, 0, len(value))
	for _, r := range value {
		if isStandIn(r) {
			out = append(out, byte(r-firstStandIn)) //nolint:gosec // G115: 0 to 255
		} else {
			out = utf8.AppendRune(out, r)
		}
	}
	return string(out)
}

func isStandIn(r rune) bool { return firstStandIn <= r && r <= firstStandIn+0xFF }

// isXMLChar is the production Char of XML 1.0, for what UTF-8 can encode.
func isXMLChar(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF || r == '\t' || r == '\n' || r == '\r'
}
