package paygate

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxTranscript bounds what is kept of a request, and of its reply, in bytes.
	maxTranscript = 32 << 10
	// maxTranscripts bounds what is kept in all, in bytes: about three thousand exchanges of the
	// usual length. The oldest go first.
	maxTranscripts = 8 << 20
	// textOverhead is what a transcript has in memory besides its texts, in bytes, roughly.
	textOverhead = 256
	// maxReplayed is how long a request that is sent again may take. One that a fault keeps hanging
	// ends then.
	maxReplayed = 30 * time.Second
)

// transcript is the bytes of one exchange. It is in memory only: the next process does not have it.
// A transcript begins when its request is filed in the history, and grows with each piece of the
// reply, before the client has that piece:
//
//	hear        the request arrives: its body is remembered as it is read
//	transcribe  the request is filed: the transcript has the request
//	tap         the reply is written: the transcript has as much of it
//
// What is sent again is read from here, with its credentials; what is shown is redacted (view).
type transcript struct {
	id     int
	domain string
	// when the request came, by the wire clock and by the business clock
	began, clock time.Time
	// until the last byte of the reply was handed to the connection; -1: there was no reply
	took time.Duration
	// the texts as HTTP/1.1 has them, up to maxTranscript bytes each
	// with all that the client sent, also what view redacts
	request, reply []byte
	// how many bytes of the request's body are not kept; -1: some, and it is not known how many
	requestCut int
	replyCut   int
}

// size is what the transcript counts for maxTranscripts.
func (t *transcript) size() int { return textOverhead + len(t.request) + len(t.reply) }

// transcripts keeps the newest transcripts, by the ids of their requests. Its lock is taken with
// that of the history held, and takes no other.
type transcripts struct {
	mu   sync.Mutex
	byID map[int]*transcript
	// the ids, oldest first
	order []int
	size  int
}

// begin keeps a request's side of an exchange.
func (t *transcripts) begin(one *transcript) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[int]*transcript{}
	}
	t.byID[one.id] = one
	t.order = append(t.order, one.id)
	t.size += one.size()
	t.bound()
}

// bound forgets the oldest transcripts that are too many. The transcripts are locked.
func (t *transcripts) bound() {
	for t.size > maxTranscripts && len(t.order) > 0 {
		t.size -= t.byID[t.order[0]].size()
		delete(t.byID, t.order[0])
		t.order = t.order[1:]
	}
}

// say adds a piece of the reply, after which the exchange has taken so long.
func (t *transcripts) say(one *transcript, text []byte, took time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := text[:min(len(text), maxTranscript-len(one.reply))]
	one.reply = append(one.reply, kept...)
	one.replyCut += len(text) - len(kept)
	one.took = took
	if t.byID[one.id] == one {
		t.size += len(kept)
		t.bound()
	}
}

// find returns a copy of a transcript; false if there is none any more.
func (t *transcripts) find(id int) (transcript, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	one, found := t.byID[id]
	if !found {
		return transcript{}, false
	}
	return *one, true // of the texts only what follows changes
}

// clear forgets all.
func (t *transcripts) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byID, t.order, t.size = nil, nil, 0
}

// heard is a request's body that remembers what is read of it.
type heard struct {
	io.ReadCloser

	text  []byte
	total int
	ended bool
}

// Read reads on.
func (h *heard) Read(into []byte) (int, error) {
	n, err := h.ReadCloser.Read(into)
	h.text = append(h.text, into[:min(n, maxTranscript-len(h.text))]...)
	h.total += n
	h.ended = h.ended || err == io.EOF
	return n, err
}

// cut is how many bytes of the body are not kept; -1: it is not known. length is the body's, as the
// request says it, -1 if it does not.
func (h *heard) cut(length int64) int {
	switch {
	case h.ended:
		return h.total - len(h.text)
	case length >= 0:
		return int(length) - len(h.text)
	default:
		return -1
	}
}

// hear has an exchange remember its texts. It comes before anything of the body is read. A body
// that no protocol reads, as where the domain is down, is missing in the transcript.
func (ex *exchange) hear() {
	ex.began = ex.gateway.now()
	ex.clock = ex.gateway.businessTime(ex.began)
	ex.heard = &heard{ReadCloser: ex.r.Body, ended: ex.r.Body == nil || ex.r.Body == http.NoBody}
	if !ex.heard.ended {
		ex.r.Body = ex.heard
	}
	ex.w = &tap{ResponseWriter: ex.w, ex: ex}
}

// transcribe keeps the request under the id that it is filed by.
func (ex *exchange) transcribe(id int) {
	ex.rec.ID = id
	head := requestHead(ex.r)
	body := ex.heard.text[:min(len(ex.heard.text), max(maxTranscript-len(head), 0))]
	ex.said = &transcript{
		id: id, domain: ex.rec.Domain, began: ex.began, clock: ex.clock, took: -1,
		request: slices.Concat(head[:min(len(head), maxTranscript)], body), requestCut: ex.heard.cut(ex.r.ContentLength),
	}
	if short := len(head) + len(ex.heard.text) - len(ex.said.request); short > 0 && ex.said.requestCut >= 0 {
		ex.said.requestCut += short
	}
	ex.gateway.transcripts.begin(ex.said)
}

// businessTime is the business clock at a time of the wire clock just now, with its fractions of a
// second where the clock runs.
func (g *Gateway) businessTime(wire time.Time) time.Time {
	if g.clock.wire == nil {
		return g.Time()
	}
	return wire.Add(g.Ahead())
}

// requestHead is a request's line and headers. net/http has put the names in its own spelling and
// lost their order: they are sorted, behind Host.
func requestHead(r *http.Request) []byte {
	var text bytes.Buffer
	fmt.Fprintf(&text, "%s %s %s\r\nHost: %s\r\n", r.Method, r.RequestURI, r.Proto, r.Host)
	_ = r.Header.Write(&text) // a buffer takes all
	text.WriteString("\r\n")
	return text.Bytes()
}

// tap passes a reply on, and has the transcript keep each piece of it before the client has it.
type tap struct {
	http.ResponseWriter

	ex *exchange
}

// WriteHeader passes the status on with the headers.
func (t *tap) WriteHeader(status int) {
	if t.ex.said != nil {
		var text bytes.Buffer
		fmt.Fprintf(&text, "HTTP/1.1 %d %s\r\n", status, http.StatusText(status))
		_ = t.Header().Write(&text) // likewise
		text.WriteString("\r\n")
		t.keep(text.Bytes())
	}
	t.ResponseWriter.WriteHeader(status)
}

// Write passes a piece of the body on.
func (t *tap) Write(text []byte) (int, error) {
	if t.ex.said != nil {
		t.keep(text)
	}
	return t.ResponseWriter.Write(text)
}

// keep adds a piece to the transcript.
func (t *tap) keep(text []byte) {
	t.ex.gateway.transcripts.say(t.ex.said, text, t.ex.gateway.now().Sub(t.ex.began))
}

// Unwrap is for http.ResponseController.
func (t *tap) Unwrap() http.ResponseWriter { return t.ResponseWriter }

// transcriptView is a transcript as the management API shows it. What there was not is absent.
type transcriptView struct {
	ID     int    `json:"id"`
	Domain string `json:"domain"`
	// by the wire clock and by the business clock
	Time  string `json:"time"`
	Clock string `json:"clock"`
	// milliseconds from the request's arrival until its reply was sent
	TookMS *float64 `json:"took_ms,omitempty"`
	// the texts, and of how many bytes there was no room; -1: it is not known of how many
	Request    string `json:"request"`
	RequestCut int    `json:"request_cut,omitempty"`
	Reply      string `json:"reply,omitempty"`
	ReplyCut   int    `json:"reply_cut,omitempty"`
	// what the request and the reply had to sign, where they are whole
	Signed      string `json:"signed,omitempty"`
	ReplySigned string `json:"reply_signed,omitempty"`
}

// view is a transcript without secrets: the API keys of the gateway's merchants, and credentials in
// headers. A signature is none, as it was sent and signs nothing else.
func (g *Gateway) view(t *transcript) transcriptView {
	v := transcriptView{
		ID: t.id, Domain: t.domain, Time: preciseText(t.began), Clock: preciseText(t.clock),
		Request: g.withoutSecrets(t.request), RequestCut: t.requestCut,
		Reply: g.withoutSecrets(t.reply), ReplyCut: t.replyCut,
	}
	if t.took >= 0 {
		ms := float64(t.took.Microseconds()) / 1000
		v.TookMS = &ms
	}
	if t.requestCut == 0 {
		v.Signed = g.maskKeys(signedByRequest(t.request))
	}
	if t.replyCut == 0 {
		v.ReplySigned = g.maskKeys(signedByReply(t.reply))
	}
	return v
}

// preciseText is a time in UTC+8, with its fractions of a second.
func preciseText(at time.Time) string { return at.In(beijing()).Format(time.RFC3339Nano) }

// withoutSecrets is a text of HTTP with what must not be shown redacted.
func (g *Gateway) withoutSecrets(text []byte) string {
	head, body, whole := strings.Cut(string(text), "\r\n\r\n")
	lines := strings.Split(head, "\r\n")
	for i, line := range lines {
		name, value, isHeader := strings.Cut(line, ": ")
		if i > 0 && isHeader && isPrivate(name, value) {
			lines[i] = name + ": " + redacted
		}
	}
	head = strings.Join(lines, "\r\n")
	if whole {
		head += "\r\n\r\n" + body
	}
	return g.maskKeys(head)
}

// isPrivate reports whether a header is a credential that could be used again elsewhere. A
// Wechatpay Authorization is none: it is a signature of this request alone.
func isPrivate(name, value string) bool {
	switch name {
	case "Cookie", "Set-Cookie", "Proxy-Authorization":
		return true
	case "Authorization":
		return !strings.HasPrefix(value, "WECHATPAY2-")
	default:
		return false
	}
}

// maskKeys redacts the merchants' API keys, which a client may send by mistake.
func (g *Gateway) maskKeys(text string) string {
	for _, m := range g.merchants {
		for _, key := range []string{m.V2Key, m.V3Key} {
			if key != "" {
				text = strings.ReplaceAll(text, key, redacted)
			}
		}
	}
	return text
}

// again is the kept request, to be sent once more.
func (t *transcript) again(ctx context.Context) (*http.Request, error) {
	if t.requestCut != 0 {
		return nil, conflict("request %d cannot be sent again: only the beginning of it is kept", t.id)
	}
	head, body, _ := bytes.Cut(t.request, []byte("\r\n\r\n"))
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(append(slices.Clone(head), "\r\n\r\n"...))))
	if err != nil {
		return nil, conflict("request %d cannot be sent again: %v", t.id, err)
	}
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	r.RemoteAddr = "127.0.0.1:0" // of no connection
	return r.WithContext(ctx), nil
}

// signedByRequest is the string that a request of APIv2 or APIv3 had to sign; empty for any other.
func signedByRequest(text []byte) string {
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	line, rest, _ := strings.Cut(string(head), "\r\n")
	if parts := strings.Split(line, " "); len(parts) == 3 {
		credentials, _ := strings.CutPrefix(headerIn(rest, "Authorization"), schemeV3+" ")
		if c, ok := parseCredential(credentials); ok {
			return messageV3(parts[0], parts[1], c.timestamp, c.nonce, body)
		}
	}
	return signedInV2(body)
}

// signedByReply is the string that a reply's signature is of; empty for a reply without one.
func signedByReply(text []byte) string {
	head, body, _ := bytes.Cut(text, []byte("\r\n\r\n"))
	if headerIn(string(head), "Wechatpay-Signature") != "" {
		return answerV3(headerIn(string(head), "Wechatpay-Timestamp"), headerIn(string(head), "Wechatpay-Nonce"), body)
	}
	return signedInV2(body)
}

// signedInV2 is the string that the sign of an APIv2 document is of, its key redacted; empty for
// what is no such document.
func signedInV2(body []byte) string {
	doc, err := decodeV2(body)
	if err != nil || doc.get("sign") == "" {
		return ""
	}
	return string(appendStringV2(nil, doc, redacted))
}

// headerIn is a header's value in the lines of a head; empty if there is none.
func headerIn(head, name string) string {
	for line := range strings.SplitSeq(head, "\r\n") {
		if value, is := strings.CutPrefix(line, name+": "); is {
			return value
		}
	}
	return ""
}

// transcriptOf finds the transcript that a path names.
func (g *Gateway) transcriptOf(r *http.Request) (transcript, error) {
	if err := onlyQuery(r); err != nil {
		return transcript{}, err
	}
	id, err := strconv.Atoi(r.PathValue("id"))
	if err != nil || id < 1 {
		return transcript{}, invalid("id: %q must be the id of a request", r.PathValue("id"))
	}
	t, found := g.transcripts.find(id)
	if !found {
		return transcript{}, missing("the bytes of request %d are not kept: they are those of this run's newest requests, %d MiB in all",
			id, maxTranscripts>>20)
	}
	return t, nil
}

// adminTranscript shows the bytes of a request and of its reply.
func (g *Gateway) adminTranscript(r *http.Request) (int, any, error) {
	t, err := g.transcriptOf(r)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, g.view(&t), nil
}

// adminSendRequest has the gateway get a request again as it was, by the same domain and with the
// faults of now, and shows the new exchange. Nothing goes over a network.
func (g *Gateway) adminSendRequest(r *http.Request) (int, any, error) {
	if err := decodeAdmin(r, &struct{}{}); err != nil {
		return 0, nil, err
	}
	t, err := g.transcriptOf(r)
	if err != nil {
		return 0, nil, err
	}
	ctx, cancel := context.WithTimeout(r.Context(), maxReplayed)
	defer cancel()
	request, err := t.again(ctx)
	if err != nil {
		return 0, nil, err
	}
	id := g.serveOn(t.domain, &unread{header: http.Header{}}, request)
	made, found := g.transcripts.find(id)
	if !found {
		return 0, nil, conflict("request %d was sent again, and the history has nothing of it: it was emptied, or the page on which"+
			" a user pays refused a browser", t.id)
	}
	return http.StatusOK, g.view(&made), nil
}

// unread is where the reply to a request goes that was sent again: the transcript has it.
type unread struct{ header http.Header }

// Header is that of the reply.
func (u *unread) Header() http.Header { return u.header }

// WriteHeader drops the status.
func (*unread) WriteHeader(int) {}

// Write drops a piece of the body.
func (*unread) Write(text []byte) (int, error) { return len(text), nil }

// Hijack is for faults that cut the connection.
func (*unread) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	near, far := net.Pipe()
	_ = far.Close() // nothing is read
	return near, nil, nil
}
