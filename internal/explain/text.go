package explain

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"cloudpay/internal/diagnosis"
	"cloudpay/internal/order/errcode"
)

// An error text is whatever was printed where a call failed:
//
//	签名错误，请检查后再试
//	error http response:[StatusCode: 401 Code: "SIGN_ERROR" …]
//	Client error: `POST https://…` resulted in a `401 Unauthorized` response:
//	{"code":"SIGN_ERROR",…}
//
// Which causes a text can have is the table's (cause.InText). What is done here is to find what
// else is in it: the reply that an SDK quotes, a line of our log behind the prefix of a log
// service, a code.

// longestCode is longer than every error code.
const longestCode = 40

// IsCode reports whether a text is an error code alone, in any spelling that is known: WeChat Pay's
// or one of ours.
func IsCode(text string) bool {
	if len(text) > longestCode || strings.ContainsAny(text, "\r\n") {
		return false
	}
	_, known := errcode.Lookup(text)
	return known
}

// readText reads an error text. Such a text often has the reply itself in it, which becomes a part
// of its own before that of the text; a code alone, or lines of our log behind a log service's
// prefix, are read as such, and nothing else then.
func (r *Reading) readText(text string) {
	trimmed := strings.TrimSpace(text)
	skipped := len(text) - len(strings.TrimLeft(text, " \t\r\n"))
	first := lineAt(text, skipped)
	part := Part{Form: formMessage, From: "text", First: first, Last: first + strings.Count(trimmed, "\n"), text: trimmed}
	if IsCode(trimmed) {
		part.Form, part.code = formCode, trimmed
		r.add(part)
		return
	}
	if r.readLogLines(text) {
		return
	}
	if begin, end := nextDocument(text, 0); begin >= 0 {
		r.addDocument(text[begin:end], lineAt(text, begin))
	}
	if reply, at := embeddedError(text); reply != nil {
		r.add(Part{
			Form: formReply, From: "json", First: lineAt(text, at), Last: lineAt(text, at+len(reply)),
			reply: &diagnosis.Response{Body: reply},
		})
	}
	if codes := codesIn(trimmed); len(codes) > 0 {
		part.code = codes[0]
	}
	r.add(part)
}

// readLogLines reads the lines of a text that end in an object of our log. ok is false if there are
// none.
func (r *Reading) readLogLines(text string) (ok bool) {
	number := 0
	for rest := text; rest != ""; {
		var line string
		line, rest, _ = cutLine(rest)
		number++
		at := strings.Index(line, `{"`)
		if at < 0 {
			continue
		}
		object := []byte(strings.TrimSpace(line[at:]))
		if f := fieldsOf(object); f.has("level", "msg") || f.has("verdict", "method") {
			r.readObject(object, number)
			ok = true
		}
	}
	return ok
}

// embeddedError finds the JSON of a refusal within a text, as SDKs quote it, and where it begins.
// It tries a bounded number of objects: each may run to the end of the text before it proves to be
// none.
func embeddedError(text string) (object []byte, at int) {
	const tries = 100
	from := 0
	for range tries {
		next := strings.Index(text[from:], `{"`)
		if next < 0 {
			return nil, 0
		}
		at = from + next
		var raw json.RawMessage
		if json.NewDecoder(strings.NewReader(text[at:])).Decode(&raw) == nil && fieldsOf(raw).has("code", "message") {
			return raw, at
		}
		from = at + 1
	}
	return nil, 0
}

// codeWord matches what may be an error code in a text.
var codeWord = regexp.MustCompile(`[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z]{6,}`)

// codesIn lists the known error codes that a text names, by their canonical names, each once, in
// the order of the text, and at most five. Words of a text that only look like codes are not known,
// and left out.
func codesIn(text string) (codes []string) {
	const most = 5
	for _, word := range codeWord.FindAllString(text, -1) {
		if code, known := errcode.Lookup(word); known && !slices.Contains(codes, code.Name) && len(codes) < most {
			codes = append(codes, code.Name)
		}
	}
	return codes
}
