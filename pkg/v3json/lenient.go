package v3json

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"cloudpay/pkg/wire"
)

// strictPaths are the fields that must be readable where they are given: the order's numbers, its
// state and its own amounts. All others inform, and an unreadable one does not make the state any
// less true.
var strictPaths = slices.Concat(echoKeys[:], combineKeys[:], []string{
	"amount.total", "amount.payer_total", "amount.total_amount", "amount.payer_amount",
	"amount.currency", "amount.payer_currency",
	"refund_status", // a refund's state, in its notification
})

// decodeReply decodes body into the struct that into points to. An informing value that does not
// fit its field is left out, and its path stands in unread. The error is one line, about any other
// fault.
func decodeReply(body []byte, into any) (unread []string, err error) {
	err = json.Unmarshal(body, into)
	if err == nil {
		return nil, nil
	}
	if !json.Valid(body) {
		return nil, jsonError(err)
	}
	dec := json.NewDecoder(bytes.NewReader(body)) // it is valid, so nothing below fails
	dec.UseNumber()
	var tree any
	_ = dec.Decode(&tree)
	object, isObject := tree.(map[string]any)
	if !isObject {
		return nil, jsonError(err)
	}
	var f fitting
	target := reflect.ValueOf(into).Elem()
	f.fitFields(object, target.Type(), "")
	if f.err != nil {
		return nil, f.err
	}
	fitted, _ := json.Marshal(object)
	target.SetZero()
	if err := json.Unmarshal(fitted, into); err != nil {
		return nil, jsonError(err)
	}
	return f.unread, nil
}

// fitting removes from a decoded JSON object what does not fit a struct.
type fitting struct {
	unread []string // paths of what was removed, in the struct's names, each once
	err    error    // about the first one of strictPaths
}

// fitFields fits an object's values to the fields of their names. Like encoding/json, it ignores
// case.
func (f *fitting) fitFields(object map[string]any, t reflect.Type, path string) {
	for _, key := range slices.Sorted(maps.Keys(object)) { // so that the same reply always has the same fault
		for _, field := range reflect.VisibleFields(t) {
			name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
			if name == "" || !strings.EqualFold(key, name) || object[key] == nil {
				continue
			}
			if object[key] = f.fit(object[key], field.Type, strings.TrimPrefix(path+"."+name, ".")); object[key] == nil {
				delete(object, key)
			}
		}
	}
}

// fit returns as much of value as a t can hold, nil for none.
func (f *fitting) fit(value any, t reflect.Type, path string) any {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch value := value.(type) {
	case map[string]any:
		if t.Kind() == reflect.Struct {
			f.fitFields(value, t, path)
			return value
		}
	case []any:
		if t.Kind() == reflect.Slice {
			return f.fitElements(value, t.Elem(), path)
		}
	default:
		if holds(t, value) {
			return value
		}
	}
	f.leaveOut(path, kindOf(value, t), t)
	return nil
}

// holds reports whether a t can hold a value that is neither object nor array.
func holds(t reflect.Type, value any) bool {
	switch value := value.(type) {
	case string:
		return t.Kind() == reflect.String && t != numberType
	case json.Number:
		_, err := strconv.ParseInt(value.String(), 10, 64)
		return t == numberType || t.Kind() == reflect.Int64 && err == nil
	case bool:
		return t.Kind() == reflect.Bool
	}
	return false
}

// kindOf returns JSON's word for a value that a t cannot hold.
func kindOf(value any, t reflect.Type) string {
	switch value := value.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case json.Number:
		if t.Kind() == reflect.Int64 {
			return "number " + wire.OneLine(value.String())
		}
		return "number"
	}
	return reflect.TypeOf(value).String()
}

var (
	numberType = reflect.TypeFor[json.Number]()
	rawType    = reflect.TypeFor[json.RawMessage]()
)

// fitElements fits each element of an array, and removes null and what does not fit.
func (f *fitting) fitElements(elements []any, t reflect.Type, path string) any {
	if t == rawType {
		return elements
	}
	kept := make([]any, 0, len(elements))
	for _, element := range elements {
		if element == nil {
			continue
		}
		if fitted := f.fit(element, t, path); fitted != nil {
			kept = append(kept, fitted)
		}
	}
	return kept
}

func (f *fitting) leaveOut(path, kind string, t reflect.Type) {
	if f.err == nil && slices.Contains(strictPaths, path) {
		f.err = fmt.Errorf("%s is a JSON %s, not a %s", path, kind, t.Kind())
	}
	if !slices.Contains(f.unread, path) {
		f.unread = append(f.unread, path)
	}
}
