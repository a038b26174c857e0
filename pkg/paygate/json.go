package paygate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"
)

// newReplyV3 makes a reply with body as JSON; nil: without a body.
func newReplyV3(status int, body any) *reply {
	rp := &reply{status: status, header: http.Header{}}
	if body == nil {
		return rp
	}
	rp.header.Set("Content-Type", "application/json; charset=utf-8")
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(body)
	rp.body = bytes.TrimSuffix(out.Bytes(), []byte("\n"))
	return rp
}

// padJSON puts a member in that makes the body longer than size. A reply that may not have a body
// becomes a 200.
func padJSON(rp *reply, size int) {
	if !hasBody(rp.status) {
		rp.status = http.StatusOK
	}
	padding := `{"padding":"` + strings.Repeat("x", size) + `"`
	if rest, ok := bytes.CutPrefix(rp.body, []byte("{")); ok {
		rp.body = []byte(padding + "," + string(rest))
	} else {
		rp.body = []byte(padding + "}")
	}
	rp.header.Set("Content-Type", "application/json; charset=utf-8")
}

// decodeTexts reads a JSON object of strings, as decodeObject does.
func decodeTexts(body []byte) (map[string]string, error) {
	texts, others, err := decodeMembers(body)
	if err == nil && len(others) > 0 {
		err = fmt.Errorf("%s must be a string", others[0])
	}
	if err != nil {
		return nil, err
	}
	return texts, nil
}

// decodeMembers reads a JSON object as decodeObject does. The members that others names, sorted,
// are no strings; texts has them as JSON.
func decodeMembers(body []byte) (texts map[string]string, others []string, err error) {
	object, err := decodeObject(body)
	if err != nil {
		return nil, nil, err
	}
	texts = make(map[string]string, len(object))
	for _, name := range sortedKeys(object) {
		text, isText := object[name].(string)
		if !isText {
			raw, _ := json.Marshal(object[name]) // cannot fail: it was JSON
			text, others = string(raw), append(others, name)
		}
		texts[name] = text
	}
	return texts, others, nil
}

// onlyNames refuses a member that is none of the names, spelt exactly so.
func onlyNames(object map[string]any, names ...string) error {
	for _, name := range sortedKeys(object) {
		if !slices.Contains(names, name) {
			return fmt.Errorf("%q is not one of %s", name, strings.Join(names, ", "))
		}
	}
	return nil
}

// textOf is a member that must be a string, and not an empty one.
func textOf(object map[string]any, name string) (string, error) {
	text, ok := object[name].(string)
	if !ok || text == "" {
		return "", fmt.Errorf("%s must be there, and be a string", name)
	}
	return text, nil
}

// optionalTextOf is a member that may be absent; else as textOf.
func optionalTextOf(object map[string]any, name string) (string, error) {
	if _, there := object[name]; !there {
		return "", nil
	}
	return textOf(object, name)
}

// decodeObject reads one JSON object and nothing after it. It is stricter than encoding/json, which
// takes the last of two members of one name: a signature over such a body would cover two meanings.
func decodeObject(body []byte) (map[string]any, error) {
	if !utf8.Valid(body) {
		return nil, errors.New("it is not UTF-8")
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	value, err := decodeValue(dec, maxDepth)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("it is not a JSON object")
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("there is more after the object")
	}
	return object, nil
}

// maxDepth is how deep objects and arrays may be in one another. A combined order's close has
// three.
const maxDepth = 8

// decodeValue reads a value that has depth levels at most.
func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth == 0 {
		return nil, fmt.Errorf("it is nested deeper than %d", maxDepth)
	}
	token, err := nextToken(dec)
	switch {
	case err != nil:
		return nil, err
	case token == json.Delim('{'):
		return decodeMap(dec, depth-1)
	case token == json.Delim('['):
		array := []any{}
		for dec.More() {
			value, err := decodeValue(dec, depth-1)
			if err != nil {
				return nil, err
			}
			array = append(array, value)
		}
		_, err = nextToken(dec)
		return array, err
	default:
		return token, nil
	}
}

// decodeMap reads an object's members, and its end.
func decodeMap(dec *json.Decoder, depth int) (map[string]any, error) {
	object := make(map[string]any)
	for dec.More() {
		token, err := nextToken(dec)
		if err != nil {
			return nil, err
		}
		name, _ := token.(string) // always one: the decoder accepts no other name
		if _, twice := object[name]; twice {
			return nil, fmt.Errorf("%s is there twice", name)
		}
		if object[name], err = decodeValue(dec, depth); err != nil {
			return nil, err
		}
	}
	_, err := nextToken(dec)
	return object, err
}

// nextToken is the next token; at the end of the body there is an error, never io.EOF alone.
func nextToken(dec *json.Decoder) (json.Token, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, fmt.Errorf("it is not JSON: %w", err)
	}
	return token, nil
}
