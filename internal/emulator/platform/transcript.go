package platform

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"cloudpay/internal/emulator/traffic"
)

const (
	// maxTranscript bounds what is kept of an event, and of an answer, in bytes.
	maxTranscript = 64 << 10
	// maxTranscripts bounds what is kept in all, in bytes. The oldest go first.
	maxTranscripts = 8 << 20
	// transcriptOverhead is what a transcript has in memory besides its texts, in bytes, roughly.
	transcriptOverhead = 1 << 10
)

// codeNotRepeatable refuses to make a call again.
const codeNotRepeatable = "CALL_NOT_REPEATABLE"

// transcript is the bytes of one call: what the function got and what it answered. It is in memory
// only: the next emulator does not have it.
type transcript struct {
	id int64
	// function, via and caller are what the call is made with again. function is empty for a call
	// that reached none.
	function, via, caller string
	// event has the payload up to maxTranscript bytes; eventCut are the bytes beyond.
	event    Event
	eventCut int
	// head and answer are what the function answered, and answerCut the bytes of the answer beyond
	// maxTranscript. Only a web function's answer has a head.
	head, answer string
	answerCut    int
	// configured are the variables of the function, whose secrets are not shown.
	configured map[string]string
}

// size is what the transcript counts for maxTranscripts.
func (t *transcript) size() int {
	return transcriptOverhead + len(t.event.Payload) + len(t.head) + len(t.answer)
}

// transcribe is the transcript of an event that a function had, and of what came of it.
func transcribe(call traffic.Call, f *Function, event Event, reply Reply) *transcript {
	t := &transcript{function: f.spec.Name, via: call.Via, caller: call.Caller, event: event, configured: f.configured}
	t.event.Payload = bytes.Clone(event.Payload[:min(len(event.Payload), maxTranscript)])
	t.eventCut = len(event.Payload) - len(t.event.Payload)
	if r := event.web; r != nil { // without its connection; the payload has the body
		address := *r.URL
		t.event.web = &http.Request{
			Method: r.Method, URL: &address, Proto: r.Proto, ProtoMajor: r.ProtoMajor, ProtoMinor: r.ProtoMinor,
			Header: r.Header.Clone(), Host: r.Host, RemoteAddr: r.RemoteAddr, RequestURI: r.RequestURI, Body: http.NoBody,
		}
	}
	if reply.web != nil {
		t.head = headOf(fmt.Sprintf("HTTP/1.1 %d %s", reply.web.status, http.StatusText(reply.web.status)), reply.web.header)
	}
	t.answer, t.answerCut = beginningOf(reply.Payload)
	return t
}

// beginningOf is as much of an answer as is kept, and how many bytes are not.
func beginningOf(answer []byte) (kept string, cut int) {
	kept = string(answer[:min(len(answer), maxTranscript)])
	return kept, len(answer) - len(kept)
}

// transcripts keeps the newest transcripts, by the ids of their calls. The zero value is ready for
// use.
type transcripts struct {
	mu   sync.Mutex // guards what follows
	byID map[int64]*transcript
	ids  []int64 // oldest first
	size int
}

// keep keeps a transcript under the id of its call, and forgets the oldest that are too many.
func (t *transcripts) keep(id int64, one *transcript) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.byID == nil {
		t.byID = map[int64]*transcript{}
	}
	one.id = id
	t.byID[id] = one
	t.ids = append(t.ids, id)
	for t.size += one.size(); t.size > maxTranscripts; t.ids = t.ids[1:] {
		t.size -= t.byID[t.ids[0]].size()
		delete(t.byID, t.ids[0])
	}
}

// find returns a transcript, which never changes; nil if there is none any more.
func (t *transcripts) find(id int64) *transcript {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.byID[id]
}

// callBytes is a call with its bytes, as the cloud shows it, without credentials. What there was
// not is absent.
type callBytes struct {
	Call traffic.Call `json:"call"`
	// Event is what the function got: an event's JSON, or a web function's request. EventCut counts
	// the bytes for which there was no room.
	Event    string `json:"event,omitempty"`
	EventCut int    `json:"event_cut,omitempty"`
	// Environment is what the platform said about this one call (Go1), and ClientContext and
	// Cognito what came beside the event (Lambda).
	Environment   map[string]string `json:"environment,omitempty"`
	ClientContext string            `json:"client_context,omitempty"`
	Cognito       string            `json:"cognito,omitempty"`
	// Answer is what the function answered, or the cloud in its place.
	Answer    string `json:"answer,omitempty"`
	AnswerCut int    `json:"answer_cut,omitempty"`
}

// bytesOf shows a transcript with its call.
func (t *transcript) bytesOf(call traffic.Call) callBytes {
	hide := func(text string) string { return withoutSecrets(text, t.configured) }
	shown := callBytes{
		Call: call, Event: hide(string(t.event.Payload)), EventCut: t.eventCut, Cognito: t.event.Cognito,
		ClientContext: hide(string(t.event.ClientContext)), Answer: hide(t.answer), AnswerCut: t.answerCut,
	}
	if len(t.event.Environment) > 0 {
		shown.Environment = variablesWithoutSecrets(t.event.Environment, t.configured)
	}
	if r := t.event.web; r != nil {
		head := headOf(r.Method+" "+r.URL.RequestURI()+" HTTP/1.1\r\nHost: "+r.Host, r.Header)
		shown.Event = headWithoutSecrets(head, t.configured) + shown.Event
	}
	if t.head != "" {
		shown.Answer = headWithoutSecrets(t.head, t.configured) + shown.Answer
	}
	return shown
}

// callAPI shows one call with its bytes, or makes it again; it is the emulator's own.
//
//	GET /v1/calls/{id}/bytes   200  {"call":{"id":17,…},"event":"…","answer":"…"}
//	POST /v1/calls/{id}/send   200  the same of the call that was made
func (c *Cloud) callAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	number, what, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
	callID, err := strconv.ParseInt(number, 10, 64)
	method, sentence := http.MethodGet, "read the bytes of a call with GET"
	if what == "send" {
		method, sentence = http.MethodPost, "make a call again with POST"
	}
	switch {
	case err != nil || callID < 1 || what != "bytes" && what != "send":
		noSuchPath(w, id)
		return
	case !wantMethod(w, r, method, sentence, id):
		return
	}
	kept := c.transcripts.find(callID)
	if kept == nil {
		fail(w, http.StatusNotFound, codeNoSuchPath, fmt.Sprintf(
			"the bytes of call %d are not kept: they are those of this run's newest calls, %d MiB in all", callID, maxTranscripts>>20), id)
		return
	}
	if what == "send" {
		kept = c.callAgain(w, r, kept, id)
	}
	if kept != nil {
		call, _ := c.Journal.Find(kept.id) // the journal keeps more calls than there are transcripts
		answerJSON(w, http.StatusOK, kept.bytesOf(call))
	}
}

// callAgain has the function of a call handle the same event as from the same caller, with the
// faults of now, and returns the transcript of the new call. It has answered with the reason and
// returns nil if that is not possible.
func (c *Cloud) callAgain(w http.ResponseWriter, r *http.Request, t *transcript, id string) *transcript {
	function := c.function(t.function)
	switch {
	case t.function == "":
		fail(w, http.StatusConflict, codeNotRepeatable, fmt.Sprintf("call %d reached no function: there is no event to send again", t.id), id)
		return nil
	case t.eventCut > 0:
		fail(w, http.StatusConflict, codeNotRepeatable, fmt.Sprintf("only the beginning of the event of call %d is kept", t.id), id)
		return nil
	case function == nil:
		fail(w, http.StatusConflict, codeNotRepeatable, noSuchFunction(t.function)+" any more", id)
		return nil
	}
	in := &inbound{call: traffic.Call{Via: t.via, Caller: t.caller}}
	// The function runs to its end even if the caller hangs up, as with any other call.
	ctx := withInbound(context.WithoutCancel(r.Context()), in)
	event, handle := t.event, function.Invoke
	event.RequestID = newRequestID()
	if event.web != nil {
		event.web, handle = t.event.web.Clone(ctx), function.serve
		event.web.Body = io.NopCloser(bytes.NewReader(event.Payload))
	}
	_, _ = c.run(ctx, function, event, handle) // the journal has what became of it
	return c.transcripts.find(in.id)
}

// fileTranscript is what the journal calls with a call's id before the call can be seen.
func (c *Cloud) fileTranscript(in *inbound, t *transcript) func(id int64) {
	return func(id int64) {
		in.id = id
		c.transcripts.keep(id, t)
	}
}
