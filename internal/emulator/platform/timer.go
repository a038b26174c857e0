package platform

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// maxOrder is how long a body may be that says what a trigger is to do.
const maxOrder = 64 << 10

// maxMessage is how long a timer's argument may be (SCF doc 583/9708).
const maxMessage = 4 << 10

// timer fires a function's timer now, and answers with what a real one drops: the function's report.
//
//	POST /v1/timers/{name}     {"trigger":"closeorder_timer","message":"…"}, both or either or none
//	  200  the function's result as it is
//	  400  {"code":"FUNCTION_...","message":"...","requestId":"..."}
//
// The event is SCF's (doc 583/9708), and the invocation's environment says TRIGGER_SRC=timer as SCF does and
// TCB_SOURCE=wx_trigger as CloudBase does. On Lambda it is what a schedule's input in serverless.yml makes of it: the same
// object, without a Time; or with ?form=eventbridge the event of a schedule that has no input. There are no second and
// third attempts after a failure, and no web functions with timers.
func (c *Cloud) timer(w http.ResponseWriter, r *http.Request, name, id string) {
	function, ok := c.posted(w, r, name, "fire a timer with POST", id)
	if !ok {
		return
	}
	order := struct {
		Trigger *string `json:"trigger"`
		Message string  `json:"message"`
	}{}
	err := readOrder(w, r, maxOrder, &order)
	if err == nil && len(order.Message) > maxMessage {
		err = fmt.Errorf("a timer's message has at most %d bytes", maxMessage)
	}
	form := r.URL.Query().Get("form")
	if err == nil && form != "" && form != "eventbridge" {
		err = fmt.Errorf("form: a timer's event is eventbridge or the platform's own, not %q", form)
	}
	if err != nil {
		fail(w, http.StatusBadRequest, codeBadEvent, err.Error(), id)
		return
	}
	now := time.Now().UTC().Truncate(time.Second)
	trigger := name + "_timer"
	if order.Trigger != nil {
		trigger = *order.Trigger
	}
	document := map[string]any{"Type": "Timer", "TriggerName": trigger, "Message": order.Message}
	if form == "eventbridge" {
		document = scheduledEvent(trigger, now)
	} else if function.spec.Runtime != Lambda {
		document["Time"] = now.Format(time.RFC3339)
	}
	c.fire(w, function, document, id)
}

// scheduledEvent is EventBridge's own (docs.aws.amazon.com/eventbridge, "Scheduled Event").
func scheduledEvent(trigger string, now time.Time) map[string]any {
	return map[string]any{
		"version": "0", "id": newRequestID(), "detail-type": "Scheduled Event", "source": "aws.events",
		"account": lambdaAccount, "time": now.Format(time.RFC3339), "region": lambdaRegion,
		"resources": []string{"arn:aws:events:" + lambdaRegion + ":" + lambdaAccount + ":rule/" + trigger},
		"detail":    map[string]any{},
	}
}

// fire sends a timer's event and answers with the result.
func (c *Cloud) fire(w http.ResponseWriter, function *Function, document map[string]any, id string) {
	reply, err := function.Invoke(context.Background(), Event{
		Payload: encode(document), RequestID: id,
		Environment: map[string]string{"TRIGGER_SRC": "timer", "TCB_SOURCE": "wx_trigger"},
	})
	if err != nil || reply.Err != nil {
		failure(reply, err, id).write(w)
		return
	}
	typed(http.StatusOK, jsonType, reply.Payload).write(w)
}

// readOrder reads what a trigger is to do; no body says nothing.
func readOrder(w http.ResponseWriter, r *http.Request, limit int64, into any) error {
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
