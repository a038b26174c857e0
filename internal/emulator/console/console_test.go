package console_test

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/emulator/console"
)

// world is the management APIs of an emulated world, as far as the console calls them. It is
// written from docs/emulator.md.
type world struct {
	t  *testing.T
	mu sync.Mutex // guards what follows
	// answers are the bodies by method and path; calls are those that came, with their bodies.
	answers map[string]string
	links   map[string]string // Link headers by path
	calls   []string
	// headers are those of the last call, by method and path.
	headers map[string]http.Header
	// requestID is the X-Request-Id of every answer.
	requestID string
	// streams are what the streams send, by path; a stream ends when it has sent all.
	streams map[string][]string
	resumed map[string][]string // the Last-Event-Id of each opening
	grown   chan struct{}
	// register is the functions'; nil: they keep none.
	register *fakeRegister

	url string
}

const someTime = "2026-11-30T12:00:00+08:00"

// newWorld serves a world in which all is well and nothing has happened.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{
		t: t, links: map[string]string{}, headers: map[string]http.Header{}, streams: map[string][]string{}, resumed: map[string][]string{}, grown: make(chan struct{}),
		answers: map[string]string{
			"GET /clock":         `{"now":"` + someTime + `","wire":"` + someTime + `","running":true,"ahead":"30m0s"}`,
			"GET /domains":       `{"main":"up","backup":"up"}`,
			"GET /faults":        `[]`,
			"GET /requests":      `[]`,
			"GET /orders":        `[]`,
			"GET /deliveries":    `{"deliveries":[]}`,
			"GET /v1/calls":      `{"calls":[]}`,
			"GET /v1/faults":     `[]`,
			"GET /notifications": `{"notifications":[]}`,
			"GET /signing":       `{"certificate_share":0,"public_key_share":0,"probe_share":0}`,
			"GET /fault-actions": `[{"action":"refuse","ops":["close","query"],"apis":["v3"],"fields":["code","http_status"]},` +
				`{"action":"drop","ops":["close","query"],"apis":["v2","v3"]},{"action":"drop","ops":["notify"],"apis":["v2","v3"]}]`,
			"GET /settings":         `{"table":[{"name":"WXPAY_API","values":"v3","default":"v3","meaning":"The protocol."}],"functions":[{"name":"closeorder","own":true,"set":[]}]}`,
			"GET /doctor":           `{"files":[]}`,
			"GET /v1/fault-actions": `[{"action":"throttle"},{"action":"cold-start","fields":["delay"]}]`,
			"GET /v1/functions":     `{"functions":[{"name":"closeorder"}]}`,
			"GET /v1/timers":        `{"time":"` + someTime + `","timers":[{"function":"closeorder","name":"every_minute","expression":"0 * * * * * *","running":true,"next":["2026-11-30T04:01:00Z","2026-11-30T04:02:00Z"],"fired":3}]}`,
		},
	}
	server := httptest.NewServer(w)
	t.Cleanup(server.Close)
	w.url = server.URL
	return w
}

// set sets an answer.
func (w *world) set(call, body string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers[call] = body
}

// send adds events to a stream.
func (w *world) send(path string, events ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.streams[path] = append(w.streams[path], events...)
	close(w.grown)
	w.grown = make(chan struct{})
}

func (w *world) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/stream") {
		w.stream(rw, r)
		return
	}
	body, _ := io.ReadAll(r.Body)
	call := r.Method + " " + r.URL.Path
	w.mu.Lock()
	answer, known := w.answers[r.Method+" "+r.URL.RequestURI()] // with its query, or without
	if !known {
		answer, known = w.answers[call]
	}
	w.headers[call] = r.Header
	w.calls = append(w.calls, strings.TrimSpace(r.Method+" "+r.URL.RequestURI()+" "+string(body)))
	link, register := w.links[r.URL.Path], w.register
	w.mu.Unlock()
	if register.answer(rw, r) {
		return
	}
	if link != "" {
		rw.Header().Set("Link", link)
	}
	rw.Header().Set("X-Request-Id", w.requestID)
	switch {
	case !known:
		rw.WriteHeader(http.StatusNotFound)
		answer = `{"error":"there is no such thing"}`
	case strings.HasPrefix(answer, `{"error"`):
		rw.WriteHeader(http.StatusBadRequest)
	}
	_, _ = io.WriteString(rw, answer)
}

// cut in the place of an event ends a stream there, once.
const cut = "cut"

// stream sends the events behind Last-Event-Id, and then those that come. Several readers may have
// the same events: those that were sent stay.
func (w *world) stream(rw http.ResponseWriter, r *http.Request) {
	last := r.Header.Get("Last-Event-Id")
	behind, _ := strconv.Atoi(last)
	w.mu.Lock()
	w.resumed[r.URL.Path] = append(w.resumed[r.URL.Path], last)
	w.mu.Unlock()
	_, _ = fmt.Fprintf(rw, ": a stream\nid: %s\n\n", last)
	_ = http.NewResponseController(rw).Flush()
	for next := 0; ; {
		event, grown := w.event(r.URL.Path, next)
		switch id := 0; {
		case event == cut:
			return
		case event != "":
			next++
			if _, err := fmt.Sscanf(event, "id: %d", &id); err != nil || id > behind {
				_, _ = io.WriteString(rw, event)
			}
			continue
		}
		_ = http.NewResponseController(rw).Flush()
		select {
		case <-grown:
		case <-r.Context().Done():
			return
		}
	}
}

// event is an event of a stream by its place; empty if there is none yet, until grown is closed. A
// cut is there once, and then a comment.
func (w *world) event(path string, place int) (event string, grown <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if place == len(w.streams[path]) {
		return "", w.grown
	}
	event = w.streams[path][place]
	if event == cut {
		w.streams[path][place] = ":\n\n"
	}
	return event, w.grown
}

// wantCall checks that a call was made.
func (w *world) wantCall(want string) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if slices.Contains(w.calls, want) {
		return
	}
	w.t.Errorf("got the calls\n%s\nwant %s among them", strings.Join(w.calls, "\n"), want)
}

// fakeRegister is a register in memory, which answers as its management API does.
type fakeRegister struct {
	orders []console.Registered
	status string // the answer of how it stands; empty: one with some figures
	fault  error
}

// answer answers a request for the register; false: it is for something else.
func (f *fakeRegister) answer(rw http.ResponseWriter, r *http.Request) bool {
	rest, is := strings.CutPrefix(r.URL.Path, "/v1/register")
	if f == nil || !is || r.Method != http.MethodGet || strings.HasPrefix(rest, "/events") {
		return false
	}
	number, isOrder := strings.CutPrefix(rest, "/orders/")
	at := slices.IndexFunc(f.orders, func(one console.Registered) bool { return one.OutTradeNo == number })
	var document any
	switch {
	case f.fault != nil:
		rw.WriteHeader(http.StatusInternalServerError)
		document = map[string]string{"code": "REGISTER_FAULT", "message": f.fault.Error()}
	case rest == "" && f.status != "":
		document = json.RawMessage(f.status)
	case rest == "":
		status := console.Status{Waiting: 4711, Due: 12, OldestDueSeconds: 90, Stuck: 3, EventsPending: 2, Rate: 20, ConfiguredRate: 20}
		status.At = time.Date(2026, 11, 30, 4, 0, 0, 0, time.UTC)
		status.Receiver.URL = "http://127.0.0.1:9805/events"
		document = status
	case isOrder && at < 0:
		rw.WriteHeader(http.StatusNotFound)
		document = map[string]string{"code": "NOT_FOUND", "message": "the order is not registered"}
	case isOrder:
		document = f.orders[at]
	case r.URL.Query().Has("out_trade_no"):
		document = f.numbered(r.URL.Query())
	default:
		document = f.list(r.URL.Query())
	}
	_ = json.NewEncoder(rw).Encode(document)
	return true
}

// numbered has the orders of a merchant's numbers.
func (f *fakeRegister) numbered(query url.Values) any {
	orders := slices.DeleteFunc(slices.Clone(f.orders), func(one console.Registered) bool {
		return one.MchID != query.Get("mchid") || one.SubMchID != query.Get("sub_mchid") || !slices.Contains(query["out_trade_no"], one.OutTradeNo)
	})
	return map[string]any{"orders": orders}
}

// list has the first order as waiting, and the others on a second page; of another progress it has
// those that are at it.
func (f *fakeRegister) list(query url.Values) any {
	page := map[string]any{"orders": []console.Registered{}}
	switch {
	case query.Get("from") == "second":
		page["orders"] = f.orders[1:]
	case query.Get("progress") == string(console.Waiting) && len(f.orders) > 0:
		page["orders"], page["next"] = f.orders[:1], "second"
	default:
		orders := slices.Clone(f.orders)
		page["orders"] = slices.DeleteFunc(orders, func(one console.Registered) bool { return string(one.Progress) != query.Get("progress") })
	}
	return page
}

// open makes a console over a world; without a register the functions keep none. A second one of
// the same world has another register.
func (w *world) open(register *fakeRegister) *httptest.Server {
	w.t.Helper()
	w.mu.Lock()
	w.register = register
	w.mu.Unlock()
	c, err := console.New(console.Options{
		Owner:      console.Key{Region: "cn", MchID: "1900000001"},
		GatewayURL: "http://127.0.0.1:9800", BackupURL: "http://127.0.0.1:9801", AdminURL: w.url, CloudURL: w.url, EventsURL: w.url,
		ConsoleURL: "http://127.0.0.1:9804", HasRegister: register != nil, Calls: fakeCalls{w.url},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	server := httptest.NewServer(c)
	w.t.Cleanup(server.Close)
	return server
}

// page is an answer of the console.
type page struct {
	t      *testing.T
	status int
	text   string
	header http.Header
}

// fetch makes a request. Fields are those of a form; none makes it a GET.
func fetch(t *testing.T, address string, header map[string]string, fields ...string) page {
	t.Helper()
	method, form := http.MethodGet, url.Values{}
	for i := 0; i+1 < len(fields); i += 2 {
		method = http.MethodPost
		form.Set(fields[i], fields[i+1])
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for name, value := range header {
		if name == "Host" {
			request.Host = value
			continue
		}
		request.Header.Set(name, value)
	}
	return send(t, request)
}

// send makes a request, and follows no redirect.
func send(t *testing.T, request *http.Request) page {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{t, response.StatusCode, string(text), response.Header}
}

// want checks that a page has texts.
func (p page) want(status int, texts ...string) {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("got status %d, want %d:\n%s", p.status, status, p.text)
	}
	for _, text := range texts {
		if !strings.Contains(p.text, text) {
			p.t.Errorf("the page lacks %q:\n%s", text, p.text)
		}
	}
}

// inOrder checks that a page has texts one behind the other.
func (p page) inOrder(texts ...string) {
	p.t.Helper()
	rest := p.text
	for _, text := range texts {
		_, behind, found := strings.Cut(rest, text)
		if !found {
			p.t.Errorf("the page lacks %q behind those before:\n%s", text, p.text)
			return
		}
		rest = behind
	}
}

// lacks checks that a page has none of some texts.
func (p page) lacks(texts ...string) {
	p.t.Helper()
	for _, text := range texts {
		if strings.Contains(p.text, text) {
			p.t.Errorf("the page has %q:\n%s", text, p.text)
		}
	}
}

// Every address of a page is refused to other names and origins, and shows itself to this machine.
func TestOnlyThisMachineAndOrigin(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(nil)
	own := strings.TrimPrefix(c.URL, "http://")
	for name, test := range map[string]struct {
		header map[string]string
		write  bool
		want   int
	}{
		"a browser opens a page":            {map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, false, 200},
		"a program":                         {nil, false, 200},
		"by localhost":                      {map[string]string{"Host": "localhost:9804"}, false, 200},
		"by another loopback address":       {map[string]string{"Host": "127.8.8.8"}, false, 200},
		"by IPv6":                           {map[string]string{"Host": "[::1]:9804"}, false, 200},
		"a rebound name":                    {map[string]string{"Host": "evil.example:9804"}, false, 403},
		"a name that begins with this":      {map[string]string{"Host": "localhost.evil.example"}, false, 403},
		"an address of a network":           {map[string]string{"Host": "192.168.1.7:9804"}, false, 403},
		"all addresses":                     {map[string]string{"Host": "0.0.0.0:9804"}, false, 403},
		"a link on a foreign page":          {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, false, 200},
		"a foreign page reads":              {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors", "Origin": "http://evil.example"}, false, 403},
		"a foreign page embeds":             {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, false, 403},
		"a page of another port reads":      {map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, false, 403},
		"an own form":                       {map[string]string{"Origin": "http://" + own, "Sec-Fetch-Site": "same-origin"}, true, 303},
		"a program's form":                  {nil, true, 303},
		"a foreign form":                    {map[string]string{"Origin": "http://evil.example", "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, true, 403},
		"a form without an origin":          {map[string]string{"Origin": "null"}, true, 403},
		"a form of another port":            {map[string]string{"Origin": "http://localhost:1", "Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, true, 403},
		"a foreign form without Sec-Fetch":  {map[string]string{"Origin": "https://" + own}, true, 403},
		"a rebound form of its own origin":  {map[string]string{"Host": "evil.example", "Origin": "http://evil.example", "Sec-Fetch-Site": "same-origin"}, true, 403},
		"a foreign form, by Sec-Fetch only": {map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, true, 403},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			path, fields := "/", []string(nil)
			if test.write {
				path, fields = "/language", []string{"lang", "zh"}
			}
			got := fetch(t, c.URL+path, test.header, fields...)
			if got.status != test.want {
				t.Errorf("got %d, want %d: %s", got.status, test.want, got.text)
			}
			if got.status == 403 && got.header.Get("Set-Cookie") != "" {
				t.Error("a refused form has set a cookie")
			}
		})
	}
}

// Each answer carries the headers that protect it, and no page holds what they forbid.
func TestPolicy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.set("GET /orders/A1", `{"out_trade_no":"A1","mchid":"1900000001","state":"NOTPAY","total":100}`)
	w.set("GET /requests", `[{"id":1,"time":"`+someTime+`","verdict":"ok","http_status":200}]`)
	c := w.open(&fakeRegister{})
	inline := regexp.MustCompile(`(?i)<script>|<style[^>]|\son[a-z]+=|\sstyle=|javascript:|hx-on`)
	for _, path := range []string{"/", "/requests", "/requests/1", "/orders", "/orders/A1", "/explain", "/invoke", "/callers", "/callers/1", "/faults", "/time", "/?first=A1", "/settings", "/sweep", "/events", "/events/7", "/nothing", "/stream", "/assets/x/y.js"} {
		got := fetch(t, c.URL+path, nil)
		policy := got.header.Get("Content-Security-Policy")
		for _, want := range []string{"default-src 'none'", "script-src 'self';", "style-src 'sha256-", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s: the policy %q lacks %s", path, policy, want)
			}
		}
		if strings.Contains(policy, "unsafe") || strings.Contains(policy, "data:") {
			t.Errorf("%s: the policy %q allows what is inline", path, policy)
		}
		for name, want := range map[string]string{
			"X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
			"Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
		} {
			if got := got.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
		if found := inline.FindString(got.text); found != "" {
			t.Errorf("%s: the page has %q", path, found)
		}
	}
}

// The first page with all its files is at most 60 KiB on the wire; files are kept for ever and
// named by what is in them.
func TestFirstLoad(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(&fakeRegister{})
	const most = 60 << 10
	packed := map[string]string{"Accept-Encoding": "br, gzip"}
	first := fetch(t, c.URL+"/", packed)
	total := len(first.text)
	html := unpack(t, first)
	files := regexp.MustCompile(`(?:href|src)="(/assets/[^"]+)"`).FindAllStringSubmatch(html, -1)
	seen := map[string]bool{}
	for _, file := range files {
		if seen[file[1]] {
			continue
		}
		seen[file[1]] = true
		got := fetch(t, c.URL+file[1], packed)
		total += len(got.text)
		plain := fetch(t, c.URL+file[1], map[string]string{"Accept-Encoding": "identity"})
		if plain.status != 200 || unpack(t, got) != plain.text {
			t.Errorf("%s: the compressed file differs, or is missing: %d", file[1], plain.status)
		}
		if cache := got.header.Get("Cache-Control"); !strings.Contains(cache, "immutable") {
			t.Errorf("%s: got %q", file[1], cache)
		}
		again := fetch(t, c.URL+file[1], map[string]string{"If-None-Match": got.header.Get("ETag")})
		if again.status != http.StatusNotModified || again.text != "" {
			t.Errorf("%s: asked again: got %d", file[1], again.status)
		}
	}
	if len(seen) != 2 {
		t.Errorf("got the files %v, want two", seen)
	}
	if total > most {
		t.Errorf("got %d bytes, want at most %d", total, most)
	}
	t.Logf("%d bytes", total)
	fetch(t, c.URL+"/assets/0000000000000000/scripts.js", nil).want(404)
}

// unpack is the text of a compressed answer.
func unpack(t *testing.T, p page) string {
	t.Helper()
	if p.header.Get("Content-Encoding") != "gzip" {
		t.Fatalf("got the encoding %q", p.header.Get("Content-Encoding"))
	}
	in, err := gzip.NewReader(strings.NewReader(p.text))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(in)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// The browser's language, a cookie and ?lang= choose the language; the cookie's form leads back to
// this server only.
func TestLanguages(t *testing.T) {
	t.Parallel()
	c := newWorld(t).open(nil)
	for _, test := range []struct {
		accept, cookie, query string
		chinese               bool
	}{
		{"", "", "", false},
		{"en-US,en;q=0.9,zh;q=0.8", "", "", false},
		{"zh-CN,zh;q=0.9,en;q=0.8", "", "", true},
		{"zh-TW", "", "", true},
		{"fr, zh;q=0.5, en;q=0.4", "", "", true},
		{"fr", "", "", false},
		{"zh-CN", "en", "", false},
		{"en", "zh", "", true},
		{"en", "zh", "?lang=en", false},
		{"en", "nonsense", "", false},
	} {
		header := map[string]string{"Accept-Language": test.accept}
		if test.cookie != "" {
			header["Cookie"] = "cloudpay_language=" + test.cookie
		}
		got := fetch(t, c.URL+"/"+test.query, header)
		tag, word := `lang="en"`, "management API"
		if test.chinese {
			tag, word = `lang="zh-CN"`, "管理接口"
		}
		if !strings.Contains(got.text, "<html "+tag) || !strings.Contains(got.text, word) {
			t.Errorf("%+v: got the page\n%s", test, got.text)
		}
	}
	for back, want := range map[string]string{
		"/requests?order=A1&lang=en": "/requests?order=A1", "": "/", "//evil.example/": "/", "http://evil.example": "/", `/\evil.example`: "/", "x": "/",
	} {
		got := fetch(t, c.URL+"/language", nil, "lang", "zh", "back", back)
		if got.status != http.StatusSeeOther || got.header.Get("Location") != want {
			t.Errorf("back to %q: got %d %q, want %q", back, got.status, got.header.Get("Location"), want)
		}
		if cookie := got.header.Get("Set-Cookie"); !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Strict") {
			t.Errorf("got the cookie %q", cookie)
		}
	}
	fetch(t, c.URL+"/language", nil, "lang", "fr").want(400)
}

// A script in any field that a stranger can fill shows as text, on every page and in the stream.
func TestScriptsShowAsText(t *testing.T) {
	t.Parallel()
	const script = `"'><script>alert(1)</script>`
	w := newWorld(t)
	quoted, _ := json.Marshal(script)
	q := string(quoted)
	request := `{"id":1,"time":"` + someTime + `","api":` + q + `,"op":` + q + `,"method":` + q + `,"url":` + q + `,"mchid":` + q + `,"sub_mchid":` + q +
		`,"out_trade_no":` + q + `,"transaction_id":` + q + `,"http_status":401,"verdict":"unauthentic","code":` + q + `,"state":` + q + `,"faults":[` + q +
		`],"reason":` + q + `,"expected":"a` + q[1:] + `,"received":"b` + q[1:] + `,"request_id":` + q + `,"signed_by":` + q + `,"call":` + q + `,"domain":` + q + `}`
	order := `{"out_trade_no":` + q + `,"mchid":` + q + `,"sub_mchid":` + q + `,"state":` + q + `,"total":1,"currency":` + q + `,"openid":` + q + `,"attach":` + q +
		`,"description":` + q + `,"transaction_id":` + q + `,"notify_url":` + q + `,"combine_out_trade_no":` + q + `,"created_at":"` + someTime + `"}`
	call := `{"id":1,"time":"` + someTime + `","via":` + q + `,"caller":` + q + `,"function":` + q + `,"out_trade_no":` + q + `,"verdict":` + q + `,"outcome":` + q + `,"code":` + q + `,"reason":` + q +
		`,"report":{"claimed":1,"fault":` + q + `}` +
		`,"request_id":` + q + `,"callers":[{"caller":` + q + `,"identified_by":` + q + `,"owner":` + q + `,"rule":` + q + `,"remedy":` + q + `}]` +
		`,"input":{"method":` + q + `,"path":` + q + `,"data":` + q + `}}`
	delivery := `{"id":1,"time":"` + someTime + `","from":` + q + `,"to":` + q + `,"topic":` + q + `,"out_trade_no":` + q + `,"verdict":` + q + `,"reason":` + q + `}`
	w.set("GET /requests", "["+request+"]")
	w.set("GET /orders", "["+order+"]")
	w.set("GET /orders/A1", order)
	w.set("POST /orders", order)
	w.set("POST /orders/A1/pay", order)
	w.set("POST /v1/functions/closeorder", `{"outcome":`+q+`,"errCode":`+q+`,"errCodeDes":`+q+`}`)
	w.set("GET /v1/calls", `{"calls":[`+call+`]}`)
	w.set("GET /deliveries", `{"deliveries":[`+delivery+`]}`)
	w.set("GET /faults", `[{"match":{"op":`+q+`,"out_trade_no":`+q+`},"action":`+q+`,"times":1}]`)
	w.set("GET /v1/faults", `[{"function":`+q+`,"action":`+q+`}]`)
	w.set("GET /v1/functions", `{"functions":[{"name":`+q+`}]}`)
	w.set("GET /v1/timers", `{"timers":[{"function":`+q+`,"name":`+q+`,"expression":`+q+`,"last":{"error":`+q+`}}]}`)
	w.set("POST /clock", `{"error":`+q+`}`)
	event := `{"eventId":` + q + `,"kind":` + q + `,"mchId":` + q + `,"outTradeNo":` + q + `,"reason":` + q + `,"number":7}`
	w.set("GET /v1/register/events", `{"events":[{"state":`+q+`,"number":7,"last_error":`+q+`,"event":`+event+`}]}`)
	w.set("GET /events", `[{"id":1,"verdict":`+q+`,"reason":`+q+`,"webhook_id":`+q+`,"webhook_timestamp":`+q+`,"webhook_signature":`+q+`,"event":`+event+`}]`)
	w.set("POST /v1/register/redeliver", `{"error":`+q+`}`)
	w.set("POST /v1/functions/"+script, `{"outcome":`+q+`,"returnCode":`+q+`}`)
	w.send("/requests/stream", "id: 2\ndata: "+request+"\n\n")
	w.send("/v1/calls/stream", "id: 2\nevent: call\ndata: "+call+"\n\n")
	w.send("/deliveries/stream", "id: 2\nevent: delivery\ndata: "+delivery+"\n\n")
	number := script
	standing := `{"receiver":{"url":` + q + `,"failing_since":"` + someTime + `","last_error":` + q + `,"pause_seconds":9}}`
	c := w.open(&fakeRegister{status: standing, orders: []console.Registered{
		{Key: console.Key{OutTradeNo: number, MchID: script}, Progress: console.Progress(script), Final: script, TradeState: script, LastError: script},
		{Key: console.Key{OutTradeNo: number, MchID: script, SubMchID: script, Region: script}, Progress: console.Stuck, TradeState: script, LastError: script},
	}})
	escaped := url.QueryEscape(script)
	pages := []page{}
	for _, path := range []string{
		"/", "/requests?order=" + escaped + "&cause=" + escaped + "&verdict=" + escaped + "&operation=" + escaped, "/requests", "/requests/1",
		"/orders?search=" + escaped, "/orders?progress=waiting", "/orders/A1", "/orders/" + url.PathEscape(script), "/faults", "/time", "/" + url.PathEscape(script),
		"/invoke", "/invoke?function=" + escaped + "&trigger=" + escaped + "&as=" + escaped + "&id=" + escaped + "&path=" + escaped + "&data=" + escaped,
		"/callers?function=" + escaped + "&order=" + escaped + "&rule=" + escaped, "/callers/1",
	} {
		pages = append(pages, fetch(t, c.URL+path, nil))
	}
	w.set("GET /fault-actions", `[{"action":`+q+`,"ops":[`+q+`]}]`)
	w.set("GET /v1/fault-actions", `[{"action":`+q+`}]`)
	w.set("GET /settings", `{"table":[{"name":`+q+`,"values":`+q+`,"default":`+q+`,"meaning":`+q+`}],"functions":[{"name":`+q+`,"own":true,"set":[{"name":`+q+
		`,"source":`+q+`,"value":`+q+`},{"name":"X","source":`+q+`,"value":`+q+`}],"faults":[`+q+`]}]}`)
	w.set("GET /doctor", `{"files":[`+q+`]}`)
	w.set("POST /doctor", `{"findings":[{"check":`+q+`,"level":`+q+`,"subject":`+q+`,"found":`+q+`,"remedy":`+q+`}]}`)
	pages = append(pages, fetch(t, c.URL+"/settings", nil), fetch(t, c.URL+"/settings/doctor", nil, "deploy", script))
	w.set("POST /explain", `{"keys":[`+q+`],"unusableKeys":[`+q+`],"notes":[{"text":`+q+`}],"answers":[{"form":`+q+`,"title":`+q+`,"api":`+q+`,"verdict":`+q+
		`,"said":`+q+`,"causes":[{"id":`+q+`,"certain":true,"what":`+q+`,"remedy":`+q+`},{"id":`+q+`,"what":`+q+`,"remedy":`+q+`,"decides":`+q+`}],"expected":`+q+
		`,"signed":`+q+`,"codes":[{"code":`+q+`,"meaning":`+q+`,"remedy":`+q+`,"retry":`+q+`}],"remarks":[`+q+`],"unchecked":[`+q+`]}]}`)
	pages = append(pages, fetch(t, c.URL+"/explain", nil, "text", script))
	w.set("POST /scenario", `{"error":`+q+`}`)
	pages = append(pages, fetch(t, c.URL+"/faults", nil), upload(t, c.URL+"/faults/scenario", script, "{}"),
		fetch(t, c.URL+"/faults/switch", nil, "switch", "wechatpay on "+script+" "+script, "order", script, "code", script))
	pages = append(pages, fetch(t, c.URL+"/time/advance", nil, "advance", script), fetch(t, c.URL+"/time/fire", nil, "function", script, "trigger", script))
	for _, path := range []string{"/sweep", "/events", "/events/7"} {
		pages = append(pages, fetch(t, c.URL+path, nil))
	}
	pages = append(pages, fetch(t, c.URL+"/sweep/run", nil, "function", script), fetch(t, c.URL+"/sweep/reopen", nil, "out_trade_no", script, "mchid", script),
		fetch(t, c.URL+"/events/redeliver", nil, "id", script), fetch(t, c.URL+"/events/faults", nil, "status", script))
	pages = append(pages, fetch(t, c.URL+"/invoke", nil, "function", script, "trigger", "call", "as", "user", "id", script, "data", script),
		fetch(t, c.URL+"/invoke", nil, "json", script), fetch(t, c.URL+"/callers/1/again", nil, "as", "user", "id", script))
	pages = append(pages, fetch(t, c.URL+"/orders", nil, "number", script, "total", "1", "openid", script, "close_after", script),
		fetch(t, c.URL+"/orders", nil, "number", script, "total", script), fetch(t, c.URL+"/orders/A1/pay", nil, "as", script),
		fetch(t, c.URL+"/orders/A1/close", nil, "as", "user", "openid", script), fetch(t, c.URL+"/orders/A1/refund", nil, "amount", script),
		fetch(t, c.URL+"/?first=A1&unpaid="+escaped, nil), fetch(t, c.URL+"/?first="+escaped, nil),
		fetch(t, c.URL+"/first/place", nil, "number", script), fetch(t, c.URL+"/first/close", nil, "number", script))
	for _, show := range []string{"requests", "activity"} {
		s := listen(t, c.URL+"/stream?show="+show+"&after=r1.c1.d1", "")
		pages = append(pages, page{t: t, text: s.until("alert(1)")})
	}
	for i, got := range pages {
		got.lacks("<script>alert", `"'><`)
		if strings.Contains(got.text, "ZgotmplZ") {
			t.Errorf("page %d: a value stands where the template cannot escape it:\n%s", i, got.text)
		}
	}
	pages[2].want(200, "&lt;script&gt;alert(1)&lt;/script&gt;")
}
