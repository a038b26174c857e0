package explain

import (
	"encoding/binary"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/diagnosis"
)

// MaxInput is the most bytes that [Read] takes. A longer text is cut there, with a note; a caller
// that can refuse it should.
const MaxInput = 1 << 20

// maxParts bounds what is read of one text: a history or a log may have thousands of lines.
const maxParts = 200

// Form is what a part of a text was taken for.
type Form string

// The forms.
const (
	// formRequest is an HTTP request to WeChat Pay.
	formRequest Form = "request"
	// formReply is an HTTP reply of WeChat Pay's, or its body alone.
	formReply Form = "reply"
	// formNotification is a request of WeChat Pay's to a notify_url, or its body alone.
	formNotification Form = "notification"
	// formDocument is an XML document of APIv2 without the HTTP message that carried it.
	formDocument Form = "document"
	// formPayment is the object that a client is handed to pay with.
	formPayment Form = "payment"
	// formExchange is a row of the emulated gateway's GET /requests.
	formExchange Form = "exchange"
	// formLogLine is a line of the functions' log, or a function's answer.
	formLogLine Form = "log"
	// formMessage is an error text of WeChat Pay's or of an SDK's.
	formMessage Form = "message"
	// formCode is an error code alone.
	formCode Form = "code"
)

// Part is one thing that was read. Which of its fields are set follows from its Form.
type Part struct {
	Form Form
	// From is how it was written: "http", "curl" (the output of curl -v or --trace), "command" (a
	// command line of curl's), "xml", "json" or "text".
	From string
	// First and Last are its lines, counted from 1.
	First, Last int

	// request is a request or a notification. The header is nil where only a body was given.
	request *diagnosis.Request
	// reply is a reply. The header is nil where only a body was given.
	reply *diagnosis.Response
	// document is an XML document.
	document []byte
	// payment is the fields that a client is handed to pay with.
	payment map[string]any
	// text is searched for messages and codes. said and code are what a line of a log says in
	// fields of their own.
	text, said, code string
	// row is a row of a history.
	row *row

	// open says that the body runs to the end of the text, so that a line feed there may be an
	// editor's.
	open bool
	// bodyMissing says that there was a body, and the text does not show it.
	bodyMissing bool
}

// Note is what was passed over or could not be read, and why. It never quotes the text, which may
// hold a key.
type Note struct {
	// Line is counted from 1; 0: it is about the whole.
	Line int
	Text bilingual.Text
}

// Reading is what was made of a text.
type Reading struct {
	// Parts are in the order of the text. A reply stands directly behind its request.
	Parts []Part
	// Notes are what was passed over or could not be read.
	Notes []Note
}

// note adds a note.
func (r *Reading) note(line int, en, zh string, values ...any) {
	if len(r.Notes) < maxParts {
		r.Notes = append(r.Notes, Note{Line: line, Text: bilingual.Sprintf(en, zh, values...)})
	}
}

// add adds a part, unless there are too many already. The first one too many leaves a note, and an
// empty part that marks that it was said; Read removes that.
func (r *Reading) add(p Part) {
	switch {
	case len(r.Parts) < maxParts:
		r.Parts = append(r.Parts, p)
	case len(r.Parts) == maxParts:
		r.note(p.First, "only the first %d are explained; what follows was not read", "只解释前 %d 项，之后的未读取", maxParts)
		r.Parts = append(r.Parts, Part{}) // so that it is said once
	}
}

// Read takes a text for what it looks like. The result has no parts only if the text is empty.
func Read(input []byte) Reading {
	var r Reading
	text := r.decode(input)
	body := strings.TrimSpace(text)
	switch {
	case body == "":
		r.note(0, "there is nothing in it", "其中没有内容")
	case hasDump(text):
		r.readDump(text)
	case hasTrace(text):
		r.readTrace(text)
	case isCommand(body):
		r.readCommand(text)
	case body[0] == '{' || body[0] == '[':
		r.readJSON(text)
	case body[0] == '<':
		r.readXML(text)
	case hasMessage(text):
		r.readHTTP(text)
	default:
		r.readText(text)
	}
	if len(r.Parts) == 0 && body != "" { // an empty list, or a header without its message
		r.readText(text)
	}
	if len(r.Parts) > maxParts {
		r.Parts = r.Parts[:maxParts]
	}
	return r
}

// decode makes UTF-8 of what editors and shells write: PowerShell's redirection writes UTF-16, and
// several editors begin a file with a byte order mark. Too long a text is cut at a line's end.
func (r *Reading) decode(input []byte) string {
	if len(input) > MaxInput {
		r.note(0, "it is longer than %d KiB, and what follows was not read", "超过 %d KiB，之后的未读取", MaxInput>>10)
		input = input[:MaxInput]
	}
	text := string(input)
	switch {
	case strings.HasPrefix(text, "\xff\xfe"):
		text = fromUTF16(input[2:], binary.LittleEndian)
	case strings.HasPrefix(text, "\xfe\xff"):
		text = fromUTF16(input[2:], binary.BigEndian)
	default:
		text = strings.TrimPrefix(text, "\ufeff")
	}
	if !utf8.ValidString(text) {
		r.note(0, "it is not UTF-8 throughout: WeChat Pay's texts may have been saved in GBK, which changes the bytes that are signed",
			"内容并非全部为 UTF-8：可能以 GBK 保存，参与签名的字节已改变")
	}
	return text
}

// fromUTF16 decodes UTF-16 without its byte order mark; half a character at the end is dropped.
func fromUTF16(input []byte, order binary.ByteOrder) string {
	units := make([]uint16, 0, len(input)/2)
	for ; len(input) > 1; input = input[2:] {
		units = append(units, order.Uint16(input))
	}
	return string(utf16.Decode(units))
}

// lineAt is the number of the line that an offset of a text is in, counted from 1.
func lineAt(text string, offset int) int { return 1 + strings.Count(text[:offset], "\n") }

// cutLine cuts the first line off, without its end: a line feed, and carriage returns before it.
func cutLine(text string) (line, rest string, ended bool) {
	line, rest, ended = strings.Cut(text, "\n")
	return strings.TrimRight(line, "\r"), rest, ended
}
