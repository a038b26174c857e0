package explain

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
)

// The dumps of curl --trace and --trace-ascii (curl's manual, --trace) are blocks of rows, of which
// each begins with its offset in the block:
//
//	=> Send header, 231 bytes (0xe7)
//	0000: POST /v3/pay/transactions/out-trade-no/A1/close HTTP/1.1
//	003a: Host: api.mch.weixin.qq.com
//	=> Send data, 22 bytes (0x16)
//	0000: {"mchid":"1900000001"}
//	<= Recv header, 27 bytes (0x1b)
//	0000: HTTP/1.1 401 Unauthorized
//
// --trace writes 16 bytes a row in hexadecimal, with the same as text behind them. --trace-ascii
// writes up to 64 characters a row and ends a row at CRLF, which is not shown: that there was one
// follows from the next offset. What is not printable ASCII is a dot there, and cannot be had back.
//
// Unlike curl -v a dump has both bodies. A reply's header comes in a block for each line.
var (
	// blockStart begins a block; --trace-time puts the time before it.
	blockStart = regexp.MustCompile(`^(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+ )?(=> Send|<= Recv) (header|data), ` +
		`([0-9]{1,7}) bytes \(0x[0-9a-f]+\)$`)
	// anyBlock begins a block of another kind: curl's own words, or what TLS sends.
	anyBlock = regexp.MustCompile(`^(?:[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]+ )?(?:== Info: |=> Send |<= Recv )`)
	dumpRow  = regexp.MustCompile(`^([0-9a-f]{4,8}): (.*)$`)
	hexRow   = regexp.MustCompile(`^((?:[0-9a-f]{2} ){1,16})`)
)

// hasDump reports whether a text has the output of curl --trace or --trace-ascii.
func hasDump(text string) bool {
	for line := range strings.Lines(text) {
		if blockStart.MatchString(strings.TrimRight(line, "\r\n")) {
			return true
		}
	}
	return false
}

// block is one block of a dump.
type block struct {
	// sent tells the merchant's side from WeChat Pay's, and isHead a header from a body.
	sent, isHead bool
	// size is how many bytes it says that it has, first and last its lines.
	size, first, last int
	rows              []dumped
}

// dumped is a row of a block.
type dumped struct {
	offset int
	text   string
}

// readDump reads the messages of a dump in their order.
func (r *Reading) readDump(text string) {
	var message dumpedMessage
	for _, one := range blocksOf(text) {
		bytes, exact := one.bytes()
		if one.isHead && message.isNewFor(one, bytes) {
			r.addDumped(message)
			message = dumpedMessage{sent: one.sent, first: one.first}
		}
		if one.sent != message.sent || message.head == "" && !one.isHead {
			r.note(one.first, "it belongs to no message whose header is here, and was passed over", "所属消息的头不在文本中，已略过")
			continue
		}
		message.last = one.last
		if one.isHead {
			message.head += bytes
			continue
		}
		if !exact {
			r.note(one.first, "--trace-ascii shows each byte that is not printable as a dot: if there was one here, --trace shows it",
				"--trace-ascii 把不可打印的字节都显示为点：若此处有这样的字节，请改用 --trace")
		}
		message.body += bytes
	}
	r.addDumped(message)
}

// blocksOf are the blocks of a dump with headers and bodies. Rows of other blocks are passed over.
func blocksOf(text string) []block {
	var blocks []block
	isOpen := false
	for number := 1; text != ""; number++ {
		var line string
		line, text, _ = cutLine(text)
		if start := blockStart.FindStringSubmatch(line); start != nil {
			size, _ := strconv.Atoi(start[3]) // digits
			blocks = append(blocks, block{
				sent: start[1] == "=> Send", isHead: start[2] == "header", size: size, first: number, last: number,
			})
			isOpen = true
			continue
		}
		if isOpen = isOpen && !anyBlock.MatchString(line); !isOpen {
			continue
		}
		if row := dumpRow.FindStringSubmatch(line); row != nil {
			offset, err := strconv.ParseInt(row[1], 16, 32)
			if last := &blocks[len(blocks)-1]; err == nil {
				last.rows = append(last.rows, dumped{int(offset), row[2]})
				last.last = number
			}
		}
	}
	return blocks
}

// bytes are those of a block. exact is false where a dot may stand for another byte.
func (b *block) bytes() (text string, exact bool) {
	if raw, ok := b.fromHex(); ok {
		return raw, true
	}
	var out strings.Builder
	for i, row := range b.rows {
		next := b.size
		if i+1 < len(b.rows) {
			next = b.rows[i+1].offset
		}
		out.WriteString(row.text)
		const lineEnd = "\r\n"
		if next-row.offset == len(row.text)+len(lineEnd) {
			out.WriteString(lineEnd)
		}
	}
	return out.String(), !strings.Contains(out.String(), ".")
}

// fromHex reads the rows as those of --trace. ok is false if they are not, or if one is missing.
func (b *block) fromHex() (raw string, ok bool) {
	const width = 16
	var out strings.Builder
	for i, row := range b.rows {
		digits := hexRow.FindString(row.text)
		count := min(width, b.size-out.Len())
		if count <= 0 || row.offset != i*width || len(digits) < 3*count {
			return "", false
		}
		bytes, err := hex.DecodeString(strings.ReplaceAll(digits[:3*count], " ", ""))
		if err != nil {
			return "", false
		}
		out.Write(bytes)
	}
	return out.String(), out.Len() == b.size && b.size > 0
}

// dumpedMessage is a request or a reply that is collected from its blocks.
type dumpedMessage struct {
	sent        bool
	first, last int
	head, body  string
}

// isNewFor reports whether a header begins another message: that of the other side, or one with a
// start line of its own.
func (m *dumpedMessage) isNewFor(one block, bytes string) bool {
	line, _, _ := cutLine(bytes)
	return one.sent != m.sent || m.head == "" || isStart(line)
}

// addDumped adds a message. An interim answer, what a proxy says about CONNECT, and a message
// without a start line are none of WeChat Pay's.
func (r *Reading) addDumped(m dumpedMessage) {
	if m.head == "" {
		return
	}
	head, _ := cutHead(m.head, m.first)
	if len(head) == 0 || !isStart(head[0].text) {
		r.note(m.first, "the header has no start line, and was passed over", "该消息没有起始行，已略过")
		return
	}
	part := r.partOf(head)
	part.From, part.First, part.Last = "curl", m.first, m.last
	switch {
	case part.request != nil && strings.EqualFold(part.request.Method, "CONNECT"):
		r.note(part.First, "it is curl's request to a proxy, and was passed over", "这是 curl 对代理的请求，已略过")
		return
	case part.reply != nil && (part.reply.Status/100 == 1 || isEstablished(head[0].text)):
		return
	}
	r.bodyOf(&part, m.body, m.first)
	part.open = false // a dump has the bytes, and no editor's line feed
	r.add(part)
}
