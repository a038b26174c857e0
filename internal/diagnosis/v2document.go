package diagnosis

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
)

// element is one element of an APIv2 document.
type element struct {
	name, value string
	// what stands between its tags, with the marks of CDATA and escapes
	raw string
}

// elements is an APIv2 document, in its order.
type elements []element

// get is an element's value, empty if it is absent.
func (e elements) get(name string) string {
	for _, one := range e {
		if one.name == name {
			return one.value
		}
	}
	return ""
}

// has reports whether an element is there, also an empty one.
func (e elements) has(name string) bool {
	return slices.ContainsFunc(e, func(one element) bool { return one.name == name })
}

// parseDocument reads an APIv2 document. The fault is empty if it has the form: UTF-8, one root, in
// it elements of text or CDATA, nothing deeper, no name twice, no DOCTYPE. What could give the
// document a second reading is a fault, as it is for the gateway, and so are more elements than
// maxElements: names are compared with each other.
func parseDocument(document []byte) (doc elements, fault bilingual.Text) {
	if !utf8.Valid(document) {
		return nil, bilingual.New("the document is not UTF-8", "文档不是 UTF-8 编码")
	}
	r := documentReader{document: document, dec: xml.NewDecoder(bytes.NewReader(document))}
	r.dec.CharsetReader = func(_ string, in io.Reader) (io.Reader, error) { return in, nil }
	start, fault := r.tag(true)
	if fault == (bilingual.Text{}) && (start == nil || start.Name != (xml.Name{Local: "xml"})) {
		fault = bilingual.New("the root element is not xml", "根元素不是 xml")
	}
	for fault == (bilingual.Text{}) {
		if start, fault = r.tag(false); fault != (bilingual.Text{}) || start == nil {
			break
		}
		if doc.has(start.Name.Local) {
			return doc, bilingual.Sprintf("element %s is there twice", "元素 %s 出现了两次", shortened(start.Name.Local))
		}
		if len(doc) == maxElements {
			return doc, bilingual.Sprintf("there are more than %d elements", "元素超过 %d 个", maxElements)
		}
		var one element
		one, fault = r.element(start)
		doc = append(doc, one)
	}
	if fault != (bilingual.Text{}) {
		return doc, fault
	}
	return doc, r.end()
}

// maxElements bounds a document. WeChat Pay's longest, a refund query's answer, has below 200.
const maxElements = 500

// notXML words an error of the reader. An end of the text is the commonest: a body that was cut.
func notXML(err error) bilingual.Text {
	if errors.Is(err, io.EOF) {
		return bilingual.New("the document ends before its root does", "文档在根元素结束之前就结束了")
	}
	return bilingual.Sprintf("the body is not XML: %v", "请求体不是 XML：%v", bilingual.Same(shortened(err.Error())))
}

// documentReader reads elements with what stands between their tags.
type documentReader struct {
	document []byte
	dec      *xml.Decoder
}

// tag skips white space and comments between the elements, and before the root the declaration. It
// returns the next start of an element, nil at the end of the one that is open.
func (r *documentReader) tag(beforeRoot bool) (*xml.StartElement, bilingual.Text) {
	for {
		token, err := r.dec.Token()
		if err != nil {
			return nil, notXML(err)
		}
		switch token := token.(type) {
		case xml.StartElement:
			return &token, bilingual.Text{}
		case xml.EndElement:
			return nil, bilingual.Text{}
		case xml.Comment:
		case xml.ProcInst:
			if token.Target != "xml" || !beforeRoot {
				return nil, bilingual.New("processing instructions are not allowed", "不允许处理指令")
			}
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return nil, bilingual.New("there is text between the elements", "元素之间有文本")
			}
		default:
			return nil, bilingual.New("DOCTYPE and other directives are not allowed", "不允许 DOCTYPE 等声明")
		}
	}
}

// end reads what follows the root: white space and comments.
func (r *documentReader) end() bilingual.Text {
	more := bilingual.New("there is more after the root element", "根元素之后还有内容")
	for {
		token, err := r.dec.Token()
		if errors.Is(err, io.EOF) {
			return bilingual.Text{}
		}
		if err != nil {
			return more
		}
		switch token := token.(type) {
		case xml.Comment:
		case xml.CharData:
			if len(bytes.TrimSpace(token)) > 0 {
				return more
			}
		default:
			return more
		}
	}
}

// element reads an element that has just begun, up to its end.
func (r *documentReader) element(start *xml.StartElement) (element, bilingual.Text) {
	one := element{name: start.Name.Local}
	if start.Name.Space != "" {
		return one, bilingual.Sprintf("element %s has a namespace", "元素 %s 带有命名空间", shortened(one.name))
	}
	from := r.dec.InputOffset()
	var text strings.Builder
	for {
		to := r.dec.InputOffset()
		token, err := r.dec.Token()
		if err != nil {
			return one, notXML(err)
		}
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			return one, bilingual.Sprintf("element %s contains element %s: the document must be flat", "元素 %s 内含有元素 %s：文档不能嵌套",
				shortened(one.name), shortened(token.Name.Local))
		case xml.EndElement:
			one.value, one.raw = text.String(), string(r.document[from:to])
			return one, bilingual.Text{}
		case xml.Comment: // no part of the text
		default:
			return one, bilingual.Sprintf("element %s contains a directive or processing instruction", "元素 %s 内含有声明或处理指令",
				shortened(one.name))
		}
	}
}
