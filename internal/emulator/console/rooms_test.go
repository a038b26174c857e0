package console_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/console"
)

// row is a request of the history.
func row(id int, order, verdict, reason string) string {
	return fmt.Sprintf(`{"id":%d,"time":%q,"api":"v3","op":"close","method":"POST","url":"/v3/x","out_trade_no":%q,"http_status":401,"verdict":%q,"reason":%q}`,
		id, someTime, order, verdict, reason)
}

// The overview has the state of every part, the register's counts, faults, what went wrong and how
// clients are pointed here. A part that does not answer is said to, and the page is there all the
// same.
func TestOverview(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /requests", "["+row(5, "A1", "unauthentic", "the query string was not signed")+"]")
	w.set("GET /faults", `[{"match":{"op":"close","api":"v3","out_trade_no":"A7"},"action":"drop","times":2}]`)
	w.set("GET /v1/faults", `[{"function":"closeorder","action":"throttle"}]`)
	w.set("GET /v1/calls", `{"calls":[{"id":3,"time":"`+someTime+`","via":"timer","caller":"every_minute","function":"closeorder","verdict":"failed","reason":"it took too long"}]}`)
	c := w.open(&fakeRegister{})
	fetch(t, c.URL+"/", nil).want(200, "4711", "1 min 30 s", "http://127.0.0.1:9801", "the query string was not signed", "every_minute → closeorder", "failed",
		"drop", "v3 close A7", "2 more times", "throttle", "until it is removed", "AWS_ENDPOINT_URL_LAMBDA="+w.url, `hx-sse:connect="/stream?after=r5.c3.d0&amp;show=activity"`,
		"+30 min", `data-copy="curl &#39;`+w.url+`/clock&#39;"`)
	fetch(t, c.URL+"/", map[string]string{"Accept-Language": "zh"}).want(200, "等待关单", "1分30秒", "签名错误", "还有 2 次", "直到移除", "以 curl 获取本页内容")
	w.set("GET /domains", `{"main":"down","backup":"up"}`)
	w.set("GET /v1/functions", `{"error":"the cloud has a fault"}`)
	fetch(t, c.URL+"/", nil).want(200, "is down: every connection is reset", "the cloud has a fault")
	broken := newWorld(t).open(&fakeRegister{fault: errors.New("the database is away")})
	fetch(t, broken.URL+"/", nil).want(200, "the database is away")
	fetch(t, newWorld(t).open(nil).URL+"/", nil).want(200, "keep no register")
}

// Without the management APIs every page says that, and none is half a page.
func TestNothingAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.url = "http://127.0.0.1:1"
	c := w.open(nil)
	for _, path := range []string{"/requests", "/requests/1", "/orders", "/orders/A1", "/invoke", "/callers", "/callers/1", "/faults", "/time"} {
		fetch(t, c.URL+path, map[string]string{"Accept-Language": "zh"}).want(502, "管理接口没有应答", "</html>")
	}
	fetch(t, c.URL+"/", nil).want(200, "the management API does not answer")
}

// The filters go to the management API, the pages follow its links, and the newest page goes on by
// the stream.
func TestRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.links["/requests"] = `</requests?before=5&limit=50&order=A1>; rel="prev"`
	w.set("GET /requests", "["+row(5, "A1", "ok", "")+","+row(9, "A1", "refused", "it is paid")+"]")
	c := w.open(nil)
	got := fetch(t, c.URL+"/requests?order=A1&verdict=refused&operation=close", nil)
	got.want(200, `href="/requests/9"`, "it is paid", `value="A1"`, `<option value="refused" selected>`, "<option selected>close</option>",
		`href="/requests?before=5&amp;operation=close&amp;order=A1&amp;verdict=refused"`,
		`hx-sse:connect="/stream?after=r9.c0.d0&amp;operation=close&amp;order=A1&amp;show=requests&amp;verdict=refused"`)
	if strings.Index(got.text, `href="/requests/9"`) > strings.Index(got.text, `href="/requests/5"`) {
		t.Error("the oldest request is first, want the newest")
	}
	w.wantCall("GET /requests?limit=50&operation=close&order=A1&verdict=refused")
	fetch(t, c.URL+"/requests?before=5&order=A1", nil).lacks("hx-sse:connect")
	w.wantCall("GET /requests?before=5&limit=50&order=A1")
	w.set("GET /requests", `{"error":"verdict: \"good\" must be one of ok, refused"}`)
	fetch(t, c.URL+"/requests?verdict=good", nil).want(400, "must be one of ok, refused")
}

// A cause is found by its ID, and by a part of a reason.
func TestRequestsByCause(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /requests", "["+row(1, "A1", "unauthentic", "the query string was not signed")+","+row(2, "A2", "refused", "it is paid")+"]")
	c := w.open(nil)
	got := fetch(t, c.URL+"/requests?cause=Query+String", nil)
	got.want(200, `href="/requests/1"`)
	got.lacks(`href="/requests/2"`)
	w.wantCall("GET /requests?limit=1000")
	fetch(t, c.URL+"/requests?cause=v3-hex", nil).want(200, "No request fits.")
	w.wantCall("GET /requests?cause=v3-hex&limit=50")
}

// One request is explained: both strings with what differs marked, the cause and its remedy.
func TestRequest(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /requests", `[{"id":7,"time":"`+someTime+`","api":"v3","op":"query","verdict":"unauthentic","code":"SIGN_ERROR","http_status":401,"cause":"v3-query",`+
		`"reason":"the right key signed another message: the query string was not signed",`+
		`"expected":"GET\n/v3/x?mchid=1\n1\nn\n\n","received":"GET\n/v3/x\n1\nn\n\n"}]`)
	c := w.open(nil)
	fetch(t, c.URL+"/requests/7", nil).want(200, "GET⏎\n/v3/x<mark>?mchid=1</mark>⏎\n1⏎", `/v3/x<mark class="gap">▯</mark>⏎`, "SIGN_ERROR", "v3-query", "Remedy")
	fetch(t, c.URL+"/requests/7", map[string]string{"Accept-Language": "zh"}).want(200, "处理办法", "签名错误", "待签名串")
	w.wantCall("GET /requests?after=6&limit=1")
	fetch(t, c.URL+"/requests/6", nil).want(404, "the history has no request of this number any more")
	for _, id := range []string{"0", "-1", "x", "99999999999999999999"} {
		fetch(t, c.URL+"/requests/"+id, nil).want(404)
	}
	w.set("GET /requests", `[{"id":7,"verdict":"unauthentic","reason":"another key","expected":"GET\n"}]`)
	fetch(t, c.URL+"/requests/7", nil).want(200, "Which string was signed is not known", "GET⏎")
}

// order is an order of WeChat Pay, a minute old.
func order(number, state string) string {
	return fmt.Sprintf(`{"out_trade_no":%q,"mchid":"1900000001","state":%q,"total":100,"currency":"CNY","created_at":"2026-11-30T11:59:00+08:00"}`, number, state)
}

// registered is an order of the register.
func registered(number string, progress console.Progress, final string, total int64) console.Registered {
	at := time.Date(2026, 11, 30, 4, 10, 0, 0, time.UTC)
	return console.Registered{Key: console.Key{Region: "cn", MchID: "1900000001", OutTradeNo: number}, Progress: progress, Final: final, Total: &total, DueAt: at}
}

// WeChat Pay's truth stands beside the register, and differences are marked: each pair of states.
func TestOrdersDiffer(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		wechat   string
		progress console.Progress
		final    string
		differs  bool
	}{
		{"NOTPAY", console.Waiting, "", false},
		{"USERPAYING", console.Closing, "", false},
		{"SUCCESS", console.Waiting, "", true},
		{"CLOSED", console.Waiting, "", true},
		{"CLOSED", console.Closing, "", true},
		{"REFUND", console.Stuck, "", true},
		{"NOTPAY", console.Stuck, "", false},
		{"CLOSED", console.Withdrawn, "", false},
		{"CLOSED", console.Ended, "closed", false},
		{"REVOKED", console.Ended, "closed", false},
		{"SUCCESS", console.Ended, "paid", false},
		{"REFUND", console.Ended, "paid", false},
		{"SUCCESS", console.Ended, "closed", true},
		{"NOTPAY", console.Ended, "closed", true},
		{"CLOSED", console.Ended, "paid", true},
		{"NOTPAY", console.Ended, "notFound", true},
	} {
		w := newWorld(t)
		w.set("GET /orders", "["+order("A1", test.wechat)+"]")
		got := fetch(t, w.open(&fakeRegister{orders: []console.Registered{registered("A1", test.progress, test.final, 100)}}).URL+"/orders", nil)
		got.want(200, "¥1.00")
		if differs := strings.Contains(got.text, "≠"); differs != test.differs {
			t.Errorf("%+v: got differs=%v:\n%s", test, differs, got.text)
		}
	}
}

// The pages of orders: search and states, the newest first, the register's parts, other amounts,
// ages and due times.
func TestOrders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.links["/orders"] = `</orders?before=51>; rel="prev"`
	w.set("GET /orders", "["+order("A1", "NOTPAY")+","+order("A2", "CLOSED")+"]")
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	c := w.open(&fakeRegister{orders: []console.Registered{registered("A1", console.Waiting, "", 250), registered("A3", console.Ended, "notFound", 1)}})
	got := fetch(t, c.URL+"/orders?search=A&state=NOTPAY", nil)
	got.want(200, `href="/orders?before=51&amp;search=A&amp;state=NOTPAY"`, "≠ ¥2.50", "1 min", "in 10 min", "not registered", `aria-label="part of the five minutes before a close: 20 %"`,
		`href="/orders/A1?mchid=1900000001"`, `<option value="NOTPAY" selected>`)
	if strings.Index(got.text, ">A2<") > strings.Index(got.text, ">A1<") {
		t.Error("the oldest order is first, want the newest")
	}
	w.wantCall("GET /orders?before=1000000000000&limit=50&search=A&state=NOTPAY")
	fetch(t, c.URL+"/orders?after=51", nil).want(200)
	w.wantCall("GET /orders?after=51&limit=50")
	fetch(t, c.URL+"/orders?progress=waiting", nil).want(200, "A1", `href="/orders?from=second&amp;progress=waiting"`)
	w.wantCall("GET /orders/A1?mchid=1900000001&sub_mchid=")
	fetch(t, c.URL+"/orders?progress=waiting&from=second", nil).want(200, "A3", "no such order")
	fetch(t, c.URL+"/orders?progress=stuck", map[string]string{"Accept-Language": "zh"}).want(200, "没有符合的订单。")
	broken := w.open(&fakeRegister{fault: errors.New("the database is away")})
	fetch(t, broken.URL+"/orders", nil).want(200, "the database is away", "A1")
	fetch(t, broken.URL+"/orders?progress=waiting", nil).want(502, "reading the register: the database is away")
}

// A page of orders reads the register once for each merchant on it. Orders of one number are told
// apart by their merchant.
func TestOrdersReadTheRegisterTogether(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ofSub := `{"out_trade_no":"A1","sp_mchid":"1900000001","sub_mchid":"1900000007","state":"NOTPAY","total":100}`
	w.set("GET /orders", "["+order("A1", "NOTPAY")+","+order("A2", "CLOSED")+","+ofSub+"]")
	subs := registered("A1", console.Stuck, "", 100)
	subs.SubMchID = "1900000007"
	c := w.open(&fakeRegister{orders: []console.Registered{registered("A1", console.Waiting, "", 100), registered("A2", console.Ended, "closed", 100), subs}})
	got := fetch(t, c.URL+"/orders", nil)
	got.want(200, "This page as curl", "out_trade_no=A2&amp;out_trade_no=A1")
	for link, word := range map[string]string{
		"/orders/A1?mchid=1900000001": ">waiting<", "/orders/A2?mchid=1900000001": ">closed<", "/orders/A1?mchid=1900000001&amp;sub_mchid=1900000007": ">stuck<",
	} {
		if !slices.ContainsFunc(strings.Split(got.text, "<tr"), func(row string) bool {
			return strings.Contains(row, `href="`+link+`"`) && strings.Contains(row, word)
		}) {
			t.Errorf("no row has %s with %s:\n%s", link, word, got.text)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	calls := slices.DeleteFunc(slices.Clone(w.calls), func(call string) bool { return !strings.Contains(call, "/register/") })
	slices.Sort(calls)
	want := []string{
		"GET /v1/register/orders?mchid=1900000001&out_trade_no=A1&region=cn&sub_mchid=1900000007",
		"GET /v1/register/orders?mchid=1900000001&out_trade_no=A2&out_trade_no=A1&region=cn",
	}
	if !slices.Equal(calls, want) {
		t.Errorf("got the calls %q, want %q", calls, want)
	}
}

// One order has both sides, its requests and what was told of it.
func TestOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "SUCCESS"))
	w.set("GET /requests", "["+row(4, "A1", "ok", "")+"]")
	w.set("GET /deliveries", `{"deliveries":[{"id":2,"time":"`+someTime+`","from":"functions","to":"event sink","topic":"paid","out_trade_no":"A1","http_status":204,"verdict":"ok"}]}`)
	c := w.open(&fakeRegister{orders: []console.Registered{registered("A1", console.Waiting, "", 100), registered("A9", console.Waiting, "", 1)}})
	fetch(t, c.URL+"/orders/A1", nil).want(200, "≠ waiting", "<code>SUCCESS</code>", "functions → event sink paid", "ok 204", `href="/requests/4"`, "differ")
	fetch(t, c.URL+"/orders/A1?lang=zh", nil).want(200, "云函数 → 事件接收器 paid")
	fetch(t, c.URL+"/orders/A9", nil).want(200, "no such order", "≠ waiting")
	fetch(t, c.URL+"/orders/A8", nil).want(404, "there is no order of this number")
	w.set("GET /orders/A1", `{"error":"several owners have an order A1"}`)
	fetch(t, c.URL+"/orders/A1", nil).want(400, "several owners have an order A1")
}

// The clock is moved on by the management API, the timers are waited for, and what they called is
// shown.
func TestAdvance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	fetch(t, c.URL+"/time", nil).want(200, "every_minute", "11-30 12:01:00", "11-30 12:02:00", `-d &#39;{&#34;advance&#34;:&#34;30m&#34;}&#39;`,
		w.url+"/v1/timers/closeorder", "+30 min")
	w.set("POST /clock", `{"now":"2026-11-30T12:30:00+08:00"}`)
	w.set("GET /v1/calls", `{"calls":[{"id":1,"time":"`+someTime+`","via":"timer","caller":"every_minute","function":"closeorder","verdict":"ok"}]}`)
	got := fetch(t, c.URL+"/time/advance", nil, "advance", "30m")
	got.want(200, "The clock was moved on by 30m, to 11-30 12:30:00.")
	w.wantCall(`POST /clock {"advance":"30m"}`)
	w.wantCall("GET /v1/timers?wait=60s")
	w.set("GET /v1/calls?limit=1", `{"calls":[{"id":1}]}`)
	const sweep = `,"via":"timer","caller":"every_minute","function":"closeorder","verdict":"ok","time":"` + someTime + `","clock":"2026-11-30T12:2`
	w.set("GET /v1/calls?after=1&limit=100", `{"calls":[{"id":2`+sweep+`1:00+08:00","report":{"claimed":0}},{"id":3`+sweep+
		`2:00+08:00","report":{"claimed":3,"closed":1,"alreadyClosed":1,"paid":1,"told":3}},{"id":4`+sweep+`3:00+08:00","report":{"claimed":0}}]}`)
	// What was done is shown at the emulator's time; sweeps that did nothing are counted.
	got = fetch(t, c.URL+"/time/advance", nil, "advance", "30m")
	got.want(200, "12:22:00</time>", "closed 2, paid 1, events 3", "Sweeps that found nothing to do: 2")
	got.lacks("12:21:00</time>", "12:23:00</time>", "There are more calls")
	fetch(t, c.URL+"/time/advance", map[string]string{"Accept-Language": "zh"}, "advance", "30m").want(200, "已关单 2，已支付 1，事件 3", "无事可做的扫描次数： 2")
	w.set("POST /clock", `{"error":"advance: \"x\" must be a duration, such as 5m, 36h or 7d"}`)
	fetch(t, c.URL+"/time/advance", nil, "advance", "x").want(422, "must be a duration", `value="x"`)
	if get := fetch(t, c.URL+"/time/advance", nil); get.status == 200 {
		t.Error("a GET moved the clock on")
	}
}

// A timer is fired with the time that was chosen, in UTC+8, and its function's answer is shown.
func TestFire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /v1/timers/close order", `{"closed":3}`)
	c := w.open(nil)
	fetch(t, c.URL+"/time/fire", nil, "function", "close order", "trigger", "every_minute", "time", "2026-11-30T18:30").want(200,
		"every_minute fired, and close order answered:", "&#34;closed&#34;: 3")
	w.wantCall(`POST /v1/timers/close%20order {"time":"2026-11-30T18:30:00+08:00","trigger":"every_minute"}`)
	fetch(t, c.URL+"/time/fire", nil, "function", "close order", "trigger", "every_minute", "time", "").want(200)
	w.wantCall(`POST /v1/timers/close%20order {"trigger":"every_minute"}`)
	fetch(t, c.URL+"/time/fire", nil, "function", "close order", "trigger", "x", "time", "tomorrow").want(422, "2026-11-30T18:30")
	w.set("POST /v1/timers/close order", `{"error":"no room"}`)
	fetch(t, c.URL+"/time/fire", map[string]string{"Accept-Language": "zh"}, "function", "close order", "trigger", "x").want(422, "no room", "定时器")
}

// The vendored files are those of the package.
func TestHTMXIsVendored(t *testing.T) {
	t.Parallel()
	const version = "4.0.1"
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join("htmx", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	lines := strings.Split(strings.TrimSpace(read("SHA256SUMS")), "\n")
	if len(lines) != 3 {
		t.Errorf("got %d sums, want three", len(lines))
	}
	for _, line := range lines {
		want, name, _ := strings.Cut(line, "  ")
		sum := sha256.Sum256([]byte(read(name)))
		if got := hex.EncodeToString(sum[:]); got != want {
			t.Errorf("%s: got the sum %s, want %s: it was changed", name, got, want)
		}
	}
	if !strings.Contains(read("README.md"), version) || !strings.Contains(read("htmx.min.js"), `"`+version+`"`) {
		t.Errorf("the README and the file do not both say version %s", version)
	}
}

// A page without rows says what fills it; where a filter leaves nothing, it leads to all rows.
func TestEmptyPages(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(&fakeRegister{})
	for path, want := range map[string]string{
		"/orders":              "There is no order yet: place one above",
		"/orders?search=A1":    "No order fits.",
		"/requests":            "No request yet: they show up here as they come",
		"/requests?order=A1":   "No request fits.",
		"/callers":             "No call was denied yet",
		"/callers?order=A1":    "No call fits.",
		"/?first=":             "Nothing yet.",
		"/events":              "None yet: an event is written when a registered order has ended.",
		"/sweep":               "No timer has fired yet.",
		"/faults":              "No fault is switched on.",
		"/orders?state=NOTPAY": `<a href="/orders">all orders</a>`,
	} {
		fetch(t, c.URL+path, nil).want(200, want)
	}
	// Without an order the form to place one is open.
	fetch(t, c.URL+"/orders", nil).want(200, `<details class="placing" id="place" open>`)
	fetch(t, c.URL+"/orders?search=A1", nil).want(200, `<details class="placing" id="place">`)
}
