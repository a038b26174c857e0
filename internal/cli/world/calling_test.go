package world

import (
	"html"
	"io"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"cloudpay/internal/cli/calls"
	"cloudpay/internal/emulator/access"
	"cloudpay/internal/emulator/console"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
	"cloudpay/pkg/paygate"
)

// called is a console over a world with deployed functions.
type called struct {
	t   *testing.T
	url string
}

// serveCalls serves a world whose functions admit only callers that prove themselves.
func serveCalls(t *testing.T) *called {
	t.Helper()
	return serveCallsOn(t, platform.Go1, nil, nil)
}

// serveCallsOn is serveCalls on another runtime, with settings besides the world's own, of a cloud
// that demands a signature by one of the keys, if there are any.
func serveCallsOn(t *testing.T, runtime platform.Runtime, env map[string]string, keys access.Keys) *called {
	t.Helper()
	dir, bin := t.TempDir(), t.TempDir()
	if err := desk.Build(t.Context(), bin, desk.Functions()); err != nil {
		t.Fatal(err)
	}
	d, err := desk.Start(t.Context(), dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.Close)
	as := desk.Settings{API: "v3", Region: "cn"}
	binaries := map[string]string{}
	for _, name := range desk.Functions() {
		binaries[name] = filepath.Join(bin, name)
	}
	settings := d.Env(as)
	maps.Copy(settings, env)
	cloud, stop, err := d.Deploy(t.Context(), desk.Deployment{
		Binaries: binaries, Runtime: runtime, Env: settings, Logs: io.Discard, Address: desk.AnyPort, Keys: keys,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	described := d.Describe(cloud, runtime, as)
	if _, err := described.Write(dir); err != nil {
		t.Fatal(err)
	}
	for _, number := range []string{"A1", "A2", "A3", "A4", "A5"} {
		if err := d.Gateway.AddOrder(paygate.Order{MchID: as.Owner().MchID, OutTradeNo: number, Total: 100, OpenID: "oABC"}); err != nil {
			t.Fatal(err)
		}
	}
	options := console.Options{CloudURL: cloud, Calls: newCalling(described, dir)}
	if err := d.ServeConsole(t.Context(), desk.AnyPort, options); err != nil {
		t.Fatal(err)
	}
	return &called{t: t, url: d.Describe(cloud, runtime, as).ConsoleURL}
}

// page reads a page; with a form it sends that.
func (c *called) page(path string, form url.Values) string {
	c.t.Helper()
	response, err := http.PostForm(c.url+path, form)
	if form == nil {
		response, err = http.Get(c.url + path)
	}
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		c.t.Fatalf("%s %v: %d %v\n%s", path, form, response.StatusCode, err, text)
	}
	return string(text)
}

// code is a text of the page Invoke, as it would be copied.
func (c *called) code(page, id string) string {
	c.t.Helper()
	found := regexp.MustCompile(`(?s)id="text-` + id + `"[^>]*>(.*?)</pre>`).FindStringSubmatch(page)
	if found == nil {
		c.t.Fatalf("there is no text %s:\n%s", id, page)
	}
	return html.UnescapeString(found[1])
}

// run runs a program, and returns what it printed.
func run(t *testing.T, dir, program string, arguments ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, arguments...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "NODE_OPTIONS=")
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Errorf("%s %q: %v\n%s", program, arguments, err, output)
	}
	return string(output)
}

// invocations are a call by each kind of door, and what becomes of it.
var invocations = []struct {
	form    url.Values
	outcome string
}{
	{url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"service"}, "data": {`{"out_trade_no":"A1"}`}}, "closed"},
	{url.Values{"function": {"queryorder"}, "trigger": {"function-url"}, "as": {"http"}, "method": {"GET"}, "path": {"queryorder?out_trade_no=A2"}}, "found"},
	{url.Values{"function": {"closeorder"}, "trigger": {"sdk"}, "as": {"service"}, "data": {`{"out_trade_no":"A2"}`}}, "closed"},
	{url.Values{"function": {"closeorder"}, "trigger": {"scf"}, "as": {"service"}, "data": {`{"out_trade_no":"A3"}`}}, "closed"},
	{url.Values{"function": {"closeorder"}, "trigger": {"ckafka"}, "as": {"service"}, "data": {`{"out_trade_no":"A5"}`}}, "closed"},
	{url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"impostor"}, "data": {`{"out_trade_no":"A4"}`}}, "refused"},
	{url.Values{"function": {"queryorder"}, "trigger": {"call"}, "as": {"user"}, "id": {"oABC"}, "data": {`{"out_trade_no":"A4"}`}}, "refused"},
}

// What Invoke gives to copy does what Invoke does: the command in a shell, and the Go test, which
// compiles with the standard library alone and fails where the outcome is another.
func TestCopiedTextsWork(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		nodetest.SkipMissing(t, "curl is not installed (Debian: apt-get install curl)")
	}
	c := serveCalls(t)
	module := newModule(t)
	for _, one := range invocations {
		page := c.page("/invoke", one.form)
		if !strings.Contains(page, one.outcome) {
			t.Errorf("%v: want the outcome %s:\n%s", one.form, one.outcome, page)
		}
		got := run(t, module, "sh", "-c", c.code(page, "curl"))
		isRepeated := one.outcome == "closed" && strings.Contains(got, "alreadyClosed") // the page closed it
		if !strings.Contains(got, one.outcome) && !isRepeated {
			t.Errorf("%v by curl: got %s, want the outcome %s", one.form, got, one.outcome)
		}
		if text := c.code(page, "go"); !passes(t, module, text) {
			t.Errorf("%v as a Go test fails:\n%s", one.form, text)
		}
	}
	wrong := strings.ReplaceAll(c.code(c.page("/invoke", invocations[6].form), "go"), `"refused"`, `"closed"`)
	if passes(t, module, wrong) {
		t.Errorf("a test that wants another outcome passes:\n%s", wrong)
	}
}

// newModule makes the folder of a module without a dependency.
func newModule(t *testing.T) (dir string) {
	t.Helper()
	dir = t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "go.mod"), []byte("module example.com/shop\n\ngo 1.24\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return dir
}

// passes reports whether a Go test passes, with the tokens that its comment says.
func passes(t *testing.T, module, text string) bool {
	t.Helper()
	if err := os.WriteFile(filepath.Join(module, "invoke_test.go"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "go test -count=1 -vet=off ."
	for _, export := range regexp.MustCompile(`(?m)^//\t(export .*)$`).FindAllStringSubmatch(text, -1) {
		script = export[1] + "\n" + script
	}
	cmd := exec.CommandContext(t.Context(), "sh", "-c", script)
	cmd.Dir = module
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off")
	output, err := cmd.CombinedOutput()
	t.Logf("%s", output)
	return err == nil && strings.Contains(string(output), "ok")
}

// Where the emulator demands a key (--require-key), the texts of the APIs for servers have a
// signature with it, and the page says how long that is valid. Without it the cloud refuses the
// same call. The secret is in no text.
func TestCopiedTextsAreSigned(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("curl"); err != nil {
		nodetest.SkipMissing(t, "curl is not installed (Debian: apt-get install curl)")
	}
	key := access.Key{ID: "AKIDqWzXvTnBpLrKd", Secret: "vJqYtRmWxKzPbNdLhGfScTaE"}
	c := serveCallsOn(t, platform.Go1, nil, access.Keys{key})
	module := newModule(t)
	authorization := regexp.MustCompile(`(?m)^  -H 'Authorization: [^']*' \\\n`)
	for trigger, order := range map[string]string{"sdk": "A1", "scf": "A2", "aws": "A3"} {
		form := url.Values{"function": {"closeorder"}, "trigger": {trigger}, "as": {"service"}, "data": {`{"out_trade_no":"` + order + `"}`}}
		page := c.page("/invoke", form)
		if !strings.Contains(page, "<dt>outcome</dt><dd>closed</dd>") || !strings.Contains(page, "Its signature is valid for five minutes") {
			t.Errorf("%s: want it closed, and said how long the texts are valid:\n%s", trigger, page)
		}
		if strings.Contains(page, string(key.Secret)) {
			t.Errorf("%s: the page shows the key's secret", trigger)
		}
		text := c.code(page, "curl")
		if got := run(t, module, "sh", "-c", text); !strings.Contains(got, "alreadyClosed") && !strings.Contains(got, "closed") {
			t.Errorf("%s by curl: got %s, want it closed", trigger, got)
		}
		unsigned := authorization.ReplaceAllString(text, "")
		if unsigned == text {
			t.Errorf("%s: the command has no signature:\n%s", trigger, text)
		}
		if got := run(t, module, "sh", "-c", unsigned); strings.Contains(got, "closed") || strings.Contains(got, "alreadyClosed") {
			t.Errorf("%s by curl without the signature: got %s, want a refusal", trigger, got)
		}
		if text := c.code(page, "go"); !passes(t, module, text) {
			t.Errorf("%s as a Go test fails:\n%s", trigger, text)
		}
	}
	// What needs no signature has no such note.
	if page := c.page("/invoke?function=closeorder&trigger=call&as=service&data=%7B%7D", nil); strings.Contains(page, "Its signature is valid") {
		t.Errorf("a call without a signature is said to have one:\n%s", page)
	}
}

// stubWX plays wx.cloud of a mini-program, as WeChat's client makes the calls: the platform adds
// the user, and the code does not name one. An HTTP function gets the request with its path.
const stubWX = `
const post = (path, data, header) => fetch(process.env.CLOUD + path, {
  method: 'POST', headers: { ...header, 'X-WX-OPENID': 'oABC' }, body: JSON.stringify(data),
})
global.wx = { cloud: {
  callFunction: async ({ name, data }) => {
    const response = await post('/v1/functions/' + name, data, { 'content-type': 'application/json' })
    return { result: await response.json(), errMsg: 'cloud.callFunction:ok' }
  },
  callHTTPFunction: async ({ name, path, method, header, data }) => {
    if (method !== 'POST') throw new Error('the stub has no ' + method)
    const response = await post('/wx/' + name + path, data, header)
    return { statusCode: response.status, data: await response.json() }
  },
} }
`

// The code for an HTTP function closes the order, as the page did: the user that the platform adds
// may do so where every caller may.
func TestHTTPFunctionCodeRuns(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	c := serveCallsOn(t, platform.Web, map[string]string{"CLOUDPAY_CALLER_POLICY": "any"}, nil)
	form := url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"user"}, "id": {"oABC"}, "path": {"closeorder"}, "data": {`{"out_trade_no":"A1"}`}}
	page := c.page("/invoke?"+form.Encode(), nil) // which calls nothing
	code := c.code(page, "wx")
	if !strings.Contains(code, "wx.cloud.callHTTPFunction({") {
		t.Fatalf("a web function is called by other code:\n%s", code)
	}
	cloud := regexp.MustCompile(`curl -X POST '(http://[^/]+)/`).FindStringSubmatch(c.code(page, "curl"))
	got := run(t, t.TempDir(), "node", "--eval", "process.env.CLOUD = '"+cloud[1]+"'\n"+stubWX+code)
	if !strings.Contains(got, "outcome: 'closed'") {
		t.Errorf("got %s, want the order closed, by\n%s", got, code)
	}
	if page := c.page("/invoke", form); !strings.Contains(page, "<dt>outcome</dt><dd>closed</dd>") && !strings.Contains(page, "alreadyClosed") {
		t.Errorf("Invoke itself: want it closed by now:\n%s", page)
	}
}

// The mini-program's code runs in Node.js, with what WeChat's client has.
func TestMiniProgramCodeRuns(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	c := serveCalls(t)
	page := c.page("/invoke", url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"user"}, "id": {"oABC"}, "data": {`{"out_trade_no":"A1"}`}})
	cloud := regexp.MustCompile(`curl -X POST '(http://[^/]+)/`).FindStringSubmatch(c.code(page, "curl"))
	got := run(t, t.TempDir(), "node", "--eval", "process.env.CLOUD = '"+cloud[1]+"'\n"+stubWX+c.code(page, "wx"))
	if !strings.Contains(got, "outcome: 'refused'") || !strings.Contains(got, "NOAUTH") {
		t.Errorf("got %s, want the answer to a user without a store", got)
	}
}

// A call that a function denied is on Callers with the function's own reason, and can be made again
// by another caller; the answer that the caller got has none of the reason.
func TestDeniedCallIsExplained(t *testing.T) {
	t.Parallel()
	c := serveCalls(t)
	answer := c.page("/invoke", url.Values{"function": {"closeorder"}, "trigger": {"call"}, "as": {"nobody"}, "data": {`{"out_trade_no":"A1"}`}})
	id := regexp.MustCompile(`href="(/callers/\d+)"`).FindStringSubmatch(answer)
	if id == nil {
		t.Fatalf("the answer names no call:\n%s", answer)
	}
	page := c.page(id[1], nil)
	for _, want := range []string{"nothing identifies the caller: send service_token", `<tr class="rule-decided"><td class="reason"><code>nothing`, `<tr class="rule-denied"><td class="reason"><code>caller`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %s:\n%s", want, page)
		}
	}
	if list := c.page("/callers", nil); !strings.Contains(list, id[1]) {
		t.Errorf("the list lacks %s:\n%s", id[1], list)
	}
	again := c.page(id[1]+"/again", url.Values{"as": {"service"}})
	if !strings.Contains(again, "<dt>outcome</dt><dd>closed</dd>") {
		t.Errorf("again as a service: want it closed:\n%s", again)
	}
}

// The console offers the triggers of the command, and words its faults without the command's flags.
func TestCallingIsInvokes(t *testing.T) {
	t.Parallel()
	c := newCalling(desk.Description{CloudURL: "http://127.0.0.1:1", Runtime: platform.Go1, Env: map[string]string{
		"CLOUDPAY_SERVICE_TOKEN": "new-value old-value", "CLOUDPAY_HTTP_TOKEN": "",
	}}, "w")
	names := []string{}
	for _, one := range c.Triggers("go1") {
		names = append(names, one.Name)
	}
	if !slices.Equal(names, calls.Triggers()) {
		t.Errorf("got %v, want %v", names, calls.Triggers())
	}
	_, _, err := c.Prepare(t.Context(), console.Call{Function: "closeorder", Trigger: "sqs", As: "user:oABC", Method: "GET", At: "soon"})
	for _, want := range []string{"at: must be a time", "as user:oABC: the trigger sqs carries no such caller", "method and path: are those"} {
		wantFault(t, err, want)
	}
	_, _, err = c.Prepare(t.Context(), console.Call{Function: "closeorder", As: "king"})
	wantFault(t, err, "the caller (as): must be nobody")
	file, tokens := c.Tokens()
	if file != filepath.Join("w", "emulator.json") || len(tokens) != 1 || tokens["CLOUDPAY_SERVICE_TOKEN"] != "new-value" {
		t.Errorf("got %s %v, want the first value of the one token", file, tokens)
	}
}

func wantFault(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}
