package console_test

import (
	"errors"
	"fmt"
	"testing"
)

const (
	eventID   = "532376e7-2b24-8773-bd00-8183a1bf7e68"
	signature = "v1,MrR0JooGh5H7XzvdFGPkDVnEDTWBvEupTYsnGkYYYUA="
)

// outboxEvent is an event of the register's API.
func outboxEvent(number int, state, more string) string {
	return fmt.Sprintf(`{"state":%q,"number":%d,"attempts":3%s,"age_seconds":90,"event":{"eventId":%q,"number":%d,"kind":"closed","mchId":"1900000001",`+
		`"subMchId":"1900000002","outTradeNo":"A%d","occurredAt":"2026-11-30T04:00:00Z"}}`, state, number, more, eventID, number, number)
}

// received is a delivery of the event sink.
func received(id int, verdict, webhookID string) string {
	return fmt.Sprintf(`{"id":%d,"received":%q,"verdict":%q,"reason":"a fault answered 503","http_status":503,"webhook_id":%q,"webhook_timestamp":"1700000000",`+
		`"webhook_signature":%q,"event":{"eventId":%q,"number":7,"kind":"closed","outTradeNo":"A7"}}`, id, someTime, verdict, webhookID, signature, eventID)
}

// The outbox has what waits with its age, attempts and the receiver's answer, what is dead, and
// what was delivered; the sink has what came, with the headers as they were sent.
func TestEvents(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/register/events", `{"events":[`+outboxEvent(8, "pending", `,"last_error":"delivering event 8: the receiver answered 503, not 2xx","due_at":"2026-11-30T03:59:00Z"`)+","+
		outboxEvent(7, "delivered", `,"delivered_at":"2026-11-30T04:02:00Z"`)+","+outboxEvent(6, "dead", `,"dead_at":"2026-11-30T04:03:00Z"`)+`],"next":6}`)
	w.set("GET /events", "["+received(1, "failed", eventID)+","+received(2, "ok", eventID)+"]")
	w.set("GET /faults", `[{"status":503,"times":2},{"status":410}]`)
	c := w.open(&fakeRegister{})
	got := fetch(t, c.URL+"/events", nil)
	got.want(200, `href="/events/8"`, `href="/orders/A8?mchid=1900000001&amp;sub_mchid=1900000002"`, "1 min 30 s", `<td class="reason">the receiver answered 503, not 2xx</td>`, "delivered", "dead",
		"11-30 12:02:00", "11-30 12:03:00", `id="again-pending-8" aria-label="Redeliver event 8"`, `id="again-all-8"`, `href="/events?before=6"`,
		"failed 503", signature, "503 × 2", "410 always", "--events-url", `hx-get="/events"`)
	got.inOrder("A8", "A7", "A6", `<td class="number">2</td><td class="when">`, `<td class="number">1</td><td class="when">`)
	for _, call := range []string{"events?limit=20&state=pending", "events?limit=20&state=dead", "events?limit=20"} {
		w.wantCall("GET /v1/register/" + call)
	}
	w.wantCall("GET /events?limit=20")
	fetch(t, c.URL+"/events?before=6", map[string]string{"Accept-Language": "zh"}).want(200, "已关单", "死信", "随下次扫描", "恢复接收", `<td class="reason">接收方应答 503，而不是 2xx</td>`)
	w.wantCall("GET /v1/register/events?before=6&limit=20")
	fetch(t, w.open(nil).URL+"/events", nil).want(200, "keep no register", "What the event sink received")
	broken := w.open(&fakeRegister{fault: errors.New("the database is away")})
	fetch(t, broken.URL+"/events", nil).want(200, "the database is away", signature)
	w.set("GET /events", `{"error":"the sink is away"}`)
	fetch(t, broken.URL+"/events", nil).want(200, "the sink is away")
}

// Where events go is said, and how they come here instead.
func TestReceiver(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		url, failing string
		want         []string
	}{
		{"", "", []string{"send no events", "--events-url none"}},
		{"https://shop.example/hook", "", []string{"https://shop.example/hook", "start the emulator again without", "CLOUDPAY_NOTIFY_URL"}},
		{"https://shop.example/hook", "HTTP 500", []string{"It has acknowledged nothing for 10 min: HTTP 500", "asked for a pause", "1 min 5 s"}},
		{"here", "", []string{"to the event sink of this emulator"}},
	} {
		w := newWorld(t)
		url := test.url
		if url == "here" {
			url = w.url + "/events"
		}
		status := `{"at":"2026-11-30T04:00:00Z","receiver":{"url":"` + url + `"`
		if test.failing != "" {
			status += `,"failing_since":"2026-11-30T03:50:00Z","last_error":"` + test.failing + `","pause_seconds":65`
		}
		w.set("GET /v1/register/events", `{"events":[]}`)
		w.set("GET /events", `[]`)
		fetch(t, w.open(&fakeRegister{status: status + `}}`}).URL+"/events", nil).want(200, test.want...)
	}
}

// One event has what its receiver gets, and its own deliveries with their headers.
func TestEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/register/events", `{"events":[`+outboxEvent(7, "dead", `,"last_error":"HTTP 410","dead_at":"2026-11-30T04:03:00Z"`)+`],"next":7}`)
	w.set("GET /events", "["+received(1, "failed", eventID)+","+received(2, "ok", "another event")+"]")
	c := w.open(&fakeRegister{})
	got := fetch(t, c.URL+"/events/7", nil)
	got.want(200, eventID, "HTTP 410", "dead since", "&#34;kind&#34;: &#34;closed&#34;", "webhook-signature", signature, `href="/orders/A7?`)
	got.lacks("another event")
	w.wantCall("GET /v1/register/events?before=8&limit=1")
	w.wantCall("GET /events?order=A7")
	for _, path := range []string{"/events/6", "/events/0", "/events/x", "/events/9223372036854775807"} {
		fetch(t, c.URL+path, nil).want(404, "there is no event of this number")
	}
	fetch(t, w.open(nil).URL+"/events/7", nil).want(404)
}

// Each action is one call of a management API, which the page names. What was refused is said.
func TestEventActions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/register/events", `{"events":[]}`)
	w.set("GET /events", `[]`)
	w.set("POST /v1/timers/closeorder", `{"told":4}`)
	w.set("POST /v1/register/redeliver", `{"requeued":4}`)
	c := w.open(&fakeRegister{})
	for _, test := range []struct {
		path   string
		fields []string
		status int
		want   string
		call   string
	}{
		{"/events/deliver", []string{"now", "1"}, 200, "&#34;told&#34;: 4", "POST /v1/timers/closeorder {}"},
		{"/events/redeliver", []string{"id", " 17 "}, 200, "Events due again: 4.", `POST /v1/register/redeliver {"id":"17"}`},
		{"/events/redeliver", []string{"state", "dead"}, 200, "Events due again: 4.", `POST /v1/register/redeliver {"state":"dead"}`},
		{
			"/events/redeliver", []string{"since", "2026-11-30T12:00"}, 200, "-d &#39;{&#34;since&#34;",
			`POST /v1/register/redeliver {"since":"2026-11-30T12:00:00+08:00"}`,
		},
		{"/events/redeliver", []string{"since", "yesterday"}, 422, "the time must be as", ""},
	} {
		fetch(t, c.URL+test.path, nil, test.fields...).want(test.status, test.want)
		if test.call != "" {
			w.wantCall(test.call)
		}
	}
	w.set("POST /v1/register/redeliver", `{"error":"there is no event 99"}`)
	fetch(t, c.URL+"/events/redeliver", nil, "id", "99").want(422, "there is no event 99")
	fetch(t, w.open(nil).URL+"/events/redeliver", nil, "id", "1").want(422, "keep no register")
	for _, path := range []string{"/events/deliver", "/events/redeliver", "/events/faults"} {
		if got := fetch(t, c.URL+path, nil); got.status == 200 {
			t.Errorf("a GET of %s did something", path)
		}
	}
}
