package paygate

import (
	"bytes"
	"unicode/utf8"
)

// scanV2 reads a document of the plain form in which SDKs send nearly all of theirs: below the root
// xml, elements without attributes, each with one text or one CDATA section. Texts are without
// references, carriage returns and other characters that a reader of XML changes or refuses. It is
// ten times as fast as encoding/xml. plain is false for any other document, also for one that is
// wrong; a plain one is read as [parseV2] reads it.
func scanV2(body []byte) (doc fields, plain bool) {
	const typical = 16 // elements
	rest, found := bytes.CutPrefix(skipSpace(body), []byte("<xml>"))
	if !found || !utf8.Valid(body) {
		return nil, false
	}
	doc = make(fields, 0, typical)
	for {
		rest = skipSpace(rest)
		if end, closed := bytes.CutPrefix(rest, []byte("</xml>")); closed {
			return doc, len(skipSpace(end)) == 0
		}
		var one field
		if one, rest, found = scanElement(rest); !found || len(doc) == maxElements || doc.has(one.name) {
			return nil, false
		}
		doc = append(doc, one)
	}
}

// scanElement reads the element that a text begins with, and returns what follows it.
func scanElement(text []byte) (one field, rest []byte, plain bool) {
	nameEnd := bytes.IndexByte(text, '>')
	if nameEnd < 2 || text[0] != '<' || !isPlainName(text[1:nameEnd]) {
		return field{}, nil, false
	}
	name, rest := text[1:nameEnd], text[nameEnd+1:]
	var value []byte
	if section, is := bytes.CutPrefix(rest, []byte("<![CDATA[")); is {
		value, rest, plain = bytes.Cut(section, []byte("]]>"))
	} else if end := bytes.IndexByte(rest, '<'); end >= 0 {
		value, rest = rest[:end], rest[end:]
		plain = !bytes.Contains(value, []byte("]]>")) && bytes.IndexByte(value, '&') < 0
	}
	if !plain || !isPlainText(value) {
		return field{}, nil, false
	}
	for _, part := range [][]byte{[]byte("</"), name, []byte(">")} {
		if rest, plain = bytes.CutPrefix(rest, part); !plain {
			return field{}, nil, false
		}
	}
	return field{string(name), string(value)}, rest, true
}

// skipSpace returns a text without the white space that it begins with.
func skipSpace(text []byte) []byte { return bytes.TrimLeft(text, " \t\n") }

// isPlainName reports whether a name is made of letters, digits and underscores, and begins with
// none of the digits.
func isPlainName(name []byte) bool {
	for i, c := range name {
		isLetter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_'
		if !isLetter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// isPlainText reports whether a reader of XML takes the text as it is. It is UTF-8.
func isPlainText(text []byte) bool {
	for _, c := range text {
		if c < ' ' && c != '\t' && c != '\n' {
			return false
		}
	}
	return !bytes.Contains(text, []byte("\ufffe")) && !bytes.Contains(text, []byte("\uffff"))
}
