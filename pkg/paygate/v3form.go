package paygate

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// memberKind is what a member of a JSON body has to be.
type memberKind int

const (
	kindText memberKind = iota
	kindInteger
	kindTruth
	kindObject
	kindArray
)

// String is the kind for a sentence.
func (k memberKind) String() string {
	return [...]string{"a string", "a whole number", "true or false", "an object", "an array"}[k]
}

// member is one documented member of an APIv3 body. A body is checked against a form, which is a
// list of them; a member that the form does not have is refused, as the real gateway refuses it
// (internal number 270924358, illegal extra param).
type member struct {
	name string
	// the documents' name of it, for the messages
	label string
	kind  memberKind
	need  bool
	// characters of a text, value of a number, elements of an array
	least, most int64
	// what a text has to be besides; nil: nothing
	rule func(string) error
	// the members of an object, or of each element of an array; for an array of texts none
	of []member
}

// maxInteger is the largest whole number that is read: larger ones are not exact in JSON.
const maxInteger = 1 << 53

func textMember(name, label string, most int64) member {
	return member{name: name, label: label, kind: kindText, most: most}
}

func integerMember(name, label string, least int64) member {
	return member{name: name, label: label, kind: kindInteger, least: least, most: maxInteger}
}

func truthMember(name, label string) member {
	return member{name: name, label: label, kind: kindTruth}
}

func objectMember(name, label string, of ...member) member {
	return member{name: name, label: label, kind: kindObject, of: of}
}

// arrayMember is an array of objects, or without any members of texts.
func arrayMember(name, label string, most int64, of ...member) member {
	return member{name: name, label: label, kind: kindArray, least: 1, most: most, of: of}
}

// needed is the member as one that has to be there.
func (m member) needed() member {
	m.need = true
	return m
}

// ruled is the member with a rule for its text.
func (m member) ruled(rule func(string) error) member {
	m.rule = rule
	return m
}

// from is the member with a least length.
func (m member) from(least int64) member {
	m.least = least
	return m
}

// checkForm checks an object against a form, members in the order of the form. at is the path to
// the object, such as "/amount". A null counts as absent, and so does an empty text.
func checkForm(form []member, object map[string]any, at string) *refusal {
	for _, m := range form {
		path, value := at+"/"+m.name, object[m.name]
		switch value {
		case nil, "":
			if m.need {
				return m.missing(path)
			}
		default:
			if no := m.check(value, path); no != nil {
				return no
			}
		}
	}
	for _, name := range sortedKeys(object) {
		if !slices.ContainsFunc(form, func(m member) bool { return m.name == name }) {
			return surplusMember(form, name, at)
		}
	}
	return nil
}

// check checks a value that is there.
func (m member) check(value any, path string) *refusal {
	switch typed := value.(type) {
	case string:
		if m.kind == kindText {
			return m.checkText(typed, path)
		}
	case float64:
		if m.kind == kindInteger && typed == math.Trunc(typed) && math.Abs(typed) <= maxInteger {
			return m.bound(int64(typed), path, typed, "值")
		}
	case bool:
		if m.kind == kindTruth {
			return nil
		}
	case map[string]any:
		if m.kind == kindObject {
			return checkForm(m.of, typed, path)
		}
	case []any:
		if m.kind == kindArray {
			return m.checkArray(typed, path)
		}
	}
	return m.wrong(path, value, "类型错误", "must be "+m.kind.String())
}

// checkText checks a text's length and its rule.
func (m member) checkText(text, path string) *refusal {
	if no := m.bound(int64(utf8.RuneCountInString(text)), path, text, "字符数 "); no != nil {
		return no
	}
	if m.rule == nil {
		return nil
	}
	if err := m.rule(text); err != nil {
		return m.wrong(path, text, "格式错误", err.Error())
	}
	return nil
}

// checkArray checks an array's length and its elements.
func (m member) checkArray(elements []any, path string) *refusal {
	if no := m.bound(int64(len(elements)), path, len(elements), "元素个数 "); no != nil {
		return no
	}
	element := objectMember(m.name, m.label, m.of...)
	if len(m.of) == 0 {
		element = textMember(m.name, m.label, maxText)
	}
	for i, one := range elements {
		if no := element.check(one, path+"/"+strconv.Itoa(i)); no != nil {
			return no
		}
	}
	return nil
}

// bound checks a size against the member's limits. what is the size in the message's words.
func (m member) bound(size int64, path string, value any, what string) *refusal {
	switch {
	case size < m.least:
		return m.wrong(path, value, fmt.Sprintf("%s%d，小于最小值 %d", what, size, m.least), fmt.Sprintf("%d is below the least, %d", size, m.least))
	case size > m.most:
		return m.wrong(path, value, fmt.Sprintf("%s%d，大于最大值 %d", what, size, m.most), fmt.Sprintf("%d is above the most, %d", size, m.most))
	default:
		return nil
	}
}

// missing is the refusal of a member that has to be there, in the words of real complaints.
func (m member) missing(path string) *refusal {
	return badParam(issue{Field: path, Value: "", Issue: "is missing", Location: "body"},
		"输入源“/body"+path+"”映射到值字段“"+m.label+"”必填性规则校验失败，此字段为必填项").
		because(path + " is missing from the body: it is required")
}

// wrong is the refusal of a value, in the words of real complaints.
func (m member) wrong(path string, value any, what, reason string) *refusal {
	kind := map[memberKind]string{kindText: "字符串字段", kindInteger: "数值字段"}[m.kind]
	if kind == "" {
		kind = "值字段"
	}
	return badParam(issue{Field: path, Value: shortValue(value), Issue: reason, Location: "body"},
		"输入源“/body"+path+"”映射到"+kind+"“"+m.label+"”规则校验失败，"+what).
		because(path + ": " + reason)
}

// surplusMember is the refusal of a member that the call does not have.
func surplusMember(form []member, name, at string) *refusal {
	known := make([]string, len(form))
	for i, m := range form {
		known[i] = m.name
	}
	path := at + "/" + shortened(name)
	return badParam(issue{Field: path, Value: "", Issue: "illegal extra param", Location: "body"}, "输入源“/body"+path+"”多余参数").
		numbered(suffixExtraParam).
		because(fmt.Sprintf("%s is not a parameter of this call: there are %s", path, strings.Join(known, ", ")))
}

// shortened is what is repeated of a text that a stranger chose: its first 64 characters.
func shortened(text string) string {
	const most = 64
	runes := []rune(text)
	if len(runes) <= most {
		return text
	}
	return string(runes[:most]) + "…"
}

// shortValue is what is repeated of a value: of an object or an array nothing.
func shortValue(value any) any {
	switch typed := value.(type) {
	case string:
		return shortened(typed)
	case map[string]any, []any:
		return ""
	default:
		return value
	}
}

// memberOf walks into objects by names; nil if there is none.
func memberOf(object map[string]any, names ...string) any {
	var value any = object
	for _, name := range names {
		inner, _ := value.(map[string]any)
		value = inner[name]
	}
	return value
}

// textAt is a text in a body that was checked; empty if it is absent.
func textAt(object map[string]any, names ...string) string {
	text, _ := memberOf(object, names...).(string)
	return text
}

// integerAt is a whole number in a body that was checked; 0 if it is absent.
func integerAt(object map[string]any, names ...string) int64 {
	number, _ := memberOf(object, names...).(float64)
	return int64(number)
}

// paramsOf writes a body as the parameters that a second request has to repeat, by their paths.
// Absent, null and empty are the same.
func paramsOf(object map[string]any) map[string]string {
	params := make(map[string]string)
	addParams(params, "", object)
	return params
}

func addParams(params map[string]string, path string, value any) {
	switch typed := value.(type) {
	case map[string]any:
		for name, inner := range typed {
			addParams(params, path+"/"+name, inner)
		}
	case []any:
		for i, inner := range typed {
			addParams(params, path+"/"+strconv.Itoa(i), inner)
		}
	case nil:
	case string:
		if typed != "" {
			params[path] = typed
		}
	default:
		text, _ := json.Marshal(typed) // cannot fail: a number or a truth
		params[path] = string(text)
	}
}
