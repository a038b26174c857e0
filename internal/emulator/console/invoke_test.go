package console_test

import (
	"context"
	"errors"
	"go/parser"
	"go/token"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/console"
)

// fakeToken is a secret that no page may show.
const fakeToken = "w7RkPz2mXq9LbT4v"

// fakeCalls makes requests of a world's functions: the trigger call is one to /v1/functions/, and
// function-url a request. The caller service has the token.
type fakeCalls struct{ url string }

func (fakeCalls) Triggers(runtime string) []console.Trigger {
	meaning := bilingual.New("an API", "接口")
	if runtime == "web" {
		return []console.Trigger{{Name: "call", Meaning: meaning, Callers: []string{"user"}, IsRequest: true}, {Name: "sqs", Meaning: meaning}}
	}
	return []console.Trigger{
		{Name: "call", Meaning: meaning, Callers: []string{"nobody", "user", "page", "service", "impostor"}},
		{Name: "function-url", Meaning: meaning, Callers: []string{"http"}, IsRequest: true},
		{Name: "timer", Meaning: meaning, Callers: []string{"timer", "nobody"}, IsTimer: true},
		{Name: "sqs", Meaning: meaning, Callers: []string{"service"}},
	}
}

func (f fakeCalls) Prepare(ctx context.Context, call console.Call) (*http.Request, console.Reading, error) {
	if call.Function == "nope" || call.Trigger == "nope" {
		return nil, nil, bilingual.Errorf("there is no function %q\nnor such a trigger", "没有云函数 %q\n也没有此触发方式", call.Function)
	}
	body := call.Data
	if call.As == "service" {
		body = strings.TrimSuffix(body, "}") + `,"service_token":"` + fakeToken + `"}`
	}
	address, method := f.url+"/v1/functions/"+url.PathEscape(call.Function), http.MethodPost
	if call.Path != "" {
		address, method = f.url+"/http/"+url.PathEscape(call.Function)+"/"+url.PathEscape(call.Path), call.Method
	}
	request, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	if id, is := strings.CutPrefix(call.As, "user:"); is {
		request.Header.Set("X-Wx-Openid", strings.NewReplacer("\n", "").Replace(id))
	}
	if call.As == "http" {
		request.Header.Set("Authorization", "Bearer "+fakeToken)
	}
	return request, func(status int, _ http.Header, body []byte) ([]byte, error) {
		if status == http.StatusNotFound {
			return nil, errors.New("the platform gave no answer")
		}
		return body, nil
	}, nil
}

func (fakeCalls) Tokens() (string, map[string]string) {
	return "/w/emulator.json", map[string]string{"CLOUDPAY_SERVICE_TOKEN": fakeToken}
}

// text is a text of a page that is to be copied.
func (p page) code(id string) string {
	p.t.Helper()
	found := regexp.MustCompile(`(?s)<pre tabindex="0" id="text-` + id + `"[^>]*>(.*?)</pre>`).FindStringSubmatch(p.text)
	if found == nil {
		p.t.Fatalf("the page has no text %s:\n%s", id, p.text)
	}
	return html.UnescapeString(found[1])
}

// The form begins with a call that is ready to be made, about the newest order by its payer; the
// address has all of it; and nothing is called before that is asked for.
func TestInvokeForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /v1/functions", `{"functions":[{"name":"closeorder","runtime":"go1"},{"name":"queryorder","runtime":"go1"},{"name":"cloudpay","runtime":"web"}]}`)
	w.set("GET /orders", `[{"out_trade_no":"N-8","mchid":"1900000001","state":"NOTPAY","openid":"oOLDER","total":250},`+
		`{"out_trade_no":"N-9","mchid":"1900000001","state":"NOTPAY","openid":"oPAYER","total":250},`+
		`{"out_trade_no":"N-10","mchid":"1900000001","state":"CLOSED","openid":"oENDED","total":250}]`)
	c := w.open(&fakeRegister{orders: []console.Registered{registered("N-9", console.Waiting, "", 250)}})
	got := fetch(t, c.URL+"/invoke", nil)
	got.want(200, `<link rel="canonical" href="/invoke?as=user&amp;data=%7B%22out_trade_no%22%3A%22N-9%22%7D&amp;function=closeorder&amp;id=oPAYER&amp;trigger=call">`,
		`<option value="call" selected>`, `<option value="user" selected>`, `value="oPAYER"`, "the platform names each call&#39;s user", "--runtime lambda",
		`class="chosen">A mini-program&#39;s user closes their order`, "A message of SQS", "A timer sweeps", "A mini-program&#39;s call of the HTTP function",
		"&#34;as&#34;: &#34;user:oPAYER&#34;", "<code>nobody</code> <code>user</code>")
	got.lacks("A message of CKafka", "Cognito user, by", "What came of it", "is not registered", "There is no open order")
	fetch(t, c.URL+"/invoke", map[string]string{"Accept-Language": "zh"}).want(200, "小程序用户关闭自己的订单", "从示例开始", "运行")
	fetch(t, c.URL+"/invoke?function=cloudpay&trigger=sqs&as=service&data=%7B%7D", nil).want(200, "not on this runtime", "it gets HTTP requests")
	fetch(t, c.URL+"/invoke?function=nope&trigger=call", nil).want(200, "<p>there is no function &#34;nope&#34;</p><p>nor such a trigger</p>")
	fetch(t, c.URL+"/invoke?function=closeorder&as=user", nil).want(200, "name the user, such as oABC")
	w.mu.Lock()
	defer w.mu.Unlock()
	if called := slices.ContainsFunc(w.calls, func(call string) bool { return strings.HasPrefix(call, "POST") }); called {
		t.Errorf("a page that was opened called something:\n%s", strings.Join(w.calls, "\n"))
	}
}

// A call is made as the form says; its answer is there with the members first that say what became
// of the order, and with the calls of the cloud that it was, and no others.
func TestInvoke(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /v1/functions/closeorder", `{"outTradeNo":"A1","outcome":"closed","resultCode":"SUCCESS","returnCode":"SUCCESS","deliveries":["id-of-mine"]}`)
	w.set("GET /v1/calls?limit=1", `{"calls":[{"id":6,"request_id":"id-of-mine"}]}`)
	w.set("GET /v1/calls?after=6&limit=100", `{"calls":[{"id":6,"request_id":"id-of-mine"},{"id":7,"request_id":"id-of-mine","out_trade_no":"A1","took_ms":12.5,`+
		`"callers":[{"caller":"user","rule":"notTheirs","remedy":"it is another's"}]},{"id":8,"request_id":"of-a-timer"}]}`)
	c := w.open(nil)
	form := []string{"function", "closeorder", "trigger", "call", "as", "user", "id", "oABC", "data", `{"out_trade_no":"A1"}`}
	got := fetch(t, c.URL+"/invoke", nil, form...)
	got.want(200, "<dt>returnCode</dt><dd>SUCCESS</dd></div><div><dt>resultCode</dt><dd>SUCCESS</dd></div><div><dt>outcome</dt><dd>closed</dd>",
		`<link rel="canonical" href="/invoke?as=user&amp;data=%7B%22out_trade_no%22%3A%22A1%22%7D&amp;function=closeorder&amp;id=oABC&amp;trigger=call">`,
		"HTTP 200", `name="back" value="/invoke?as=user`, `<a href="/callers/7">7</a> <code>id-of-mine</code> · 12.5 ms`, `href="/orders/A1"`,
		`href="/requests?order=A1"`, "<code>notTheirs</code>", "it is another&#39;s")
	got.lacks(`href="/callers/6"`, `href="/callers/8"`)
	if code := got.code("go"); !strings.Contains(code, `"closed"`) {
		t.Errorf("the test does not want the outcome that there was:\n%s", code)
	}
	w.wantCall(`POST /v1/functions/closeorder {"out_trade_no":"A1"}`)
	fetch(t, c.URL+"/invoke", nil, "json", `{"function":"closeorder","trigger":"call","as":"user:oABC","data":{"out_trade_no":"A2"}}`).want(200, "<dt>outcome</dt>")
	w.wantCall(`POST /v1/functions/closeorder {"out_trade_no":"A2"}`)
	fetch(t, c.URL+"/invoke", nil, "json", `{"function":"closeorder","data":"plain text"}`).want(200)
	w.wantCall(`POST /v1/functions/closeorder plain text`)
	fetch(t, c.URL+"/invoke", nil, "json", `{"fonction":"closeorder"}`).want(422, "unknown field", "This call cannot be made.")
	fetch(t, c.URL+"/invoke", map[string]string{"Accept-Language": "zh"}, "function", "nope").want(422, "没有云函数", "无法发出此调用。")
	fetch(t, c.URL+"/invoke", nil, "function", "gone", "trigger", "call").want(200, "the platform gave no answer", "HTTP 404")
	if get := fetch(t, c.URL+"/invoke?"+url.Values{"function": {"gone"}}.Encode(), nil); strings.Contains(get.text, "HTTP 404") {
		t.Error("a GET called a function")
	}
}

// No text and no page has a token: it stands in them as a variable, which a command reads from the
// emulator's file. The code can be parsed.
func TestTokensAreVariables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	const data = "{\"note\":\"it's `$HOME`\"}"
	address := "/invoke?" + url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"service"}, "data": {data}}.Encode()
	got := fetch(t, c.URL+address, nil)
	got.lacks(fakeToken)
	for _, want := range []string{
		`export CLOUDPAY_SERVICE_TOKEN=$(grep -o '"CLOUDPAY_SERVICE_TOKEN": "[^" ]*' '/w/emulator.json' | head -n 1 | cut -d '"' -f 4)` + "\ncurl -X POST '",
		`--data-raw '{"note":"it'\''s ` + "`$HOME`" + `","service_token":"'"$CLOUDPAY_SERVICE_TOKEN"'"}'`,
	} {
		if curl := got.code("curl"); !strings.Contains(curl, want) {
			t.Errorf("got\n%s\nwant\n%s", curl, want)
		}
	}
	text := got.code("go")
	if _, err := parser.ParseFile(token.NewFileSet(), "x_test.go", text, parser.AllErrors); err != nil {
		t.Errorf("%v in\n%s", err, text)
	}
	if !strings.Contains(text, `os.Getenv("CLOUDPAY_SERVICE_TOKEN")`) {
		t.Errorf("the test does not read the token:\n%s", text)
	}
	if cli, want := got.code("cli"), "cloudpay invoke 'closeorder' --emulator '/w' \\\n  --trigger='call' \\\n  --as='service' \\\n  --data="; !strings.HasPrefix(cli, want) {
		t.Errorf("got\n%s\nwant\n%s", cli, want)
	}
	got.lacks(`id="text-wx"`) // a mini-program has no token
	bearer := fetch(t, c.URL+"/invoke?function=closeorder&trigger=function-url&as=http&method=GET&path=x", nil)
	bearer.lacks(fakeToken)
	bearer.want(200, "Authorization: Bearer &#39;&#34;$CLOUDPAY_SERVICE_TOKEN&#34;")
}

// A mini-program's code is there for a user's call with an object, and for no other.
func TestMiniProgramCode(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.open(nil)
	got := fetch(t, c.URL+"/invoke?function=closeorder&trigger=call&as=user&id=oABC&data=%7B%22a%22%3A1%7D", nil).code("wx")
	if want := "wx.cloud.callFunction({\n  name: \"closeorder\",\n  data: {\n    \"a\": 1\n  },\n})"; !strings.HasPrefix(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	// A member __proto__ is sent as one, however it is written. A text that looks like it stays.
	const proto = `{"__proto__":{"__proto\u005f_":1,"b":"\"__proto__\": "},"c":"__proto__"}`
	got = fetch(t, c.URL+"/invoke?function=closeorder&trigger=call&as=user&id=oABC&data="+url.QueryEscape(proto), nil).code("wx")
	if want := "{\n    [\"__proto__\"]: {\n      [\"__proto\\u005f_\"]: 1,\n      \"b\": \"\\\"__proto__\\\": \"\n    },\n    \"c\": \"__proto__\"\n  }"; !strings.Contains(got, want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	for _, other := range []string{"as=user&id=o&data=%5B1%5D", "as=service&data=%7B%7D", "as=nobody", "as=user&id=o&data=text"} {
		fetch(t, c.URL+"/invoke?function=closeorder&trigger=call&"+other, nil).lacks(`id="text-wx"`)
	}
}

// The page begins with a call that succeeds. For an order that is not registered that is the call
// that registers it, since calls of its user are denied; and the page says what is missing.
func TestExamplesBeginWithWhatSucceeds(t *testing.T) {
	t.Parallel()
	const unregistered, noOrder = "The order is not registered", "There is no open order"
	for _, test := range []struct {
		name, orders string
		register     *fakeRegister
		first        string
		says, lacks  string
	}{
		{"an open order", order("N-9", "NOTPAY"), &fakeRegister{}, "The merchant&#39;s server has it closed in 30 minutes", unregistered, noOrder},
		{"a closed order", order("N-9", "CLOSED"), &fakeRegister{}, "The merchant&#39;s server has it closed in 30 minutes", noOrder, unregistered},
		{"no order", "", &fakeRegister{}, "The merchant&#39;s server has it closed in 30 minutes", noOrder, unregistered},
		// What cannot be registered is not asked to be.
		{"no register", order("N-9", "NOTPAY"), nil, "A mini-program&#39;s user closes their order", "A timer sweeps", unregistered},
	} {
		w := newWorld(t)
		w.set("GET /v1/functions", `{"functions":[{"name":"closeorder","runtime":"go1"},{"name":"queryorder","runtime":"go1"}]}`)
		w.set("GET /orders", "["+test.orders+"]")
		got := fetch(t, w.open(test.register).URL+"/invoke", nil)
		got.want(200, `class="chosen">`+test.first, test.says)
		got.lacks(test.lacks)
		_, list, _ := strings.Cut(got.text, `<ul class="plain examples">`)
		if first, _, _ := strings.Cut(list, "</li>"); !strings.Contains(first, test.first) {
			t.Errorf("%s: %q is not the first example", test.name, test.first)
		}
	}
}
