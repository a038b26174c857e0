package console_test

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
)

// deniedCall is a call that a rule of the function's denied.
func deniedCall(id int, via, kind, by, owner, rule, input string) string {
	return fmt.Sprintf(`{"id":%d,"time":%q,"via":%q,"function":"closeorder","out_trade_no":"A1","request_id":"r-%d","verdict":"ok","outcome":"refused","code":"NOAUTH",`+
		`"callers":[{"caller":%q,"identified_by":%q,"owner":%q,"rule":%q,"remedy":"send a token"}]%s}`, id, someTime, via, id, kind, by, owner, rule, input)
}

// fits are what became of each rule, in order.
func (p page) fits() string {
	all := []string{}
	for _, found := range regexp.MustCompile(`<tr class="rule-(\w+)"><td class="reason"><code>(\w+)`).FindAllStringSubmatch(p.text, -1) {
		all = append(all, found[2]+"="+found[1])
	}
	return strings.Join(all, " ")
}

// The calls that a rule denied are listed, with the rule and the function's remedy, and whatever
// else the filter selects.
func TestCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[`+deniedCall(3, "http-api", "nobody", "nothing", "", "caller", "")+`,`+deniedCall(5, "queue", "impostor", "serviceToken", "", "caller", "")+`]}`)
	c := w.open(nil)
	got := fetch(t, c.URL+"/callers", nil)
	got.want(200, `href="/callers/3"`, "<code>nobody</code>", "send a token", "refused NOAUTH", `<span class="verdict refused">caller</span>`, `hx-sse:connect="/stream?`)
	w.wantCall("GET /v1/calls?limit=50&rule=any")
	if strings.Index(got.text, `href="/callers/5"`) > strings.Index(got.text, `href="/callers/3"`) {
		t.Error("the oldest call is first, want the newest")
	}
	fetch(t, c.URL+"/callers?rule=notTheirs&function=closeorder&order=A1", nil).want(200, `<option selected>notTheirs</option>`)
	w.wantCall("GET /v1/calls?function=closeorder&limit=50&order=A1&rule=notTheirs")
	fetch(t, c.URL+"/callers?rule=all", map[string]string{"Accept-Language": "zh"}).want(200, "怎样才会放行", `<option value="all" selected>`)
	w.wantCall("GET /v1/calls?limit=50")
	w.set("GET /v1/calls", `{"calls":[]}`)
	fetch(t, c.URL+"/callers", nil).want(200, "No call was denied yet")
	fetch(t, c.URL+"/callers?rule=all&order=A1", nil).want(200, "No call fits.")
}

// Each rule that was tried is shown with what became of it, by the rule that the function's log
// names, and what each would have needed.
func TestRulesThatWereTried(t *testing.T) {
	t.Parallel()
	identified := func(end string, at int) string {
		all := []string{}
		for i, id := range strings.Fields("serviceToken httpShape httpToken accessToken wxHeader cloudbaseContext noHttpProof environment cognito userInfo timer cloudbaseKey nothing platform") {
			fit := map[bool]string{true: "not", false: "untried"}[i < at]
			if id == end {
				fit = "decided"
			}
			if end == "" {
				fit = "unlogged"
			}
			all = append(all, id+"="+fit)
		}
		return strings.Join(all, " ")
	}
	for _, test := range []struct{ kind, by, owner, rule, want string }{
		{"nobody", "nothing", "", "caller", identified("nothing", 12) + " event=passed caller=denied parameter=untried lookups=untried notRegistered=untried unowned=untried notTheirs=untried"},
		{"impostor", "serviceToken", "", "caller", identified("serviceToken", 0) + " event=passed caller=denied parameter=untried lookups=untried notRegistered=untried unowned=untried notTheirs=untried"},
		{"user", "environment", "oA…", "notTheirs", identified("environment", 7) + " event=passed caller=passed parameter=passed lookups=passed notRegistered=passed unowned=passed notTheirs=denied"},
		{"user", "wxHeader", "oA…", "", identified("wxHeader", 4) + " event=passed caller=passed parameter=passed lookups=passed notRegistered=passed unowned=passed notTheirs=passed"},
		{"service", "serviceToken", "", "", identified("serviceToken", 0) + " event=passed caller=passed parameter=passed lookups=unasked notRegistered=unasked unowned=unasked notTheirs=unasked"},
		{"nobody", "", "", "caller", identified("", 0) + " event=passed caller=denied parameter=untried lookups=untried notRegistered=untried unowned=untried notTheirs=untried"},
	} {
		w := newWorld(t)
		w.set("GET /v1/calls", `{"calls":[`+deniedCall(3, "http-api", test.kind, test.by, test.owner, test.rule, "")+`]}`)
		got := fetch(t, w.open(nil).URL+"/callers/3", nil)
		got.want(200, "CLOUDPAY_CALLER_POLICY=platform", "r-3")
		if fits := got.fits(); fits != test.want {
			t.Errorf("%+v: got\n%s\nwant\n%s", test, fits, test.want)
		}
		w.wantCall("GET /v1/calls?after=2&limit=1")
	}
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[{"id":1,"verdict":"refused","function":"closeorder"},{"id":2}]}`)
	c := w.open(nil)
	fetch(t, c.URL+"/callers/1", nil).want(200, "The function logged nothing of who called")
	w.wantCall("GET /v1/calls?after=0&limit=1000")
	for _, id := range []string{"9", "0", "-1", "x"} {
		fetch(t, c.URL+"/callers/"+id, nil).want(404, "the cloud has no call of this number any more")
	}
}

// The sequence of the rules is the document's, which is the functions' too.
func TestRulesAreDocumented(t *testing.T) {
	t.Parallel()
	document, err := os.ReadFile("../../../docs/callers.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(document), "| | `identifiedBy` |")
	table, _, _ = strings.Cut(table, "\n\n")
	documented := []string{}
	for _, row := range strings.Split(table, "\n")[2:] {
		for _, found := range regexp.MustCompile("`(\\w+)`").FindAllStringSubmatch(strings.Split(row, "|")[2], -1) {
			documented = append(documented, found[1]+"=untried")
		}
	}
	documented[0] = "serviceToken=decided"
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[`+deniedCall(3, "http-api", "service", "serviceToken", "", "", "")+`]}`)
	got, want := fetch(t, w.open(nil).URL+"/callers/3", nil).fits(), strings.Join(documented, " ")
	if !strings.HasPrefix(got, want+" event=") {
		t.Errorf("got\n%s\nwant the document's\n%s", got, want)
	}
}

// A denied call is made again as another caller: by its own trigger, or by CloudBase's API where
// only that names the user.
func TestCallAgain(t *testing.T) {
	t.Parallel()
	const event = `,"input":{"data":"{\"out_trade_no\":\"A1\",\"x\":1}"}`
	for _, test := range []struct{ via, input, kind, id, want string }{
		{"http-api", event, "user", "oDEF", `POST /v1/functions/closeorder {"out_trade_no":"A1","x":1}`},
		{"server-sdk", event, "user", "oDEF", `POST /v1/functions/closeorder {"out_trade_no":"A1","x":1}`},
		{"http-api", event, "service", "ignored", `POST /v1/functions/closeorder {"out_trade_no":"A1","x":1,"service_token":"` + fakeToken + `"}`},
		{"function-url", `,"input":{"method":"GET","path":"queryorder"}`, "http", "", `GET /http/closeorder/queryorder`},
		{"function-url", `,"input":{"method":"GET","path":"queryorder/A1"}`, "user", "oDEF", `POST /v1/functions/closeorder {"out_trade_no":"A1"}`},
	} {
		w := newWorld(t)
		w.set("GET /v1/calls", `{"calls":[`+deniedCall(3, test.via, "nobody", "nothing", "", "caller", test.input)+`]}`)
		w.set("GET /orders/A1", `{"out_trade_no":"A1","openid":"oPAYER"}`)
		w.set("POST /v1/functions/closeorder", `{"returnCode":"SUCCESS","outcome":"closed"}`)
		w.set("GET /http/closeorder/queryorder", `{"returnCode":"SUCCESS","outcome":"found"}`)
		c := w.open(nil)
		fetch(t, c.URL+"/callers/3", nil).want(200, `value="oPAYER"`, `action="/callers/3/again"`)
		got := fetch(t, c.URL+"/callers/3/again", nil, "as", test.kind, "id", test.id)
		got.want(200, "What came of it", "<dt>returnCode</dt><dd>SUCCESS</dd>")
		w.wantCall(test.want)
	}
	w := newWorld(t)
	w.set("GET /v1/calls", `{"calls":[`+deniedCall(3, "queue", "nobody", "nothing", "", "caller", "")+`]}`)
	c := w.open(nil)
	fetch(t, c.URL+"/callers/3", nil).want(200, "It has none of this one.")
	fetch(t, c.URL+"/callers/3/again", nil, "as", "user", "id", "o").want(409, "does not have what the call was made with")
	fetch(t, c.URL+"/callers/9/again", nil, "as", "user", "id", "o").want(404)
}
