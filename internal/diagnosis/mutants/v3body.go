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
	{"v3-body-line-feed", RequestV3, rewritten((*maker).otherEnd)},
}

// rewritten makes a mistake by signing the body in one form and sending it in another. Either of
// the two is the one that there is. Where the other form has to be the one that is sent, for what
// was signed could not be known from it, edit returns true.
func rewritten(edit func(k *maker, body string) (other string, mustSend, ok bool)) func(*maker) bool {
	return func(k *maker) bool {
		k.anew()
		lines := k.sent()
		other, mustSend, ok := edit(k, lines.body)
		if !ok || other == lines.body {
			return false
		}
		if mustSend || k.coin() {
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
func (k *maker) otherSpaces(body string) (other string, mustSend, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok {
		return "", false, false
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
	return w.write(n) + end, false, true
}

// otherKeys writes the members in another order. A body whose members are sorted was signed before
// a library shuffled them; one that is not may have been sorted by one either way.
func (k *maker) otherKeys(body string) (other string, mustSend, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok || len(n.names) < 2 {
		return "", false, false
	}
	n.arrange(func(names []string) { slices.Sort(names) })
	if sorted := w.write(n) + end; sorted != body {
		return sorted, len(n.names) == 2 && k.coin(), true
	}
	n.arrange(func(names []string) {
		k.random.Shuffle(len(names), func(i, j int) { names[i], names[j] = names[j], names[i] })
	})
	return w.write(n) + end, true, true
}

// otherEscaping writes characters as \u and \/ that were themselves, or the other way.
func (k *maker) otherEscaping(body string) (other string, mustSend, ok bool) {
	n, w, end, ok := parsedBody(body)
	if !ok {
		return "", false, false
	}
	switch k.random.IntN(5) {
	case 0:
		w.ascii = !w.ascii
	case 1:
		w.slashes = !w.slashes
	case 2:
		w.html = !w.html
	case 3:
		w.ascii, w.slashes = true, true // as PHP does it unless told otherwise
	default:
		w.ascii, w.html = true, true
		w.capitals = k.coin()
	}
	return w.write(n) + end, false, true
}

// otherEnd has a line feed more or less at the end.
func (k *maker) otherEnd(body string) (other string, mustSend, ok bool) {
	if body == "" {
		return "", false, false
	}
	if trimmed := strings.TrimRight(body, "\n"); trimmed != body {
		return trimmed, false, true
	}
	return body + pick(k, []string{"\n", "\n", "\r\n"}), false, true
}
