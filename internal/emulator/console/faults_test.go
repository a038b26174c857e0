package console_test

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
)

// faulty is a world in which faults can be switched, with one of each kind switched on.
func faulty(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.set("GET /faults", `[{"id":3,"match":{"op":"close","api":"v3"},"action":"refuse","times":2,"probability":0.25,"seed":9,"code":"RULE_LIMIT","http_status":418},`+
		`{"id":4,"match":{"op":"close"},"action":"refuse","times":0},{"id":5,"match":{},"action":"drop","times":0},`+
		`{"id":6,"match":{"op":"query"},"action":"refuse","times":1},{"status":503,"times":2}]`)
	w.set("GET /v1/faults", `[{"id":7,"function":"closeorder","action":"throttle","times":1},{"id":8,"action":"throttle"}]`)
	for _, path := range []string{"POST /faults", "POST /v1/faults", "DELETE /faults", "DELETE /v1/faults", "POST /domains", "POST /signing", "POST /scenario"} {
		w.set(path, `{}`)
	}
	for _, path := range []string{"/faults/3", "/faults/4", "/faults/5", "/v1/faults/7"} {
		w.set("DELETE "+path, "")
	}
	return w
}

// The tables have a button for each fault that there can be, which says whether it is on.
func TestFaults(t *testing.T) {
	t.Parallel()
	c := faulty(t).open(nil)
	got := fetch(t, c.URL+"/faults", nil)
	got.want(200,
		`value="wechatpay off refuse close" id="wechatpay-refuse-close" aria-pressed="true"`,
		`value="wechatpay off drop query" id="wechatpay-drop-query" aria-pressed="true"`, // without op it is for both
		`value="wechatpay on drop notify" id="wechatpay-drop-notify" aria-pressed="false"`,
		`value="cloud off throttle closeorder"`, `value="cloud off throttle "`, `value="cloud on cold-start closeorder"`,
		"2 more times, 25 % (seed 9)", "RULE_LIMIT 418", `value="wechatpay 3"`, "until it is removed", "done, and the answer is lost",
		"/scenario", "notify_by_certificate",
	)
	got.lacks("wechatpay on refuse notify", `value="wechatpay on refuse close"`)
	fetch(t, c.URL+"/faults?lang=zh", nil).want(200, "已执行，应答丢失", "还有 2 次", "停用主域名", "关单")
}

// A button switches on with what the fields say, of which only those are sent that the action
// reads; the calls are on the page.
func TestSwitchOn(t *testing.T) {
	t.Parallel()
	w := faulty(t)
	c := w.open(nil)
	fields := []string{"api", "v2", "order", " A1 ", "times", "3", "probability", "0.5", "seed", "7", "code", "ORDERPAID", "delay", "2s", "http_status", "500"}
	press := func(what string) page {
		return fetch(t, c.URL+"/faults/switch", nil, append(fields, "switch", what)...)
	}
	press("wechatpay on refuse query").want(200, "Switched on: refuse query.", `value="ORDERPAID"`, "curl -X POST", "autofocus")
	w.wantCall(`POST /faults {"match":{"op":"query","api":"v2","out_trade_no":"A1"},"action":"refuse","times":3,"probability":0.5,"seed":7,"code":"ORDERPAID","http_status":500}`)
	press("wechatpay on drop close").want(200)
	w.wantCall(`POST /faults {"match":{"op":"close","api":"v2","out_trade_no":"A1"},"action":"drop","times":3,"probability":0.5,"seed":7}`)
	press("cloud on cold-start closeorder").want(200)
	w.wantCall(`POST /v1/faults {"function":"closeorder","action":"cold-start","times":3,"probability":0.5,"seed":7,"delay":"2s"}`)
	fields = []string{"probability", "1"}
	press("cloud on throttle ").want(200, "Switched on: throttle.")
	w.wantCall(`POST /v1/faults {"action":"throttle"}`)
	for name, wrong := range map[string][]string{
		"times: a whole number":              {"times", "many"},
		"seed: a whole number":               {"seed", "-1"},
		"probability: above 0 and at most 1": {"probability", "0"},
		"probability: above 0":               {"probability", "NaN"},
		"HTTP status: a number, such as":     {"http_status", "teapot"},
		"choose a fault in the table":        {"switch", "refuse"},
	} {
		fetch(t, c.URL+"/faults/switch", nil, append([]string{"switch", "wechatpay on refuse query"}, wrong...)...).want(422, name)
	}
	w.set("POST /faults", `{"error":"match.api: no such thing"}`)
	fields = nil
	press("wechatpay on drop close").want(422, "match.api: no such thing", `role="alert"`)
}

// A button switches off every fault of its action and operation, and no other; one fault can be
// removed alone, or all of them.
func TestSwitchOff(t *testing.T) {
	t.Parallel()
	w := faulty(t)
	c := w.open(nil)
	fetch(t, c.URL+"/faults/switch", nil, "switch", "wechatpay off refuse close").want(200, "Switched off: refuse close.")
	w.wantCall("DELETE /faults/3")
	w.wantCall("DELETE /faults/4")
	w.lacksCall("DELETE /faults/5")
	w.lacksCall("DELETE /faults/6")
	fetch(t, c.URL+"/faults/switch", nil, "switch", "wechatpay off drop query").want(200)
	w.wantCall("DELETE /faults/5")
	fetch(t, c.URL+"/faults/switch", nil, "switch", "cloud off throttle closeorder").want(200)
	w.wantCall("DELETE /v1/faults/7")
	w.lacksCall("DELETE /v1/faults/8")
	fetch(t, c.URL+"/faults/remove", nil, "fault", "wechatpay 6").want(422, "there is no such thing") // as when it was used up
	fetch(t, c.URL+"/faults/remove", nil, "fault", "wechatpay ../orders").want(404)
	fetch(t, c.URL+"/faults/clear", nil, "x", "").want(200, "All faults are removed.")
	w.wantCall("DELETE /faults")
	w.wantCall("DELETE /v1/faults")
}

// lacksCall checks that a call was not made.
func (w *world) lacksCall(unwanted string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, call := range w.calls {
		if call == unwanted {
			w.t.Errorf("got the call %s", call)
		}
	}
}

// Domains and shares are set by calls of their own.
func TestDomainsAndShares(t *testing.T) {
	t.Parallel()
	w := faulty(t)
	w.set("GET /domains", `{"main":"up","backup":"down"}`)
	c := w.open(nil)
	fetch(t, c.URL+"/faults", nil).want(200, "take the main domain down", "bring the backup domain up")
	fetch(t, c.URL+"/faults/domains", nil, "backup", "up").want(200, "The domain is set.")
	w.wantCall(`POST /domains {"backup":"up"}`)
	fetch(t, c.URL+"/faults/signing", nil, "probe_share", "0.05", "certificate_share", "1", "public_key_share", "", "notify_by_certificate", "true").want(200)
	w.wantCall(`POST /signing {"certificate_share":1,"public_key_share":0,"probe_share":0.05,"notify_by_certificate":true}`)
	fetch(t, c.URL+"/faults/signing", nil, "probe_share", "half").want(422, "probe_share: must be from 0 to 1")
}

// All of it is saved as a file with a name that is one, and set again by the file.
func TestScenarioFile(t *testing.T) {
	t.Parallel()
	w := faulty(t)
	const saved = `{"wechatpay":{"faults":[]}}`
	w.set("GET /scenario", saved)
	c := w.open(nil)
	for name, want := range map[string]string{
		"night": `attachment; filename=night.json`, "": `attachment; filename=scenario.json`, `../../a b"<`: `attachment; filename=----a-b.json`,
		"夜间": `attachment; filename*=utf-8''%E5%A4%9C%E9%97%B4.json`,
	} {
		got := fetch(t, withName(c.URL+"/faults/scenario", name), nil)
		if header := got.header.Get("Content-Disposition"); header != want || got.text != saved || got.status != 200 {
			t.Errorf("%q: got %d %s %s, want %s", name, got.status, header, got.text, want)
		}
	}
	upload(t, c.URL+"/faults/scenario", "night.json", saved).want(200, "The scenario night.json is set.")
	w.wantCall("POST /scenario " + saved)
	upload(t, c.URL+"/faults/scenario", "", "").want(422, "choose a file that was saved here before")
	upload(t, c.URL+"/faults/scenario", "long.json", strings.Repeat(" ", 300<<10)).want(422, "longer than 256 KiB")
	w.set("POST /scenario", `{"error":"wechatpay: fault 1: action"}`)
	upload(t, c.URL+"/faults/scenario", "wrong.json", "{}").want(422, "wechatpay: fault 1: action")
}

// withName adds a name to an address.
func withName(address, name string) string {
	request, _ := http.NewRequest(http.MethodGet, address, http.NoBody) // the address is a server's
	query := request.URL.Query()
	query.Set("name", name)
	request.URL.RawQuery = query.Encode()
	return request.URL.String()
}

// upload sends a form with a file; no file for an empty name.
func upload(t *testing.T, address, name, text string) page {
	t.Helper()
	var body bytes.Buffer
	form := multipart.NewWriter(&body)
	if name != "" {
		part, err := form.CreateFormFile("file", name)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write([]byte(text))
	}
	if err := form.Close(); err != nil {
		t.Fatal(err)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address, &body)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", form.FormDataContentType())
	return send(t, request)
}
