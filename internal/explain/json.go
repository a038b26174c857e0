package explain

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"cloudpay/internal/diagnosis"
)

// The objects that are recognised, by fields that no other has:
//
//	verdict, method           a row of the emulated gateway's GET /requests
//	requests, calls           what has such rows: a call, a page of GET /calls
//	event_type, resource      a notification of APIv3
//	level, msg                a line of the functions' log
//	returnCode or outcome     a function's answer (docs/api.md)
//	paySign                   what a client is handed to pay with (wx.requestPayment)
//	code, message             a refusal of APIv3
//	errcode, respdata         an answer of WeChat cloud hosting's private link
//	return_code               a document of APIv2 that an SDK has made JSON of
//
// The log's lines are telemetry's: those of a call have errCode, gatewayCode and returnMsg, those
// of paynotify reason, and those of platform certificates fault.

// fields are the fields of a JSON object, undecoded.
type fields map[string]json.RawMessage

// fieldsOf reads an object; nil for anything else.
func fieldsOf(text []byte) fields {
	var f fields
	if json.Unmarshal(text, &f) != nil {
		return nil
	}
	return f
}

// text is the first of the named fields that is a text and not empty; empty if none is. A field of
// another type is passed over: WeChat Pay's details have numbers where texts are documented.
func (f fields) text(names ...string) string {
	for _, name := range names {
		var text string
		if json.Unmarshal(f[name], &text) == nil && text != "" {
			return text
		}
	}
	return ""
}

// has reports whether all of the named fields are there.
func (f fields) has(names ...string) bool {
	for _, name := range names {
		if f[name] == nil {
			return false
		}
	}
	return true
}

// readJSON reads JSON: one value, or one on each line, as logs have it. Lines that are none are
// passed over with a note; a text without any line of JSON is read as a text, with a note of where
// it stops being JSON: most often it was cut off there.
func (r *Reading) readJSON(text string) {
	if json.Valid([]byte(text)) {
		r.readValue([]byte(text), 1)
		return
	}
	before := len(r.Parts)
	var unread []int
	number := 0
	for rest := text; rest != ""; {
		var line string
		line, rest, _ = cutLine(rest)
		number++
		switch {
		case strings.TrimSpace(line) == "":
		case fieldsOf([]byte(line)) != nil:
			r.readValue([]byte(line), number)
		default:
			unread = append(unread, number)
		}
	}
	if len(r.Parts) == before {
		r.note(syntaxLine(text), "it begins as JSON and is none from here on, so that it was read as a text", "以 JSON 开头，但从此处起不是 JSON，已按文本读取")
		r.readText(text)
		return
	}
	for _, number := range unread {
		r.note(number, "it is no JSON, and was passed over", "不是 JSON，已略过")
	}
}

// syntaxLine is the line on which a text stops being JSON. encoding/json knows the offset; of one
// that ends too early it is the last line.
func syntaxLine(text string) int {
	decoder := json.NewDecoder(strings.NewReader(text))
	var value json.RawMessage
	err := decoder.Decode(&value)
	if syntax, is := errors.AsType[*json.SyntaxError](err); is {
		return lineAt(text, int(min(syntax.Offset, int64(len(text)))))
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return lineAt(text, len(strings.TrimRight(text, "\r\n")))
	}
	return 1
}

// readValue reads one JSON value that begins on a line: an object, or a list of them. A page of a
// history is such a list. The list is read element by element, so that each has its lines.
func (r *Reading) readValue(text []byte, line int) {
	trimmed := bytes.TrimLeft(text, " \t\r\n")
	line += bytes.Count(text[:len(text)-len(trimmed)], []byte("\n"))
	if len(trimmed) == 0 {
		return
	}
	if trimmed[0] != '[' {
		r.readObject(bytes.TrimRight(trimmed, " \t\r\n"), line)
		return
	}
	decoder := json.NewDecoder(bytes.NewReader(trimmed))
	if _, err := decoder.Token(); err != nil {
		return
	}
	for decoder.More() && len(r.Parts) <= maxParts {
		var element json.RawMessage
		if decoder.Decode(&element) != nil {
			return
		}
		begin := int(decoder.InputOffset()) - len(element)
		r.readObject(element, line+bytes.Count(trimmed[:begin], []byte("\n")))
	}
}

// readObject takes an object for what its fields say that it is. line is its first; its last
// follows from its own line feeds.
func (r *Reading) readObject(text []byte, line int) {
	f := fieldsOf(text)
	part := Part{From: "json", First: line, Last: line + bytes.Count(text, []byte("\n"))}
	switch {
	case f.has("verdict", "method"):
		part.Form, part.row = formExchange, new(row)
		if json.Unmarshal(text, part.row) != nil {
			r.note(line, "it is no row of GET /requests: a field is of another type", "不是 GET /requests 的一行：字段类型不符")
			return
		}
	case f.has("requests"):
		r.readValue(f["requests"], line)
		return
	case f.has("calls"):
		r.readValue(f["calls"], line)
		return
	case isNotification(text):
		part.Form, part.request, part.open = formNotification, &diagnosis.Request{Body: text}, true
	case isPayment(f):
		part.Form = formPayment
		_ = json.Unmarshal(text, &part.payment) // it is an object
	case f.has("level", "msg"), f.has("returnCode"), f.has("outcome"):
		part.Form = formLogLine
		part.code = f.text("errCode", "gatewayCode", "code")
		part.said = f.text("returnMsg", "error", "fault", "reason", "errCodeDes", "resultMsg", "returnMessage", "msg")
		for _, name := range []string{"errCode", "gatewayCode", "returnMsg", "error", "fault", "reason"} {
			part.text = strings.TrimSpace(part.text + " " + f.text(name))
		}
	case f.has("code", "message"):
		part.Form, part.reply = formReply, &diagnosis.Response{Body: text}
	case f.has("errcode", "respdata"):
		r.readObject(f["respdata"], line)
		return
	case f.has("return_code"):
		part.Form = formMessage
		part.code, part.said = f.text("err_code", "result_code"), f.text("err_code_des", "return_msg")
		part.text = f.text("return_msg") + " " + f.text("err_code") + " " + f.text("err_code_des")
	default:
		part.Form, part.text = formMessage, string(text)
		r.note(line, "it is JSON of no form that is known, so that it was read as a text", "JSON 形式未知，已按文本读取")
	}
	r.add(part)
}
