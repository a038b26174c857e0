package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// maxTriggerBody is the most bytes of a request to fire a timer.
const maxTriggerBody = 64 << 10

// maxMessage is the most bytes of a timer's argument (SCF doc 583/9708).
const maxMessage = 4 << 10

// timer fires a function's timer now. It answers with the function's result, which a real timer
// drops.
//
//	POST /v1/timers/{name}     {"trigger":"close_timer","message":"…","time":"…"}, each optional
//	  200  the function's result, unchanged
//	  400  {"code":"FUNCTION_...","message":"...","requestId":"..."}
//
// What the request leaves out is that of the function's own timer (see Timer): of the one that
// trigger names, or else of the first. Without one the trigger is called NAME_timer. The time, in
// the form of RFC 3339, is the clock's unless the request names another, which the event has to
// have room for.
//
// The event is SCF's (doc 583/9708). The invocation's environment has TRIGGER_SRC=timer, as on SCF,
// and TCB_SOURCE=wx_trigger, as on CloudBase. On Lambda the event is the input of the schedule in
// serverless.yml: the same object without a Time; with ?form=eventbridge it is the event of a
// schedule without an input. A timer that is fired here and fails is not retried, and web functions
// have no timers.
func (c *Cloud) timer(w http.ResponseWriter, r *http.Request, name, id string) {
	function, ok := c.posted(w, r, name, "fire a timer with POST", id)
	if !ok {
		return
	}
	var request timerRequest
	err := readRequest(w, r, maxTriggerBody, &request)
	if err == nil {
		err = request.check()
	}
	form := r.URL.Query().Get("form")
	if err == nil && form != "" && form != "eventbridge" {
		err = fmt.Errorf("form: a timer's event is eventbridge or the platform's own, not %q", form)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	t := request.timer(name, c.timers.list())
	if form == "eventbridge" {
		t.Rule, t.Input = true, nil
	}
	at := c.Clock.Time()
	if request.Time != nil {
		at = *request.Time
		if !t.showsTime(function.runtime()) {
			fail(w, http.StatusBadRequest, codeBadEvent, "time: the input of a schedule has none: the event of form=eventbridge has", id)
			return
		}
	}
	c.fire(r.Context(), w, function, t.event(function.runtime(), at.UTC().Truncate(time.Second)), id)
}

// timerRequest is a request to fire a timer.
type timerRequest struct {
	Trigger *string    `json:"trigger"`
	Message *string    `json:"message"`
	Time    *time.Time `json:"time"`
}

func (q timerRequest) check() error {
	if q.Message != nil && len(*q.Message) > maxMessage {
		return fmt.Errorf("a timer's message has at most %d bytes", maxMessage)
	}
	return nil
}

// timer is the function's timer that the request means, with what it says otherwise.
func (q timerRequest) timer(function string, among []*timerState) Timer {
	t := Timer{Name: function + "_timer"}
	if at := slices.IndexFunc(among, func(s *timerState) bool {
		return s.Function == function && (q.Trigger == nil || s.Name == *q.Trigger)
	}); at >= 0 {
		t = among[at].Timer
	}
	if q.Trigger != nil {
		t.Name = *q.Trigger
	}
	if q.Message != nil {
		t.Message, t.Rule, t.Input = *q.Message, false, nil
	}
	return t
}

// timerEvent is SCF's event of a timer. On Lambda, where the event is a schedule's input, it has no
// time.
func timerEvent(trigger, message string, on Runtime, at time.Time) map[string]any {
	document := map[string]any{"Type": "Timer", "TriggerName": trigger, "Message": message}
	if on != Lambda {
		document["Time"] = at.UTC().Format(time.RFC3339)
	}
	return document
}

// timerEnvironment is what the platform says about an invocation by a timer.
func timerEnvironment() map[string]string {
	return map[string]string{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger"}
}

// scheduledEvent is EventBridge's own event (docs.aws.amazon.com/eventbridge, "Scheduled Event").
func scheduledEvent(trigger string, now time.Time) map[string]any {
	return map[string]any{
		"version": "0", "id": newRequestID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": lambdaAccount, "time": now.UTC().Format(time.RFC3339), "region": lambdaRegion,
		"resources": []string{"arn:aws:events:" + lambdaRegion + ":" + lambdaAccount + ":rule/" + trigger},
		"detail":    map[string]any{},
	}
}

// fire sends a timer's event and answers with the result. The function runs to its end even if the
// caller hangs up, as it would for a real timer.
func (c *Cloud) fire(ctx context.Context, w http.ResponseWriter, function *Function, event []byte, id string) {
	reply, err := c.run(context.WithoutCancel(ctx), function, Event{
		Payload: event, RequestID: id, Environment: timerEnvironment(),
	}, function.Invoke)
	if err != nil || reply.Err != nil {
		failure(reply, err, id).write(w)
		return
	}
	typed(http.StatusOK, jsonType, reply.Payload).write(w)
}

// readRequest parses a trigger's request, a JSON object without unknown keys. An empty body leaves
// into as it is.
func readRequest(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, limit))
	if err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("reading the body: %s", oneLine(err.Error()))
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return errors.New("reading the body: something follows the object")
	}
	return nil
}
