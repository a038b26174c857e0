package deployfile

import (
	"regexp"
	"strings"
)

// style is the form of a file's placeholders.
type style int

const (
	cloudBaseStyle  style = iota // {{env.NAME}}
	serverlessStyle              // ${env:NAME, 'default'}
	composeStyle                 // ${NAME:-default}
	plainStyle                   // none
)

// Bounds of placeholders: within what placeholders stand for, and of all in a file, since they and
// YAML's aliases can stand for one another.
const (
	maxNesting = 10
	maxFilled  = 100_000
)

// text is a scalar with its placeholders filled in. It has noted a fault, and is empty, if the
// value is no scalar or a placeholder cannot be filled in. A value that is not there is empty.
func (r *reader) text(v *value) string {
	if !v.present() {
		return ""
	}
	if v.kind != scalar {
		r.fault(v, "this must be a text or a number", "此处须为文本或数字")
		return ""
	}
	return r.fill(v, v.text)
}

// isPlaceholder reports whether a raw text has a placeholder of either style.
func isPlaceholder(text string) bool {
	return strings.Contains(text, "{{") || strings.Contains(text, "${")
}

// leaves reports whether a value is a placeholder without a value, which a lenient reader leaves
// out.
func (r *reader) leaves(v *value) bool {
	return r.source.Lenient && v.present() && v.kind == scalar && isPlaceholder(v.text) && r.text(v) == ""
}

// unplayed notes a placeholder that is not filled in here: a fault, unless the reader is lenient.
func (r *reader) unplayed(at *value, en, zh string, args ...any) {
	if r.source.Lenient {
		r.cloudOnly = true
		return
	}
	r.fault(at, en, zh, args...)
}

// fill fills in the placeholders of a text. at has the line for faults.
func (r *reader) fill(at *value, text string) string {
	r.depth++
	defer func() { r.depth-- }()
	if r.depth > maxNesting {
		r.fault(at, "its placeholders stand for one another", "其中的占位符循环引用")
		return ""
	}
	if r.filled++; r.filled > maxFilled {
		return ""
	}
	switch r.style {
	case plainStyle:
		return text
	case composeStyle:
		return r.interpolate(at, text)
	case serverlessStyle:
		return r.expand(at, text)
	case cloudBaseStyle:
		return mustache.ReplaceAllStringFunc(text, func(found string) string {
			return r.mustache(at, mustache.FindStringSubmatch(found)[1])
		})
	}
	return text
}

// mustache matches {{env.NAME}} and its like, as the CloudBase command fills them in.
var mustache = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// mustache is the value of one placeholder of cloudbaserc.json.
func (r *reader) mustache(at *value, inner string) string {
	name, isEnv := strings.CutPrefix(inner, "env.")
	switch {
	case isEnv:
		return r.variable(at, name)
	case inner == "tcb.envId":
		return r.text(r.root.get("envId"))
	default:
		r.unplayed(at, "{{%s}} is not played here: {{env.NAME}} and {{tcb.envId}} are", "此处不支持 {{%s}}，只支持 {{env.NAME}} 与 {{tcb.envId}}", inner)
		return ""
	}
}

// variable is an environment variable, which must be set.
func (r *reader) variable(at *value, name string) string {
	text, known := r.lookup(name)
	switch {
	case known:
	case r.source.Lenient:
		r.unset = name
	default:
		r.fault(at, "%s is not set: give it with --env %s=… or --env-file", "%s 未设置：请用 --env %s=… 或 --env-file 提供", name, name)
	}
	return text
}

// lookup is the value of an environment variable. A lenient reader may have none.
func (r *reader) lookup(name string) (string, bool) {
	if r.source.Lookup == nil {
		return "", false
	}
	return r.source.Lookup(name)
}

// expand fills in the placeholders of the Serverless Framework. What is filled in is not looked at
// again.
func (r *reader) expand(at *value, text string) string {
	var filled strings.Builder
	for {
		before, after, found := strings.Cut(text, "${")
		filled.WriteString(before)
		if !found {
			return filled.String()
		}
		inner, rest, ends := r.inner(at, after)
		if !ends {
			return filled.String() + "${" + after
		}
		filled.WriteString(r.alternatives(at, inner))
		text = rest
	}
}

// inner is a placeholder up to its closing brace, with the placeholders within it filled in.
func (r *reader) inner(at *value, text string) (inner, rest string, ends bool) {
	var filled strings.Builder
	for {
		opening, closing := strings.Index(text, "${"), strings.Index(text, "}")
		if closing < 0 {
			return "", "", false
		}
		if opening < 0 || opening > closing {
			return filled.String() + text[:closing], text[closing+1:], true
		}
		filled.WriteString(text[:opening])
		nested, after, ends := r.inner(at, text[opening+2:])
		if !ends {
			return "", "", false
		}
		value := r.alternatives(at, nested)
		if before := strings.TrimRight(filled.String(), " "); before == "" || strings.HasSuffix(before, ",") {
			value = nestedQuote + value + nestedQuote // it is a value, and not part of a source's name
		}
		filled.WriteString(value)
		text = after
	}
}

// nestedQuote encloses the value of a placeholder within another one. No file has it.
const nestedQuote = "\x00"

// quotes enclose a text in a placeholder.
const quotes = "'\"" + nestedQuote

// alternatives is the first of several sources, separated by commas, that has a value.
func (r *reader) alternatives(at *value, inner string) string {
	var missing string
	for _, part := range splitOutsideQuotes(inner) {
		text, known, fault := r.single(at, strings.TrimSpace(part))
		if fault {
			return ""
		}
		if known {
			return text
		}
		if missing == "" {
			missing = strings.TrimSpace(part)
		}
	}
	if name, isEnv := strings.CutPrefix(strings.Replace(missing, "env.", "env:", 1), "env:"); isEnv {
		return r.variable(at, name)
	}
	r.unplayed(at, "${%s} has no value", "${%s} 没有值", missing)
	return ""
}

// single is the value of one source.
func (r *reader) single(at *value, source string) (text string, known, fault bool) {
	kind, name, _ := strings.Cut(source, ":")
	if variable, isOld := strings.CutPrefix(source, "env."); isOld {
		kind, name = "env", variable // as components had it
	}
	switch {
	case len(source) >= 2 && strings.Contains(quotes, source[:1]) && source[len(source)-1] == source[0]:
		return source[1 : len(source)-1], true, false
	case kind == "env":
		text, known = r.lookup(name)
		return text, known, false
	case kind == "self":
		v := r.root.get(strings.Split(name, ".")...)
		if v.present() && v.kind == scalar {
			return r.fill(at, v.text), true, false
		}
		return "", false, false
	case kind == "opt", kind == "sls" && name == "stage":
		return r.stage(name)
	case plainNumber.MatchString(source), source == "true", source == "false", source == "null":
		return source, true, false
	default:
		r.unplayed(at, "${%s} is not played here: give the variable with --env NAME=…, or the value itself",
			"此处不支持 ${%s}：请用 --env NAME=… 提供该变量，或直接写出值", source)
		return "", false, true
	}
}

// stage is the provider's stage, dev as the tool has it. No other option is given here.
func (r *reader) stage(name string) (text string, known, fault bool) {
	if name != "stage" {
		return "", false, false
	}
	if stage := r.root.get("provider", "stage"); stage.present() && stage.kind == scalar && !strings.Contains(stage.text, "${") {
		return stage.text, true, false
	}
	return "dev", true, false
}

var plainNumber = regexp.MustCompile(`^-?[0-9]+(\.[0-9]+)?$`)

// splitOutsideQuotes splits at commas that are not within quotes.
func splitOutsideQuotes(text string) []string {
	var parts []string
	var quote rune
	start := 0
	for i, c := range text {
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case strings.ContainsRune(quotes, c):
			quote = c
		case c == ',':
			parts = append(parts, text[start:i])
			start = i + 1
		}
	}
	return append(parts, text[start:])
}
