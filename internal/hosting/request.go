package hosting

import (
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"unicode/utf8"
)

const (
	// maxWebBody is a little more than the 64 KiB of parameters that the functions take, so that
	// they refuse in their own words what is a little too long. SCF lets 6 MB through (SCF doc
	// 583/40688); bodies of callers that have proved nothing yet are kept in memory, so that much
	// would be an attack.
	maxWebBody = 65 << 10
	// maxNotification is the longest that WeChat Pay documents for a notification's ciphertext,
	// 1 MiB, with its envelope. Nearly all have 2 KB; one of a combined order with many parts and
	// coupons may be longer than maxWebBody.
	maxNotification = 1<<20 + 64<<10
	// maxLong is how many bodies longer than maxWebBody are read at a time. Anybody may send one.
	maxLong = 4
	// maxDrained is how much of a body that is too long is read and discarded. A sender that writes
	// everything before it reads gets the answer then, and not a broken connection.
	maxDrained = 16 << 20
)

// Request is an HTTP request in the form in which functions take it, whichever platform terminated
// it: our own server fills it here, package trigger/event from the events of the others. All texts
// are UTF-8.
type Request struct {
	Method string
	Path   string              // starts with /, without percent escapes
	Query  map[string][]string // all values of each name, one at least
	Header map[string]string   // names in lower case, several values of one name joined by commas
	Body   []byte              // decoded where the event had it in base64; empty without one
	// Claims are what AWS's authorizer says of the caller: name → value. Nil without an authorizer.
	Claims map[string]string
	ID     string // the platform's name for the request; may be empty
	// Relative reports that the platform has cut the route that led here off Path.
	Relative bool
}

// headOf is the request without its query and its body.
func headOf(r *http.Request) Request {
	header := map[string]string{"host": text(r.Host)} // net/http takes it out of the others
	for name, values := range r.Header {
		header[text(strings.ToLower(name))] = text(strings.Join(values, ","))
	}
	// CONNECT has no path, and * is one.
	path := "/" + strings.TrimPrefix(r.URL.Path, "/")
	return Request{Method: text(r.Method), Path: text(path), Header: header}
}

// text replaces each byte that is not UTF-8 by U+FFFD, as encoding/json does.
func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return string([]rune(s))
}

// takeQuery parses the query string. A malformed one is refused rather than read in part: what was
// left out might have mattered.
func (r *Request) takeQuery(raw string) *webFault {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return badRequest("the query string cannot be read", "查询串无法读取")
	}
	r.Query = make(map[string][]string, len(values))
	for name, all := range values {
		for _, value := range all {
			r.Query[text(name)] = append(r.Query[text(name)], text(value))
		}
	}
	return nil
}

// readBody reads a body of at most p.longest. A longer one that is announced is not asked for, and
// one that is longer than maxWebBody is read on only if there is a place for it.
func (p *places) readBody(r *http.Request) ([]byte, *webFault) {
	if r.ContentLength > int64(p.longest) {
		if r.Header.Get("Expect") == "" { // else reading would send "100 Continue"
			drain(r.Body)
		}
		return nil, bodyTooLong(p.longest)
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxWebBody+1))
	if err == nil && len(body) > maxWebBody && p.longest > maxWebBody {
		if !p.longer.TryAcquire(1) {
			return nil, tooMany()
		}
		defer p.longer.Release(1)
		var rest []byte
		rest, err = io.ReadAll(io.LimitReader(r.Body, int64(p.longest+1-len(body))))
		body = append(body, rest...)
	}
	if err != nil {
		return nil, badRequest("the body did not arrive", "请求体未能送达")
	}
	if len(body) > p.longest {
		drain(r.Body)
		return nil, bodyTooLong(p.longest)
	}
	return body, nil
}

// drain discards the rest of a body. Its error does not matter: the answer is a refusal anyway.
func drain(body io.Reader) { _, _ = io.CopyN(io.Discard, body, maxDrained) }

// Response is the answer to a Request.
type Response struct {
	Status int               // from 200 to 599
	Header map[string]string // Content-Type is application/json unless it is here
	Body   []byte
}

// check returns an error for a response that cannot be sent. The error is the handler's fault, and
// repeats nothing of the response.
func (r Response) check() error {
	if len(r.Body) > maxReply {
		return &replyTooLongError{length: len(r.Body)}
	}
	if r.Status < 200 || r.Status > 599 {
		return fmt.Errorf("the response's status must be from 200 to 599, not %d", r.Status)
	}
	return nil
}

// write sends the response. For HEAD, net/http leaves out the body and keeps its length.
func (r Response) write(rw http.ResponseWriter) {
	for name, value := range r.Header {
		if !isFraming(name) {
			rw.Header().Set(name, value)
		}
	}
	if r.Status == http.StatusNoContent || r.Status == http.StatusNotModified {
		rw.WriteHeader(r.Status)
		return
	}
	if rw.Header().Get("Content-Type") == "" {
		rw.Header().Set("Content-Type", "application/json") // net/http would guess from the body
	}
	rw.Header().Set("Content-Length", strconv.Itoa(len(r.Body)))
	rw.WriteHeader(r.Status)
	_, _ = rw.Write(r.Body) // a caller that is gone needs no answer
}

// isFraming reports whether a header is about the connection, which net/http alone sets.
func isFraming(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Connection", "Content-Length", "Keep-Alive", "Proxy-Connection", "Te", "Trailer",
		"Transfer-Encoding", "Upgrade":
		return true
	default:
		return false
	}
}

// requestID is the request's ID in the log and in its answer: SCF's where SCF gave one, else the
// one that came with the request, else a random one.
//
// An ID that came with the request is its sender's word, and may be a secret in the wrong place. So
// it counts only if the head proves something, and never if it is one of the function's secrets.
func (w webHost) requestID(header map[string]string, standing Standing) string {
	known := standing == Named || standing == Proved
	if id := header["x-scf-request-id"]; (known || w.onSCF) && w.isName(id) {
		return id
	}
	if id := header["x-request-id"]; known && w.isName(id) {
		return id
	}
	return rand.Text()
}

// isName reports whether an ID is short and plain, and no secret.
func (w webHost) isName(id string) bool {
	return isPlain(id) && (w.function.IsSecret == nil || !w.function.IsSecret(id))
}

func isPlain(id string) bool {
	for _, char := range []byte(id) {
		isLetter := 'a' <= char|0x20 && char|0x20 <= 'z'
		if !isLetter && (char < '0' || '9' < char) && !strings.ContainsRune("-_.", rune(char)) {
			return false
		}
	}
	return 0 < len(id) && len(id) <= 128
}
