package mutants

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf16"
)

// node is a JSON value whose members keep their order.
type node struct {
	// what stands there for a number, true, false or null
	literal string
	// a string, if isString
	text     string
	isString bool
	// names are an object's, each of one of the children; an array has none.
	isObject, isArray bool
	names             []string
	children          []*node
}

// parseJSON reads one value.
func parseJSON(text []byte) (*node, error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return readNode(decoder)
}

func readNode(decoder *json.Decoder) (*node, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, fmt.Errorf("reading JSON: %w", err)
	}
	switch value := token.(type) {
	case json.Delim:
		return readNodes(decoder, value)
	case string:
		return &node{text: value, isString: true}, nil
	case nil:
		return &node{literal: "null"}, nil
	default:
		return &node{literal: fmt.Sprint(value)}, nil
	}
}

// readNodes reads an array or an object behind its opening bracket.
func readNodes(decoder *json.Decoder, opening json.Delim) (*node, error) {
	n := &node{isObject: opening == '{', isArray: opening == '['}
	for decoder.More() {
		if n.isObject {
			token, err := decoder.Token()
			if err != nil {
				return nil, fmt.Errorf("reading JSON: %w", err)
			}
			name, ok := token.(string)
			if !ok {
				return nil, errors.New("the name of a member is no string")
			}
			n.names = append(n.names, name)
		}
		child, err := readNode(decoder)
		if err != nil {
			return nil, err
		}
		n.children = append(n.children, child)
	}
	_, err := decoder.Token() // the closing bracket
	return n, err
}

// arrange orders the members of the value, and of what is in it.
func (n *node) arrange(order func(names []string)) {
	if n.isObject {
		names := slices.Clone(n.names)
		order(names)
		children := make([]*node, len(names))
		for i, name := range names {
			children[i] = n.children[slices.Index(n.names, name)]
		}
		n.names, n.children = names, children
	}
	for _, child := range n.children {
		child.arrange(order)
	}
}

// writing is how a library writes JSON.
type writing struct {
	// between a value and the next, and between a name and its value, where the lines are not
	// indented
	comma, colon string
	// what a level is indented by; empty: everything is on one line
	indent string
	// U+0080 and above as \u, / as \/, and <, > and & as \u
	ascii, slashes, html bool
	// the digits of \u are capitals
	capitals bool
}

// compact is how most libraries write by themselves.
var compact = writing{comma: ",", colon: ":"}

// write writes a value.
func (w writing) write(n *node) string {
	var out strings.Builder
	w.add(&out, n, "")
	return out.String()
}

func (w writing) add(out *strings.Builder, n *node, margin string) {
	switch {
	case n.isString:
		out.WriteString(w.quote(n.text))
	case n.isObject:
		w.addAll(out, n, margin, "{", "}")
	case n.isArray:
		w.addAll(out, n, margin, "[", "]")
	default:
		out.WriteString(n.literal)
	}
}

// addAll writes an object or an array. An empty one stays on its line.
func (w writing) addAll(out *strings.Builder, n *node, margin, opening, closing string) {
	deeper, before, between, after := margin+w.indent, "", w.comma, ""
	if w.indent != "" && len(n.children) > 0 {
		before, between, after = "\n"+deeper, ",\n"+deeper, "\n"+margin
	}
	out.WriteString(opening + before)
	for i, child := range n.children {
		if i > 0 {
			out.WriteString(between)
		}
		if n.isObject {
			out.WriteString(w.quote(n.names[i]) + w.colon)
		}
		w.add(out, child, deeper)
	}
	out.WriteString(after + closing)
}

// quote writes a string.
func (w writing) quote(text string) string {
	out := []byte{'"'}
	for _, r := range text {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '/' && w.slashes:
			out = append(out, `\/`...)
		case r < ' ', w.html && strings.ContainsRune("<>&", r), w.ascii && r >= 0x80:
			out = append(out, w.escape(r)...)
		default:
			out = append(out, string(r)...)
		}
	}
	return string(append(out, '"'))
}

// escape writes a character as one \u, or as two beyond the first 65,536.
func (w writing) escape(r rune) string {
	form := `\u%04x`
	if w.capitals {
		form = `\u%04X`
	}
	if high, low := utf16.EncodeRune(r); high != '\uFFFD' {
		return fmt.Sprintf(form+form, high, low)
	}
	return fmt.Sprintf(form, r)
}

// writingOf is how a text of JSON was written; ok is false if it is in none of the ways that most
// libraries have.
func writingOf(text string, n *node) (w writing, ok bool) {
	for _, html := range []bool{false, true} {
		for _, slashes := range []bool{false, true} {
			w = compact
			w.html, w.slashes = html, slashes
			if w.write(n) == text {
				return w, true
			}
		}
	}
	return w, false
}
