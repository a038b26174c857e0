package mutants

import (
	"slices"
	"strings"
)

// bodiesV3 are mistakes in the body that is signed: another is sent.
var bodiesV3 = []mutator{
	{"v3-body-unsigned", RequestV3, signing(func(k *maker, s *signedV3) bool {
		sent := s.body
		s.body = ""
		return sent != "" && k.as("signed no body")
	})},
	{"v3-body-invented", RequestV3, signing(func(k *maker, s *signedV3) bool {
		sent := s.body
		s.body = pick(k, []string{"{}", "{}", "null", "null", "[]", `""`, "undefined"})
		return sent == "" && k.as("signed %s", s.body)
	})},
	{"v3-body-spaces", RequestV3, rewritten((*maker).otherSpaces)},
	{"v3-body-keys", RequestV3, rewritten((*maker).otherKeys)},
	{"v3-body-escapes", RequestV3, rewritten((*maker).otherEscaping)},
	{"v3-body-numbers", RequestV3, signing(func(k *maker, s *signedV3) bool {
		total := totalInBody.FindString(s.body)
		s.body = strings.Replace(s.body, total, pick(k, []string{total + ".0", total + ".00", strings.Replace(total, ":", `:"`, 1) + `"`}), 1)
		return total != "" && k.as("signed %s", s.body)
	})},
	{"v3-body-line-feed", RequestV3, rewritten((*maker).otherEnd)},
}

// side is which of two forms of a body was signed: where one form cannot be known from the other,
// it has to be the one that can.
type side int

const (
	either side = iota
	otherSigned
	otherSent
)

// rewritten makes a mistake by signing the body in one form and sending it in another. Either of
// the two is the one that there is.
func rewritten(edit func(k *maker, body string) (other string, which side, ok bool)) func(*maker) bool {
	return func(k *maker) bool {
		k.anew()
		lines := k.sent()
		other, which, ok := edit(k, lines.body)
		if !ok || other == lines.body {
			return false
		}
		if which == otherSent || (which == either && k.coin()) {
			k.Body = []byte(other)
		} else {
			lines.body = other
		}
		k.sign(lines.text())
		return k.as("signed %q, sent %q", lines.body, k.Body)
	}
}

// parsedBody is the JSON of a body, how it is written and what stands behind it.
func parsedBody(body string) (n *node, w writing, end string, ok bool) {
	text := strings.TrimRight(body, "\n")
	n, err := parseJSON([]byte(text))
	if err != nil || !n.isObject {
		return nil, w, "", false
	}
	w, ok = writingOf(text, n)
	return n, w, body[len(text):], ok
}

// otherSpaces writes the body with the white space of another library: Python's, or pretty.
func (k *maker) otherSpaces(body string) (other string, which side, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok {
		return "", either, false
	}
	switch k.random.IntN(6) {
	case 0, 1:
		w.comma, w.colon = ", ", ": "
	case 2:
		w.indent, w.colon = "  ", ": "
	case 3:
		w.indent, w.colon = "    ", ": "
	case 4:
		w.indent, w.colon = "\t", ": "
	default: // as Python does it unless told otherwise, in ASCII too
		w.comma, w.colon, w.ascii = ", ", ": ", true
		if strings.ContainsFunc(body, func(r rune) bool { return r >= 0x80 }) {
			k.Also = []string{"v3-body-escapes", "reply-body-parsed", "notice-body-parsed"}
		}
	}
	return w.write(n) + end, either, true
}

// otherKeys writes the members in another order. The sorted order can be known from any other one.
func (k *maker) otherKeys(body string) (other string, which side, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok || len(n.names) < 2 {
		return "", either, false
	}
	n.arrange(func(names []string) { slices.Sort(names) })
	if sorted := w.write(n) + end; sorted != body {
		return sorted, otherSigned, true
	}
	n.arrange(func(names []string) {
		k.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	})
	if len(n.names) == 2 {
		return w.write(n) + end, either, true
	}
	return w.write(n) + end, otherSent, true
}

// escapings are how libraries escape: not, as Go, Python, PHP (with JSON_UNESCAPED_UNICODE and
// without) and .NET do unless they are told otherwise.
var escapings = []writing{
	{}, {html: true}, {ascii: true}, {slashes: true}, {slashes: true, ascii: true}, {ascii: true, html: true, capitals: true},
}

// otherEscaping writes the body as another library escapes it.
func (k *maker) otherEscaping(body string) (other string, which side, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok {
		return "", either, false
	}
	form := pick(k, escapings)
	form.comma, form.colon, form.indent = w.comma, w.colon, w.indent
	return form.write(n) + end, either, true
}

// otherEnd has a line feed more or less at the end.
func (k *maker) otherEnd(body string) (other string, which side, ok bool) {
	if body == "" {
		return "", either, false
	}
	if trimmed := strings.TrimRight(body, "\n"); trimmed != body {
		return trimmed, either, true
	}
	return body + pick(k, []string{"\n", "\n", "\r\n"}), either, true
}
