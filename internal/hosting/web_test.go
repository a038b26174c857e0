package hosting_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/telemetry"
)

// webFunction is a served web function, in this process or in one of its own.
type webFunction struct {
	t       *testing.T
	address string
	client  *http.Client
}

func newWebFunction(t *testing.T, address string) *webFunction {
	t.Helper()
	transport := &http.Transport{DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &webFunction{t: t, address: address, client: &http.Client{Transport: transport, Timeout: time.Minute}}
}

// serveWeb serves h over real TCP until the test ends.
func serveWeb(t *testing.T, h hosting.HTTPHandler, times hosting.WebTimes) *webFunction {
	t.Helper()
	return serveFunction(t, hosting.Function{HandleHTTP: h}, times)
}

// serveFunction serves fn over real TCP until the test ends.
func serveFunction(t *testing.T, fn hosting.Function, times hosting.WebTimes) *webFunction {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error, 1)
	go func() { served <- hosting.ServeWeb(ctx, l, fn, times) }()
	t.Cleanup(func() {
		stop()
		if err := <-served; err != nil {
			t.Errorf("serve after it was told to stop: got %v, want nil", err)
		}
	})
	return newWebFunction(t, l.Addr().String())
}

// webResponse is what a caller got.
type webResponse struct {
	*http.Response

	content string
}

// send calls the function; header is names and values in turn.
func (f *webFunction) send(method, target, body string, header ...string) webResponse {
	f.t.Helper()
	request, err := http.NewRequestWithContext(f.t.Context(), method, "http://"+f.address+target, strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := f.client.Do(request)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, target, err)
	}
	defer func() { _ = response.Body.Close() }()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatalf("%s %s: %v", method, target, err)
	}
	return webResponse{response, string(content)}
}

// speak sends what net/http's client would not, and returns everything that comes back until the
// function hangs up.
func (f *webFunction) speak(text string) string {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // only ends a hang
	if _, err := io.WriteString(conn, text); err != nil {
		f.t.Fatal(err)
	}
	got, err := io.ReadAll(conn)
	if err != nil && !errors.Is(err, syscall.ECONNRESET) {
		f.t.Fatalf("waiting for the function to hang up: %v (got %q)", err, got)
	}
	return string(got)
}

// wantRefusal fails the test unless this is our own refusal, to the letter what package order would
// have said. (Tests may import it; the package itself may not.)
func (f *webFunction) wantRefusal(got webResponse, status int, words string) {
	f.t.Helper()
	var reason struct{ ReturnMsg string }
	if err := json.Unmarshal([]byte(got.content), &reason); err != nil {
		f.t.Fatalf("body: got %q, want a JSON object", got.content)
	}
	if got.StatusCode != status || !strings.Contains(reason.ReturnMsg, words) {
		f.t.Errorf("got status %d and %q, want %d and %q", got.StatusCode, got.content, status, words)
	}
	want := order.Refusal(errcode.ParamError, bilingual.Same(reason.ReturnMsg))
	switch status {
	case http.StatusTooManyRequests:
		want.ErrCode, want.Retryable, want.RetryAfter = errcode.FrequencyLimited, true, 1
	case http.StatusInternalServerError:
		want = order.Breakdown(bilingual.Same(reason.ReturnMsg))
	}
	object, err := json.Marshal(want)
	if err != nil {
		f.t.Fatal(err)
	}
	if diff := cmp.Diff(string(object), got.content); diff != "" {
		f.t.Errorf("body (-want +got):\n%s", diff)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/json", "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got := got.Header.Get(name); got != want {
			f.t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
}

// ok answers every request like this.
var ok = hosting.Response{Status: http.StatusOK, Body: []byte("{}")}

// always200 answers every request with ok.
func always200(context.Context, hosting.Invocation, hosting.Request) (hosting.Response, error) {
	return ok, nil
}

// received is what a handler was called with.
type received struct {
	invocation hosting.Invocation
	request    hosting.Request
}

// keeping answers every request, and hands out what it was called with.
func keeping(kept chan<- received) hosting.HTTPHandler {
	return func(_ context.Context, inv hosting.Invocation, r hosting.Request) (hosting.Response, error) {
		kept <- received{inv, r}
		return ok, nil
	}
}

func TestWebRequest(t *testing.T) {
	t.Parallel()
	type (
		header = map[string]string
		query  = map[string][]string
	)
	kept := make(chan received, 1)
	f := serveWeb(t, keeping(kept), hosting.WebTimes{})
	cases := map[string]struct {
		method, target, body string
		header               []string
		want                 hosting.Request
	}{
		"a query": {
			method: "GET", target: "/queryorder/A1?x=1&y=&z&w=1&w=2",
			want: hosting.Request{
				Method: "GET", Path: "/queryorder/A1", Header: header{},
				Query: query{"x": {"1"}, "y": {""}, "z": {""}, "w": {"1", "2"}},
			},
		},
		"a close": {
			method: "POST", target: "/closeorder", body: `{"out_trade_no":"A1"}`,
			header: []string{"Content-Type", "application/json", "Authorization", "Bearer t"},
			want: hosting.Request{
				Method: "POST", Path: "/closeorder", Query: query{}, Body: []byte(`{"out_trade_no":"A1"}`),
				Header: header{"content-type": "application/json", "authorization": "Bearer t", "content-length": "21"},
			},
		},
		"a header twice": {
			method: "GET", target: "/", header: []string{"X-WX-OPENID", "oMine", "x-wx-openid", "oYours"},
			want: hosting.Request{
				Method: "GET", Path: "/", Query: query{}, Header: header{"x-wx-openid": "oMine,oYours"},
			},
		},
		"escapes": {
			method: "DELETE", target: "/a%2Fb%20c/%E5%85%B3?%E5%8D%95=%2B",
			want: hosting.Request{Method: "DELETE", Path: "/a/b c/关", Query: query{"单": {"+"}}, Header: header{}},
		},
		"bytes": {
			method: "POST", target: "/", body: "\x00\xff<&>",
			want: hosting.Request{
				Method: "POST", Path: "/", Query: query{}, Header: header{"content-length": "5"}, Body: []byte("\x00\xff<&>"),
			},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f.send(c.method, c.target, c.body, append(c.header, "User-Agent", "", "X-Request-Id", "r-1")...)
			got := <-kept
			c.want.ID = "r-1"
			c.want.Header["host"], c.want.Header["x-request-id"] = f.address, "r-1"
			if diff := cmp.Diff(c.want, got.request); diff != "" {
				t.Errorf("request (-want +got):\n%s", diff)
			}
			want := hosting.Invocation{RequestID: "r-1", Function: "closeorder", Platform: hosting.Web}
			if diff := cmp.Diff(want, got.invocation); diff != "" {
				t.Errorf("invocation (-want +got):\n%s", diff)
			}
		})
	}
}

// What net/http's client does not send, a caller may.
func TestWebUnusualRequests(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, func(_ context.Context, _ hosting.Invocation, r hosting.Request) (hosting.Response, error) {
		return hosting.Response{Status: 200, Body: []byte(r.Method + " " + r.Path)}, nil
	}, hosting.WebTimes{})
	const end = " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	for name, c := range map[string]struct{ text, want string }{
		"the whole address": {"GET http://elsewhere/a/b" + end + "\r\n", "GET /a/b"},
		"CONNECT":           {"CONNECT elsewhere:443" + end + "\r\n", "CONNECT /"},
		"OPTIONS *":         {"OPTIONS *" + end + "\r\n", "200 OK"},
		"a method unknown":  {"FROB /" + end + "\r\n", "FROB /"},
		"HTTP/1.0":          {"GET /old HTTP/1.0\r\n\r\n", "GET /old"},
		"chunks":            {"POST /" + end + "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n", "POST /"},
		"a broken chunk":    {"POST /" + end + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", "the body did not arrive"},
		"a broken query":    {"GET /?a=%zz" + end + "\r\n", "the query string cannot be read"},
		"a semicolon":       {"GET /?a=1;service_token=x" + end + "\r\n", "the query string cannot be read"},
		"a broken path":     {"GET /%zz" + end + "\r\n", "400 Bad Request"},
		"no host":           {"GET / HTTP/1.1\r\n\r\n", "400 Bad Request"},
		"two lengths":       {"POST /" + end + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400 Bad Request"},
		"an expectation":    {"POST /" + end + "Expect: cake\r\nContent-Length: 2\r\n\r\nab", "417 Expectation Failed"},
		"HTTP/2":            {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "PRI /*"}, // but not spoken
		"no HTTP":           {"\x16\x03\x01\x02\x00\r\n\r\n", "400 Bad Request"},
		"long headers":      {"GET /" + end + "X: " + strings.Repeat("x", 64<<10) + "\r\n\r\n", "431 Request Header Fields Too Large"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &webFunction{t: t, address: f.address}
			if got := f.speak(c.text); !strings.Contains(got, c.want) {
				t.Errorf("got %q, want %q in it", got, c.want)
			}
		})
	}
}

func TestWebResponse(t *testing.T) {
	t.Parallel()
	type header = map[string]string
	cases := map[string]struct {
		response hosting.Response
		status   int // 0: it cannot be sent, so 500
		body     string
		header   header // "": it is absent
	}{
		"text": {
			hosting.Response{
				Status: 404, Header: header{"Content-Type": "application/json; charset=utf-8"}, Body: []byte(`{"returnCode":"FAIL"}`),
			},
			404, `{"returnCode":"FAIL"}`, header{"Content-Type": "application/json; charset=utf-8", "Content-Length": "21"},
		},
		"bytes": {
			hosting.Response{Status: 200, Body: []byte("\x00\xff<")}, 200, "\x00\xff<",
			header{"Content-Type": "application/json", "Content-Length": "3"},
		},
		"many headers": {
			hosting.Response{Status: 200, Header: header{"vary": "Origin, Accept", "X-A": "a", "x-request-id": "theirs"}}, 200, "",
			header{"Vary": "Origin, Accept", "X-A": "a", "X-Request-Id": "theirs", "Content-Length": "0"},
		},
		"framing is ours": {
			hosting.Response{
				Status: 200, Body: []byte("ab"),
				Header: header{"content-length": "99", "Transfer-Encoding": "chunked", "trailer": "X", "Upgrade": "h2c"},
			},
			200, "ab", header{"Content-Length": "2", "Transfer-Encoding": "", "Trailer": "", "Upgrade": ""},
		},
		"no content": {
			hosting.Response{Status: 204, Header: header{"Allow": "GET"}, Body: []byte("ignored")}, 204, "",
			header{"Allow": "GET", "Content-Length": ""},
		},
		"not modified":  {hosting.Response{Status: 304, Body: []byte("ignored")}, 304, "", nil},
		"split headers": {hosting.Response{Status: 200, Header: header{"X-A": "a\r\nX-B: b"}}, 200, "", header{"X-B": ""}},
		"nothing":       {hosting.Response{}, 0, "", nil},
		"status 100":    {hosting.Response{Status: 100}, 0, "", nil},
		"status 600":    {hosting.Response{Status: 600}, 0, "", nil},
		"7 MB":          {hosting.Response{Status: 200, Body: bytes.Repeat([]byte("x"), 7<<20)}, 0, "", nil},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := serveWeb(t, func(context.Context, hosting.Invocation, hosting.Request) (hosting.Response, error) {
				return c.response, nil
			}, hosting.WebTimes{})
			got := f.send("GET", "/", "", "X-Request-Id", "r-1")
			if c.status == 0 {
				f.wantRefusal(got, 500, "the function failed")
				return
			}
			if got.StatusCode != c.status || got.content != c.body {
				t.Errorf("got %d %q, want %d %q", got.StatusCode, got.content, c.status, c.body)
			}
			for name, want := range c.header {
				if got := strings.Join(got.Header.Values(name), " and "); got != want {
					t.Errorf("header %s: got %q, want %q", name, got, want)
				}
			}
			if id := got.Header.Get("X-Request-Id"); id != "r-1" && c.header["X-Request-Id"] == "" {
				t.Errorf("X-Request-Id: got %q, want r-1", id)
			}
		})
	}
}

func TestWebHead(t *testing.T) {
	t.Parallel()
	kept := make(chan received, 1)
	f := serveWeb(t, keeping(kept), hosting.WebTimes{})
	got := f.send("HEAD", "/", "")
	if got.StatusCode != http.StatusOK || got.content != "" || got.ContentLength != 2 {
		t.Errorf("got %d %q of length %d, want 200, nothing, and the length of what GET has", got.StatusCode, got.content, got.ContentLength)
	}
	if got := (<-kept).request.Method; got != "HEAD" {
		t.Errorf("method: got %s, want HEAD", got)
	}
}

func TestWebBodyLimit(t *testing.T) {
	t.Parallel()
	kept := make(chan received, 1)
	f := serveWeb(t, keeping(kept), hosting.WebTimes{})
	if hosting.MaxWebBody < 64<<10 || hosting.MaxWebBody > 72<<10 {
		t.Fatalf("limit: got %d bytes, want little more than the 64 KiB that the functions take", hosting.MaxWebBody)
	}
	most := strings.Repeat("x", hosting.MaxWebBody)
	if got := f.send("POST", "/", most); got.StatusCode != http.StatusOK {
		t.Errorf("the longest: got status %d, want 200", got.StatusCode)
	}
	if got := (<-kept).request.Body; string(got) != most {
		t.Errorf("the longest: got %d bytes, want them all", len(got))
	}

	f.wantRefusal(f.send("POST", "/", most+"x"), 413, "at most 65 KiB")
	f.wantRefusal(f.send("POST", "/", strings.Repeat("x", 7<<20)), 413, "at most 65 KiB")

	// No length announced: chunks.
	response, err := f.client.Post("http://"+f.address+"/", "", io.MultiReader(strings.NewReader(most), strings.NewReader("x")))
	if err != nil {
		t.Fatal(err)
	}
	_ = response.Body.Close()
	if response.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("a byte more in chunks: got status %d, want 413", response.StatusCode)
	}
	if got := f.send("GET", "/", ""); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: got status %d, want 200", got.StatusCode)
	}
}

func TestWebContinue(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, func(_ context.Context, _ hosting.Invocation, r hosting.Request) (hosting.Response, error) {
		return hosting.Response{Status: 200, Body: r.Body}, nil
	}, hosting.WebTimes{})

	// A body that is announced as too long is not asked for.
	got := f.speak("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 7340032\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 413 ") {
		t.Errorf("7 MB announced: got %q, want 413 at once", got)
	}
	// Every other body is, before it is sent.
	if got := f.dawdle()(); !strings.HasSuffix(got, "\r\n\r\n{}") {
		t.Errorf("got %q, want the body back", got)
	}
}

func TestWebRequestID(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		scf, other, want string // "": one is made
	}{
		"SCF's":             {"3b21a413-6e6a-11ee-b2ba-52540008c7f7", "r-1", "3b21a413-6e6a-11ee-b2ba-52540008c7f7"},
		"the gateway's":     {"", "a_b.C-9", "a_b.C-9"},
		"SCF's is odd":      {"a b", "r-1", "r-1"},
		"none":              {"", "", ""},
		"odd":               {"", "a\"b", ""},
		"a line break":      {"", "a\nb", ""},
		"not ASCII":         {"", "关单", ""},
		"the longest":       {"", strings.Repeat("x", 128), strings.Repeat("x", 128)},
		"too long":          {"", strings.Repeat("x", 129), ""},
		"brackets and such": {"", "a[b", ""},
		"at signs":          {"", "a@b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			header := http.Header{}
			header.Set("X-Scf-Request-Id", c.scf)
			header.Set("X-Request-Id", c.other)
			got := hosting.WebRequestID(header, hosting.Function{}, hosting.Proved, false)
			if c.want == "" && !regexp.MustCompile(`^[A-Z2-7]{26}$`).MatchString(got) || c.want != "" && got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if c.want == "" && hosting.WebRequestID(header, hosting.Function{}, hosting.Proved, false) == got {
				t.Error("made the same id twice")
			}
		})
	}
}

func TestWebTimeLimit(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]time.Duration{
		"":                     10 * time.Second,
		"300000":               5 * time.Minute,
		"1000":                 time.Second,
		"900000":               15 * time.Minute,
		"900001":               10 * time.Second,
		"999":                  10 * time.Second,
		"10":                   10 * time.Second, // seconds, perhaps
		"0":                    10 * time.Second,
		"-3000":                10 * time.Second,
		"3s":                   10 * time.Second,
		"99999999999999999999": 10 * time.Second,
	} {
		if got := hosting.WebTimeLimit(http.Header{"X-Scf-Timeout": {given}}); got != want {
			t.Errorf("X-Scf-Timeout %q: got %v, want %v", given, got, want)
		}
	}
}

func TestWebDeadline(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, reportWeb, hosting.WebTimes{OnSCF: true})
	for given, want := range map[string]time.Duration{"": 10 * time.Second, "60000": time.Minute} {
		before := time.Now()
		got, err := strconv.ParseInt(f.send("GET", "/deadline", "", "X-Scf-Timeout", given).content, 10, 64)
		if from, to := before.Add(want).UnixMilli(), time.Now().Add(want).UnixMilli(); err != nil || got < from || got > to {
			t.Errorf("X-Scf-Timeout %q: got deadline %d and error %v, want between %d and %d", given, got, err, from, to)
		}
	}
	// Where no gateway of SCF's stands before it, the header is its sender's.
	container := serveWeb(t, reportWeb, hosting.WebTimes{})
	got, err := strconv.ParseInt(container.send("GET", "/deadline", "", "X-Scf-Timeout", "900000").content, 10, 64)
	if most := time.Now().Add(10 * time.Second).UnixMilli(); err != nil || got > most {
		t.Errorf("X-Scf-Timeout in a container: got deadline %d and error %v, want %d at most", got, err, most)
	}
}

// TestWebFailureIsLogged is not parallel: it borrows slog's default logger, which the whole process
// shares.
func TestWebFailureIsLogged(t *testing.T) {
	var log bytes.Buffer
	before := slog.Default()
	slog.SetDefault(telemetry.New(&log, slog.LevelWarn))
	defer slog.SetDefault(before)

	f := serveWeb(t, reportWeb, hosting.WebTimes{})
	f.wantRefusal(f.send("GET", "/fail", "", "X-Request-Id", "r-7"), 500, "the function failed")
	var line struct {
		Level, Error, ErrorType string
		RequestID               string `json:"requestId"`
	}
	if err := json.Unmarshal(log.Bytes(), &line); err != nil {
		t.Fatalf("log %q: %v, want one line of JSON", log.String(), err)
	}
	if line.Level != "ERROR" || line.Error != "refused" || line.ErrorType != "refusedError" || line.RequestID != "r-7" {
		t.Errorf("log line: got %+v, want the handler's error and the request's id", line)
	}
}

func TestWebPanicIsAnAnswer(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, reportWeb, hosting.WebTimes{})
	got := f.send("GET", "/panic", "")
	f.wantRefusal(got, 500, "the function failed")
	if strings.Contains(got.content, "boom") {
		t.Errorf("the panic's text reached the caller: %q", got.content)
	}
	if got := f.send("GET", "/who", "", "X-Request-Id", "r-1"); got.content != "web closeorder r-1 r-1 true" {
		t.Errorf("afterwards: got %q, want an answer", got.content)
	}
}

// A request whose headers never end is cut off.
func TestWebSlowHeaders(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, reportWeb, hosting.WebTimes{Header: 50 * time.Millisecond, Body: time.Hour})
	if got := f.speak("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "); got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestWebSlowBody(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, reportWeb, hosting.WebTimes{Body: 50 * time.Millisecond})
	if got := f.speak("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nslow"); got != "" && !strings.Contains(got, "did not arrive") {
		t.Errorf("got %q, want nothing, or that the body did not arrive", got)
	}
}

// A caller that hangs up does not stop a close that has begun; net/http ends the request's context
// for it.
func TestWebCallerHangsUp(t *testing.T) {
	t.Parallel()
	ctx, hangUp := context.WithCancel(t.Context())
	request := httptest.NewRequestWithContext(ctx, http.MethodPost, "/closeorder", http.NoBody)
	hosting.AnswerWeb(httptest.NewRecorder(), request, func(ctx context.Context, _ hosting.Invocation, _ hosting.Request) (hosting.Response, error) {
		hangUp()
		if _, limited := ctx.Deadline(); ctx.Err() != nil || !limited {
			t.Errorf("the handler's context: got %v and deadline %v, want it open, with a deadline", ctx.Err(), limited)
		}
		return ok, nil
	})
}

func TestWebRequestsAtOnce(t *testing.T) {
	t.Parallel()
	arrived, release := make(chan struct{}, hosting.MaxInFlight), make(chan struct{})
	f := serveWeb(t, func(context.Context, hosting.Invocation, hosting.Request) (hosting.Response, error) {
		arrived <- struct{}{}
		<-release
		return ok, nil
	}, hosting.WebTimes{})
	statuses := make(chan int, hosting.MaxInFlight)
	for range hosting.MaxInFlight {
		go func() {
			response, err := f.client.Get("http://" + f.address + "/")
			if err != nil {
				statuses <- 0
				return
			}
			_ = response.Body.Close()
			statuses <- response.StatusCode
		}()
	}
	for range hosting.MaxInFlight {
		<-arrived
	}
	refused := f.send("GET", "/", "")
	f.wantRefusal(refused, 429, "too many")
	if refused.Header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After: got %q, want 1", refused.Header.Get("Retry-After"))
	}
	close(release)
	for range hosting.MaxInFlight {
		if got := <-statuses; got != 200 {
			t.Errorf("status: got %d, want 200", got)
		}
	}
	if got := f.send("GET", "/", ""); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: got status %d, want 200", got.StatusCode)
	}
}

// dial opens a connection until the test ends.
func (f *webFunction) dial() net.Conn {
	f.t.Helper()
	conn, err := net.Dial("tcp", f.address)
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(time.Minute)) // only ends a hang
	return conn
}

// dawdle begins a request with a body, {}, waits until the function reads that, and sends nothing
// more until finish, which returns the answer.
func (f *webFunction) dawdle() (finish func() string) {
	f.t.Helper()
	conn := f.dial()
	_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n")
	answer := bufio.NewReader(conn)
	if line, err := answer.ReadString('\n'); err != nil || line != "HTTP/1.1 100 Continue\r\n" {
		f.t.Fatalf("got %q and error %v, want 100 Continue", line, err)
	}
	return func() string {
		_, _ = io.WriteString(conn, "{}")
		rest, err := io.ReadAll(answer)
		if err != nil {
			f.t.Errorf("the answer broke off: %v", err)
		}
		return string(rest)
	}
}

// Silent senders get in the way of the others only when there are very many of them, and then only
// of requests with a body.
func TestWebIdleBodies(t *testing.T) {
	t.Parallel()
	f := serveWeb(t, always200, hosting.WebTimes{Body: time.Hour})
	var finish func() string
	for range hosting.MaxInFlight {
		finish = f.dawdle()
	}
	if got := f.send("POST", "/", "{}"); got.StatusCode != http.StatusOK {
		t.Errorf("behind %d idle bodies: got status %d, want 200", hosting.MaxInFlight, got.StatusCode)
	}
	for range hosting.MaxReading - hosting.MaxInFlight {
		finish = f.dawdle()
	}
	f.wantRefusal(f.send("POST", "/", "{}"), 429, "too many")
	if got := f.send("GET", "/", ""); got.StatusCode != http.StatusOK {
		t.Errorf("without a body: got status %d, want 200", got.StatusCode)
	}
	if got := finish(); !strings.Contains(got, "HTTP/1.1 200 OK") {
		t.Errorf("an idle one that goes on: got %q, want 200", got)
	}
	if got := f.send("POST", "/", "{}"); got.StatusCode != http.StatusOK {
		t.Errorf("afterwards: got status %d, want 200", got.StatusCode)
	}
}

// slowBody takes its time.
type slowBody struct {
	io.Reader

	pause time.Duration
}

func (b *slowBody) Read(text []byte) (int, error) {
	<-time.After(b.pause)
	return b.Reader.Read(text)
}

// timedRecorder remembers until when an answer may be written.
type timedRecorder struct {
	*httptest.ResponseRecorder

	deadline time.Time
}

func (r *timedRecorder) SetWriteDeadline(deadline time.Time) error {
	r.deadline = deadline
	return nil
}

// How long a body took is no part of what the handler has.
func TestWebClocksStartAfterTheBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 10 * time.Second
		request := httptest.NewRequest(http.MethodPost, "/", &slowBody{strings.NewReader("{}"), 3 * limit})
		rw := &timedRecorder{ResponseRecorder: httptest.NewRecorder()}
		hosting.AnswerWeb(rw, request, func(ctx context.Context, _ hosting.Invocation, _ hosting.Request) (hosting.Response, error) {
			if deadline, _ := ctx.Deadline(); ctx.Err() != nil || time.Until(deadline) != limit {
				t.Errorf("the handler's context: got %v and %v left, want %v", ctx.Err(), time.Until(deadline), limit)
			}
			if left := time.Until(rw.deadline); left != 2*limit {
				t.Errorf("the answer: got %v left, want %v", left, 2*limit)
			}
			return ok, nil
		})
		if rw.Code != http.StatusOK {
			t.Errorf("status: got %d, want 200", rw.Code)
		}
	})
}

func TestWebStopsWaitingForAHandlerThatDoesNotEnd(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	entered, leave := make(chan struct{}), make(chan struct{})
	defer close(leave)
	h := func(context.Context, hosting.Invocation, hosting.Request) (hosting.Response, error) {
		close(entered)
		<-leave
		return ok, nil
	}
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() {
		served <- hosting.ServeWeb(ctx, l, hosting.Function{HandleHTTP: h}, hosting.WebTimes{Grace: time.Millisecond})
	}()
	go func() {
		if response, err := http.Get("http://" + l.Addr().String()); err == nil {
			_ = response.Body.Close()
		}
	}()
	<-entered
	stop()
	if err := <-served; !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "cutting off the requests in flight") {
		t.Errorf("got %v, want that requests were cut off", err)
	}
}

func TestStartServesWeb(t *testing.T) {
	t.Parallel()
	listening := make(chan net.Listener, 1)
	listen := func(network, _ string) (net.Listener, error) {
		l, err := net.Listen(network, "127.0.0.1:0")
		listening <- l
		return l, err
	}
	code := make(chan int, 1)
	var stderr bytes.Buffer
	env := environment(map[string]string{"PORT": "1", "SCF_FUNCTIONNAME": "queryorder"})
	go func() { code <- hosting.StartIn(env, listen, &stderr, always(report)) }()
	l := <-listening
	f := newWebFunction(t, l.Addr().String())
	if got, want := f.send("GET", "/who", "", "X-Request-Id", "r-1").content, "web queryorder r-1 r-1 true"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	_ = l.Close()
	if got := <-code; got != 1 || !strings.Contains(stderr.String(), "serving HTTP on") {
		t.Errorf("when the listener is gone: got code %d and %q, want 1 and a sentence", got, stderr.String())
	}
}

// webProcess is this binary as a web function.
type webProcess struct {
	*webFunction

	cmd    *exec.Cmd
	exited chan error
}

// startWeb runs cmd, which has a PORT of 0, until the test ends, and reads its log to learn where
// it listens.
func startWeb(t *testing.T, cmd *exec.Cmd, log func(*exec.Cmd) (io.ReadCloser, error)) *webProcess {
	t.Helper()
	out, err := log(cmd)
	if err != nil {
		t.Fatal(err)
	}
	return startWebLogging(t, cmd, out)
}

// startWebHearing is startWeb for a log on standard error, which said gets too, until the process
// has ended.
func startWebHearing(t *testing.T, cmd *exec.Cmd, said io.Writer) *webProcess {
	t.Helper()
	out, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	return startWebLogging(t, cmd, struct {
		io.Reader
		io.Closer
	}{io.TeeReader(out, said), out})
}

// startWebLogging starts cmd, whose log is out.
func startWebLogging(t *testing.T, cmd *exec.Cmd, out io.ReadCloser) *webProcess {
	t.Helper()
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	address := regexp.MustCompile(`serving HTTP.*address"?[=:]"?(?:0\.0\.0\.0|\[::\]|127\.0\.0\.1):([0-9]+)`)
	for lines.Scan() {
		if match := address.FindStringSubmatch(lines.Text()); match != nil {
			f := newWebFunction(t, "127.0.0.1:"+match[1])
			p := &webProcess{f, cmd, make(chan error, 1)}
			go func() {
				_, _ = io.Copy(io.Discard, out) // until the process ends
				p.exited <- cmd.Wait()
				close(p.exited)
			}()
			t.Cleanup(func() {
				_ = cmd.Process.Kill()
				for range p.exited {
					continue // until it is closed
				}
			})
			return p
		}
	}
	t.Fatalf("the function ended (%v) without serving", cmd.Wait())
	return nil
}

// wantRefusedConnection waits until the port is closed.
func (p *webProcess) wantRefusedConnection() {
	p.t.Helper()
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); { // only ends a hang
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			return
		}
		_ = conn.Close()
	}
	p.t.Fatal("the function still listens")
}

func TestWebProcess(t *testing.T) {
	t.Parallel()
	p := startWeb(t, command(t, "PORT=0", "SCF_FUNCTIONNAME=closeorder"), (*exec.Cmd).StderrPipe)
	for range 2 {
		if got, want := p.send("GET", "/who", "", "X-Scf-Request-Id", "r-1").content, "web closeorder r-1 r-1 true"; got != want {
			t.Errorf("got %q, want %q", got, want)
		}
		p.wantRefusal(p.send("GET", "/panic", ""), 500, "the function failed")
		p.wantRefusal(p.send("POST", "/", strings.Repeat("x", 7<<20)), 413, "65 KiB")
	}
}

func TestWebProcessStops(t *testing.T) {
	t.Parallel()
	for name, signal := range map[string]os.Signal{"SIGTERM": syscall.SIGTERM, "SIGINT": os.Interrupt} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			entered, leave := make(chan struct{}), make(chan struct{})
			gate := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				close(entered)
				select {
				case <-leave:
					_, _ = io.WriteString(w, "finished")
				case <-r.Context().Done():
				}
			}))
			defer gate.Close()
			end := filepath.Join(t.TempDir(), "end")
			p := startWeb(t, command(t, "PORT=0", gateVariable+"="+gate.URL, endVariable+"="+end), (*exec.Cmd).StderrPipe)
			answered := make(chan webResponse, 1)
			go func() { answered <- p.send("GET", "/gate", "") }()
			<-entered
			if err := p.cmd.Process.Signal(signal); err != nil {
				t.Fatal(err)
			}
			p.wantRefusedConnection() // it has heard, and yet
			close(leave)
			if got := <-answered; got.StatusCode != http.StatusOK || got.content != "finished" {
				t.Errorf("the request in flight: got %d %q, want 200 and its answer", got.StatusCode, got.content)
			}
			if err := <-p.exited; err != nil {
				t.Errorf("exit: got %v, want code 0", err)
			}
			if _, err := os.Stat(end); err != nil {
				t.Errorf("before its end: got %v, want that it took leave", err)
			}
		})
	}
}

func FuzzWebRequest(f *testing.F) {
	f.Add("GET", "/queryorder/A1", "a=1&a=2", "Authorization", "Bearer t", []byte(nil))
	f.Add("POST", "/", "", "X-WX-OPENID", "oABC", []byte(`{"out_trade_no":"A1"}`))
	f.Add("POST", "\xff", "%ff=\xff", "host", "\xff\xfe", []byte{0, 0xff})
	f.Add("", "", "a=1;b=2", "", "", []byte("x"))
	f.Fuzz(func(t *testing.T, method, path, query, name, value string, body []byte) {
		request := httptest.NewRequest(http.MethodPost, "/", bytes.NewReader(body))
		request.Method, request.URL.Path, request.URL.RawQuery = method, path, query
		request.Header = http.Header{http.CanonicalHeaderKey(name): {value, value}}
		got, status := hosting.WebRequest(request)
		if status != 0 {
			if status != 400 {
				t.Errorf("status: got %d, want 400", status)
			}
			return
		}
		if !bytes.Equal(got.Body, body) {
			t.Errorf("body: got %q, want %q", got.Body, body)
		}
		if want := text(method); got.Method != want {
			t.Errorf("method: got %q, want %q", got.Method, want)
		}
		if want := "/" + strings.TrimPrefix(text(path), "/"); got.Path != want {
			t.Errorf("path: got %q, want %q", got.Path, want)
		}
		if want := text(value + "," + value); got.Header[text(strings.ToLower(http.CanonicalHeaderKey(name)))] != want {
			t.Errorf("headers: got %q, want %q: %q", got.Header, name, want)
		}
		for name, values := range request.URL.Query() {
			for n, value := range values {
				if utf8Names(request) && got.Query[name][n] != text(value) {
					t.Errorf("query: got %q, want %q: %q", got.Query, name, values)
				}
			}
		}
	})
}

// text is bytes that are no text as JSON would have them: each becomes U+FFFD.
func text(s string) string { return string([]rune(s)) }

// utf8Names reports whether every name in the query is UTF-8, so that no two become one.
func utf8Names(r *http.Request) bool {
	for name := range r.URL.Query() {
		if name != text(name) {
			return false
		}
	}
	return true
}

func FuzzWebResponse(f *testing.F) {
	f.Add(200, "Vary", "Origin", []byte("{}"))
	f.Add(204, "Content-Length", "3", []byte("\x00\xff<"))
	f.Add(100, "", "", []byte(nil))
	f.Fuzz(func(t *testing.T, status int, name, value string, body []byte) {
		recorder := httptest.NewRecorder()
		response := hosting.Response{Status: status, Header: map[string]string{name: value}, Body: body}
		if err := hosting.WriteResponse(recorder, response); err != nil {
			if recorder.Body.Len() > 0 || len(recorder.Header()) > 0 || strings.ContainsAny(err.Error(), "\r\n") {
				t.Errorf("error %q, and yet got %d bytes and headers %v; want one line and nothing else",
					err, recorder.Body.Len(), recorder.Header())
			}
			return
		}
		if recorder.Code != status {
			t.Errorf("status: got %d, want %d", recorder.Code, status)
		}
		want := string(body)
		if status == http.StatusNoContent || status == http.StatusNotModified {
			want = ""
		} else if length := recorder.Header().Get("Content-Length"); length != fmt.Sprint(len(want)) {
			t.Errorf("Content-Length: got %s, want %d", length, len(want))
		}
		if got := recorder.Body.String(); got != want {
			t.Errorf("body: got %q, want %q", got, want)
		}
	})
}
