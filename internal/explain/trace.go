package explain

import (
	"regexp"
	"strings"

	"cloudpay/internal/diagnosis"
)

// The lines of curl -v (curl's manual, --verbose):
//
//	> POST /v3/pay/…/close HTTP/1.1           the header that was sent
//	>                                         its end
//	} [22 bytes data]                         the body that was sent, which is not printed
//	< HTTP/1.1 401 Unauthorized               the header that came
//	<                                         its end
//	{ [424 bytes data]
//	  % Total    % Received % Xferd …         the progress meter, where stdout is no terminal
//	{"code":"SIGN_ERROR",…}* Connection #0 …  the body that came, on stdout
//
// Lines that begin with an asterisk are what curl says itself.
//
// Two streams are mixed here. On a terminal a body stands behind its header, and curl's next words
// follow it without a line feed. Through a pipe the body comes behind everything, since stdout is
// written at the end. The marks > and < keep the carriage returns of the header.
var (
	// sentStart and receivedStart begin a message.
	sentStart     = regexp.MustCompile(`(?m)^> [A-Za-z]{3,8} \S+ HTTP/[0-9]`)
	receivedStart = regexp.MustCompile(`(?m)^< HTTP/[0-9]`)
	// byteMark stands where a body passed.
	byteMark = regexp.MustCompile(`^[{}] \[[0-9]+ bytes data\]$`)
	// meter and meterTitle are the progress meter; its first column is a percentage.
	meter      = regexp.MustCompile(`^ *[0-9].*[-0-9]{2}:[-0-9]{2}:[-0-9]{2}`)
	meterTitle = regexp.MustCompile(`^ *(% Total +% Received|Dload +Upload)`)
	// leftIntact is what curl says when it is done, at once behind a body without a line feed.
	leftIntact = regexp.MustCompile(`\* (Connection #[0-9]+ to host \S+( port [0-9]+)? left intact|` +
		`Closing connection.*|closing connection #[0-9]+)$`)
)

// hasTrace reports whether a text has the output of curl -v: a start line behind one of the marks.
// An e-mail that quotes with > has none, since no start line of HTTP is quoted alone.
func hasTrace(text string) bool {
	return sentStart.MatchString(text) || receivedStart.MatchString(text)
}

// trace collects the messages of curl -v. A message is in one of three states: its header is being
// collected (head), its body may follow (open), or it is complete (parts).
type trace struct {
	r *Reading
	// head is the header that is being collected, mark the character before its lines, and last the
	// number of the newest one.
	head []numbered
	mark byte
	last int
	// open is the message whose body may follow; nil: none.
	open *Part
	// body is what stood behind its header so far.
	body strings.Builder
	// bodyLine is the line on which the body begins.
	bodyLine int
	// parts are the messages in their order.
	parts []Part
}

// readTrace reads the output of curl -v, with the command line before it if it was pasted too. The
// command line has the request's body, which the output does not show.
func (r *Reading) readTrace(text string) {
	t := &trace{r: r}
	command := ""
	for number := 1; text != ""; number++ {
		line, rest, ended := cutLine(text)
		if before, found := cutCommand(line); found && t.head == nil && t.open == nil {
			lines := []string{before}
			for strings.HasSuffix(line, `\`) && rest != "" { // the command goes on
				number++
				line, rest, _ = cutLine(rest)
				lines = append(lines, line)
			}
			command, text = strings.Join(lines, "\n"), rest
			continue
		}
		t.line(number, line, ended)
		text = rest
	}
	t.endHead()
	t.endBody()
	t.join(command)
}

// line takes one line of the output. ended is false for a last line without a line feed.
func (t *trace) line(number int, line string, ended bool) {
	// The meter is redrawn in one line, and curl's next words stand behind it.
	if at := strings.LastIndexByte(line, '\r'); at >= 0 {
		line = line[at+1:]
	}
	if at := strings.Index(line, "* "); at > 0 && meter.MatchString(line[:at]) {
		line = line[at:]
	}
	switch {
	case strings.HasPrefix(line, "> ") || line == ">":
		t.headLine('>', numbered{number, strings.TrimPrefix(strings.TrimPrefix(line, ">"), " ")})
	case strings.HasPrefix(line, "< ") || line == "<":
		t.headLine('<', numbered{number, strings.TrimPrefix(strings.TrimPrefix(line, "<"), " ")})
	case isCurls(line):
		t.endHead()
	default:
		t.endHead()
		t.bodyPiece(number, line, ended)
	}
}

// isCurls reports whether a line is what curl says itself.
func isCurls(line string) bool {
	return strings.HasPrefix(line, "* ") || strings.HasPrefix(line, "curl: (") ||
		byteMark.MatchString(line) || meterTitle.MatchString(line) || meter.MatchString(line)
}

// headLine takes a line of a header. The empty one ends it, and so does a line with the other mark:
// some terminals drop empty lines.
func (t *trace) headLine(mark byte, line numbered) {
	if t.mark != mark {
		t.endHead()
	}
	if line.text == "" {
		t.endHead()
		return
	}
	if t.head == nil {
		t.endBody()
	}
	t.mark, t.last = mark, line.number
	t.head = append(t.head, line)
}

// endHead makes a message of the header that was collected. What a proxy says about CONNECT, and
// 100 Continue, are no messages of WeChat Pay's.
func (t *trace) endHead() {
	head := t.head
	t.head = nil
	if len(head) == 0 {
		return
	}
	if !isStart(head[0].text) {
		t.r.note(head[0].number, "the header has no start line, and was passed over", "该消息没有起始行，已略过")
		return
	}
	part := t.r.partOf(head)
	part.From, part.First, part.Last = "curl", head[0].number, t.last
	switch {
	case part.request != nil && strings.EqualFold(part.request.Method, "CONNECT"):
		t.r.note(part.First, "it is curl's request to a proxy, and was passed over", "这是 curl 对代理的请求，已略过")
		return
	case part.reply != nil && (part.reply.Status/100 == 1 || len(t.parts) == 0 && isEstablished(head[0].text)):
		return
	}
	if part.request != nil {
		length := part.request.Header.Get("Content-Length")
		chunked := part.request.Header.Get("Transfer-Encoding") != ""
		part.bodyMissing = length != "" && length != "0" || chunked
	}
	t.parts = append(t.parts, part)
	if part.reply != nil {
		t.open = &t.parts[len(t.parts)-1]
	}
}

// isEstablished reports a proxy's answer to CONNECT.
func isEstablished(line string) bool {
	return strings.HasSuffix(strings.ToLower(line), "connection established")
}

// bodyPiece takes a line that is none of curl's own: a piece of the body of the reply before it,
// or, where there is none yet, something that was pasted along.
func (t *trace) bodyPiece(number int, line string, ended bool) {
	if t.open == nil {
		if strings.TrimSpace(line) != "" && len(t.parts) > 0 {
			t.r.note(number, "it is no line of curl -v, and was passed over", "不是 curl -v 的输出，已略过")
		}
		return
	}
	// The body may end without a line feed, and curl's next words stand behind it.
	if at := leftIntact.FindStringIndex(line); at != nil {
		line, ended = line[:at[0]], false
	}
	if t.body.Len() == 0 {
		t.bodyLine = number
	}
	t.body.WriteString(line)
	if ended {
		t.body.WriteByte('\n')
	}
	if strings.TrimSpace(line) != "" {
		t.open.Last = number
	}
}

// endBody gives the last reply the body that was collected. Without a Content-Length a line feed at
// its end is the terminal's: WeChat Pay's bodies end with a brace.
func (t *trace) endBody() {
	if t.open == nil {
		return
	}
	body := t.body.String()
	t.body.Reset()
	if t.open.reply.Header.Get("Content-Length") == "" { // the prompt's line feed, or the shell's
		body = strings.TrimSuffix(body, "\n")
	}
	t.r.bodyOf(t.open, body, max(t.bodyLine, t.open.Last))
	t.open = nil
}

// join gives a request the body of the command line, and adds the messages. The body is believed
// only if the command line is of the same method and address: people paste several.
func (t *trace) join(command string) {
	var sent *diagnosis.Request
	if command != "" {
		side := Reading{}
		side.readCommand(command)
		if len(side.Parts) > 0 {
			sent = side.Parts[0].request
		}
	}
	for i := range t.parts {
		part := &t.parts[i]
		if part.request != nil {
			if sent != nil && part.bodyMissing && part.request.Method == sent.Method && part.request.URI == sent.URI {
				part.bodyMissing = false
				part.setBody(sent.Body)
			} else {
				part.setBody(nil)
			}
		}
		t.r.add(*part)
	}
}
