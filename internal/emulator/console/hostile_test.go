package console_test

import (
	"context"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/emulator/console"
)

// A carriage return in a stranger's text ends no line of the stream: what stands behind it is no
// field of an event.
func TestStreamHasNoFieldsOfStrangers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := listen(t, w.open(nil).URL+"/stream?show=requests&after=r0.c0.d0", "")
	w.send("/requests/stream", fmt.Sprintf("id: 1\ndata: {\"id\":1,\"time\":%q,\"out_trade_no\":\"A1\",\"verdict\":\"refused\",\"reason\":%q}\n\n",
		someTime, "a\rretry: 99999999\rid: r9.c9.d9\r\revent: changed\rdata: b"))
	got := s.until("event: changed")
	for _, line := range strings.FieldsFunc(got, func(r rune) bool { return r == '\n' || r == '\r' }) { // as a browser reads lines
		if name, _, _ := strings.Cut(line, ":"); name != "data" && name != "id" && name != "" || strings.HasPrefix(line, "id: r9") {
			t.Errorf("the stream has the line %q:\n%q", line, got)
		}
	}
}

// A batch of long entries is not gathered to its full number: each reader would have all of them in
// memory.
func TestStreamGathersNoMountains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const many = 20
	long := strings.Repeat("u", 300<<10)
	var events []string
	for i := range many {
		events = append(events, fmt.Sprintf("id: %d\ndata: {\"id\":%d,\"time\":%q,\"out_trade_no\":\"A%d.\",\"verdict\":\"ok\",\"url\":%q}\n\n", i+1, i+1, someTime, i+1, long))
	}
	w.send("/requests/stream", events...)
	s := listen(t, w.open(nil).URL+"/stream?show=requests&after=r0.c0.d0", "")
	all := s.until(fmt.Sprintf("A%d.", many))
	if got := strings.Count(all, "\nid: r"); got < many/4 {
		t.Errorf("got %d messages for %d rows of 300 KiB, want at most 1 MiB and a row in each", got, many)
	}
}

// A form that cannot be read does nothing: without its fields it would refund everything, or close
// as the merchant.
func TestBrokenFormsDoNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", `{"out_trade_no":"A1","mchid":"1900000001","openid":"oPayer","state":"SUCCESS","total":100}`)
	w.set("POST /orders/A1/refund", `{"out_trade_no":"A1"}`)
	c := w.open(nil)
	const form = "application/x-www-form-urlencoded"
	for _, test := range []struct {
		kind, body string
		want       int
	}{
		{form, "amount=%zz", 400},
		{form, "amount=1;x=2", 400},
		{form, "amount=1&openid=" + strings.Repeat("x", 64<<10), 413},
		{"multipart/form-data; boundary=b", "--b\r\nContent-Disposition: form-data; name=\"amount\"\r\n\r\n1", 400},
		{"multipart/form-data", "amount=1", 400},
		{"application/json", `{"amount":1}`, 400},
		{"text/plain", "amount=1", 400},
		{"", "amount=1", 400},
	} {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.URL+"/orders/A1/refund", strings.NewReader(test.body))
		if err != nil {
			t.Fatal(err)
		}
		if test.kind != "" {
			request.Header.Set("Content-Type", test.kind)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if response.StatusCode != test.want || !strings.Contains(string(text), "nothing was done") {
			t.Errorf("%s %.40s: got %d, want %d: %.200s", test.kind, test.body, response.StatusCode, test.want, text)
		}
	}
	w.mu.Lock()
	calls := strings.Join(w.calls, "\n")
	w.mu.Unlock()
	if strings.Contains(calls, "/refund") {
		t.Errorf("a form that cannot be read refunded:\n%s", calls)
	}
	fetch(t, c.URL+"/orders/A1/refund", nil, "amount", "1").want(200)
	w.wantCall(`POST /orders/A1/refund?mchid=1900000001&sub_mchid= {"amount":1}`)
}

// tardy answers every call of a management API at the last moment.
type tardy struct{ after time.Duration }

// RoundTrip answers an order, or a list of fifty.
func (t tardy) RoundTrip(r *http.Request) (*http.Response, error) {
	timer := time.NewTimer(t.after)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return nil, context.Cause(r.Context())
	case <-timer.C:
	}
	answer := `{"out_trade_no":"A1"}`
	switch r.URL.Path {
	case "/orders":
		answer = "[" + strings.TrimSuffix(strings.Repeat(`{"out_trade_no":"A1"},`, 50), ",") + "]"
	case "/requests":
		answer = "[" + strings.TrimSuffix(strings.Repeat(`{"id":1},`, 30), ",") + "]"
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(answer))}, nil
}

// A page of many calls, each of which takes as long as a call may, is shown in time all the same.
func TestPagesAreNotKeptBySlowAnswers(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/", "/orders", "/orders/A1", "/requests", "/requests?cause=zzz", "/sweep", "/events", "/time", "/faults", "/invoke"} {
		synctest.Test(t, func(t *testing.T) {
			c, err := console.New(console.Options{
				AdminURL: "http://admin.test", CloudURL: "http://cloud.test", EventsURL: "http://events.test", HasRegister: true,
				Client: &http.Client{Transport: tardy{9 * time.Second}},
			})
			if err != nil {
				t.Fatal(err)
			}
			began := time.Now()
			request := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			request.Host = "localhost"
			got := httptest.NewRecorder()
			c.ServeHTTP(got, request)
			if took := time.Since(began); took > 30*time.Second || got.Code == http.StatusInternalServerError {
				t.Errorf("%s: got %d after %v, want a page within 30 s", path, got.Code, took)
			}
		})
	}
}

// strange are texts that a shell, a terminal, Go or HTML could take for more than a text.
var strange = []string{
	`'"$(touch hit)`, "`touch hit`", "a'\ntouch hit\n'", `\`, `$HOME ${HOME} !! %s %d`, "*/ // --", "\x03touch hit\n", "\x15\r\ntouch hit\r",
	"\x1b[201~touch hit\n", "\u009b201~", "\u202etxt.exe\u2066", "\u2028\u2029", "</script></textarea><b>", "\xff\xfe\xc0", "漢字 é", "-n", "@file", "a\tb\x7f",
}

// A command's word is the text itself to a shell, whatever is in it, and has no character that a
// terminal would take for a key.
func TestCommandsOfStrangers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, text := range strange {
		w := newWorld(t)
		c := w.open(nil)
		got := fetch(t, c.URL+"/invoke?"+url.Values{"function": {"closeorder"}, "data": {"x" + text + "x"}}.Encode(), nil)
		if got.status != 200 {
			t.Errorf("%q: got status %d", text, got.status)
		}
		word := console.Quoted(text)
		if strings.ContainsFunc(word, func(r rune) bool { return r < ' ' && r != '\n' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == '\u202e' }) {
			t.Errorf("%q: the word %q has a control character", text, word)
		}
		// HTML keeps the word as it is: it is UTF-8 without CR and NUL.
		if read := html.UnescapeString(html.EscapeString(word)); strings.ToValidUTF8(read, "?") != word || strings.Contains(word, "\r") {
			t.Errorf("%q: a page does not keep the word %q", text, word)
		}
		command := exec.CommandContext(t.Context(), "sh", "-c", "printf %s "+word)
		command.Dir = dir
		if said, err := command.Output(); err != nil || string(said) != text {
			t.Errorf("got %q (%v), want %q, by the word %s", said, err, text, word)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "hit")); err == nil {
		t.Error("a text was run as a command")
	}
}

// A time that is no number of seconds any more registers nothing.
func TestEndlessMinutes(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	w.set("POST /v1/functions/closeorder", `{"outcome":"scheduled"}`)
	c := w.open(nil)
	// 307445734561825861 minutes are 44 seconds more than 64 bits hold.
	fetch(t, c.URL+"/orders/A1/register", nil, "close_after", "307445734561825861").want(422, "307445734561825861 min is too long")
	w.mu.Lock()
	defer w.mu.Unlock()
	if calls := strings.Join(w.calls, "\n"); strings.Contains(calls, "POST /v1/functions/closeorder") {
		t.Errorf("it was registered:\n%s", calls)
	}
}

// JSON of many brackets, which any page may put into a link to Invoke, makes no page that is
// thousands of times as long.
func TestDeepJSONStaysShort(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	deep := strings.Repeat("[", 5000) + strings.Repeat("]", 5000)
	w.set("POST /v1/functions/closeorder", `{"outcome":"closed","deep":`+deep+`}`)
	c := w.open(nil)
	for _, got := range []page{
		fetch(t, c.URL+"/invoke?function=closeorder&trigger=call&as=user&id=oABC&data="+deep, nil),
		fetch(t, c.URL+"/invoke", nil, "function", "closeorder", "trigger", "call", "as", "user", "id", "oABC", "data", `{"a":`+deep+`}`),
	} {
		if got.status != 200 || len(got.text) > 1<<20 {
			t.Errorf("got status %d and %d bytes, want 200 and at most 1 MiB", got.status, len(got.text))
		}
	}
	// What is not deep is indented, whatever brackets its strings have.
	flat := `{"a":"` + strings.Repeat("[{", 200) + `\\\"[","b":[1]}`
	fetch(t, c.URL+"/invoke?function=closeorder&data="+url.QueryEscape(flat), nil).want(200, "\n    &#34;b&#34;: [\n")
}

// A function's redirect is its answer: the call is not made once more, elsewhere.
func TestRedirectsAreAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", order("A1", "NOTPAY"))
	elsewhere := 0
	client := &http.Client{Transport: answering(func(r *http.Request) *http.Response {
		switch {
		case r.URL.Host == "elsewhere.test":
			elsewhere++
		case r.Method == http.MethodPost:
			return &http.Response{StatusCode: http.StatusTemporaryRedirect, Header: http.Header{"Location": {"http://elsewhere.test/"}}, Body: http.NoBody}
		}
		return nil
	})}
	c, err := console.New(console.Options{AdminURL: w.url, CloudURL: w.url, Client: client, Calls: fakeCalls{w.url}})
	if err != nil {
		t.Fatal(err)
	}
	for path, form := range map[string]url.Values{
		"/orders/A1/close": {}, "/orders/A1/pay": {}, "/invoke": {"function": {"closeorder"}, "trigger": {"call"}, "as": {"nobody"}},
	} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Host = "localhost"
		got := httptest.NewRecorder()
		if c.ServeHTTP(got, request); got.Code >= http.StatusInternalServerError {
			t.Errorf("%s: got %d", path, got.Code)
		}
	}
	if elsewhere > 0 {
		t.Errorf("%d calls were made again elsewhere", elsewhere)
	}
}

// answering answers requests; those that it answers nil go on.
type answering func(*http.Request) *http.Response

func (a answering) RoundTrip(r *http.Request) (*http.Response, error) {
	if response := a(r); response != nil {
		return response, nil
	}
	return http.DefaultTransport.RoundTrip(r)
}
