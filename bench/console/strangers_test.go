package console_test

import (
	"net/http"
	"net/url"
	"testing"
)

// payload is what a stranger writes into each field: markup that leaves an attribute, a script, and
// handlers of events. If any of it runs, window.stolen is true.
const payload = `"'><script>window.stolen=true</script><img src=x onerror="window.stolen=true"><svg onload="window.stolen=true">`

// TestStoredScripts fills every field that a stranger can reach with a script: at WeChat Pay's
// wire, in its orders, at the cloud's doors, at the event sink, in faults and in the console's own
// forms. On each screen, and in the pages that were open meanwhile, it shows as text and nothing
// runs.
func TestStoredScripts(t *testing.T) {
	w := ownWorld(t)
	var open []*tab
	for _, path := range []string{"/", "/requests", "/orders"} {
		p := openTab(t, w.ConsoleURL, look{})
		p.visit(path)
		p.live()
		open = append(open, p)
	}
	taken := 0
	for _, next := range w.strangers() {
		status, _, err := w.call(next.method, next.address, next.body, next.headers...)
		if err != nil {
			t.Fatalf("%s %s: %v", next.method, next.address, err)
		}
		if status < http.StatusBadRequest {
			taken++
		}
	}
	const least = 6 // orders, faults and a timer; the rest is refused, and shown as refused
	if taken < least {
		t.Errorf("%d of the calls were done, want %d: the worlds refuse what this test stores", taken, least)
	}
	for i, p := range open {
		if i < 2 { // the list of orders has no field that may hold it
			p.says("<script>window.stolen=true</script>")
		}
		p.wantHarmless("an open page")
	}
	p := openTab(t, w.ConsoleURL, look{})
	escaped := url.QueryEscape(payload)
	paths := eval[[]string](p.at("/"), `[...document.querySelectorAll('nav a[href]')].map((a) => a.getAttribute('href'))`)
	paths = append(paths, "/orders/S1", "/orders/"+url.PathEscape(payload), "/"+url.PathEscape(payload), "/orders?search="+escaped,
		"/requests?order="+escaped+"&cause="+escaped, "/requests?verdict="+escaped, "/requests?operation="+escaped)
	for _, screen := range paths {
		p.visit(screen)
		p.wantHarmless(screen)
	}
	for _, request := range eval[[]string](p.at("/requests"), `[...document.querySelectorAll('#live td:first-child a')].map((a) => a.getAttribute('href'))`) {
		p.visit(request)
		p.wantHarmless(request)
	}
	p.visit("/orders/S1")
	p.says("<script>window.stolen=true</script>")
}

// at opens a page, and is the tab.
func (p *tab) at(path string) *tab {
	p.Helper()
	p.visit(path)
	return p
}

// wantHarmless fails the test if anything of the payload has run, has become an element, or was
// stopped by the page's policy only.
func (p *tab) wantHarmless(path string) {
	p.Helper()
	if eval[bool](p, `window.stolen === true`) {
		p.Errorf("%s: a script of a stranger ran", path)
	}
	if found := eval[[]string](p, `[...document.querySelectorAll('script:not([src]), img[src="x"], [onerror], [onload]')].map((e) => e.outerHTML)`); len(found) > 0 {
		p.Errorf("%s: what a stranger wrote has become elements: %q", path, found)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, complaint := range p.complaints {
		if !isStatus(complaint) {
			p.Errorf("%s: the browser says %s", path, complaint)
		}
	}
	p.complaints = nil
}

// strangers are calls with the payload in each field.
func (w *world) strangers() []step {
	escaped, query := url.PathEscape(payload), url.QueryEscape(payload)
	json := encoded(payload)
	get := func(address string, headers ...string) step { return step{http.MethodGet, address, "", headers} }
	post := func(address, body string, headers ...string) step {
		return step{http.MethodPost, address, body, headers}
	}
	v2 := "<xml><appid><![CDATA[" + payload + "]]></appid><mch_id><![CDATA[" + payload + "]]></mch_id><out_trade_no><![CDATA[" + payload +
		"]]></out_trade_no><nonce_str><![CDATA[" + payload + "]]></nonce_str><sign><![CDATA[" + payload + "]]></sign></xml>"
	token := w.Env["CLOUDPAY_SERVICE_TOKEN"]
	return []step{
		w.admin("/orders", `{"mchid":"1900000001","out_trade_no":"S1","total":100,"openid":"oABC","attach":`+json+`,"description":`+json+`}`),
		w.admin("/orders", `{"mchid":"1900000001","out_trade_no":"S2","total":100,"openid":`+json+`}`),
		w.admin("/orders", `{"mchid":"1900000001","out_trade_no":`+json+`,"total":100}`),
		w.admin("/orders", `{"mchid":`+json+`,"out_trade_no":"S3","total":100,"currency":`+json+`}`),
		w.admin("/orders", `{"mchid":"1900000001","out_trade_no":"S4","total":100,"notify_url":"http://127.0.0.1:1/`+query+`"}`),
		w.admin("/orders/S1/pay", ""), w.admin("/orders/S4/pay", ""),
		w.admin("/orders/S1/refund", `{"out_refund_no":`+json+`,"reason":`+json+`}`),
		w.admin("/faults", `{"match":{"op":"query","out_trade_no":`+json+`},"action":"refuse","code":`+json+`}`),
		w.admin("/faults", `{"match":{"op":"query","out_trade_no":"S9"},"action":"refuse","code":`+json+`}`),
		post(w.CloudURL+"/v1/faults", `{"function":`+json+`,"action":"throttle"}`),
		get(w.GatewayURL + "/v3/" + escaped), get(w.GatewayURL + "/" + escaped),
		get(w.GatewayURL+"/v3/pay/transactions/out-trade-no/"+escaped+"?mchid="+query, "Accept", "application/json", "Authorization",
			`WECHATPAY2-SHA256-RSA2048 mchid="`+query+`",nonce_str="<script>window.stolen=true</script>",signature="AAAA",timestamp="1",serial_no="<svg onload=1>"`),
		get(w.GatewayURL+"/v3/pay/transactions/out-trade-no/S1?mchid=1900000001", "Accept", "application/json", "Authorization", payload, "Request-ID", payload),
		post(w.GatewayURL+"/pay/closeorder", v2), post(w.GatewayURL+"/pay/orderquery", v2),
		post(w.GatewayURL+"/v3/pay/transactions/jsapi", encoded(map[string]any{"description": payload, "out_trade_no": payload}), "Accept", "application/json"),
		post(w.CloudURL+"/v1/functions/queryorder", `{"out_trade_no":`+json+`}`, "X-WX-OPENID", payload),
		post(w.CloudURL+"/v1/functions/closeorder", `{"out_trade_no":`+json+`,"service_token":`+encoded(token)+`}`),
		post(w.CloudURL+"/v1/functions/closeorder", `{"out_trade_no":"S2","openid":`+json+`,"close_at":600,"service_token":`+encoded(token)+`}`),
		post(w.CloudURL+"/v1/functions/"+escaped, `{}`),
		post(w.CloudURL+"/wx/cloudpay/"+escaped, `{}`, "X-WX-OPENID", payload),
		get(w.CloudURL+"/tcb/queryorder/"+escaped+"?out_trade_no="+query, "User-Agent", payload),
		post(w.CloudURL+"/v1/timers/closeorder", `{"trigger":`+json+`,"message":`+json+`}`),
		post(w.CloudURL+"/v1/queues/closeorder?form=ckafka", `{"messages":[{"out_trade_no":`+json+`},`+json+`]}`),
		post(w.EventsURL+"/events", `{"kind":`+json+`,"id":`+json+`}`, "Webhook-Id", payload, "Webhook-Timestamp", payload, "Webhook-Signature", payload),
	}
}
