package explain

import (
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"
)

const (
	rawRequest = "POST /v3/pay/transactions/out-trade-no/A1/close HTTP/1.1\nHost: api.mch.weixin.qq.com\n" +
		"Authorization: WECHATPAY2-SHA256-RSA2048 mchid=\"1\",nonce_str=\"N\"\nContent-Length: 11\n\n{\"mchid\":1}"
	rawReply = "HTTP/1.1 401 Unauthorized\nContent-Type: application/json\n\n{\"code\":\"SIGN_ERROR\",\"message\":\"错误的签名，验签失败\"}\n"
	notified = `{"id":"1","event_type":"TRANSACTION.SUCCESS","resource":{"algorithm":"AEAD_AES_256_GCM","ciphertext":"AA==","nonce":"n"}}`
)

// gist is what a test compares of a part.
func gist(p Part) string {
	text := fmt.Sprintf("%s %s %d-%d", p.Form, p.From, p.First, p.Last)
	switch {
	case p.request != nil:
		text += fmt.Sprintf(" %s %s %s %q", p.request.Method, p.request.URI, p.request.Host, p.request.Body)
	case p.reply != nil:
		text += fmt.Sprintf(" %d %q", p.reply.Status, p.reply.Body)
	case p.document != nil:
		text += fmt.Sprintf(" %q", p.document)
	case p.row != nil:
		text += " " + p.row.Verdict
	}
	if p.code != "" {
		text += " code " + p.code
	}
	if p.bodyMissing {
		text += " without its body"
	}
	return strings.TrimRight(text, " ")
}

func gists(r Reading) []string {
	got := make([]string, 0, len(r.Parts))
	for _, part := range r.Parts {
		got = append(got, gist(part))
	}
	return got
}

// TestRead: each form is recognised by itself, with its lines, and with its body to the byte.
func TestRead(t *testing.T) {
	t.Parallel()
	const closing = "/v3/pay/transactions/out-trade-no/A1/close"
	raw := "request http 1-6 POST " + closing + ` api.mch.weixin.qq.com "{\"mchid\":1}"`
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"a raw request":              {rawRequest, []string{raw}},
		"with an editor's line feed": {rawRequest + "\n", []string{raw}},
		"with carriage returns":      {strings.ReplaceAll(rawRequest, "\n", "\r\n"), []string{raw}},
		"with a byte order mark":     {"\ufeff" + rawRequest, []string{raw}},
		"below other lines": {"INFO sent:\n\n" + rawRequest, []string{
			"request http 3-8 POST " + closing + ` api.mch.weixin.qq.com "{\"mchid\":1}"`,
		}},
		"with a whole URL": {
			"GET https://api.mch.weixin.qq.com/v3/certificates?a=%7C#x HTTP/1.1\nAccept: */*\n\n",
			[]string{`request http 1-2 GET /v3/certificates?a=%7C api.mch.weixin.qq.com ""`},
		},
		"with a whole URL and no version": {
			"POST https://api.mch.weixin.qq.com?a=1\nAccept: */*\n\n{}",
			[]string{`request http 1-4 POST /?a=1 api.mch.weixin.qq.com "{}"`},
		},
		"without the empty line": {
			"POST /v3/x HTTP/2.0\nHost: h\n{\"a\":1}", []string{`request http 1-3 POST /v3/x h "{\"a\":1}"`},
		},
		"a folded and a wrapped header": {
			"POST /v3/x HTTP/1.1\nHost:\n h\nAuthorization: A mchid=\"1\",signature=\"ab\ncd\"\n\n{}",
			[]string{`request http 1-7 POST /v3/x h "{}"`},
		},
		"a reply": {rawReply, []string{`reply http 1-4 401 "{\"code\":\"SIGN_ERROR\",\"message\":\"错误的签名，验签失败\"}\n"`}},
		"a reply in chunks": {
			"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\n\r\n", []string{`reply http 1-8 200 "{\"a\":1}"`},
		},
		"a reply whose chunks were undone": {
			"HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n{\"a\":1}", []string{`reply http 1-4 200 "{\"a\":1}"`},
		},
		"a request and its reply": {
			rawRequest + "\n\n" + rawReply, []string{raw, `reply http 8-11 401 "{\"code\":\"SIGN_ERROR\",\"message\":\"错误的签名，验签失败\"}\n"`},
		},
		"a notification": {
			"POST /notify HTTP/1.1\nWechatpay-Signature: AA==\n\n" + notified, []string{"notification http 1-4 POST /notify  " + fmt.Sprintf("%q", notified)},
		},
		"a notification of APIv2": {
			"POST /notify HTTP/1.1\n\n<xml><return_code>SUCCESS</return_code></xml>",
			[]string{`notification http 1-3 POST /notify  "<xml><return_code>SUCCESS</return_code></xml>"`},
		},
		"a notification alone": {notified + "\n", []string{"notification json 1-1    " + fmt.Sprintf("%q", notified)}},
		"a refusal alone":      {"\n" + `{"code":"SIGN_ERROR","message":"x"}`, []string{`reply json 2-2 0 "{\"code\":\"SIGN_ERROR\",\"message\":\"x\"}"`}},
		"a document":           {"<?xml version=\"1.0\"?>\n<xml>\n<sign>A</sign></xml>\n", []string{`document xml 2-3 "<xml>\n<sign>A</sign></xml>"`}},
		"a document and its reply": {
			"<xml><sign>A</sign></xml>\n<xml><return_code>FAIL</return_code></xml>",
			[]string{`document xml 1-1 "<xml><sign>A</sign></xml>"`, `reply xml 2-2 0 "<xml><return_code>FAIL</return_code></xml>"`},
		},
		"a refund's notification": {
			"<xml><return_code>SUCCESS</return_code><req_info>AA==</req_info></xml>",
			[]string{`notification xml 1-1    "<xml><return_code>SUCCESS</return_code><req_info>AA==</req_info></xml>"`},
		},
		"a page of the history": {
			"[\n{\"method\":\"GET\",\"verdict\":\"ok\"},\n{\"method\":\"GET\",\n\"verdict\":\"refused\",\"code\":\"X\"}]",
			[]string{"exchange json 2-2 ok", "exchange json 3-4 refused"},
		},
		"calls with their requests": {
			`{"calls":[{"id":"1","requests":[{"method":"GET","verdict":"ok"}]}]}`, []string{"exchange json 1-1 ok"},
		},
		"a line of emulate logs": {`{"kind":"request","method":"GET","verdict":"ok"}`, []string{"exchange json 1-1 ok"}},
		"our log": {
			`{"time":"2026-11-30T00:00:00Z","level":"INFO","msg":"closeorder","errCode":"SIGNERROR","returnMsg":"签名错误"}` + "\n" +
				`{"level":"WARN","msg":"x"}` + "\n",
			[]string{"log json 1-1 code SIGNERROR", "log json 2-2"},
		},
		"our log behind a prefix": {
			"START\n2026-11-30 INFO {\"level\":\"INFO\",\"msg\":\"x\",\"errCode\":\"BAD_SIGNATURE\"}\nEND", []string{"log json 2-2 code BAD_SIGNATURE"},
		},
		"a function's answer": {`{"returnCode":"SUCCESS","errCode":"ORDERPAID","outcome":"paid"}`, []string{"log json 1-1 code ORDERPAID"}},
		"cloud hosting's answer": {
			`{"errcode":0,"respdata":{"return_code":"FAIL","return_msg":"签名错误","err_code":"SIGNERROR"}}`, []string{"message json 1-1 code SIGNERROR"},
		},
		"a code":              {" sign_error \n", []string{"code text 1-1 code sign_error"}},
		"a text":              {"\n签名错误\n请检查", []string{"message text 2-3"}},
		"with a code":         {"it failed with ORDERPAID again", []string{"message text 1-1 code ORDERPAID"}},
		"other JSON":          {`{"a":1}`, []string{"message json 1-1"}},
		"JSON cut off":        {"{\"a\":\n\"b", []string{"message text 1-2"}},
		"XML of another kind": {"<html>502</html>", []string{"message text 1-1"}},
		"an SDK's error with the reply in it": {
			"Client error: `POST https://api.mch.weixin.qq.com/v3/x` resulted in a `401 Unauthorized` response:\n" + `{"code":"SIGN_ERROR","message":"x"}` + "\n",
			[]string{`reply json 2-2 0 "{\"code\":\"SIGN_ERROR\",\"message\":\"x\"}"`, "message text 1-2 code SIGNERROR"},
		},
		"an SDK's error with a document in it": {
			"pay: bad sign <xml><return_code>FAIL</return_code></xml>",
			[]string{`reply xml 1-1 0 "<xml><return_code>FAIL</return_code></xml>"`, "message text 1-1"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, gists(Read([]byte(test.text)))); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestNotes: what was passed over is said with its line, and never quoted.
func TestNotes(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		line int
		want string
	}{
		"nothing":           {" \n\t", 0, "there is nothing in it"},
		"before a message":  {"secretsecret\n" + rawRequest, 1, "no part of an HTTP message"},
		"no header":         {"GET /v3/x HTTP/1.1\nHost: h\nsecretsecret\n\n", 3, "no line of a header"},
		"a wrapped header":  {"GET /v3/x HTTP/1.1\nAuthorization: a=\"b\nsecretsecret\"\n\n", 3, "rest of the line before"},
		"a body cut off":    {strings.Replace(rawRequest, "11", "12", 1), 6, "Content-Length says 12 bytes, and 11 are here"},
		"too long a body":   {rawRequest + "secretsecret", 6, "what follows them was passed over"},
		"compressed":        {"HTTP/1.1 200 OK\nContent-Encoding: gzip\n\nsecretsecret", 4, "the body is compressed"},
		"GBK":               {"\xc7\xa9\xc3\xfb", 0, "not UTF-8"},
		"a line of no JSON": {"{\"level\":\"INFO\",\"msg\":\"m\"}\nsecretsecret", 2, "it is no JSON"},
		"no JSON at all":    {"{\n\"a\":\nsecretsecret", 3, "begins as JSON and is none from here on"},
		"other JSON":        {"\n{\"secret\":\"secretsecret\"}", 2, "JSON of no form that is known"},
		"broken XML":        {"<xml>\n<a>1</b>secretsecret</xml>", 2, "no XML that can be read from here on"},
		"XML cut off":       {"<xml>\n<a>1</a>", 2, "no XML that can be read from here on"},
		"no document":       {"\n<html>secretsecret", 2, "has no element <xml>"},
		"between documents": {"<xml></xml>\nsecretsecret", 1, "between the documents"},
		"a wrong row":       {`[{"method":1,"verdict":"secretsecret"}]`, 1, "a field is of another type"},
		"a file of curl's":  {"curl -d @secretsecret https://h/v3/x", 1, "is not opened"},
		"a variable":        {"curl -H \"Authorization: $SECRET\" https://h/v3/x", 1, "$VARIABLE"},
		"an open quote":     {"curl -d '{secretsecret https://h/v3/x", 1, "is not closed"},
		"a form":            {"curl -F secretsecret=1 https://h/v3/x", 1, "the option -F is not read"},
		"an option's end":   {"curl https://h/v3/x -d", 1, "ends behind an option"},
		"no URL":            {"curl -d x", 1, "names no URL"},
		"not curl's":        {"> GET /v3/x HTTP/1.1\n> \nsecretsecret\n", 3, "no line of curl -v"},
		"no start line":     {"> GET /v3/x HTTP/1.1\n> \n< Server: secretsecret\n<\n", 3, "no start line"},
		"a proxy":           {"> CONNECT h:443 HTTP/1.1\n> \n< HTTP/1.1 200 Connection established\n< \n> GET /v3/x HTTP/1.1\n>\n", 1, "request to a proxy"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			notes := Read([]byte(test.text)).Notes
			is := func(n Note) bool {
				return n.Line == test.line && strings.Contains(n.Text.EN, test.want) && n.Text.ZH != ""
			}
			if !slices.ContainsFunc(notes, is) {
				t.Errorf("got %+v, want one of line %d with %q", notes, test.line, test.want)
			}
			for _, note := range notes {
				if text := note.Text.String(); strings.Contains(strings.ToLower(text), "secretsecret") {
					t.Errorf("a note quotes the text: %s", text)
				}
			}
		})
	}
}

// TestReadsUTF16 reads what PowerShell's > writes.
func TestReadsUTF16(t *testing.T) {
	t.Parallel()
	for _, order := range []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian} {
		text := order.AppendUint16(nil, 0xfeff)
		for _, unit := range utf16.Encode([]rune("签名错误 \U0001F600")) {
			text = order.AppendUint16(text, unit)
		}
		r := Read(append(text, 0))
		if len(r.Parts) != 1 || r.Parts[0].text != "签名错误 \U0001F600" || len(r.Notes) != 0 {
			t.Errorf("%s: got %+v", order, r)
		}
	}
}

// TestReadsCurl reads what curl 7.88 printed, once to a terminal and once through a pipe, in which
// the body stands behind everything.
func TestReadsCurl(t *testing.T) {
	t.Parallel()
	const number = "/v3/pay/transactions/out-trade-no/A1"
	for name, want := range map[string][]string{
		"curl-terminal.txt": {
			"request curl 3-8 GET " + number + `?mchid=1900000001 127.0.0.1:43017 ""`,
			`reply curl 10-22 200 "{\"appid\":\"wx0123456789abcdef\",\"mchid\":\"1900000001\",\"out_trade_no\":\"A1\",\"trade_state\":\"NOTPAY\",\"trade_state_desc\":\"订单未支付\"}"`,
		},
		"curl-piped.txt": {
			"request curl 6-13 POST " + number + `/close 127.0.0.1:43017 "" without its body`,
			"reply curl 16-25 401 " + fmt.Sprintf("%q", refused),
		},
	} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		r := Read(text)
		if diff := cmp.Diff(want, gists(r)); diff != "" || len(r.Notes) > 0 {
			t.Errorf("%s: notes %+v, parts (-want +got):\n%s", name, r.Notes, diff)
		}
	}
}

const refused = `{"code":"SIGN_ERROR","message":"错误的签名，验签失败","detail":{"detail":{"issue":"sign not match"},"field":"signature",` +
	`"location":"authorization","sign_information":{"method":"POST","url":"/v3/pay/transactions/out-trade-no/A1/close","sign_message_length":115,` +
	`"truncated_sign_message":"POST\n/v3/pay/transactions/out-trade-no/A1/close\n1796010539\n593BEC0C930BF1AFEB40B4A08C8FB242\n{\"mchid\":\"1900000001\"}\n"}}}`

// TestReadsTraces are curl's other habits: words glued to a body without a line feed, HTTP/2, a
// continuation, a proxy, and the command line before the output.
func TestReadsTraces(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		text string
		want []string
	}{
		"a body without a line feed": {
			"< HTTP/1.1 401 Unauthorized\r\n< \r\n{\"a\":1}* Connection #0 to host api.mch.weixin.qq.com left intact\n", []string{`reply curl 1-3 401 "{\"a\":1}"`},
		},
		"HTTP/2": {
			"* [HTTP/2] [1] [:path: /v3/x]\n> GET /v3/x HTTP/2\n> Host: h\n> \n* old\n< HTTP/2 404 \n< server: nginx\n< \n* Connection #0 to host h left intact\n",
			[]string{`request curl 2-3 GET /v3/x h ""`, `reply curl 6-7 404 ""`},
		},
		"a continuation": {
			"> POST /v3/x HTTP/1.1\n> Content-Length: 2\n> Expect: 100-continue\n>\n< HTTP/1.1 100 Continue\n<\n} [2 bytes data]\n* done\n< HTTP/1.1 204 No Content\n<\n",
			[]string{`request curl 1-3 POST /v3/x  "" without its body`, `reply curl 9-9 204 ""`},
		},
		"a proxy": {
			"> CONNECT h:443 HTTP/1.1\n> Host: h:443\n> \n< HTTP/1.1 200 Connection established\n< \n> GET /v3/x HTTP/1.1\n>\n< HTTP/1.1 204 No Content\n<\n",
			[]string{`request curl 6-6 GET /v3/x  ""`, `reply curl 8-8 204 ""`},
		},
		"with the command line": {
			"$ curl -v -X POST \\\n  -d '{\"a\": 1}' \\\n  https://h/v3/x\n* Trying\n> POST /v3/x HTTP/1.1\n> Host: h\n> Content-Length: 8\n> \n} [8 bytes data]\n< HTTP/1.1 204 No Content\n< \n",
			[]string{`request curl 5-7 POST /v3/x h "{\"a\": 1}"`, `reply curl 10-10 204 ""`},
		},
		"with another command line": {
			"curl -d x https://h/v3/y\n> POST /v3/x HTTP/1.1\n> Content-Length: 1\n>\n", []string{`request curl 2-3 POST /v3/x  "" without its body`},
		},
		"two exchanges": {
			"> GET /v3/x HTTP/1.1\n>\n< HTTP/1.1 200 OK\n<\n{\"a\":1}\n> GET /v3/y HTTP/1.1\n>\n< HTTP/1.1 200 OK\n<\n{\"b\":1}\n",
			[]string{
				`request curl 1-1 GET /v3/x  ""`, `reply curl 3-5 200 "{\"a\":1}"`, `request curl 6-6 GET /v3/y  ""`, `reply curl 8-10 200 "{\"b\":1}"`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(test.want, gists(Read([]byte(test.text)))); diff != "" {
				t.Errorf("parts (-want +got):\n%s", diff)
			}
		})
	}
}

// TestReadsCommands are command lines of curl's as people paste them.
func TestReadsCommands(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`curl https://h/v3/x?a=1`:                                                            `request command 1-1 GET /v3/x?a=1 h ""`,
		`$ curl -sSvX POST 'https://h/v3/x' -d '{"a":1}'`:                                    `request command 1-1 POST /v3/x h "{\"a\":1}"`,
		`user@host:~$ curl -XPUT h/v3/x --data-raw "a\"b"`:                                   `request command 1-1 PUT /v3/x h "a\"b"`,
		"curl --location 'https://h/v3/x' \\\n--header 'A: b' \\\n--data '{\n  \"a\": 1\n}'": "request command 1-5 POST /v3/x h " + `"{\n  \"a\": 1\n}"`,
		`curl --json '{}' https://h/v3/x 2>&1 | jq .`:                                        `request command 1-1 POST /v3/x h "{}"`,
		`curl -d a=1 -d b=2 https://h/v3/x -o out.json`:                                      `request command 1-1 POST /v3/x h "a=1&b=2"`,
		`curl -G -d a=1 'https://h/v3/x?b=2' --max-time 5`:                                   `request command 1-1 GET /v3/x?b=2&a=1 h ""`,
		`curl -I --url=https://h/v3/x`:                                                       `request command 1-1 HEAD /v3/x h ""`,
		`curl https://h/v3/x --data-binary $'{"a":"\u7b7e\x41\n\'"}'`:                        `request command 1-1 POST /v3/x h "{\"a\":\"签A\n'\"}"`,
		`curl.exe -d {} https://h/v3/x; echo done`:                                           `request command 1-1 POST /v3/x h "{}"`,
		`curl -d @body.json https://h/v3/x`:                                                  `request command 1-1 POST /v3/x h "" without its body`,
		`curl -d '<xml><sign>A</sign></xml>' https://h/pay/closeorder`:                       `request command 1-1 POST /pay/closeorder h "<xml><sign>A</sign></xml>"`,
	} {
		if diff := cmp.Diff([]string{want}, gists(Read([]byte(text)))); diff != "" {
			t.Errorf("%s: parts (-want +got):\n%s", text, diff)
		}
	}
	r := Read([]byte(`curl -u me:secretsecret -A shop/1 -H 'Authorization: W mchid="1"' -H 'Accept;' https://h/v3/x -d x`))
	header := r.Parts[0].request.Header
	for name, want := range map[string]string{
		"User-Agent": "shop/1", "Accept": "*/*", "Content-Type": "application/x-www-form-urlencoded",
	} {
		if got := header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := fmt.Sprint(header); strings.Contains(got, "secretsecret") {
		t.Errorf("the header has the password: %s", got)
	}
}

// TestReadIsBounded: what is too much is cut, and said once.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	rows := strings.Repeat("{\"method\":\"GET\",\"verdict\":\"ok\"}\n", 3*maxParts)
	r := Read([]byte(rows))
	if len(r.Parts) != maxParts || len(r.Notes) != 1 || r.Notes[0].Line != maxParts+1 {
		t.Errorf("got %d parts and the notes %+v", len(r.Parts), r.Notes)
	}
	r = Read([]byte(strings.Repeat("x", MaxInput+1)))
	if len(r.Parts[0].text) != MaxInput || len(r.Notes) != 1 {
		t.Errorf("got %d bytes and the notes %+v", len(r.Parts[0].text), r.Notes)
	}
}
