package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// maxResult bounds what is read of a function's answer, in bytes: what SCF lets one be, and the
// envelope of an API around it.
const maxResult = 16 << 20

// invocation is a call as the form has it. Its address has all of it: a call that was tried can be
// kept, sent to a colleague, and opened again, which makes no call.
type invocation struct {
	Function, Trigger string
	// Kind is the kind of caller, and ID a user's. In a document they are one word: user:oABC.
	Kind, ID string
	// Method and Path are those of an HTTP request, At a timer's time, and Data the event, the
	// message or the body. Empty ones are what `cloudpay invoke` has for none.
	Method, Path, At, Data string
}

// As is the caller in one word.
func (i invocation) As() string {
	if i.ID == "" || !slices.Contains(namedKinds, i.Kind) {
		return i.Kind
	}
	return i.Kind + ":" + i.ID
}

// call is the invocation as [Calls] takes it.
func (i invocation) call() (Call, error) {
	c := Call{Function: i.Function, Trigger: i.Trigger, As: i.As(), Method: i.Method, Path: i.Path, At: i.At, Data: i.Data}
	if at, err := momentOf(i.At); err == nil { // a form's time has no time zone
		c.At = at.Format(time.RFC3339)
	}
	if slices.Contains(namedKinds, i.Kind) && i.ID == "" {
		return c, bilingual.Errorf("as %s: name the user, such as oABC", "as %s：请写明用户，如 oABC", i.Kind)
	}
	return c, nil
}

// Address is that of the form with these values.
func (i invocation) Address() string {
	return withQuery("/invoke", "function", i.Function, "trigger", i.Trigger, "as", i.Kind, "id", i.ID,
		"method", i.Method, "path", i.Path, "at", i.At, "data", i.Data)
}

// JSON is the invocation as a document, which the form takes as well. Data that is no JSON is a
// string in it.
func (i invocation) JSON() string {
	document := invocationDocument{i.Function, i.Trigger, i.As(), i.Method, i.Path, i.At, json.RawMessage(i.Data)}
	if i.Data != "" && !json.Valid(document.Data) {
		document.Data, _ = json.Marshal(i.Data) // a string is always encoded
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(document) // its data is valid
	return strings.TrimSpace(indented(text.Bytes()))
}

// invocationDocument is an invocation as JSON. Its members are the flags of `cloudpay invoke`.
type invocationDocument struct {
	Function string          `json:"function"`
	Trigger  string          `json:"trigger"`
	As       string          `json:"as,omitempty"`
	Method   string          `json:"method,omitempty"`
	Path     string          `json:"path,omitempty"`
	At       string          `json:"at,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
}

// readInvocation reads a form, or the document that it has instead.
func readInvocation(values url.Values) (invocation, error) {
	get := func(name string) string { return strings.TrimSpace(values.Get(name)) }
	if text := get("json"); text != "" {
		return parseInvocation(text)
	}
	return invocation{
		Function: get("function"), Trigger: get("trigger"), Kind: get("as"), ID: get("id"), Method: strings.ToUpper(get("method")),
		Path: get("path"), At: get("at"), Data: get("data"),
	}, nil
}

// parseInvocation reads a document. A member that it does not know is a mistake, and not passed
// over.
func parseInvocation(text string) (i invocation, err error) {
	var d invocationDocument
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&d); err != nil {
		return i, bilingual.Errorf("the call's JSON: %w", "调用的 JSON：%w", err)
	}
	i = invocation{Function: d.Function, Trigger: d.Trigger, Method: strings.ToUpper(d.Method), Path: d.Path, At: d.At, Data: string(d.Data)}
	i.Kind, i.ID, _ = strings.Cut(d.As, ":")
	var data string
	if json.Unmarshal(d.Data, &data) == nil {
		i.Data = data // a message or a body that is no JSON
	}
	return i, nil
}

// callerKind is a kind of caller with the words for it (docs/callers.md).
type callerKind struct {
	Kind string
	Text bilingual.Text
}

// callerKinds are the kinds in the order of the form, and namedKinds those that have an ID.
var (
	callerKinds = []callerKind{
		{"", bilingual.New("as the trigger has it", "触发方式自身的调用方")},
		{"nobody", bilingual.New("nobody: no identity and no proof", "nobody：无身份、无证明")},
		{"user", bilingual.New("user of a mini-program", "小程序用户")},
		{"page", bilingual.New("user of a web page", "网页用户")},
		{"cognito", bilingual.New("Cognito user (AWS)", "Cognito 用户（AWS）")},
		{"service", bilingual.New("service: with the service token", "service：带服务令牌")},
		{"impostor", bilingual.New("impostor: with a wrong token", "impostor：带错误的令牌")},
		{"http", bilingual.New("http: with the HTTP token", "http：带 HTTP 令牌")},
		{"timer", bilingual.New("timer", "定时器")},
	}
	namedKinds = []string{"user", "page", "cognito"}
)

// deployed is a function as the cloud lists it (docs/emulator.md, "The cloud").
type deployed struct {
	Name string `json:"name"`
	// Runtime is the emulator's own for all functions but web functions and those of Node.js. It
	// decides which triggers there are, and what proves a caller.
	Runtime string `json:"runtime"`
}

// runtimes are what differs from one runtime to the next, for callers.
var runtimes = map[string]bilingual.Text{
	"go1": bilingual.New("SCF and CloudBase, Go1: the platform names each call's user in the invocation's environment",
		"SCF 与云开发 Go1：平台在每次调用的环境中写明用户"),
	"custom": bilingual.New("SCF's custom runtime: the platform names no user and marks no timer, so that only tokens prove a caller",
		"SCF 自定义运行时：平台既不写明用户，也不标记定时器，只有令牌能证明调用方"),
	"lambda": bilingual.New("AWS Lambda: IAM admits each call before the function sees it; there are no mini-program users",
		"AWS Lambda：IAM 在函数之前放行调用；没有小程序用户"),
	"web":    bilingual.New("web function: it gets HTTP requests, and has no timers, queues or events", "Web 函数：只接收 HTTP 请求，没有定时器、队列与事件"),
	"nodejs": bilingual.New("Node.js: the platform names each call's user in the invocation's context", "Node.js：平台在每次调用的上下文中写明用户"),
}

// invokeView is the page.
type invokeView struct {
	// Form is what the form has.
	Form invocation
	// Functions, Triggers and Kinds are what the form offers. Triggers are all, since which of
	// them a function has is known only when it is chosen; without a script that is when the form
	// is sent.
	Functions []deployed
	Triggers  []Trigger
	Kinds     []callerKind
	// Examples are calls to start from, and About is the order that they are about. HasRegister
	// says that it can be registered.
	Examples    []example
	About       subject
	HasRegister bool
	// Runtime is the function's, and Differs what is different on it. Elsewhere is how another one
	// is started.
	Runtime   string
	Differs   bilingual.Text
	Elsewhere string
	// Carries are the callers that the trigger can carry to the function; none: it has no such
	// trigger.
	Carries []string
	// Faults are why the call cannot be made, a line each.
	Faults []string
	// Result is what came of the call; nil: it was not made.
	Result *result
	// Texts are the call in other languages; none if it cannot be made.
	Texts []codeText
}

// Methods are those that the form offers.
func (invokeView) Methods() []string { return []string{"GET", "POST", "PUT", "DELETE", "OPTIONS"} }

// result is what came of a call.
type result struct {
	// Status is that of the answer to the request. Heads are the answer's members that say what
	// became of the order, and Answer is all of it.
	Status int
	Heads  []head
	Answer string
	// Outcome is the member of that name, where there is one.
	Outcome string
	// Refused is why the function gave no answer.
	Refused bilingual.Text
	// Took is how long it took to the answer, and Calls are the calls that the cloud made of it.
	Took  time.Duration
	Calls []call
}

// head is a member of an answer.
type head struct{ Name, Value string }

// Milliseconds is Took for people.
func (r *result) Milliseconds() string { return r.Took.Round(100 * time.Microsecond).String() }

// showInvoke shows the form with the values of the address, and the call as text. It calls nothing.
func (c *Console) showInvoke(w http.ResponseWriter, r *http.Request) {
	in, err := readInvocation(r.URL.Query())
	c.invokePage(w, r, http.StatusOK, in, nil, err)
}

// invoke makes the call of a form, and shows what came of it.
func (c *Console) invoke(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxResult)
	if err := r.ParseForm(); err != nil {
		c.fail(w, r, "invoke", &apiError{http.StatusRequestEntityTooLarge, err.Error()})
		return
	}
	in, err := readInvocation(r.PostForm)
	c.invokeNow(w, r, in, err)
}

// invokeNow makes a call, and shows what came of it. err is why the form cannot be read. The page's
// address then is that of the form (view.Here): reloading it makes no second call.
func (c *Console) invokeNow(w http.ResponseWriter, r *http.Request, in invocation, err error) {
	var got *result
	if err == nil {
		got, err = c.send(r.Context(), in)
	}
	status := http.StatusOK
	if err != nil {
		status = http.StatusUnprocessableEntity
	}
	c.invokePage(w, r, status, in, got, err)
}

// invokePage answers the page. err is why the call could not be made.
func (c *Console) invokePage(w http.ResponseWriter, r *http.Request, status int, in invocation, got *result, err error) {
	v := newView(r, "invoke", bilingual.New("Invoke", "调用"))
	v.curl(c.api.cloud + "/v1/functions")
	var list struct{ Functions []deployed }
	if _, failed := c.api.get(r.Context(), c.api.cloud+"/v1/functions", &list); failed != nil {
		c.fail(w, r, v.Room, failed)
		return
	}
	about := c.subject(r.Context())
	page := invokeView{Form: in, Functions: list.Functions, Kinds: callerKinds, Result: got, Elsewhere: "cloudpay emulate --runtime lambda"}
	page.About, page.HasRegister = about, c.register != nil
	page.Examples = c.examples(list.Functions, about)
	if in == (invocation{}) && err == nil && len(page.Examples) > 0 {
		page.Form = page.Examples[0].Form
	}
	c.describe(&page)
	if err == nil {
		page.Texts, err = c.texts(r.Context(), page.Form, got)
	}
	if err != nil {
		page.Faults = strings.Split(v.In(bilingual.Wording(err)), "\n")
	}
	v.Here = page.Form.Address()
	v.Back = v.Here // a change of the language after a call does not call again
	v.Data = page
	c.render(w, r, status, "invoke", v)
}

// describe adds what the function's runtime has and the trigger can carry.
func (c *Console) describe(page *invokeView) {
	at := slices.IndexFunc(page.Functions, func(f deployed) bool { return f.Name == page.Form.Function })
	if at < 0 && len(page.Functions) > 0 && page.Form.Function == "" {
		at = 0
	}
	if at >= 0 {
		page.Runtime = page.Functions[at].Runtime
	}
	page.Differs = runtimes[page.Runtime]
	if c.options.Calls == nil {
		return
	}
	page.Triggers = c.options.Calls.Triggers(page.Runtime)
	name := cmp.Or(page.Form.Trigger, "call")
	for _, t := range page.Triggers {
		if t.Name == name {
			page.Carries = t.Callers
		}
	}
}

// errNoCalls is for a console without [Calls].
var errNoCalls = bilingual.Errorf("this console calls no functions", "此控制台不调用云函数")

// prepare makes the request of an invocation.
func (c *Console) prepare(ctx context.Context, in invocation) (*http.Request, Reading, error) {
	if c.options.Calls == nil {
		return nil, nil, errNoCalls
	}
	call, err := in.call()
	if err != nil {
		return nil, nil, err
	}
	return c.options.Calls.Prepare(ctx, call)
}

// send makes a call, and reads what came of it. The error is why it could not be made; a refusal is
// a result. A call goes by the cloud's own door, as every client's, and by no other way. It is made
// once: what became of one that breaks off is not known, and the page says so.
func (c *Console) send(ctx context.Context, in invocation) (*result, error) {
	ctx, cancel := context.WithTimeout(ctx, maxAction)
	defer cancel()
	request, read, err := c.prepare(ctx, in)
	if err != nil {
		return nil, err
	}
	before := c.newest(ctx, []source{c.sources()[callKind]})[callKind]
	began := time.Now()
	response, err := c.api.client.Do(request)
	if err != nil {
		return nil, bilingual.Errorf("the cloud does not answer: %w", "云没有应答：%w", err)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxResult))
	_ = response.Body.Close() // it was only read
	if err != nil {
		return nil, bilingual.Errorf("reading the answer: %w", "读取应答：%w", err)
	}
	got := &result{Status: response.StatusCode, Took: time.Since(began)}
	text, err := read(response.StatusCode, response.Header, body)
	if err != nil {
		got.Refused = bilingual.Wording(err)
	}
	got.read(text)
	got.Calls = c.callsOf(ctx, before, response.Header.Get("X-Request-Id"), body)
	return got, nil
}

// heads are the members that are shown first, in this order.
var heads = []string{"returnCode", "resultCode", "errCode", "errCodeDes", "outcome", "tradeState", "closed", "claimed"}

// read reads the function's answer.
func (r *result) read(text []byte) {
	r.Answer = indented(text)
	var members map[string]any
	if json.Unmarshal(text, &members) != nil {
		return
	}
	for _, name := range heads {
		value, there := members[name]
		if !there {
			continue
		}
		written, is := value.(string)
		if !is {
			raw, _ := json.Marshal(value) // it came from JSON
			written = string(raw)
		}
		r.Heads = append(r.Heads, head{name, written})
		if name == "outcome" {
			r.Outcome = written
		}
	}
}

// callsOf are the calls that a request caused: those since an id that have its request id, or one
// that the answer names, as a queue's does for each batch.
func (c *Console) callsOf(ctx context.Context, after int64, id string, answer []byte) []call {
	since, err := c.callsBehind(ctx, after)
	if err != nil {
		return nil // the call was made all the same
	}
	return slices.DeleteFunc(since, func(one call) bool {
		return one.RequestID == "" || one.RequestID != id && !bytes.Contains(answer, []byte(one.RequestID))
	})
}
