package mutants

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
)

// textsV3 are mistakes in what is signed, other than in its body.
var textsV3 = []mutator{
	{"v3-timestamp-differs", RequestV3, (*maker).otherTime},
	{"v3-timestamp-milliseconds", RequestV3, signing(func(k *maker, s *signedV3) bool {
		s.timestamp += pick(k, []string{"000", k.text(digits, 3)})
		return k.as("signed %s", s.timestamp)
	})},
	{"v3-nonce-differs", RequestV3, signing((*maker).otherNonce)},
	{"v3-nonce-case", RequestV3, signing(func(k *maker, s *signedV3) bool {
		sent := s.nonce
		s.nonce = pick(k, []string{strings.ToUpper(sent), strings.ToLower(sent)})
		return s.nonce != sent && k.as("signed %s", s.nonce)
	})},
	{"v3-method-case", RequestV3, signing(func(k *maker, s *signedV3) bool {
		s.method = pick(k, []string{strings.ToLower(s.method), s.method[:1] + strings.ToLower(s.method[1:])})
		return k.as("signed %s", s.method)
	})},
	{"v3-method-other", RequestV3, signing(func(k *maker, s *signedV3) bool {
		sent := s.method
		s.method = pick(k, []string{"GET", "POST", "POST", "GET", "PUT", "DELETE", "PATCH"})
		return s.method != sent && k.as("signed %s", s.method)
	})},
	{"v3-query", RequestV3, signing(func(k *maker, s *signedV3) bool {
		path, _, found := strings.Cut(s.uri, "?")
		s.uri = path
		return found && k.as("signed %s", path)
	})},
	{"v3-query-order", RequestV3, (*maker).otherQueryOrder},
	{"v3-url-full", RequestV3, signing(func(k *maker, s *signedV3) bool {
		s.uri = pick(k, []string{"https://", "https://", "http://", ""}) + k.Host + s.uri
		return k.as("signed %s", s.uri)
	})},
	{"v3-path-escape", RequestV3, (*maker).otherEscapes},
	{"v3-path-slash", RequestV3, (*maker).otherSlash},
	{"v3-question-mark", RequestV3, (*maker).questionMark},
	{"v3-path-unsigned", RequestV3, signing(func(k *maker, s *signedV3) bool {
		s.uri = strings.TrimPrefix(s.uri, pick(k, []string{"/v3", "/v3/pay", "/v3/pay/transactions"}))
		return s.uri != k.URI && k.as("signed %s", s.uri)
	})},
	{"v3-last-line-feed", RequestV3, layout(func(k *maker, s signedV3) string {
		switch {
		case s.body == "":
			k.Also = []string{"v3-body-line"} // without the last line feed an empty line is no line
		case strings.HasSuffix(s.body, "\n"):
			k.Also = []string{"v3-body-line-feed"} // the one line feed may be the body's or the line's
		}
		return strings.TrimSuffix(s.text(), "\n")
	})},
	{"v3-body-line", RequestV3, layout(func(k *maker, s signedV3) string {
		if s.body == "" {
			k.Also = []string{"v3-last-line-feed"}
		}
		return strings.Join(s.lines()[:4], "\n") + "\n"
	})},
	{"v3-crlf", RequestV3, layout(func(_ *maker, s signedV3) string { return strings.Join(s.lines(), "\r\n") + "\r\n" })},
	{"v3-backslash-n", RequestV3, layout(func(_ *maker, s signedV3) string { return strings.Join(s.lines(), `\n`) + `\n` })},
	{"v3-separator", RequestV3, layout(func(k *maker, s signedV3) string {
		between := pick(k, []string{"", " ", "&", ",", "|", "\r"})
		return strings.Join(s.lines(), between) + pick(k, []string{between, ""})
	})},
	{"v3-lines-swapped", RequestV3, layout((*maker).swapLines)},
	{"v3-line-missing", RequestV3, layout(func(k *maker, s signedV3) string {
		left := k.between(0, 3) // without the last line it is v3-body-line
		return strings.Join(slices.Delete(s.lines(), left, left+1), "\n") + "\n"
	})},
	{"v3-message-other", RequestV3, (*maker).otherMessage},
}

// signing makes a mistake by signing other lines than are sent.
func signing(edit func(*maker, *signedV3) bool) func(*maker) bool {
	return func(k *maker) bool {
		k.anew()
		lines := k.sent()
		if !edit(k, &lines) {
			return false
		}
		k.sign(lines.text())
		return true
	}
}

// layout makes a mistake by joining the right lines in another way.
func layout(join func(*maker, signedV3) string) func(*maker) bool {
	return func(k *maker) bool {
		k.anew()
		text := join(k, k.sent())
		if text == k.sent().text() {
			return false
		}
		k.sign(text)
		return k.as("signed %q", text)
	}
}

// otherTime dates the header by another reading of the clock than the signature.
func (k *maker) otherTime() bool {
	away := int64(k.between(1, 10))
	if k.rarely(3) {
		away = -away
	}
	stamp, _ := strconv.ParseInt(k.item("timestamp"), 10, 64) // it is good
	k.setItem("timestamp", strconv.FormatInt(stamp+away, 10))
	k.At = time.Unix(stamp, 0)
	return k.as("the header is %d seconds after the signature", away)
}

// otherNonce signs another nonce than the header's: as a UUID is written, cut, with white space,
// none, or one that is drawn again, which nothing can tell from a message that is unknown.
func (k *maker) otherNonce(s *signedV3) bool {
	if k.rarely(5) {
		k.Also = []string{"v3-message-other"}
		s.nonce = k.text(letters, 32)
		return k.as("signed another nonce")
	}
	forms := []string{"", " " + s.nonce, s.nonce + " ", s.nonce[:len(s.nonce)/2], `"` + s.nonce + `"`}
	if n := s.nonce; len(n) == 32 {
		forms = append(forms, strings.Join([]string{n[:8], n[8:12], n[12:16], n[16:20], n[20:]}, "-"), n[:16])
	}
	s.nonce = pick(k, forms)
	return k.as("signed %q", s.nonce)
}

// otherQueryOrder has the parameters of a query in one order in the signature and in another one in
// the address.
func (k *maker) otherQueryOrder() bool {
	_, query, _ := strings.Cut(k.URI, "?")
	parameters := strings.Split(query, "&")
	if len(parameters) < 2 {
		return false
	}
	k.anew()
	path, _, _ := strings.Cut(k.URI, "?")
	lines := k.sent()
	other := path + "?" + parameters[1] + "&" + parameters[0]
	if k.coin() {
		lines.uri = other
	} else {
		k.URI = other
	}
	k.sign(lines.text())
	return k.as("signed %s", lines.uri)
}

// otherEscapes signs an order's number in another writing than the address has it in.
func (k *maker) otherEscapes() bool {
	k.anew()
	place := orderInPath.FindStringIndex(k.URI)
	if place == nil {
		return false
	}
	sent := k.URI[place[0]+len("/out-trade-no/") : place[1]]
	plain, err := url.PathUnescape(sent)
	if err != nil || !strings.ContainsAny(plain, "|*") {
		return false
	}
	escaped := strings.NewReplacer("|", "%7C", "*", "%2A").Replace(plain)
	forms := []string{plain, escaped, strings.ReplaceAll(plain, "|", "%7C"), strings.ReplaceAll(sent, "%", "%25")}
	form := pick(k, forms)
	if form == sent {
		return false
	}
	lines := k.sent()
	other := k.URI[:place[0]] + "/out-trade-no/" + form + k.URI[place[1]:]
	if k.coin() {
		lines.uri = other
	} else {
		k.URI = other
	}
	k.sign(lines.text())
	return k.as("signed %s, sent %s", lines.uri, k.URI)
}

// otherSlash has one slash more or less in the signature than in the address.
func (k *maker) otherSlash() bool {
	k.anew()
	lines := k.sent()
	path, query, found := strings.Cut(lines.uri, "?")
	if found {
		query = "?" + query
	}
	lines.uri = pick(k, []string{strings.TrimPrefix(path, "/"), path + "/", "/" + path}) + query
	if strings.HasSuffix(lines.uri, "/") && k.coin() {
		lines.uri, k.URI = k.URI, lines.uri
	}
	k.sign(lines.text())
	return k.as("signed %s, sent %s", lines.uri, k.URI)
}

// questionMark has a ? without a query in the signature or in the address.
func (k *maker) questionMark() bool {
	if strings.Contains(k.URI, "?") {
		return false
	}
	k.anew()
	lines := k.sent()
	if k.coin() {
		lines.uri += "?"
	} else {
		k.URI += "?"
	}
	k.sign(lines.text())
	return k.as("signed %s", lines.uri)
}

// swapLines has two of the five lines in each other's place, most often nonce and timestamp.
func (k *maker) swapLines(s signedV3) string {
	lines := s.lines()
	i, j := 2, 3
	if k.rarely(3) {
		i = k.between(0, 3)
		j = k.between(i+1, 4)
	}
	lines[i], lines[j] = lines[j], lines[i]
	return strings.Join(lines, "\n") + "\n"
}

// otherMessage changes a digit or a letter of what is sent after it was signed.
func (k *maker) otherMessage() bool {
	k.Also = []string{"v3-nonce-differs"} // a digest does not say which line is unknown
	signed := k.URI + string(k.Body)
	if len(k.Body) == 0 {
		k.URI = k.alter(k.URI)
	} else {
		k.Body = []byte(k.alter(string(k.Body)))
	}
	return k.URI+string(k.Body) != signed && k.as("sent %s %s", k.URI, k.Body)
}

// alter changes some letters or digits of a text to others of their kind.
func (k *maker) alter(text string) string {
	altered := []rune(text)
	for changed := 0; changed < 4; {
		at := k.between(1, len(altered)-1)
		switch r := altered[at]; {
		case r >= '0' && r <= '9':
			altered[at] = '0' + (r-'0'+rune(k.between(1, 9)))%10
			changed++
		case unicode.Is(unicode.Han, r):
			altered[at] = '茗'
			changed++
		}
	}
	return string(altered)
}
