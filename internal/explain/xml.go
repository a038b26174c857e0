package explain

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"

	"cloudpay/internal/diagnosis"
)

// A document of APIv2 is flat, and its values stand as text or in CDATA:
//
//	<xml>
//	<mch_id>1900000001</mch_id>
//	<out_trade_no><![CDATA[A1]]></out_trade_no>
//	<sign>9A0A8659F005D6984697E2CA0A9CF3B7</sign>
//	</xml>
//
// Which side sent it follows from its elements: only WeChat Pay writes return_code and req_info.

// The tags of a document of APIv2.
const (
	xmlOpen  = "<xml"
	xmlClose = "</xml>"
)

// readXML reads documents of APIv2 that stand alone, one behind another, such as a request and the
// reply to it. XML of another kind, such as a proxy's page of HTML, is read as a text.
func (r *Reading) readXML(text string) {
	for at := 0; len(r.Parts) <= maxParts; {
		begin, end := nextDocument(text, at)
		if begin < 0 {
			if at == 0 {
				r.note(lineAt(text, len(text)-len(strings.TrimLeft(text, " \t\r\n"))),
					"it begins as XML and has no element <xml>, so that it was read as a text", "以 XML 开头，但没有 <xml> 元素，已按文本读取")
				r.readText(text)
				return
			}
			r.passedOverXML(text, at, len(text))
			return
		}
		r.passedOverXML(text, at, begin)
		r.addDocument(text[begin:end], lineAt(text, begin))
		at = end
	}
}

// passedOverXML notes what stands between documents, but for their declarations.
func (r *Reading) passedOverXML(text string, from, to int) {
	between := strings.TrimSpace(text[from:to])
	if between != "" && !strings.HasPrefix(between, "<?xml") {
		r.note(lineAt(text, from), "what stands between the documents was passed over", "文档之间的内容已略过")
	}
}

// nextDocument is where the next document begins and ends at or behind an offset; begin is -1 if
// there is none. One without an end runs to the end of the text.
func nextDocument(text string, from int) (begin, end int) {
	at := strings.Index(text[from:], xmlOpen)
	if at < 0 {
		return -1, -1
	}
	begin = from + at
	if size := strings.Index(text[begin:], xmlClose); size >= 0 {
		return begin, begin + size + len(xmlClose)
	}
	return begin, len(text)
}

// addDocument adds a document. One with return_code is WeChat Pay's, a reply or a notification of a
// payment, which are signed alike; one with req_info is a notification of a refund.
func (r *Reading) addDocument(text string, line int) {
	part := Part{From: "xml", First: line, Last: line + strings.Count(text, "\n")}
	elements, broken := elementsOf(text)
	if broken >= 0 {
		r.note(line+lineAt(text, broken)-1, "the document is no XML that can be read from here on", "从此处起不是可读取的 XML")
	}
	switch {
	case elements["req_info"] != "":
		part.Form, part.request = formNotification, &diagnosis.Request{Body: []byte(text)}
	case has(elements, "return_code"):
		part.Form, part.reply = formReply, &diagnosis.Response{Body: []byte(text)}
	default:
		part.Form, part.document = formDocument, []byte(text)
	}
	r.add(part)
}

// has reports whether a map has a key.
func has(elements map[string]string, name string) bool {
	_, is := elements[name]
	return is
}

// longestValue bounds what is kept of a value, in bytes; the longest that is looked at is a text of
// an error.
const longestValue = 4 << 10

// elementsOf reads the elements of a flat document, to tell what it is and to show its codes. The
// signature is judged by the bytes, and not by this. Of a document that breaks it returns the
// elements before, and the offset at which it broke; -1: it did not.
func elementsOf(text string) (elements map[string]string, broken int) {
	elements = map[string]string{}
	decoder := xml.NewDecoder(strings.NewReader(text))
	depth := 0
	name, value := "", ""
	for {
		offset := decoder.InputOffset()
		token, err := decoder.Token()
		if err != nil && depth == 0 && errors.Is(err, io.EOF) {
			return elements, -1
		}
		if err != nil {
			return elements, min(int(offset), len(text))
		}
		switch token := token.(type) {
		case xml.StartElement:
			depth++
			name, value = token.Name.Local, ""
		case xml.CharData:
			if len(value) < longestValue {
				value += string(token)
			}
		case xml.EndElement:
			if depth--; depth == 1 {
				elements[name] = value
			}
		}
	}
}
