package platform_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// cloud is a Cloud that listens, with one function, hello.
type cloud struct {
	t        *testing.T
	url      string
	function *function
	world    *platform.Cloud
}

// serveCloud serves a Cloud until the test ends.
func serveCloud(t *testing.T, c *platform.Cloud, changes ...func(*platform.Spec)) *cloud {
	t.Helper()
	f := start(t, changes...)
	c.Functions = map[string]*platform.Function{"hello": f.Function, "another": f.Function}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Cleanup(func() {
		if err := errors.Join(f.Close(), c.Close()); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return &cloud{t: t, url: server.URL, function: f, world: c}
}

// addHurried adds a function with a tiny time limit, before any is called.
func (c *cloud) addHurried(changes ...func(*platform.Spec)) {
	c.t.Helper()
	c.world.Functions["hurried"] = start(c.t, append(changes, withLimit(time.Second))...).Function
}

// answer is an HTTP answer with its body.
type answer struct {
	status    int
	header    http.Header
	body      string
	requestID string
}

// send makes a request with these headers.
func (c *cloud) send(method, path, body string, header ...string) answer {
	c.t.Helper()
	request, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(body))
	if err != nil {
		c.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			request.Host = header[i+1] // this is the one that is sent
		}
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	id := response.Header.Get("X-Request-Id")
	if id == "" {
		c.t.Errorf("%s %s: got no X-Request-Id", method, path)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(text), requestID: id}
}

// wantFailure fails the test unless the answer is a refusal in the documented form.
func (c *cloud) wantFailure(got answer, status int, code, words string) {
	c.t.Helper()
	var document map[string]string
	if err := json.Unmarshal([]byte(got.body), &document); err != nil {
		c.t.Fatalf("answer: got %d %q, want a JSON object of strings: %v", got.status, got.body, err)
	}
	if got.status != status || document["code"] != code || !strings.Contains(document["message"], words) {
		c.t.Errorf("answer: got %d %s, want %d, code %s and a message with %q", got.status, got.body, status, code, words)
	}
	if document["requestId"] != got.requestID || len(document) != 3 {
		c.t.Errorf("answer: got %s, want exactly code, message and the requestId of the header, %s", got.body, got.requestID)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		c.t.Errorf("content type: got %q, want application/json", kind)
	}
}

// reported calls hello's report through the cloud.
func (c *cloud) reported(header ...string) report {
	c.t.Helper()
	got := c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"report"}`, header...)
	if got.status != http.StatusOK {
		c.t.Fatalf("answer: got %d %s, want 200", got.status, got.body)
	}
	var r report
	if err := json.Unmarshal([]byte(got.body), &r); err != nil {
		c.t.Fatal(err)
	}
	if r.Context.RequestID != got.requestID {
		c.t.Errorf("request id: got %q in the function and %q in the answer", r.Context.RequestID, got.requestID)
	}
	return r
}

func TestCloudCall(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	got := c.send(http.MethodPost, "/v1/functions/hello", ` {"Text":"<World>"} `)
	if got.status != http.StatusOK || got.body != `"Hello \u003cWorld\u003e"` {
		t.Errorf("answer: got %d %s, want 200 and the result as the function wrote it", got.status, got.body)
	}
	if kind := got.header.Get("Content-Type"); kind != "application/json" {
		t.Errorf("content type: got %q, want application/json", kind)
	}
	if got := c.send(http.MethodPost, "/v1/functions/hello", ""); got.body != `"Hello "` {
		t.Errorf("no event: got %d %s, want it taken for {}", got.status, got.body)
	}
	if got := c.send(http.MethodPost, "/v1/functions/hello?webfn=false", "null"); got.body != `"Hello "` {
		t.Errorf("event null: got %d %s, want it passed on", got.status, got.body)
	}
}

func TestCloudRequestID(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	if got := c.send(http.MethodPost, "/v1/functions/hello", "{}", "X-Request-Id", "mine-1"); got.requestID != "mine-1" {
		t.Errorf("request id: got %q, want the caller's, mine-1", got.requestID)
	}
	c.function.wantLogged("START RequestId:mine-1")
	for _, bad := range []string{"a b", "<x>", strings.Repeat("a", 16), strings.Repeat("0a", 32)} {
		if got := c.send(http.MethodPost, "/v1/functions/hello", "{}", "X-Request-Id", bad); got.requestID == bad {
			t.Errorf("request id: got %q taken over, want a fresh one", bad)
		}
	}
}

func TestCloudRefusals(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	c.addHurried()
	tooLarge := `{"Text":"` + strings.Repeat("x", platform.MaxPayload) + `"}`
	cases := map[string]struct {
		method, path, body string
		status             int
		code, words        string
	}{
		"no such function":  {"POST", "/v1/functions/nope", "{}", 400, "FUNCTION_NOT_FOUND", `"nope"`},
		"no function":       {"POST", "/v1/functions/", "{}", 400, "FUNCTION_NOT_FOUND", `""`},
		"deeper path":       {"POST", "/v1/functions/hello/x", "{}", 400, "FUNCTION_NOT_FOUND", `"hello/x"`},
		"not JSON":          {"POST", "/v1/functions/hello", "{", 400, "FUNCTION_PARAM_INVALID", "not JSON"},
		"two values":        {"POST", "/v1/functions/hello", "{}{}", 400, "FUNCTION_PARAM_INVALID", "not JSON"},
		"event too large":   {"POST", "/v1/functions/hello", tooLarge, 400, "EXCEED_MAX_PAYLOAD_SIZE", "6291456 bytes"},
		"function error":    {"POST", "/v1/functions/hello", `{"Do":"fail","Text":"no"}`, 400, "FUNCTION_INVOCATION_FAILED", "Function code exception caught: no"},
		"panic":             {"POST", "/v1/functions/hello", `{"Do":"panic","Text":"no"}`, 400, "FUNCTION_INVOCATION_FAILED", "Function code exception caught: no"},
		"process exit":      {"POST", "/v1/functions/hello", `{"Do":"exit"}`, 400, "FUNCTION_INVOCATION_FAILED", "exited"},
		"result too large":  {"POST", "/v1/functions/hello", `{"Do":"big","Size":7000000}`, 400, "FUNCTION_INVOCATION_FAILED", "7000002"},
		"time limit":        {"POST", "/v1/functions/hurried", `{"Do":"sleep"}`, 400, "FUNCTION_TIME_LIMIT_EXCEEDED", "after 1 seconds"},
		"call by GET":       {"GET", "/v1/functions/hello", "", 405, "METHOD_NOT_ALLOWED", "POST"},
		"list by POST":      {"POST", "/v1/functions", "{}", 405, "METHOD_NOT_ALLOWED", "GET"},
		"another path":      {"POST", "/admin", "{}", 404, "INVALID_PATH", "/v1/functions/{name}"},
		"another functions": {"POST", "/v1/functionsx", "{}", 404, "INVALID_PATH", "/v1/functions/{name}"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.send(q.method, q.path, q.body)
			c.wantFailure(got, q.status, q.code, q.words)
			if allow := got.header.Get("Allow"); (q.status == http.StatusMethodNotAllowed) != (allow == q.words) {
				t.Errorf("Allow: got %q with status %d", allow, q.status)
			}
		})
	}
}

func TestCloudRefusesForeignPages(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	_, port, err := net.SplitHostPort(strings.TrimPrefix(c.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	const call, list = "POST /v1/functions/hello", "GET /v1/functions"
	cases := map[string]struct {
		call, host string
		header     []string
		want       string // in the refusal; none when empty
	}{
		"no browser":              {call, "127.0.0.1:" + port, nil, ""},
		"another loopback":        {call, "127.8.9.1", nil, ""},
		"IPv6 loopback":           {call, "[::1]:" + port, nil, ""},
		"localhost":               {call, "LocalHost:" + port, nil, ""},
		"own page":                {call, "localhost:80", []string{"Origin", "http://localhost:80", "Sec-Fetch-Site", "same-origin"}, ""},
		"page elsewhere":          {call, "localhost:80", []string{"Origin", "https://evil.example"}, "another origin"},
		"page on another port":    {call, "localhost:80", []string{"Origin", "http://localhost:81"}, "another origin"},
		"page without origin":     {call, "localhost:80", []string{"Origin", "null"}, "another origin"},
		"browser says cross-site": {call, "localhost:80", []string{"Sec-Fetch-Site", "cross-site"}, "another origin"},
		"rebound name":            {call, "evil.example:" + port, []string{"Origin", "http://evil.example:" + port, "Sec-Fetch-Site", "same-origin"}, `"evil.example"`},
		"rebound name, list":      {list, "evil.example:" + port, nil, `"evil.example"`},
		"name that begins well":   {call, "127.0.0.1.evil.example", nil, `"127.0.0.1.evil.example"`},
		"localhost of another":    {call, "localhost.evil.example", nil, `"localhost.evil.example"`},
		"address in the network":  {call, "192.168.1.2", nil, `"192.168.1.2"`},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			method, path, _ := strings.Cut(q.call, " ")
			got := c.send(method, path, "{}", append(q.header, "Host", q.host)...)
			if q.want != "" {
				c.wantFailure(got, http.StatusForbidden, "ORIGIN_NOT_ALLOWED", q.want)
			} else if got.status != http.StatusOK {
				t.Errorf("answer: got %d %s, want 200", got.status, got.body)
			}
		})
	}
}

func TestCloudFunctionThatDoesNotStart(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	if err := c.function.Close(); err != nil {
		t.Fatal(err)
	}
	c.wantFailure(c.send(http.MethodPost, "/v1/functions/hello", "{}"), 500, "SYS_ERR", "is closed")
}

func TestCloudList(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	got := c.send(http.MethodGet, "/v1/functions", "")
	if want := `{"functions":[{"name":"another","runtime":"go1"},{"name":"hello","runtime":"go1"}]}`; got.status != 200 || strings.TrimSpace(got.body) != want {
		t.Errorf("answer: got %d %s, want 200 %s", got.status, got.body, want)
	}
	none := httptest.NewRecorder()
	(&platform.Cloud{}).ServeHTTP(none, httptest.NewRequest(http.MethodGet, "http://localhost/v1/functions", nil))
	if want := `{"functions":[]}`; strings.TrimSpace(none.Body.String()) != want {
		t.Errorf("without functions: got %s, want %s", none.Body, want)
	}
}

func TestCloudUser(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{EnvID: "env-1", AppID: "wxdefault"}, withEnv("GREETING=hi"))
	cases := map[string]struct {
		header []string
		appID  string
	}{
		"openid and appid": {[]string{"X-WX-OPENID", "oABC", "X-WX-APPID", "wx0123456789abcdef"}, "wx0123456789abcdef"},
		"openid alone":     {[]string{"X-WX-OPENID", "oABC"}, "wxdefault"},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := &cloud{t: t, url: c.url}
			got := c.reported(append(q.header, "X-Request-Id", "r-1")...)
			want := map[string]string{
				"GREETING":    "hi",
				"WX_OPENID":   "oABC",
				"WX_APPID":    q.appID,
				"WX_CLIENTIP": "127.0.0.1", "WX_CLIENTIPV6": "",
				"WX_CONTEXT_KEYS":      "WX_APPID,WX_CLIENTIP,WX_CLIENTIPV6,WX_OPENID",
				"TCB_ENV":              "env-1",
				"TCB_SEQID":            "r-1",
				"TCB_SOURCE":           "wx_client",
				"TCB_ISANONYMOUS_USER": "false",
				"TRIGGER_SRC":          "tcb",
				"TCB_CONTEXT_KEYS":     "TCB_ENV,TCB_ISANONYMOUS_USER,TCB_SEQID,TCB_SOURCE,TRIGGER_SRC",
				"SCF_NAMESPACE":        "env-1",
			}
			if diff := cmp.Diff(want, got.Context.Environment); diff != "" {
				t.Errorf("invocation's environment (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCloudCallerWhoIsNoUser(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{AppID: "wxdefault"}, withEnv("GREETING=hi"))
	for name, header := range map[string][]string{
		"nothing said": nil, "appid alone": {"X-WX-APPID", "wx1"}, "empty openid": {"X-WX-OPENID", ""},
	} {
		got := c.reported(header...)
		if diff := cmp.Diff(map[string]string{"GREETING": "hi"}, got.Context.Environment); diff != "" {
			t.Errorf("%s: invocation's environment (-want +got):\n%s", name, diff)
		}
	}
}

func TestCloudUserInfo(t *testing.T) {
	t.Parallel()
	const info = `"userInfo":{"appId":"wx1","openId":"oABC"}`
	cases := map[string]struct{ event, want string }{
		"empty":                {`{}`, `{` + info + `}`},
		"values keep bytes":    {`{"a":1.00,"b":"<&>","c":[ ]}`, `{"a":1.00,"b":"<&>","c":[],` + info + `}`},
		"forged userInfo":      {`{"userInfo":{"openId":"oEVIL"}}`, `{` + info + `}`},
		"forged twice":         {`{"userInfo":1,"userInfo":{"openId":"oEVIL"}}`, `{` + info + `}`},
		"another spelling":     {`{"userinfo":1}`, `{` + info + `,"userinfo":1}`},
		"no object: list":      {`[1, 2]`, `[1, 2]`},
		"no object: string":    {`"x"`, `"x"`},
		"no object: null":      {`null`, `null`},
		"no object, in spaces": {` 7 `, ` 7 `},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := platform.AddUserInfo([]byte(q.event), "wx1", "oABC")
			if !bytes.Equal(got, []byte(q.want)) {
				t.Errorf("event: got %s, want %s", got, q.want)
			}
		})
	}
}

func TestCloudUserInfoArrives(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{})
	got := c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo","out_trade_no":"A1"}`, "X-WX-OPENID", "oABC", "X-WX-APPID", "wx1")
	want := `{"Do":"echo","out_trade_no":"A1","userInfo":{"appId":"wx1","openId":"oABC"}}`
	if got.status != http.StatusOK || got.body != want {
		t.Errorf("event as the function got it: %d %s, want %s", got.status, got.body, want)
	}
	got = c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo","out_trade_no":"A1"}`)
	if want := `{"Do":"echo","out_trade_no":"A1"}`; got.status != http.StatusOK || got.body != want {
		t.Errorf("event of a caller who is no user: %d %s, want %s", got.status, got.body, want)
	}
}
