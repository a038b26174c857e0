package console_test

import (
	"regexp"
	"strings"
	"testing"
)

// firstOf fetches the first close, and returns its part of the page.
func firstOf(t *testing.T, address string, header map[string]string) page {
	t.Helper()
	got := fetch(t, address, header)
	_, part, found := strings.Cut(got.text, `<section id="first"`)
	if !found {
		t.Fatalf("%s: the page has no first close:\n%s", address, got.text)
	}
	got.text, _, _ = strings.Cut(part, "</section>")
	return got
}

// step makes a step of the first close, and returns where it leads.
func step(t *testing.T, address string, fields ...string) string {
	t.Helper()
	got := fetch(t, address, nil, fields...)
	if got.status != 303 {
		t.Fatalf("%s: got %d, want 303:\n%s", address, got.status, got.text)
	}
	return got.header.Get("Location")
}

// theCall is a call of closeorder in the history.
func theCall(caller, outcome string) string {
	return `{"calls":[{"id":3,"time":"` + someTime + `","via":"http-api","caller":"` + caller +
		`","function":"closeorder","out_trade_no":"F1","request_id":"r-1","verdict":"ok","outcome":"` + outcome + `"}]}`
}

// The first close in three clicks: each step is a form or a link, works without a script, and what
// it shows is read from the world again by the address alone.
func TestFirstClose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /orders", order("F1", "NOTPAY"))
	w.set("POST /v1/functions/closeorder", closeAnswer("closed", "", ""))
	c := w.open(nil)
	begin := firstOf(t, c.URL+"/", nil)
	begin.want(200, "Place an order", `action="/first/place"`, "curl -X POST &#39;"+w.url+"/orders&#39;")
	begin.lacks(`action="/first/pay"`, `action="/first/close"`)
	drawn := regexp.MustCompile(`name="number" value="(20261130120000-[A-Z2-7]{4})"`).FindStringSubmatch(begin.text)
	if drawn == nil {
		t.Fatalf("got no drawn number:\n%s", begin.text)
	}
	if to := step(t, c.URL+"/first/place", "number", drawn[1]); to != "/?first="+drawn[1]+"#first" {
		t.Errorf("placed: got %s", to)
	}
	w.wantCall(`POST /orders {"mchid":"1900000001","out_trade_no":"` + drawn[1] + `","total":100}`)

	w.set("GET /orders/F1", order("F1", "NOTPAY"))
	w.set("GET /orders", "["+order("F1", "NOTPAY")+"]")
	open := firstOf(t, c.URL+"/?first=F1", nil)
	open.want(200, `href="/orders/F1?mchid=1900000001"`, `href="/?first=F1&amp;unpaid=1#first"`, `action="/first/pay"`)
	open.lacks(`action="/first/close"`, `action="/first/place"`)

	unpaid := firstOf(t, c.URL+"/?first=F1&unpaid=1", nil)
	unpaid.want(200, `action="/first/close"`, "X-Cloudpay-As: service", "left the order unpaid")
	unpaid.lacks(`action="/first/pay"`)

	if to := step(t, c.URL+"/first/close", "number", "F1"); to != "/?first=F1&unpaid=1#first" {
		t.Errorf("closed: got %s", to)
	}
	w.set("GET /orders/F1", order("F1", "CLOSED"))
	w.set("GET /v1/calls", theCall("service", "closed"))
	w.set("GET /requests", `[{"id":7,"time":"`+someTime+`","api":"v3","op":"close","verdict":"ok","http_status":204,"call":"r-1"}]`)
	done := firstOf(t, c.URL+"/?first=F1&unpaid=1", nil)
	done.want(200, "<code>closed</code>", "as WeChat Pay answered", `<a href="/requests/7">v3 close</a>`, "once more")
	done.lacks(`action="/first/`)
	firstOf(t, c.URL+"/?first=F1", map[string]string{chinese: "zh"}).want(200, "三步体验首次关单", "订单已关闭", "再来一次")
}

// Where orders exist, the first close is a link.
func TestFirstCloseIsALink(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders", "["+order("A1", "NOTPAY")+"]")
	c := w.open(nil)
	got := fetch(t, c.URL+"/", nil)
	got.want(200, `href="/?first=#first"`)
	got.lacks(`action="/first/place"`)
	firstOf(t, c.URL+"/?first=", nil).want(200, `action="/first/place"`)
}

// The customer pays: by the second path, or meanwhile. The close is offered, and says so.
func TestFirstClosePaid(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /orders/F1/pay", order("F1", "SUCCESS"))
	w.set("GET /orders/F1", order("F1", "SUCCESS"))
	w.set("POST /v1/functions/closeorder", closeAnswer("paid", "ORDERPAID", "该订单已支付"))
	c := w.open(nil)
	if to := step(t, c.URL+"/first/pay", "number", "F1"); to != "/?first=F1#first" {
		t.Errorf("paid: got %s", to)
	}
	firstOf(t, c.URL+"/?first=F1&unpaid=1", nil).want(200, "The customer has paid", `action="/first/close"`)
	step(t, c.URL+"/first/close", "number", "F1")
	w.set("GET /v1/calls", theCall("service", "paid"))
	firstOf(t, c.URL+"/?first=F1&unpaid=1", nil).want(200, "<code>paid</code>", "A paid order is never closed")
}

// Wrong turns are explained: the functions are not there, the call fails, something else ends the
// order, the world was begun afresh, a step is refused.
func TestFirstCloseGoesWrong(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	firstOf(t, c.URL+"/?first=F1", nil).want(200, "no such order any more", `action="/first/place"`)
	w.set("POST /orders", `{"error":"total: must be positive"}`)
	fetch(t, c.URL+"/first/place", nil, "number", "F1").want(422, "The order was not placed. total: must be positive", `action="/first/place"`)

	w.set("GET /orders/F1", order("F1", "NOTPAY"))
	w.set("POST /v1/functions/closeorder", `{"error":"closeorder: the process ended"}`)
	fetch(t, c.URL+"/first/close", nil, "number", "F1").want(422, "closeorder gave no answer", "the process ended", `action="/first/close"`)
	w.set("GET /v1/calls", strings.ReplaceAll(theCall("service", ""), `"verdict":"ok"`, `"verdict":"failed","reason":"the process ended"`))
	firstOf(t, c.URL+"/?first=F1&unpaid=1", nil).want(200, "closeorder gave no answer:", "the process ended", `action="/first/close"`)
	w.set("GET /v1/calls", theCall("service", "unknown"))
	firstOf(t, c.URL+"/?first=F1", nil).want(200, "Closing again is safe.", `action="/first/close"`)
	w.set("GET /v1/functions", `{"functions":[]}`)
	firstOf(t, c.URL+"/?first=F1", map[string]string{chinese: "zh"}).want(200, "云端没有 closeorder 云函数")
	fetch(t, c.URL+"/first/close", nil, "number", "F1").want(422, "closeorder could not be called, and nothing was done.")

	w.set("GET /v1/calls", theCall("closeorder_timer", "closed"))
	w.set("GET /orders/F1", order("F1", "CLOSED"))
	firstOf(t, c.URL+"/?first=F1", nil).want(200, "Something else has ended the order:", "once more")
	w.set("GET /orders/F1", `{"error":"several owners have an order F1"}`)
	fetch(t, c.URL+"/?first=F1", nil).want(200, "Point an SDK here")
	fetch(t, c.URL+"/first/elsewhere", nil, "number", "F1").want(404)
	fetch(t, c.URL+"/first/pay", nil, "number", "F9").want(422, "This was not done.", "there is no such thing")
}
