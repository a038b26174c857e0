package console_test

import (
	"strings"
	"testing"
)

// explanation is an answer of POST /explain: a request with a body that was signed with a space
// more.
const explanation = `{"form":"input","keys":["merchant 1900000001","APIv3 key"],"notes":[{"line":9,"text":"passed over"}],"answers":[
	{"form":"request","from":"http","lines":[1,8],"api":"v3","title":"POST /v3/x","verdict":"fault","said":"its own words",
	"causes":[{"id":"v3-body-spaces","certain":true,"what":"the body was encoded again","remedy":"Send those very bytes","decides":""}],
	"expected":"POST\n{\"a\":1}\n","signed":"POST\n{\"a\": 1}\n","unchecked":["the clock"]},
	{"form":"code","from":"text","lines":[10,10],"title":"SIGN_ERROR","verdict":"unknown",
	"causes":[{"id":"v3-crlf","certain":false,"what":"lines end in CR","remedy":"End them in LF","decides":"Look at the bytes"}],
	"codes":[{"code":"SIGN_ERROR","meaning":"wrong","remedy":"mend it","retry":"retry: in vain"}]},
	{"form":"reply","from":"http","lines":[11,12],"verdict":"fine"}]}`

// A text is sent on as it was pasted, and the answer is shown with the character that differs, the
// cause, the remedy, and what else may be.
func TestExplain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /explain", explanation)
	c := w.open(nil)
	fetch(t, c.URL+"/requests", nil).want(200, `href="/explain"`)
	fetch(t, c.URL+"/explain", nil).want(200, "no key of a real merchant belongs", "cloudpay explain", `<textarea id="search"`)
	got := fetch(t, c.URL+"/explain", map[string]string{"Accept-Language": "en"}, "text", "POST /v3/x\r\n\r\n{}", "keys", "emulator")
	got.want(200, "request APIv3 <code>POST /v3/x</code>", `{&#34;a&#34;:<mark class="gap">▯</mark>1}`, `{&#34;a&#34;:<mark>␣</mark>1}`, "its own words",
		"the body was encoded again", "Send those very bytes", `href="/requests?cause=v3-body-spaces"`, "not checked:", "the clock",
		"If it was refused, it is one of these", "Look at the bytes", "SIGN_ERROR", "retry: in vain", "The signature holds", "merchant 1900000001, APIv3 key",
		"line 9: passed over", ">POST /v3/x\n\n{}</textarea>")
	w.wantCall("POST /explain?lang=en POST /v3/x\n\n{}")
	fetch(t, c.URL+"/explain?lang=zh", nil, "text", "ORDERPAID", "keys", "none").want(200, "处理办法", "签名正确", "错误码", `<option value="none" selected>`)
	w.wantCall("POST /explain?keys=none&lang=zh ORDERPAID")
}

// The bytes of a file are kept, with their line ends; what is too long or is refused says so.
func TestExplainFileAndRefusals(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("POST /explain", explanation)
	c := w.open(nil)
	upload(t, c.URL+"/explain", "exchange.txt", "POST /x\r\n\r\n{\"a\":\r\n1}").want(200, "Send those very bytes")
	w.wantCall("POST /explain?lang=en POST /x\r\n\r\n{\"a\":\r\n1}")
	upload(t, c.URL+"/explain", "long.txt", strings.Repeat("x", 1<<20)).want(422, "longer than 64 KiB")
	w.set("POST /explain", `{"error":"there is nothing to explain"}`)
	fetch(t, c.URL+"/explain", nil, "text", "").want(422, "there is nothing to explain", `role="alert"`)
}

// The causes are chosen by their words; one that is only a part of a reason stays chosen.
func TestCausesAreChosenByWords(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(nil)
	fetch(t, c.URL+"/requests?cause=v3-crlf", nil).want(200, `<select name="cause"`, `<option value="v3-crlf" selected>APIv3: `)
	fetch(t, c.URL+"/requests?cause=merchant+key", nil).want(200, "<option selected>merchant key</option>")
	fetch(t, c.URL+"/requests?lang=zh", nil).lacks("<option selected>", "selected>API")
}
