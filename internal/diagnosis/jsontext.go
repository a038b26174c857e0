package diagnosis

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
)

// jsonText is a JSON text taken apart, to be written again as other libraries write it: with its
// keys in another order, other white space, other escapes, or its numbers in another form. What is
// not asked to change stays as it was sent.
type jsonText struct {
	root *jsonNode
	// white space around the whole
	before, behind string
	// how the text that was taken apart is spaced; compact if no form fits
	sent int
	// texts that were written already
	written map[style]string
}

// jsonNode is one value.
type jsonNode struct {
	kind jsonKind
	// a scalar as it was sent; of a string with its quotes
	raw string
	// a string's characters
	text string
	// an object's keys, each a string, beside its values; an array's values
	keys     []*jsonNode
	children []*jsonNode
}

// jsonKind is what a value is.
type jsonKind int

const (
	jsonOther jsonKind = iota // true, false, null
	jsonString
	jsonNumber
	jsonObject
	jsonArray
)

// maxJSONDepth bounds how deep a text may nest. Bodies of WeChat Pay nest three deep.
const maxJSONDepth = 32

var errTooDeep = errors.New("the JSON text nests too deep")

// newJSONText takes a text apart. It returns nil if the text is no JSON object or array, or longer
// than is guessed at.
func newJSONText(text string) *jsonText {
	if len(text) > maxGuessed || !json.Valid([]byte(text)) {
		return nil
	}
	r := &jsonReader{text: text, dec: json.NewDecoder(strings.NewReader(text))}
	r.dec.UseNumber()
	root, err := r.value(0)
	if err != nil || len(root.children) == 0 {
		return nil
	}
	core := strings.Trim(text, blanks)
	t := &jsonText{root: root, sent: compact, written: make(map[style]string)}
	t.before, t.behind, _ = strings.Cut(text, core)
	for i := range spacings {
		w := jsonWriter{form: spacings[i].form, most: len(core)}
		w.node(t.root, 0)
		if w.out.String() == core {
			t.sent = i + 1
			break
		}
	}
	return t
}

// blanks are JSON's white space (RFC 8259, section 2).
const blanks = " \t\r\n"

// jsonReader reads values in their order, which encoding/json's maps lose.
type jsonReader struct {
	text string
	dec  *json.Decoder
}

// token returns the next token, and how it stands in the text.
func (r *jsonReader) token() (json.Token, string, error) {
	from := r.dec.InputOffset()
	token, err := r.dec.Token()
	if err != nil {
		return nil, "", err //nolint:wrapcheck // the text was found valid; the caller gives up on any error
	}
	return token, strings.TrimLeft(r.text[from:r.dec.InputOffset()], blanks+":,"), nil
}

// value reads one value.
func (r *jsonReader) value(depth int) (*jsonNode, error) {
	token, raw, err := r.token()
	if err != nil {
		return nil, err
	}
	switch token := token.(type) {
	case json.Delim:
		if depth == maxJSONDepth {
			return nil, errTooDeep
		}
		return r.container(token, depth)
	case string:
		return &jsonNode{kind: jsonString, raw: raw, text: token}, nil
	case json.Number:
		return &jsonNode{kind: jsonNumber, raw: raw}, nil
	default:
		return &jsonNode{kind: jsonOther, raw: raw}, nil
	}
}

// container reads an object or an array to its end. An object's keys are kept as they stand, also
// one that is there twice.
func (r *jsonReader) container(open json.Delim, depth int) (*jsonNode, error) {
	node := &jsonNode{kind: jsonArray}
	if open == '{' {
		node.kind = jsonObject
	}
	for r.dec.More() {
		if node.kind == jsonObject {
			key, err := r.value(depth + 1)
			if err != nil {
				return nil, err
			}
			node.keys = append(node.keys, key)
		}
		child, err := r.value(depth + 1)
		if err != nil {
			return nil, err
		}
		node.children = append(node.children, child)
	}
	_, _, err := r.token()
	return node, err
}

// objects returns the objects of the text that have more than one key, the outermost first.
func (t *jsonText) objects() []*jsonNode {
	var found []*jsonNode
	var visit func(*jsonNode)
	visit = func(node *jsonNode) {
		if len(node.keys) > 1 {
			found = append(found, node)
		}
		for _, child := range node.children {
			visit(child)
		}
	}
	visit(t.root)
	return found
}

// write writes the text in a style. Its white space is that of the text as it was sent, unless the
// style has another; what stands around the whole is kept.
func (t *jsonText) write(s style) string {
	if s.spaces == asSent {
		s.spaces = t.sent
	}
	if text, ok := t.written[s]; ok {
		return text
	}
	w := jsonWriter{style: s, form: spacings[s.spaces-1].form, most: maxWritten}
	w.node(t.root, 0)
	text := t.before + w.out.String() + t.behind
	if s.moved == nil {
		t.written[s] = text
	}
	return text
}

// members is an object's members as they were sent, to be put into thousands of orders at little
// cost: each is written once.
type members struct {
	// what stands in front of the first, between two, and behind the last
	before, between, behind string
	texts                   []string
}

// membersOf takes a text apart around the members of one of its objects.
func (t *jsonText) membersOf(object *jsonNode) members {
	w := jsonWriter{form: spacings[t.sent-1].form, most: maxWritten, hole: object}
	w.node(t.root, 0)
	before, behind, _ := strings.Cut(w.out.String(), hole)
	line := ""
	if w.form.newline != "" {
		line = w.form.newline + strings.Repeat(w.form.indent, w.depth+1)
	}
	m := members{
		before:  t.before + before + "{" + w.form.inside + line,
		between: w.form.comma + line,
		behind:  strings.TrimSuffix(line, w.form.indent) + w.form.inside + "}" + behind + t.behind,
	}
	for i, key := range object.keys {
		one := jsonWriter{form: w.form, most: maxWritten}
		one.string(key)
		one.out.WriteString(w.form.colon)
		one.node(object.children[i], w.depth+1)
		m.texts = append(m.texts, one.out.String())
	}
	return m
}

// in is the text with the members in an order.
func (m *members) in(order []int) string {
	var out strings.Builder
	out.WriteString(m.before)
	for i, from := range order {
		if i > 0 {
			out.WriteString(m.between)
		}
		out.WriteString(m.texts[from])
	}
	out.WriteString(m.behind)
	return out.String()
}

// hole stands for an object that is left out. No JSON text holds it.
const hole = "\x00"

// maxWritten bounds a text that is written again, in bytes. Indents make at most four of one byte
// in an honest text; one that nests deep could become a hundred times as long.
const maxWritten = 4 * maxGuessed

// jsonWriter writes values in a style.
type jsonWriter struct {
	style style
	form  spacing
	out   strings.Builder
	// how many bytes may be written: the text is cut behind the value that goes beyond
	most int
	// an object that is left out, and how deep it lay; nil: none
	hole  *jsonNode
	depth int
}

func (w *jsonWriter) node(node *jsonNode, depth int) {
	if w.out.Len() > w.most {
		return
	}
	if node == w.hole {
		w.depth = depth
		w.out.WriteString(hole)
		return
	}
	switch node.kind {
	case jsonObject:
		w.object(node, depth)
	case jsonArray:
		w.list(node, depth, "[", "]", func(i int) { w.node(node.children[i], depth+1) })
	case jsonString:
		w.text(node)
	case jsonNumber:
		w.out.WriteString(numberings[w.style.numbers].of(node.raw))
	case jsonOther:
		w.out.WriteString(node.raw)
	}
}

// object writes an object with its keys in the style's order.
func (w *jsonWriter) object(node *jsonNode, depth int) {
	order := w.style.orderOf(node)
	w.list(node, depth, "{", "}", func(i int) {
		if order != nil {
			i = order[i]
		}
		w.string(node.keys[i])
		w.out.WriteString(w.form.colon)
		w.node(node.children[i], depth+1)
	})
}

// list writes an object's or array's elements with the white space between them.
func (w *jsonWriter) list(node *jsonNode, depth int, open, end string, element func(i int)) {
	w.out.WriteString(open)
	if len(node.children) > 0 {
		w.out.WriteString(w.form.inside)
	}
	for i := range node.children {
		if w.out.Len() > w.most {
			return
		}
		if i > 0 {
			w.out.WriteString(w.form.comma)
		}
		w.line(depth + 1)
		element(i)
	}
	if len(node.children) > 0 {
		w.line(depth)
		w.out.WriteString(w.form.inside)
	}
	w.out.WriteString(end)
}

// line begins a line, if the form has lines, and indents it by its depth.
func (w *jsonWriter) line(depth int) {
	if w.form.newline != "" {
		w.out.WriteString(w.form.newline)
		for range depth {
			w.out.WriteString(w.form.indent)
		}
	}
}

// text writes a string that is a value: some libraries turn digits into numbers.
func (w *jsonWriter) text(node *jsonNode) {
	if numberings[w.style.numbers].unquote && integerRule.MatchString(node.text) {
		w.out.WriteString(node.text)
		return
	}
	w.string(node)
}

// string writes a string with the style's escapes.
func (w *jsonWriter) string(node *jsonNode) {
	if w.style.escapes == asSent {
		w.out.WriteString(node.raw)
		return
	}
	escapings[w.style.escapes-1].form.write(&w.out, node.text)
}

// orderOf returns the places of an object's keys in the style's order, nil for the order sent.
func (s style) orderOf(node *jsonNode) []int {
	if s.moved != nil && node == s.moved.object {
		return s.moved.order
	}
	if s.keys == asSent {
		return nil
	}
	if s.keys == documented {
		return documentedOrder(node.keys)
	}
	order := make([]int, len(node.keys))
	for i := range order {
		order[i] = i
	}
	if s.keys == reversed {
		slices.Reverse(order)
		return order
	}
	slices.SortStableFunc(order, func(a, b int) int { return strings.Compare(node.keys[a].text, node.keys[b].text) })
	return order
}
