package event_test

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"

	"cloudpay/internal/trigger/event"
)

// FuzzDecode hands Decode anything. What it takes is JSON, UTF-8 and an object, as the standard
// library says; what it makes of it is whole; and a fault is one line, with nothing beside it but
// the event's kind.
func FuzzDecode(f *testing.F) {
	for name := range fixtures() {
		f.Add(fixture(f, name))
	}
	f.Add([]byte(`{"Records":[{"Ckafka":{}},{"CMQ":{}},1]}`))
	f.Add([]byte(`{"HTTPMETHOD":"GET","userinfo":{}}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		before := string(payload)
		e, fault := event.Decode(payload)
		if string(payload) != before {
			t.Fatal("the payload was written to")
		}
		if fault != nil {
			checkFault(t, fault)
			if e.Messages != nil || e.Request.Method != "" || e.Request.Body != nil || (e.Timer != event.TimerTick{}) {
				t.Errorf("a fault came with parts of the event: %+v", e)
			}
		} else {
			checkObject(t, payload, e)
		}
		checkShape(t, e, fault == nil)
	})
}

// checkObject compares with encoding/json, which takes keys in any case: no sign it sees may be
// missed.
func checkObject(t *testing.T, payload []byte, e event.Event) {
	t.Helper()
	var theirs struct {
		UserInfo       json.RawMessage `json:"userInfo"`
		RequestContext json.RawMessage `json:"requestContext"`
		HTTPMethod     json.RawMessage `json:"httpMethod"`
		Headers        json.RawMessage `json:"headers"`
	}
	if err := json.Unmarshal(payload, &theirs); err != nil || !utf8.Valid(payload) {
		t.Fatalf("got no fault, and encoding/json says %v", err)
	}
	if got, want := e.UserInfo, theirs.UserInfo != nil; got != want {
		t.Errorf("got UserInfo %t, want %t", got, want)
	}
	shaped := theirs.RequestContext != nil || theirs.HTTPMethod != nil || theirs.Headers != nil
	if got, want := e.HTTPShaped, shaped; got != want {
		t.Errorf("got HTTPShaped %t, want %t", got, want)
	}
}

// checkShape wants an event to have what its kind says, and nothing that another kind has.
func checkShape(t *testing.T, e event.Event, whole bool) {
	t.Helper()
	forms := map[event.Kind]string{
		event.Call: "call", event.Timer: "scf-timer eventbridge", event.Queue: "ckafka cmq tdmq sqs",
		event.HTTP: "function-url api-gateway tcb-http web aws-http aws-rest", event.Foreign: "foreign",
	}
	if !strings.Contains(" "+forms[e.Kind]+" ", " "+e.Form+" ") {
		t.Errorf("got form %q for kind %q", e.Form, e.Kind)
	}
	if e.Kind == event.HTTP && !e.HTTPShaped {
		t.Error("an HTTP event is not HTTPShaped")
	}
	if e.Kind != event.HTTP && e.Request.Header != nil || e.Kind != event.Timer && (e.Timer != event.TimerTick{}) ||
		e.Kind != event.Queue && e.Messages != nil {
		t.Errorf("a %s has another kind's parts: %+v", e.Kind, e)
	}
	if !whole {
		return
	}
	if e.Kind == event.Foreign {
		t.Error("a foreign event came without a fault")
	}
	if e.Kind == event.HTTP && (e.Request.Method == "" || !strings.HasPrefix(e.Request.Path, "/") || e.Request.Query == nil || e.Request.Header == nil) {
		t.Errorf("an HTTP request is not whole: %+v", e.Request)
	}
	if e.Kind == event.Queue && len(e.Messages) == 0 {
		t.Error("a queue's event has no message")
	}
	for _, m := range e.Messages {
		if m.ID == "" || m.Fault != "" && m.Body != nil || m.Fault == "" && m.Body == nil {
			t.Errorf("a message is neither read nor faulty: %+v", m)
		}
	}
}
