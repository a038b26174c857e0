// Package calls sends a function of a running emulator what any trigger of any cloud sends it, from
// any caller. The emulated cloud makes the event; this package makes the request that the cloud's
// SDK, gateway or console would make, with the proof that such a caller has.
//
//	call := calls.Call{Function: "closeorder", Trigger: "sqs", As: service, Data: event}
//	checked, err := call.Check(ctx, described)   // an error: what the emulator cannot be sent
//	answer, err := checked.Send(ctx)
//
// What is sent, and how a caller is part of it:
//
//	call            POST /v1/functions/{name}, the event as body. A user is a header that the
//	                emulated cloud takes for the session; the token is a member of the event
//	sdk, scf, aws   the envelopes of those APIs, signed if the emulator demands a key; the answer
//	                is taken out of theirs
//	HTTP triggers   the request itself. Tokens are headers: Cloudpay-Service-Token, or
//	                Authorization: Bearer
//	timers          POST /v1/timers/{name}, with the message and the time that were chosen.
//	                cloudpay's own functions on the custom runtime, where the platform does not
//	                say that a timer fired, get the timer token as the message
//	queues          POST /v1/queues/{name}?form=…. The token is a member of each message
//
// A trigger that a function's runtime does not have, such as a timer of a web function, and a
// caller that a trigger cannot carry, such as a mini-program's user behind a function URL, are
// refused before anything is sent: no cloud would send it either.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// Call is one call of a function.
type Call struct {
	Function string
	// Trigger is one of [Triggers].
	Trigger string
	As      Caller
	// Data is the event. For a queue it is one message, or a JSON array of messages; for an HTTP
	// request it is the body; a timer has it as its message. Nil: {}, and for a timer the message
	// of the function's own.
	Data []byte
	// Method and Path are those of an HTTP request. Empty: POST, and the function's name. A GET has
	// no body.
	Method, Path string
	// At is a timer's time; zero: that of the emulator's clock.
	At time.Time
	// Key signs a call of an SDK's API; zero: the emulator's own, if it demands one.
	Key access.Key
}

// Answer is what a function answered.
type Answer struct {
	// Status is the HTTP status that a request got; 0 for a call that is no request.
	Status int
	Body   []byte
}

// Checked is a call that can be sent: its function is there, and its runtime has such a trigger.
type Checked struct {
	Call

	trigger trigger
	on      platform.Runtime // the function's
	to      desk.Description
}

// Check reports everything that an emulator cannot be sent, in the words of invoke's flags. It
// sends nothing but the question which functions there are.
func (c Call) Check(ctx context.Context, d desk.Description) (*Checked, error) {
	t, known := find(c.Trigger)
	if !known {
		return nil, bilingual.Errorf("--trigger: must be %s, not %q", "--trigger：须为 %s，而不是 %q", strings.Join(Triggers(), ", "), c.Trigger)
	}
	on, err := runtimeOf(ctx, d, c.Function)
	if err != nil {
		return nil, err
	}
	checked := &Checked{Call: c, trigger: t, on: on, to: d}
	if err := errors.Join(
		checked.checkRuntime(), checked.checkCaller(), checked.checkRequest(), checked.checkTimer(), checked.checkKey(),
	); err != nil {
		return nil, err
	}
	if _, err := checked.request(ctx, time.Time{}); err != nil {
		return nil, err
	}
	return checked, nil
}

// checkRuntime reports a trigger that a web function does not have: its cloud sends it requests and
// nothing else.
func (c *Checked) checkRuntime() error {
	switch {
	case c.on != platform.Web || c.trigger.isRequest(c.on):
		return nil
	case !slices.Contains(desk.Functions(), c.Function):
		return bilingual.Errorf("--trigger %s: %s is a web function, which gets requests, and has no timers, queues or events",
			"--trigger %s：%s 是 Web 函数，只接收请求，没有定时器、队列与事件", c.trigger.name, c.Function)
	}
	return bilingual.Errorf("--trigger %s: a web function gets requests, and has no timers, queues or events: run the emulator with "+
		"--runtime go1, custom or lambda to try a sweep, and deploy one of these for it",
		"--trigger %s：Web 函数只接收请求，没有定时器、队列与事件：请以 --runtime go1、custom 或 lambda 运行模拟器来试用扫描，部署时亦然", c.trigger.name)
}

// checkCaller reports a caller that a trigger cannot carry.
func (c *Checked) checkCaller() error {
	kinds := c.trigger.callers(c.on)
	if c.As.kind == "" || slices.Contains(kinds, c.As.kind) {
		return nil
	}
	return bilingual.Errorf("--as %s: the trigger %s carries no such caller, only %s",
		"--as %s：触发方式 %s 无法携带此类调用方，只能为 %s", c.As, c.trigger.name, strings.Join(kinds, ", "))
}

// checkRequest reports a method or a path for what is no HTTP request, and a body for a request
// that has none.
func (c *Checked) checkRequest() error {
	switch {
	case (c.Method != "" || c.Path != "") && !c.trigger.isRequest(c.on):
		return bilingual.Errorf("--method and --path: are those of an HTTP request, and the trigger %s sends an event",
			"--method 与 --path：仅用于 HTTP 请求，而触发方式 %s 发送的是事件", c.trigger.name)
	case c.trigger.isRequest(c.on) && !c.hasBody() && c.Data != nil:
		return bilingual.Errorf("--data: a %s request has no body", "--data：%s 请求没有正文", c.method())
	}
	return nil
}

// checkTimer reports a time for what is no timer, and a message for an event that has none: that of
// EventBridge, which is also the only one on Lambda that has a time.
func (c *Checked) checkTimer() error {
	switch {
	case c.trigger.kind != timer && !c.At.IsZero():
		return bilingual.Errorf("--at: is the time of a timer, and the trigger %s is none", "--at：仅用于定时器，而触发方式 %s 不是定时器", c.trigger.name)
	case c.isScheduled() && c.Data != nil:
		return bilingual.Errorf("--data: EventBridge's own event, which has a time, has no message", "--data：EventBridge 自身的事件带有时间，但没有消息")
	}
	return nil
}

// isScheduled reports whether the event is EventBridge's own.
func (c *Checked) isScheduled() bool {
	return c.trigger.name == eventBridge || c.trigger.name == Timer && c.on == platform.Lambda && !c.At.IsZero()
}

// checkKey reports a key for a call that no SDK signs.
func (c *Checked) checkKey() error {
	if c.Key.ID == "" || c.trigger.isSigned() {
		return nil
	}
	return bilingual.Errorf("--key: signs the calls of SDKs by sdk, scf and aws; those by %s are not signed",
		"--key：用于为 sdk、scf、aws 的 SDK 调用签名；触发方式 %s 不签名", c.trigger.name)
}

// Send sends the call and returns the function's answer. A refusal by the platform is a
// [*desk.NoAnswerError]; any other error means that no answer arrived before ctx ended.
func (c *Checked) Send(ctx context.Context) (Answer, error) {
	// A signature is valid for minutes by the clock of this machine, which is the SDKs' too.
	r, err := c.request(ctx, time.Now())
	if err != nil {
		return Answer{}, err
	}
	response, err := c.to.Exchange(r, c.Function)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	return c.read(response)
}

// runtimeOf is the runtime of a function. The error names the functions that a running emulator has
// instead. If the emulator does not say what it has, the runtime is that of cloudpay's own
// functions: the call itself then finds out.
func runtimeOf(ctx context.Context, d desk.Description, function string) (platform.Runtime, error) {
	list := functions(ctx, d)
	names := make([]string, 0, len(list))
	for _, f := range list {
		if f.Name == function && f.Runtime != "" {
			return f.Runtime, nil
		}
		names = append(names, f.Name)
	}
	if len(names) == 0 || slices.Contains(names, function) {
		return d.Runtime, nil
	}
	return "", bilingual.Errorf("the emulator runs no function %q, only %s", "模拟器中没有云函数 %q，只有 %s", function, strings.Join(names, ", "))
}

// deployed is a function of a running emulator.
type deployed struct {
	Name    string           `json:"name"`
	Runtime platform.Runtime `json:"runtime"`
}

// functions lists the functions of a running emulator; it is empty if the emulator does not answer.
func functions(ctx context.Context, d desk.Description) []deployed {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, d.CloudURL+"/v1/functions", http.NoBody)
	if err != nil {
		return nil
	}
	response, err := d.Exchange(r, "")
	if err != nil {
		return nil
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	var list struct {
		Functions []deployed `json:"functions"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil
	}
	return list.Functions
}
