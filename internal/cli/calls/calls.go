// Package calls sends a function of a running emulator what any trigger of any cloud sends it, from
// any caller. The emulated cloud makes the event; this package makes the request that the cloud's
// SDK, gateway or console would make, with the proof that such a caller has.
//
//	call := calls.Call{Function: "closeorder", Trigger: "sqs", As: service, Data: event}
//	err := call.Check(ctx, described)        // what the emulator cannot be sent
//	answer, err := call.Send(ctx, described)
//
// What is sent, and how a caller is part of it:
//
//	call            POST /v1/functions/{name}, the event as body. A user is a header that the
//	                emulated cloud takes for the session; the token is a member of the event
//	sdk, scf, aws   the envelopes of those APIs; the answer is taken out of theirs
//	HTTP triggers   the request itself. Tokens are headers: Cloudpay-Service-Token, or
//	                Authorization: Bearer
//	timers          POST /v1/timers/{name}. On the custom runtime, where the platform does not
//	                say that a timer fired, the message is the timer token
//	queues          POST /v1/queues/{name}?form=…. The token is a member of each message
//
// A trigger that a runtime does not have, such as a timer of a web function, and a caller that a
// trigger cannot carry, such as a mini-program's user behind a function URL, are refused before
// anything is sent: no cloud would send it either.
package calls

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
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
	// request it is the body; a timer has it as its message.
	Data []byte
	// Method and Path are those of an HTTP request. Empty: POST, and the function's name. A GET has
	// no body.
	Method, Path string
}

// Answer is what a function answered.
type Answer struct {
	// Status is the HTTP status that a request got; 0 for a call that is no request.
	Status int
	Body   []byte
}

// Check reports everything that an emulator cannot be sent, in the words of invoke's flags. It
// sends nothing but the question which functions there are.
func (c Call) Check(ctx context.Context, d desk.Description) error {
	t, known := find(c.Trigger)
	if !known {
		return bilingual.Errorf("--trigger: must be %s, not %q", "--trigger：须为 %s，而不是 %q", strings.Join(Triggers(), ", "), c.Trigger)
	}
	err := errors.Join(c.checkRuntime(t, d.Runtime), c.checkCaller(t, d.Runtime), c.checkRequest(t, d.Runtime))
	if err != nil {
		return err
	}
	_, err = c.request(ctx, t, d)
	return errors.Join(err, checkFunction(ctx, d, c.Function))
}

// checkRuntime reports a trigger that a web function does not have: its cloud sends it requests and
// nothing else.
func (Call) checkRuntime(t trigger, on platform.Runtime) error {
	if on != platform.Web || t.isRequest(on) {
		return nil
	}
	return bilingual.Errorf("--trigger %s: a web function gets requests, and has no timers, queues or events: run the emulator with "+
		"--runtime go1, custom or lambda to try a sweep, and deploy one of these for it",
		"--trigger %s：Web 函数只接收请求，没有定时器、队列与事件：请以 --runtime go1、custom 或 lambda 运行模拟器来试用扫描，部署时亦然", t.name)
}

// checkCaller reports a caller that a trigger cannot carry.
func (c Call) checkCaller(t trigger, on platform.Runtime) error {
	kinds := t.callers(on)
	if c.As.kind == "" || slices.Contains(kinds, c.As.kind) {
		return nil
	}
	return bilingual.Errorf("--as %s: the trigger %s carries no such caller, only %s",
		"--as %s：触发方式 %s 无法携带此类调用方，只能为 %s", c.As, t.name, strings.Join(kinds, ", "))
}

// checkRequest reports a method or a path for what is no HTTP request.
func (c Call) checkRequest(t trigger, on platform.Runtime) error {
	if c.Method == "" && c.Path == "" || t.isRequest(on) {
		return nil
	}
	return bilingual.Errorf("--method and --path: are those of an HTTP request, and the trigger %s sends an event",
		"--method 与 --path：仅用于 HTTP 请求，而触发方式 %s 发送的是事件", t.name)
}

// Send sends the call, which [Call.Check] finds nothing wrong with, and returns the function's
// answer. A refusal by the platform is a [*desk.NoAnswerError]; any other error means that no
// answer arrived before ctx ended.
func (c Call) Send(ctx context.Context, d desk.Description) (Answer, error) {
	t, _ := find(c.Trigger)
	r, err := c.request(ctx, t, d)
	if err != nil {
		return Answer{}, err
	}
	response, err := d.Exchange(r, c.Function)
	if err != nil {
		return Answer{}, err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	return c.read(t, d.Runtime, response)
}

// checkFunction reports a function that a running emulator does not have, with those that it has.
// It is nil, too, if the emulator does not say what it has: the call itself then finds out.
func checkFunction(ctx context.Context, d desk.Description, function string) error {
	names := functions(ctx, d)
	if len(names) == 0 || slices.Contains(names, function) {
		return nil
	}
	return bilingual.Errorf("the emulator runs no function %q, only %s", "模拟器中没有云函数 %q，只有 %s", function, strings.Join(names, ", "))
}

// functions lists the functions of a running emulator; it is empty if the emulator does not answer.
func functions(ctx context.Context, d desk.Description) []string {
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
		Functions []struct {
			Name string `json:"name"`
		} `json:"functions"`
	}
	if err := json.NewDecoder(response.Body).Decode(&list); err != nil {
		return nil
	}
	names := make([]string, 0, len(list.Functions))
	for _, f := range list.Functions {
		names = append(names, f.Name)
	}
	return names
}
