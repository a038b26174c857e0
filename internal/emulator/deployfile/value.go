package deployfile

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"cloudpay/internal/bilingual"
)

// kind is the kind of a value.
type kind int

const (
	null kind = iota
	scalar
	list
	mapping
)

// value is a value of a file, with its line. A nil value is one that is not there.
type value struct {
	line    int
	kind    kind
	text    string // of a scalar
	quoted  bool   // the scalar is a string whatever it looks like
	items   []*value
	members []member
}

// member is a member of a mapping, in the file's order.
type member struct {
	key   string
	value *value
	line  int // the key's
}

// get is the member at a path of keys; nil if there is none.
func (v *value) get(path ...string) *value {
	for _, key := range path {
		if v == nil {
			return nil
		}
		found := (*value)(nil)
		for _, m := range v.members {
			if m.key == key {
				found = m.value
			}
		}
		v = found
	}
	return v
}

// present reports whether there is a value, and it is not null.
func (v *value) present() bool { return v != nil && v.kind != null }

// maxDepth bounds how deep values nest, so that a hostile file cannot exhaust the stack.
const maxDepth = 100

var errDepth = bilingual.Errorf("values nest more than %d deep, or aliases multiply them", "嵌套超过 %d 层，或别名展开过多", maxDepth)

// readJSON reads a JSON document, as [readYAML] does. line belongs to the error.
func readJSON(text []byte) (documents []*value, line int, err error) {
	d := &jsonReader{decoder: json.NewDecoder(bytes.NewReader(text)), text: text}
	d.decoder.UseNumber()
	root, err := d.value(0)
	if err == nil {
		if _, more := d.decoder.Token(); !errors.Is(more, io.EOF) {
			err = bilingual.Errorf("something follows the document", "文档之后还有内容")
		}
	}
	return []*value{root}, d.line(), err
}

// jsonReader reads values token by token, since json.Unmarshal does not tell their lines.
type jsonReader struct {
	decoder *json.Decoder
	text    []byte
	counted int64 // how much of the text lines counts
	lines   int
}

// line is the line of the last token.
func (d *jsonReader) line() int {
	at := min(d.decoder.InputOffset(), int64(len(d.text)))
	d.lines += bytes.Count(d.text[d.counted:at], []byte("\n"))
	d.counted = at
	return d.lines + 1
}

func (d *jsonReader) value(depth int) (*value, error) {
	if depth > maxDepth {
		return nil, errDepth
	}
	token, err := d.decoder.Token()
	if err != nil {
		return nil, jsonFault(err)
	}
	v := &value{line: d.line(), kind: scalar}
	switch token := token.(type) {
	case nil:
		v.kind = null
	case string:
		v.text, v.quoted = token, true
	case json.Delim:
		return v, d.composite(v, token, depth)
	default:
		v.text = fmt.Sprint(token)
	}
	return v, nil
}

// composite reads the items of an array or the members of an object, up to its end.
func (d *jsonReader) composite(v *value, open json.Delim, depth int) error {
	v.kind = list
	if open == '{' {
		v.kind = mapping
	}
	for d.decoder.More() {
		var key string
		line := 0
		if v.kind == mapping {
			name, err := d.decoder.Token()
			if err != nil {
				return jsonFault(err)
			}
			key, _ = name.(string) // the decoder accepts nothing else here
			line = d.line()
		}
		item, err := d.value(depth + 1)
		if err != nil {
			return err
		}
		if v.kind == mapping {
			v.members = append(v.members, member{key, item, line})
		} else {
			v.items = append(v.items, item)
		}
	}
	_, err := d.decoder.Token()
	return jsonFault(err)
}

// jsonFault words a fault of the syntax.
func jsonFault(err error) error {
	if err == nil {
		return nil
	}
	return bilingual.Errorf("it is not JSON: %w", "不是 JSON：%w", err)
}

// readYAML reads the documents of a YAML file, of which there is one at least. line belongs to the
// error.
func readYAML(text []byte) (documents []*value, line int, err error) {
	if openBrackets(text) > maxBrackets {
		return nil, 1, errDepth
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, yamlLine(err), bilingual.Errorf("it is not YAML: %w", "不是 YAML：%w", yamlFault(err))
	}
	y := &yamlReader{anchors: map[string]*value{}}
	for _, document := range file.Docs {
		if document.Body == nil {
			continue
		}
		root, err := y.value(document.Body, 0)
		if err != nil {
			return nil, y.line, err
		}
		documents = append(documents, root)
	}
	if len(documents) == 0 {
		documents = []*value{{line: 1}}
	}
	return documents, y.line, nil
}

// yamlLine is the line of a fault of the syntax.
func yamlLine(err error) int {
	if fault, is := errors.AsType[yaml.Error](err); is && fault.GetToken() != nil {
		return fault.GetToken().Position.Line
	}
	return 1
}

// yamlFault is the fault without the library's excerpt of the file, which may show secrets.
func yamlFault(err error) error {
	if fault, is := errors.AsType[yaml.Error](err); is {
		return errors.New(fault.GetMessage())
	}
	return errors.New(strings.SplitN(err.Error(), "\n", 2)[0])
}

// yamlReader turns the library's tree into values. It resolves anchors and merges.
type yamlReader struct {
	anchors map[string]*value
	line    int
	count   int
}

// maxValues bounds the values of a file with its aliases, which can stand for one another.
const maxValues = 100_000

func (y *yamlReader) value(node ast.Node, depth int) (*value, error) {
	if y.count++; depth > maxDepth || y.count > maxValues {
		return nil, errDepth
	}
	if node == nil {
		return &value{line: y.line}, nil
	}
	if token := node.GetToken(); token != nil && token.Position != nil {
		y.line = token.Position.Line
	}
	v := &value{line: y.line}
	switch node := node.(type) {
	case *ast.MappingNode:
		return v, y.mapping(v, node.Values, depth)
	case *ast.MappingValueNode:
		return v, y.mapping(v, []*ast.MappingValueNode{node}, depth)
	case *ast.SequenceNode:
		return v, y.sequence(v, node.Values, depth)
	case *ast.AnchorNode:
		return y.anchor(node, depth)
	case *ast.AliasNode:
		return y.alias(node)
	case *ast.TagNode:
		return y.tagged(node, depth)
	case *ast.NullNode:
		return v, nil
	default:
		v.scalar(node)
		return v, nil
	}
}

// scalar takes a text, or a number or a boolean as it is written.
func (v *value) scalar(node ast.Node) {
	v.kind = scalar
	switch node := node.(type) {
	case *ast.StringNode:
		v.text, v.quoted = node.Value, true
	case *ast.LiteralNode:
		v.text, v.quoted = node.Value.Value, true
	default:
		v.text = node.GetToken().Value
	}
}

func (y *yamlReader) sequence(v *value, nodes []ast.Node, depth int) error {
	v.kind = list
	for _, node := range nodes {
		item, err := y.value(node, depth+1)
		if err != nil {
			return err
		}
		v.items = append(v.items, item)
	}
	return nil
}

func (y *yamlReader) mapping(v *value, nodes []*ast.MappingValueNode, depth int) error {
	v.kind = mapping
	if len(nodes) > 0 {
		v.line = nodes[0].Key.GetToken().Position.Line
	}
	for _, node := range nodes {
		line := node.Key.GetToken().Position.Line
		item, err := y.value(node.Value, depth+1)
		if err != nil {
			return err
		}
		if _, merges := node.Key.(*ast.MergeKeyNode); merges {
			merged := slicesOf(item)
			// A merge of merges multiplies: each member that it brings counts as a value.
			if y.count += len(merged); y.count > maxValues {
				return errDepth
			}
			v.members = append(merged, v.members...) // its own members come later and win
			continue
		}
		if item.kind == null || item.kind == scalar {
			item = &value{line: line, kind: item.kind, text: item.text, quoted: item.quoted}
		}
		v.members = append(v.members, member{node.Key.GetToken().Value, item, line})
	}
	return nil
}

// slicesOf are the members that a merge brings: those of one mapping or of several.
func slicesOf(v *value) []member {
	members := slices.Clone(v.members) // an anchor's are not to be written to
	for _, item := range v.items {
		members = append(members, item.members...)
	}
	return members
}

func (y *yamlReader) anchor(node *ast.AnchorNode, depth int) (*value, error) {
	v, err := y.value(node.Value, depth+1)
	if err == nil {
		y.anchors[node.Name.GetToken().Value] = v
	}
	return v, err
}

func (y *yamlReader) alias(node *ast.AliasNode) (*value, error) {
	name := node.Value.GetToken().Value
	v, known := y.anchors[name]
	if !known {
		return nil, bilingual.Errorf("there is no anchor &%s before this", "此前没有锚点 &%s", name)
	}
	return v, nil
}

// tagged is a value with a tag. A tag of CloudFormation's, such as !Ref, makes it a mapping, as its
// long form is.
func (y *yamlReader) tagged(node *ast.TagNode, depth int) (*value, error) {
	v, err := y.value(node.Value, depth+1)
	if err != nil {
		return nil, err
	}
	if tag := node.GetToken().Value; !strings.HasPrefix(tag, "!!") {
		return &value{line: v.line, kind: mapping, members: []member{{strings.TrimPrefix(tag, "!"), v, v.line}}}, nil
	}
	return v, nil
}
