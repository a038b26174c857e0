package console_test

import (
	"fmt"
	"html"
	"net/url"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/console"
)

// wholeStory sets a world in which an order was placed, registered by a call, closed by a timer's
// call half an hour later, and told of. Half an hour of it was skipped by the clock.
func wholeStory(w *world) *fakeRegister {
	const requestAt = `"time":"2026-11-30T12:00:31.0105+08:00","clock":"2026-11-30T12:30:31.0105+08:00","took_ms":2.5`
	w.set("GET /orders/A1", `{"out_trade_no":"A1","mchid":"1900000001","state":"CLOSED","total":100,"created_at":"2026-11-30T11:59:00+08:00","closed_at":"2026-11-30T12:30:31+08:00"}`)
	w.set("GET /clock", `{"now":"2026-11-30T12:31:00+08:00","wire":"2026-11-30T12:01:00+08:00","running":true,"ahead":"30m0s"}`)
	w.set("GET /v1/calls", `{"calls":[
		{"id":1,"time":"2026-11-30T12:00:00.25+08:00","clock":"2026-11-30T12:00:00+08:00","took_ms":20,"via":"http-api","caller":"user oABC","function":"queryorder","out_trade_no":"A1","request_id":"c-1","verdict":"ok","outcome":"found"},
		{"id":2,"time":"2026-11-30T12:00:31+08:00","clock":"2026-11-30T12:30:31+08:00","took_ms":40,"via":"timer","caller":"every_minute","function":"closeorder","request_id":"c-2","verdict":"ok"}]}`)
	w.set("GET /v1/calls/1/bytes", `{"call":{"id":1},"event":"{\"out_trade_no\":\"A1\"}","environment":{"WX_OPENID":"oABC"},"answer":"{\"outcome\":\"found\"}"}`)
	w.set("GET /v1/calls/2/bytes", `{"call":{"id":2},"event":"{\"Type\":\"Timer\"}","event_cut":7,"answer":"{\"closed\":1}"}`)
	w.set("GET /requests", `[{"id":4,"time":"2026-11-30T12:00:31+08:00","api":"v3","op":"close","method":"POST","url":"/v3/x","out_trade_no":"A1","http_status":204,"verdict":"ok","state":"CLOSED","call":"c-2"},
		{"id":5,"time":"2026-11-30T12:00:50+08:00","api":"v3","op":"query","method":"GET","url":"/v3/y","out_trade_no":"A1","http_status":401,"verdict":"unauthentic","code":"SIGN_ERROR","reason":"the key is another"}]`)
	w.set("GET /requests/4/bytes", `{"id":4,`+requestAt+`,"request":"POST /v3/x HTTP/1.1\r\nHost: h\r\n\r\n{}","signed":"POST\n/v3/x\n1\nn\n{}\n","reply":"HTTP/1.1 204 No Content\r\n\r\n","reply_signed":"1\nn\n\n"}`)
	w.set("GET /deliveries", `{"deliveries":[{"id":9,"time":"2026-11-30T12:00:31.03+08:00","clock":"2026-11-30T12:30:31+08:00","from":"functions","to":"event sink","topic":"closed","out_trade_no":"A1","call":"c-2","message":"m-1","event_id":3,"http_status":204,"verdict":"ok"}]}`)
	w.set("GET /events/3/bytes", `{"id":3,"verdict":"ok","http_status":204,"request":"POST /events HTTP/1.1\r\nWebhook-Id: m-1\r\n\r\n{\"kind\":\"closed\"}"}`)
	w.set("GET /notifications", `{"notifications":[]}`)
	one := registered("A1", console.Ended, "closed", 100)
	at := func(text string) time.Time {
		moment, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			w.t.Fatal(err)
		}
		return moment
	}
	one.RegisteredAt, one.EndedAt = at("2026-11-30T12:00:00.26+08:00"), at("2026-11-30T12:30:31.02+08:00")
	one.CloseAt, one.DueAt = at("2026-11-30T12:30:00+08:00"), time.Time{}
	return &fakeRegister{orders: []console.Registered{one}}
}

// tells fails the test unless the texts come in this order, whatever HTML escapes in them.
func (p page) tells(words ...string) {
	p.t.Helper()
	rest := html.UnescapeString(p.text)
	for _, word := range words {
		_, after, found := strings.Cut(rest, html.UnescapeString(word))
		if !found {
			p.t.Fatalf("%q does not come behind what has to come before it, of %q, in\n%s", word, words, p.text)
		}
		rest = after
	}
}

// The timeline has the steps in the order of their causes: requests, the register's changes and
// events within the call that they came of; with the times between them by the emulator's clock,
// and how much of an advance really passed.
func TestTimeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := fetch(t, w.open(wholeStory(w)).URL+"/orders/A1", nil)
	got.want(200)
	got.tells("the order was placed", "1 min later",
		"user oABC → queryorder", "20 ms", `<ol class="steps">`, "+10 ms", "the register: registered", "</ol>",
		"30 min 31 s later, of which 31 s really passed", "every_minute → closeorder", "40 ms", `<ol class="steps">`,
		"+10 ms", "v3 close", "2.5 ms", "+20 ms", "the register: ended as", "+30 ms", "functions → event sink closed", "</ol>",
		"v3 query", "unauthentic", "the key is another")
	got.want(200, `href="/requests/4"`, `<rect class="ok" x="26.2" width="6.2" height="4"/>`, `<rect class="ok" x="0.0" width="50.0" height="4"/>`)
	got.lacks("WeChat Pay closed the order") // a request did
	zh := fetch(t, w.open(wholeStory(w)).URL+"/orders/A1?lang=zh", nil)
	zh.want(200, "下单", "30分31秒后，其中真实经过 31秒", "登记：结束状态", "原始内容", "发出的应答", "原样重发")
}

// A part of the world that does not answer leaves the others' steps, and is named.
func TestTimelineWithoutAPart(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	register := wholeStory(w)
	w.set("GET /v1/calls", `{"error":"the cloud is away"}`)
	got := fetch(t, w.open(register).URL+"/orders/A1", nil)
	got.want(200, "the cloud is away", "v3 close", "the register: ended as", "event sink closed")
}

// Each step opens its exact bytes, names the calls that read them and do it again, and says why it
// has none.
func TestStepsHaveTheirBytes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	got := fetch(t, w.open(wholeStory(w)).URL+"/orders/A1", nil)
	got.tells(`id="bytes-call-1" hx-preserve`, "The event, as the function got it", `{&#34;out_trade_no&#34;:&#34;A1&#34;}`, "WX_OPENID=oABC",
		`{&#34;outcome&#34;:&#34;found&#34;}`, `curl &#39;`+w.url+`/v1/calls/1/bytes&#39;`, `name="step" value="call-1"`, `-X POST &#39;`+w.url+`/v1/calls/1/send&#39;`)
	got.tells(`id="bytes-call-2"`, "7 bytes more are not shown")
	got.lacks(`value="call-2"`) // the event is not whole
	got.tells(`id="bytes-request-4" hx-preserve`, "POST /v3/x HTTP/1.1\r\nHost: h\r\n\r\n{}", "The string to sign", "POST\n/v3/x\n1\nn\n{}\n",
		"HTTP/1.1 204 No Content", "The string that the reply signs", `value="request-4"`)
	got.tells(`id="bytes-event-3" hx-preserve`, "Webhook-Id: m-1", `{&#34;kind&#34;:&#34;closed&#34;}`, `value="event-3"`)
	got.tells(`<details id="bytes-request-5" hx-preserve>`, "Its bytes are not kept")
	got.lacks(`value="request-5"`)
	open := fetch(t, w.open(wholeStory(w)).URL+"/orders/A1?open=request-4", nil)
	open.want(200, `<details id="bytes-request-4" hx-preserve open>`)
}

// A notification has its attempt's bytes, and the call that it made within it: the event of that
// call has the notification's id.
func TestTimelineOfANotification(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", `{"out_trade_no":"A1","mchid":"1900000001","state":"SUCCESS","total":100,"created_at":"2026-11-30T11:59:00+08:00","success_time":"2026-11-30T12:00:10+08:00"}`)
	w.set("GET /deliveries", `{"deliveries":[{"id":1,"time":"2026-11-30T11:30:10.9+08:00","clock":"2026-11-30T12:00:10+08:00","from":"wechatpay","to":"http://127.0.0.1:1/n","function":"paynotify","api":"v3","topic":"payment","out_trade_no":"A1","message":"EV-7","attempt":1,"http_status":500,"verdict":"failed"}]}`)
	w.set("GET /notifications", `{"notifications":[{"id":"EV-7","state":"pending","notify_url":"http://127.0.0.1:1/n?x=1","content":"the content","due":"2026-11-30T12:00:25+08:00","attempts":[{"request_header":{"Wechatpay-Nonce":"n"},"request_body":"{\"id\":\"EV-7\"}","http_status":500,"answer":"no room"}]}]}`)
	w.set("GET /clock", `{"now":"2026-11-30T12:00:12+08:00","wire":"2026-11-30T11:30:12+08:00","running":true,"ahead":"30m0s"}`)
	w.set("GET /v1/calls", `{"calls":[
		{"id":1,"time":"2026-11-30T11:30:10.5+08:00","clock":"2026-11-30T12:00:10+08:00","took_ms":1,"via":"access-service","function":"paynotify","request_id":"other","verdict":"ok"},
		{"id":2,"time":"2026-11-30T11:30:10.8+08:00","clock":"2026-11-30T12:00:10+08:00","took_ms":3,"via":"access-service","function":"paynotify","request_id":"mine","verdict":"failed"}]}`)
	w.set("GET /v1/calls/1/bytes", `{"call":{"id":1},"event":"{\"id\":\"EV-6\"}"}`)
	w.set("GET /v1/calls/2/bytes", `{"call":{"id":2},"event":"{\"id\":\"EV-7\"}"}`)
	got := fetch(t, w.open(nil).URL+"/orders/A1", nil)
	got.want(200)
	got.tells("the order was placed", "1 min 10 s later", "the customer paid", "WeChat Pay → http://127.0.0.1:1/n payment", "POST /n?x=1 HTTP/1.1\r\nHost: 127.0.0.1:1\r\nWechatpay-Nonce: n\r\n\r\n",
		"the content", "no room", `value="delivery-1"`, `<ol class="steps">`, `id="bytes-call-2"`, "EV-7")
	got.tells("What is to come", `datetime="2026-11-30T12:00:25+08:00"`, "in 13 s", "WeChat Pay notifies again (attempt 2)", "Move time to")
}

// Each step is done again by a call of a management API, and what came of it is shown with the
// call as a command.
func TestReplay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	register := wholeStory(w)
	c := w.open(register)
	again := func(step string) page {
		t.Helper()
		return fetch(t, c.URL+"/orders/A1/replay?mchid=1900000001&sub_mchid=", nil, "step", step)
	}
	w.set("POST /requests/4/send", `{"id":6,"request":"POST /v3/x HTTP/1.1\r\n\r\n","reply":"HTTP/1.1 401 Unauthorized\r\n\r\n{\"code\":\"SIGN_ERROR\"}"}`)
	w.set("POST /v1/calls/1/send", `{"call":{"id":8,"function":"queryorder","verdict":"failed","reason":"it ended"},"event":"{}"}`)
	w.set("POST /events/3/send", `{"id":4,"verdict":"unauthentic","http_status":401,"reason":"the timestamp is old","request":"POST /events HTTP/1.1"}`)
	again("request-4").want(200, "The bytes of request 4 were sent again, as request 6:", "HTTP/1.1 401 Unauthorized", `-X POST &#39;`+w.url+`/requests/4/send&#39;`, `href="/requests/6"`,
		"What happened")
	w.wantCall(`POST /requests/4/send`)
	again("call-1").want(200, "The event of call 1 was sent again, as call 8:", "it ended")
	w.wantCall(`POST /v1/calls/1/send`)
	again("event-3").want(200, "The event of delivery 3 was delivered again, as delivery 4:", "the timestamp is old", "unauthentic 401")
	w.wantCall(`POST /events/3/send`)
	for step, words := range map[string]string{"request-5": "there is no such thing", "x-1": "there is no such step", "request-0": "there is no such step", "": "there is no such step",
		"delivery-1": "the history has this delivery no more"} {
		again(step).want(422, words)
	}
	w.set("GET /deliveries", `{"deliveries":[{"id":1,"time":"`+someTime+`","from":"wechatpay","message":"EV-7","out_trade_no":"A1","verdict":"ok"}]}`)
	w.set("POST /notifications/EV-7/send", `{"id":"EV-7","notify_url":"http://shop.test/n","attempts":[{"http_status":200,"answer":"earlier"},{"http_status":204,"answer":"second","acknowledged":true,"reason":"odd"}]}`)
	got := again("delivery-1")
	got.want(200, "WeChat Pay notified again, http://shop.test/n:", "ok 204", "second", "odd")
	got.lacks("earlier")
	w.wantCall(`POST /notifications/EV-7/send`)
	if get := fetch(t, c.URL+"/orders/A1/replay", nil); get.status == 200 {
		t.Error("a GET did a step again")
	}
}

// What is to come is named with its time, the next first, and the clock is moved to it by the
// management API: in whole seconds, so that it is reached.
func TestMoveToWhatIsDue(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", `{"out_trade_no":"A1","mchid":"1900000001","state":"NOTPAY","total":100,"created_at":"2026-11-30T11:59:00+08:00","time_expire":"2026-11-30T12:20:00+08:00"}`)
	w.set("GET /notifications", `{"notifications":[]}`)
	w.set("GET /v1/timers", `{"timers":[{"function":"closeorder","name":"every_minute","running":true,"next":["2026-11-30T12:10:00+08:00","2026-11-30T12:11:00+08:00"]},
		{"function":"closeorder","name":"asked","running":false,"next":["2026-11-30T12:12:00+08:00"]}]}`)
	one := registered("A1", console.Waiting, "", 100)
	one.DueAt = time.Date(2026, 11, 30, 4, 10, 30, 500_000_000, time.UTC)
	one.CloseAt = one.DueAt
	c := w.open(&fakeRegister{orders: []console.Registered{one}})
	got := fetch(t, c.URL+"/orders/A1", nil)
	got.tells("What is to come", "Move time to 11-30 12:10:30", "the timer every_minute of closeorder fires", "Move time to 11-30 12:11:00",
		"time_expire", "Move time to 11-30 12:20:00", "WeChat Pay closes the unpaid order", "Move time to 12-07 11:59:00")
	got.want(200, `{&#34;advance&#34;:&#34;10m31s&#34;}`, "it is due to be closed (close_at)")
	got.lacks("timer asked")
	w.set("POST /clock", `{"now":"2026-11-30T12:11:00+08:00"}`)
	moved := fetch(t, c.URL+"/orders/A1/until?mchid=1900000001", nil, "moment", "2026-11-30T12:11:00+08:00")
	moved.want(200, "The clock was moved on by 11m0s, to 11-30 12:11:00.", "What happened")
	w.wantCall(`POST /clock {"advance":"11m0s"}`)
	w.wantCall("GET /v1/timers?wait=60s")
	fetch(t, c.URL+"/orders/A1/until", nil, "moment", "2026-11-30T11:00:00+08:00").want(200, "the clock was not moved")
	fetch(t, c.URL+"/orders/A1/until", nil, "moment", "soon").want(422, "the moment must be as")
	w.set("POST /clock", `{"error":"advance: beyond the year 9999"}`)
	fetch(t, c.URL+"/orders/A1/until", nil, "moment", "2026-11-30T12:11:00+08:00").want(422, "beyond the year 9999", "It was not done.")
}

// A flood of long texts makes no page that is as long: what is left out is said, and the step that
// was asked for has its own.
func TestTimelineIsBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	w.set("GET /notifications", `{"notifications":[]}`)
	long := strings.Repeat("x", 64<<10)
	rows := make([]string, 30)
	for i := range rows {
		rows[i] = row(i+1, "A1", "ok", "")
		w.set(fmt.Sprintf("GET /requests/%d/bytes", i+1), fmt.Sprintf(`{"id":%d,"time":%q,"clock":%q,"request":%q,"reply":%q}`, i+1, someTime, someTime, long, long))
	}
	w.set("GET /requests", "["+strings.Join(rows, ",")+"]")
	got := fetch(t, w.open(nil).URL+"/orders/A1?open=request-30", nil)
	if len(got.text) > 400<<10 {
		t.Errorf("the page has %d bytes, want at most 400 KiB", len(got.text))
	}
	got.want(200, "49152 bytes more are not shown", "65536 bytes more are not shown", "The newest steps are shown")
	_, last, _ := strings.Cut(got.text, `id="bytes-request-30"`)
	if shown := strings.Count(last, strings.Repeat("x", 16<<10)); shown < 2 {
		t.Errorf("the step that was asked for has %d of its texts", shown)
	}
}

// What strangers wrote in bytes, notifications and events shows as text.
func TestTimelineEscapes(t *testing.T) {
	t.Parallel()
	const script = `<script>alert(1)</script>"'><b onclick=x>`
	w := newWorld(t)
	register := wholeStory(w)
	quoted := strings.ReplaceAll(script, `"`, `\"`)
	for _, call := range []string{"GET /v1/calls/1/bytes", "GET /requests/4/bytes", "GET /events/3/bytes"} {
		w.set(call, `{"call":{"id":1},"event":"`+quoted+`","environment":{"`+quoted+`":"`+quoted+`"},"client_context":"`+quoted+`","answer":"`+quoted+`","request":"`+quoted+
			`","reply":"`+quoted+`","signed":"`+quoted+`","reply_signed":"`+quoted+`"}`)
	}
	w.set("GET /deliveries", `{"deliveries":[{"id":1,"time":"`+someTime+`","from":"wechatpay","to":"`+quoted+`","topic":"`+quoted+`","message":"EV-7","attempt":1,"out_trade_no":"A1","verdict":"`+quoted+`","reason":"`+quoted+`"}]}`)
	told := `{"id":"EV-7","state":"pending","notify_url":"` + quoted + `","content":"` + quoted + `","attempts":[{"request_header":{"` + quoted + `":"` + quoted + `"},"request_body":"` + quoted + `","answer":"` + quoted + `","reason":"` + quoted + `"}]}`
	w.set("GET /notifications", `{"notifications":[`+told+`]}`)
	w.set("POST /notifications/EV-7/send", told)
	w.set("POST /v1/calls/1/send", `{"call":{"id":2,"function":"`+quoted+`","caller":"`+quoted+`","reason":"`+quoted+`","verdict":"`+quoted+`"},"answer":"`+quoted+`"}`)
	c := w.open(register)
	for _, got := range []page{
		fetch(t, c.URL+"/orders/A1?open="+url.QueryEscape(script), nil),
		fetch(t, c.URL+"/orders/A1/replay", nil, "step", "delivery-1"), fetch(t, c.URL+"/orders/A1/replay", nil, "step", "call-1"),
		fetch(t, c.URL+"/orders/A1/replay", nil, "step", script), fetch(t, c.URL+"/orders/A1/until", nil, "moment", script),
	} {
		got.lacks("<script>alert", `"'><`, "<b onclick", "ZgotmplZ")
	}
	fetch(t, c.URL+"/orders/A1", nil).want(200, "&lt;script&gt;alert(1)&lt;/script&gt;")
}
