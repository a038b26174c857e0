package platform

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"cloudpay/internal/emulator/traffic"
)

// The APIs and triggers that a call may come by, as the journal names them.
const (
	viaHTTPAPI        = "http-api"
	viaServerSDK      = "server-sdk"
	viaLambdaAPI      = "lambda-api"
	viaTencentAPI     = "tencent-api"
	viaFunctionURL    = "function-url"
	viaAccessService  = "access-service"
	viaMiniProgram    = "call-http-function"
	viaAPIGateway     = "api-gateway"
	viaTencentGateway = "scf-api-gateway"
	viaRESTAPI        = "rest-api"
	viaTimer          = "timer"
	viaQueue          = "queue"
	viaScheduler      = "scheduler"
)

// inbound is one request to the cloud, or one asynchronous event, on its way to a function. What
// handles it finds it in the context.
type inbound struct {
	http.ResponseWriter

	call   traffic.Call // what is known before a function is called
	method string       // of the request
	path   string       // of the request, behind the function's name, with its query
	reason string       // why it is refused, if the answer does not say that
	ran    bool         // the journal has it: a function was called, or will be
	id     int64        // of the newest call of it that the journal has
	lost   bool         // a fault cuts the connection instead of the answer
	cut    bool         // which has happened
	status int
	answer []byte // the beginning of what was answered, of a request that no function had
}

// maxAnswer is how much of an answer is read for a refusal.
const maxAnswer = 4 << 10

// inboundKey is the context's key of an inbound.
type inboundKey struct{}

// inboundOf finds the inbound in a context. There is one in every request's; for any other context
// it is a new one.
func inboundOf(ctx context.Context) *inbound {
	if in, ok := ctx.Value(inboundKey{}).(*inbound); ok {
		return in
	}
	return &inbound{}
}

// withInbound returns a context for calls by an API or a trigger.
func withInbound(ctx context.Context, in *inbound) context.Context {
	return context.WithValue(ctx, inboundKey{}, in)
}

// Unwrap is for http.ResponseController.
func (in *inbound) Unwrap() http.ResponseWriter { return in.ResponseWriter }

// WriteHeader passes the status on, or cuts the connection if a fault says so.
func (in *inbound) WriteHeader(status int) {
	if in.lost {
		in.hangUp()
		return
	}
	in.status = status
	in.ResponseWriter.WriteHeader(status)
}

// Write passes the answer on, and remembers its beginning if it may be a refusal.
func (in *inbound) Write(text []byte) (int, error) {
	if in.lost {
		in.hangUp()
		return len(text), nil
	}
	in.status = cmp.Or(in.status, http.StatusOK)
	if room := maxAnswer - len(in.answer); room > 0 && !in.ran {
		in.answer = append(in.answer, text[:min(room, len(text))]...)
	}
	return in.ResponseWriter.Write(text)
}

// hangUp closes the connection. Where it cannot be had, as in a test's recorder, nothing is
// written.
func (in *inbound) hangUp() {
	if in.cut {
		return
	}
	in.cut = true
	conn, _, err := http.NewResponseController(in.ResponseWriter).Hijack()
	if err != nil {
		return
	}
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0) // best effort: without it the client sees an end in place of a reset
	}
	_ = conn.Close() // the peer may be gone already
}

// arrive notes a request that came by an API or a trigger.
func (c *Cloud) arrive(w http.ResponseWriter, r *http.Request, id string) (*inbound, *http.Request) {
	in := &inbound{ResponseWriter: w, call: traffic.Call{Time: time.Now(), Clock: c.Clock.Time(), RequestID: id}}
	in.call.Caller = callerOf(r.Header)
	return in, r.WithContext(withInbound(r.Context(), in))
}

// leave files a request that was refused before a function was called.
func (c *Cloud) leave(in *inbound) {
	if in.ran || in.call.Via == "" {
		return
	}
	call := in.call
	call.Code, call.Reason = refusalIn(in.Header(), in.answer)
	if call.Code == "" && in.status < http.StatusBadRequest {
		return // a preflight, or an answer that is no refusal
	}
	call.Verdict, call.Status, call.Reason = traffic.VerdictRefused, in.status, cmp.Or(in.reason, call.Reason)
	refusal := &transcript{via: call.Via, caller: call.Caller}
	refusal.answer, refusal.answerCut = beginningOf(in.answer)
	c.Journal.End(&traffic.Open{}, call, c.fileTranscript(in, refusal))
}

// refusalIn reads the code and the message of a refusal, in whichever cloud's form it is.
func refusalIn(header http.Header, answer []byte) (code, message string) {
	var document struct {
		Code     string `json:"code"`
		Message  string `json:"message"`
		Error    string `json:"errorMessage"`
		Response struct {
			Error struct {
				Code    string `json:"Code"`
				Message string `json:"Message"`
			} `json:"Error"`
		} `json:"Response"`
	}
	_ = json.Unmarshal(answer, &document) // another form has neither
	inner := document.Response.Error
	return cmp.Or(header.Get("X-Amzn-Errortype"), document.Code, inner.Code), cmp.Or(document.Message, inner.Message, document.Error)
}

// handler has a function handle an event.
type handler func(context.Context, Event) (Reply, error)

// run has a function handle an event of the call in ctx, with the faults that are due, and files
// the call.
func (c *Cloud) run(ctx context.Context, f *Function, event Event, handle handler) (Reply, error) {
	in := inboundOf(ctx)
	in.ran = true
	event.RequestID = cmp.Or(event.RequestID, newRequestID())
	due := c.faults.take(f.spec.Name, coldStart, throttle, serverError)
	if due.find(throttle, serverError) == nil {
		due = append(due, c.faults.take(f.spec.Name, duplicate)...)
	}
	if in.call.Attempt == 0 { // of an asynchronous event the acceptance was the answer
		due = append(due, c.faults.take(f.spec.Name, lostAnswer)...)
	}
	reply, err := c.record(in, f, event, due.actions(), func() (Reply, error) { return c.play(ctx, event, handle, due) })
	if due.find(duplicate) != nil {
		_, _ = c.record(in, f, event, []string{duplicate}, func() (Reply, error) { return handle(ctx, event) })
	}
	in.lost = due.find(lostAnswer) != nil
	return reply, err
}

// play has the function handle the event unless a fault does something else.
func (c *Cloud) play(ctx context.Context, event Event, handle handler, due plan) (Reply, error) {
	if start := due.find(coldStart); start != nil {
		// Nothing waits any longer when the cloud is closed.
		_ = rest(ctx, c.background.closing(), start.Delay)
	}
	switch f := due.find(throttle, serverError); {
	case f == nil:
		return handle(ctx, event)
	case f.Action == throttle:
		return refuse(event.RequestID, statusConcurrency, "a fault of the cloud: there are too many calls"), nil
	default:
		return Reply{}, errFault
	}
}

// record files what becomes of an event.
func (c *Cloud) record(in *inbound, f *Function, event Event, faults []string, handle func() (Reply, error)) (Reply, error) {
	call := in.call
	call.Time, call.Clock, call.Faults = time.Now(), c.Clock.Time(), faults
	call.Function, call.RequestID = f.spec.Name, event.RequestID
	call.OutTradeNo = orderIn(event)
	open := c.Journal.Begin(call)
	began := time.Now()
	reply, err := handle()
	call.TookMS = float64(time.Since(began).Microseconds()) / 1000
	judge(&call, reply, err)
	in.explain(&call, f, event, reply)
	c.Journal.End(open, call, c.fileTranscript(in, transcribe(call, f, event, reply)))
	return reply, err
}

// judge says in a call what became of it.
func judge(call *traffic.Call, reply Reply, err error) {
	call.Status = reply.Status
	switch {
	case err != nil:
		call.Verdict, call.Status, call.Reason = traffic.VerdictRefused, http.StatusInternalServerError, err.Error()
		var ended *exitError
		var gaveUp *initError
		switch {
		case errors.As(err, &ended), errors.As(err, &gaveUp):
			call.Verdict = traffic.VerdictFailed
		case errors.Is(err, errWeb), errors.Is(err, errNotWeb):
			call.Status = http.StatusBadRequest
		}
	case reply.Status == statusConcurrency, reply.Status == statusRequestTooLarge:
		call.Verdict, call.Reason = traffic.VerdictRefused, reply.Err.Message
	case reply.Err != nil:
		call.Verdict, call.Reason = traffic.VerdictFailed, reply.Err.Message
	default:
		call.Verdict = traffic.VerdictOK
		outcomeIn(call, reply)
		call.Report = reportIn(call, reply)
	}
}

// maxReport is the most bytes of a report that the journal keeps. A sweep's has a few hundred.
const maxReport = 4 << 10

// reportIn is what the function answered to a timer, if it is a short JSON object.
func reportIn(call *traffic.Call, reply Reply) json.RawMessage {
	text := bytes.TrimSpace(reply.Payload)
	if call.Via != viaTimer || len(text) > maxReport || !bytes.HasPrefix(text, []byte("{")) || !json.Valid(text) {
		return nil
	}
	return bytes.Clone(text)
}

// maxRead is the most bytes of an event or an answer that are searched for an order. Those about
// one are short, and a call must not wait for the journal.
const maxRead = 64 << 10

// named are the members of an event that name an order, in the spellings that cloudpay takes.
type named struct {
	OutTradeNo        string `json:"out_trade_no"`
	Camel             string `json:"outTradeNo"`
	CombineOutTradeNo string `json:"combine_out_trade_no"`
	CamelCombine      string `json:"combineOutTradeNo"`
}

func (n named) order() string {
	return cmp.Or(n.OutTradeNo, n.Camel, n.CombineOutTradeNo, n.CamelCombine)
}

// orderIn is the order that an event is about, as far as the event says so where functions look: in
// the event itself, or in the query or the body of a request.
func orderIn(event Event) string {
	if len(event.Payload) > maxRead {
		return ""
	}
	var document struct {
		named

		Query map[string]any `json:"queryStringParameters"`
		Plain map[string]any `json:"queryString"`
		Body  string         `json:"body"`
	}
	_ = json.Unmarshal(event.Payload, &document) // other members have other types
	var inBody named
	_ = json.Unmarshal([]byte(document.Body), &inBody)
	return cmp.Or(document.order(), inBody.order(), orderInQuery(document.Query), orderInQuery(document.Plain))
}

func orderInQuery(query map[string]any) string {
	for _, name := range []string{"out_trade_no", "outTradeNo"} {
		if value, ok := query[name].(string); ok {
			return value
		}
	}
	return ""
}

// outcomeIn reads what a function of ours answered: the outcome, the order, and why it was not
// done. An answer to a request may have it in its body.
func outcomeIn(call *traffic.Call, reply Reply) {
	var result struct {
		named

		Outcome     string `json:"outcome"`
		ErrCode     string `json:"errCode"`
		Description string `json:"errCodeDes"`
		Message     string `json:"returnMsg"`
		Body        string `json:"body"`
	}
	if len(reply.Payload) > maxRead {
		return
	}
	_ = json.Unmarshal(reply.Payload, &result) // another function answers something else
	if result.Outcome == "" && strings.HasPrefix(result.Body, "{") {
		_ = json.Unmarshal([]byte(result.Body), &result) // the function's answer to a request
	}
	call.Outcome, call.Code = result.Outcome, result.ErrCode
	call.OutTradeNo = cmp.Or(call.OutTradeNo, result.order())
	if result.ErrCode != "" {
		call.Reason = cmp.Or(result.Description, result.Message)
	}
}

// callsAPI shows the journal; it is the emulator's own.
//
//	GET /v1/calls?function=&via=&order=&verdict=&rule=&after=&limit=
//	  200  {"calls":[{"id":17,"via":"http-api","function":"closeorder",…}],"next":17}
//	GET /v1/calls/stream?function=&order=&verdict=&rule=&after=
//	  200  server-sent events, see [traffic.Journal.Stream]; after is also Last-Event-ID
//
// One call is shown and made again by callAPI.
func (c *Cloud) callsAPI(w http.ResponseWriter, r *http.Request, rest, id string) {
	if rest != "" && rest != "/stream" {
		c.callAPI(w, r, rest, id)
		return
	}
	if !wantMethod(w, r, http.MethodGet, "read the calls with GET", id) {
		return
	}
	query, err := traffic.QueryOf(r)
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadParameter, err.Error(), id)
		return
	}
	if rest == "" {
		answerJSON(w, http.StatusOK, c.Journal.Page(query))
		return
	}
	c.Journal.Stream(r.Context(), w, query)
}
