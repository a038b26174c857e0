package console_test

import (
	"errors"
	"testing"
	"time"

	"cloudpay/internal/emulator/console"
)

// timerCall is a call by a timer, with a report.
func timerCall(id, function, report string) string {
	return `{"id":` + id + `,"time":"` + someTime + `","clock":"2026-12-01T09:30:00+08:00","took_ms":41.7,"via":"timer","caller":"every_minute",` +
		`"function":"` + function + `","verdict":"ok","report":` + report + `}`
}

// The reports of the timers stand beside the register: what is attempted next, by its time, and
// what was given up. A function's other answer is no report.
func TestSweep(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[`+timerCall("1", "closeorder", `{"claimed":0,"told":0}`)+","+
		timerCall("2", "closeorder", `{"claimed":7,"closed":3,"alreadyClosed":2,"gaveUp":1,"told":4,"untold":6,"dead":5,"left":true,"fault":"the quota is used up"}`)+","+
		timerCall("3", "reminder", `{"sent":9}`)+`]}`)
	later := registered("A2", console.Closing, "", 100)
	later.DueAt, later.Attempts, later.LastError = later.DueAt.Add(time.Hour), 4, "SYSTEMERROR"
	stuck := registered("A3", console.Stuck, "", 100)
	stuck.LastError, stuck.SubMchID = "SIGN_ERROR", "1900000002"
	c := w.open(&fakeRegister{orders: []console.Registered{registered("A1", console.Waiting, "", 100), later, stuck}})
	got := fetch(t, c.URL+"/sweep", nil)
	got.want(200, "every_minute → closeorder", "12-01 </span>09:30:00", "42 ms",
		`<td class="number">7</td><td class="number">5</td>`, `<td class="number bad">6 + 5 dead</td>`, "the quota is used up", "the next sweep goes on",
		"every_minute → reminder", `<td colspan="9"></td>`,
		`<td class="number">4</td><td class="reason">SYSTEMERROR</td>`,
		`aria-label="Reopen A3"`, `name="sub_mchid" value="1900000002"`, "SIGN_ERROR",
		"4711", `hx-get="/sweep"`, `hx-sse:connect="/stream?after=`)
	got.inOrder("every_minute → reminder", "every_minute → closeorder", ">A1</code>", ">A2</code>", ">A3</code>")
	w.wantCall("GET /v1/calls?limit=20&via=timer")
	fetch(t, c.URL+"/sweep", map[string]string{"Accept-Language": "zh"}).want(200, "扫描报告", "接下来的处理", "重新开启", "每秒调用上限", "可能仍有到期订单")
}

// A sweep and a resolving fire the function's timer, and its answer is shown. What the cloud
// refuses is said.
func TestSweepNow(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /v1/timers/queryorder", `{"claimed":2}`)
	c := w.open(&fakeRegister{})
	fetch(t, c.URL+"/sweep/run", nil, "function", "queryorder").want(200, "The timer of queryorder fired", "&#34;claimed&#34;: 2",
		"/v1/timers/queryorder&#39; -d &#39;{}&#39;")
	w.wantCall("POST /v1/timers/queryorder {}")
	w.set("POST /v1/timers/closeorder", `{"error":"the function does not run"}`)
	fetch(t, c.URL+"/sweep/run", nil, "function", "closeorder").want(422, "the function does not run", "Do it now")
	if got := fetch(t, c.URL+"/sweep/run", nil); got.status == 200 {
		t.Error("a GET has swept")
	}
}

// One order is reopened by its full name, or all are. An order that was not given up is not
// changed.
func TestReopen(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /v1/register/orders/A|3/reopen", `{"reopened":1}`)
	w.set("POST /v1/register/reopen", `{"reopened":7}`)
	c := w.open(&fakeRegister{})
	fetch(t, c.URL+"/sweep/reopen", nil, "region", "cn", "mchid", "1", "sub_mchid", "2", "out_trade_no", "A|3").want(200,
		"Orders reopened: 1.", "/reopen?mchid=1&amp;region=cn&amp;sub_mchid=2&#39; -d")
	w.wantCall("POST /v1/register/orders/A%7C3/reopen?mchid=1&region=cn&sub_mchid=2 {}")
	fetch(t, c.URL+"/sweep/reopen", map[string]string{"Accept-Language": "zh"}, "all", "1").want(200, "已重新开启 7 个订单")
	w.wantCall("POST /v1/register/reopen {}")
	w.set("POST /v1/register/reopen", `{"reopened":0}`)
	fetch(t, c.URL+"/sweep/reopen", nil, "all", "1").want(422, "nothing is changed")
	fetch(t, c.URL+"/sweep/reopen", nil, "out_trade_no", "A9").want(422, "there is no such thing")
	fetch(t, w.open(nil).URL+"/sweep/reopen", nil, "all", "1").want(422, "keep no register")
}

// Without a register the reports stand alone; one that does not answer is said to, beside them.
func TestSweepWithoutARegister(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[`+timerCall("1", "closeorder", `{"claimed":0}`)+`]}`)
	got := fetch(t, w.open(nil).URL+"/sweep", nil)
	got.want(200, "keep no register", "every_minute → closeorder")
	got.lacks("Next attempts")
	fetch(t, w.open(&fakeRegister{fault: errors.New("the database is away")}).URL+"/sweep", nil).want(200, "the database is away", "every_minute → closeorder")
}
