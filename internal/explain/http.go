package explain

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httputil"
	"net/textproto"
	"regexp"
	"strconv"
	"strings"

	"cloudpay/internal/diagnosis"
)

// A raw message is what a program or a proxy logged, or what an editor's .http file has:
//
//	POST /v3/pay/transactions/out-trade-no/A1/close HTTP/1.1
//	Host: api.mch.weixin.qq.com
//	Authorization: WECHATPAY2-SHA256-RSA2048 mchid="1900000001",…
//	Content-Length: 22
//
//	{"mchid":"1900000001"}
//
// Lines may end as they like, the header in whatever case, the target may be a whole URL. The body
// is of Content-Length bytes if the header says so, because that is what WeChat Pay read; else it
// runs to the next start line or to the end. There an editor may have added a line feed, which was
// not sent: Part.bodies has both readings.
//
// A start line of an HTTP message is that of RFC 9112, section 2.1. The version is optional in a
// request with a whole URL.
var (
	requestLine = regexp.MustCompile(`^([A-Za-z]{3,8}) +(\S+) +HTTP/[0-9](?:\.[0-9])?$`)
	requestURL  = regexp.MustCompile(`^(GET|POST|PUT|PATCH|DELETE) +(https?://\S+)$`)
	statusLine  = regexp.MustCompile(`^HTTP/[0-9](?:\.[0-9])? +([0-9]{3})(?: .*)?$`)
)

// isStart reports whether a line begins an HTTP message.
func isStart(line string) bool {
	line = strings.TrimRight(line, " \t")
	return requestLine.MatchString(line) || requestURL.MatchString(line) || statusLine.MatchString(line)
}

// hasMessage reports whether a text has a start line of HTTP.
func hasMessage(text string) bool { return nextStart(text, 0) >= 0 }

// nextStart is the offset of the first start line at or behind an offset that begins a line; -1 if
// there is none.
func nextStart(text string, from int) int {
	for from < len(text) {
		line, rest, _ := cutLine(text[from:])
		if isStart(line) {
			return from
		}
		from = len(text) - len(rest)
	}
	return -1
}

// readHTTP reads the messages of a text in their order: a request, a reply, or several. A reply
// behind a request is taken for the one to it.
func (r *Reading) readHTTP(text string) {
	for at := 0; len(r.Parts) <= maxParts; {
		start := nextStart(text, at)
		if start < 0 {
			r.passedOver(text, at, len(text))
			return
		}
		r.passedOver(text, at, start)
		at = r.readMessage(text, start)
	}
}

// passedOver notes that a piece of the text, from one offset to another, belongs to no message.
// White space is not worth a note.
func (r *Reading) passedOver(text string, from, to int) {
	if between := text[from:to]; strings.TrimSpace(between) != "" {
		skipped := len(between) - len(strings.TrimLeft(between, " \t\r\n"))
		r.note(lineAt(text, from+skipped), "it is no part of an HTTP message, and was passed over", "不属于 HTTP 消息，已略过")
	}
}

// numbered is a line with its number.
type numbered struct {
	number int
	text   string
}

// readMessage reads one message that starts at an offset, and returns the offset behind it. A body
// whose length is said may hold what looks like a start line; any other ends in front of the next
// one.
func (r *Reading) readMessage(text string, start int) (end int) {
	first := lineAt(text, start)
	head, body := cutHead(text[start:], first)
	part := r.partOf(head)
	part.From, part.First = "http", first
	bodyAt := len(text) - len(body)
	end = nextStart(text, bodyAt)
	if end < 0 {
		end = len(text)
	}
	length := r.bodyOf(&part, text[bodyAt:end], lineAt(text, min(bodyAt, len(text))))
	if length >= 0 {
		end = bodyAt + length
	}
	part.Last = lineAt(text, start+len(strings.TrimRight(text[start:end], "\r\n")))
	r.add(part)
	return end
}

// cutHead cuts the start line and the header off a message whose first line has a number. A body
// may follow without an empty line between, as it is often pasted.
func cutHead(text string, number int) (head []numbered, body string) {
	for text != "" {
		line, rest, _ := cutLine(text)
		switch {
		case line == "":
			return head, rest
		case len(head) > 0 && (line[0] == '{' || line[0] == '<'):
			return head, text
		}
		head, text = append(head, numbered{number, line}), rest
		number++
	}
	return head, ""
}

// partOf makes a part of a start line and a header, without its body. The first line of head is a
// start line. The address is kept as it was written, byte for byte: the signature is over it.
func (r *Reading) partOf(head []numbered) Part {
	header := r.readHeader(head[1:])
	line := strings.TrimRight(head[0].text, " \t")
	if status := statusLine.FindStringSubmatch(line); status != nil {
		code, _ := strconv.Atoi(status[1]) // three digits
		return Part{Form: formReply, reply: &diagnosis.Response{Status: code, Header: header}}
	}
	request := requestLine.FindStringSubmatch(line)
	if request == nil {
		request = requestURL.FindStringSubmatch(line)
	}
	uri, host := splitURL(request[2])
	if named := header.Get("Host"); named != "" {
		host = named
	}
	return Part{Form: formRequest, request: &diagnosis.Request{Method: request[1], URI: uri, Host: host, Header: header}}
}

// splitURL splits a request's target into what is signed, and the host of a whole URL. It changes
// no escape, since the signature is over the bytes that are sent; a fragment is never sent.
func splitURL(target string) (uri, host string) {
	target, _, _ = strings.Cut(target, "#")
	_, rest, whole := strings.Cut(target, "://")
	if !whole || strings.HasPrefix(target, "/") {
		return target, ""
	}
	path := strings.IndexAny(rest, "/?")
	switch {
	case path < 0:
		return "/", rest
	case rest[path] == '?':
		return "/" + rest[path:], rest[:path]
	}
	return rest[path:], rest[:path]
}

// longestHeader is the most bytes of a field; WeChat Pay's longest has 600. Of a longer one nothing
// is read on, and the header ends with it.
const longestHeader = 16 << 10

// readHeader reads the lines of a header. A line that is folded, as RFC 9112 once allowed, or that
// a terminal wrapped within the quotes of Authorization, belongs to the line before it.
func (r *Reading) readHeader(lines []numbered) http.Header {
	header := http.Header{}
	var names, values []string
	for _, line := range lines {
		last := len(values) - 1
		name, value, isField := strings.Cut(line.text, ":")
		switch {
		case last >= 0 && len(values[last]) > longestHeader:
		case last >= 0 && (line.text[0] == ' ' || line.text[0] == '\t'):
			values[last] = strings.TrimSpace(values[last] + " " + strings.TrimSpace(line.text))
		case last >= 0 && strings.Count(values[last], `"`)%2 == 1:
			values[last] += strings.TrimSpace(line.text)
			r.note(line.number, "it was taken for the rest of the line before, within whose quotes it stands", "视为上一行引号内内容的延续")
		case !isField || strings.ContainsAny(name, " \t\"{<") || name == "":
			r.note(line.number, "it is no line of a header (NAME: value), and was passed over", "不是请求头（名称: 值），已略过")
		default:
			names, values = append(names, name), append(values, strings.TrimSpace(value))
		}
	}
	for i, name := range names {
		header.Add(textproto.CanonicalMIMEHeaderKey(name), values[i])
	}
	return header
}

// bodyOf gives a part its body, and completes its form by it. text begins with the body and ends
// where it must have ended at the latest, and line is that of its first byte, for notes. It returns
// the body's length in the text if the header says it, otherwise -1: the body is all of the text.
func (r *Reading) bodyOf(part *Part, text string, line int) (length int) {
	header := part.header()
	length = -1
	body := text
	if said, err := strconv.Atoi(header.Get("Content-Length")); err == nil && said >= 0 {
		switch rest := text[min(said, len(text)):]; {
		case said > len(text):
			r.note(line, "Content-Length says %d bytes, and %d are here: the body was cut off or changed, and no longer is what was signed",
				"Content-Length 为 %d 字节，而此处有 %d 字节：请求体被截断或改动，与签名时不同", said, len(text))
		case strings.TrimSpace(rest) != "":
			r.note(line, "Content-Length says %d bytes: what follows them was passed over", "Content-Length 为 %d 字节：其后的内容已略过", said)
			body, length = text[:said], len(text)
		default:
			body, length = text[:said], said
		}
	}
	if decoded, ok := dechunk(header, body); ok {
		body = decoded
	}
	switch plain, isPacked, err := gunzip(header, body); {
	case isPacked && err != nil:
		r.note(line, "the body is compressed with gzip, and cannot be undone: it was cut off or changed, or is too long",
			"内容经 gzip 压缩，无法解压：被截断、改动或过长")
	case isPacked:
		body = plain
	}
	if encoding := header.Get("Content-Encoding"); encoding != "" && encoding != "identity" && !startsPlain(body) {
		r.note(line, "the body is compressed (%s): the signature is over the text that was compressed",
			"内容经过压缩（%s）：签名针对压缩前的内容", "Content-Encoding")
	}
	part.open = length < 0
	part.setBody([]byte(body))
	return length
}

// startsPlain reports whether a body begins as JSON or XML does.
func startsPlain(body string) bool {
	body = strings.TrimSpace(body)
	return body == "" || body[0] == '{' || body[0] == '[' || body[0] == '<'
}

// dechunk undoes the chunks of a body (RFC 9112, section 7.1). ok is false if there are none: curl
// has undone them, and prints the header that announces them.
func dechunk(header http.Header, body string) (plain string, ok bool) {
	if !strings.Contains(strings.ToLower(header.Get("Transfer-Encoding")), "chunked") {
		return "", false
	}
	whole, err := io.ReadAll(httputil.NewChunkedReader(strings.NewReader(body)))
	return string(whole), err == nil
}

// header is the header of the part's message, which is a request or a reply.
func (p *Part) header() http.Header {
	if p.reply != nil {
		return p.reply.Header
	}
	return p.request.Header
}

// setBody sets the body of the part's message. A request with WeChat Pay's signature, or with what
// only WeChat Pay sends, is a notification. Wechatpay-Serial alone is none: requests of a merchant
// have it too, to choose the key of the reply.
func (p *Part) setBody(body []byte) {
	if p.reply != nil {
		p.reply.Body = body
		return
	}
	p.request.Body = body
	header := p.request.Header
	isOurs := header.Get("Authorization") != ""
	if header.Get("Wechatpay-Signature") != "" && !isOurs || !isOurs && isNotification(body) {
		p.Form = formNotification
	}
}

// isNotification reports whether a body is what WeChat Pay sends to a notify_url: in APIv3 an
// encrypted resource, in APIv2 a document with return_code.
func isNotification(body []byte) bool {
	body = bytes.TrimSpace(body)
	if bytes.HasPrefix(body, []byte("<")) {
		return bytes.Contains(body, []byte("<return_code>")) || bytes.Contains(body, []byte("<req_info>"))
	}
	fields := fieldsOf(body)
	return fields["resource"] != nil && (fields["event_type"] != nil || bytes.Contains(fields["resource"], []byte(`"ciphertext"`)))
}
