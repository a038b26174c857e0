package desk

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// nodeFunction is a function that answers with its event and a word.
func nodeFunction(t *testing.T, name, word string) platform.Spec {
	t.Helper()
	if _, err := exec.LookPath("node"); err != nil {
		t.Skip("SKIPPED: Node.js is not installed (nodejs.org; Debian: apt-get install nodejs)")
	}
	folder := t.TempDir()
	text := "exports.main = async (event) => ({ event, word: '" + word + "' })\n"
	if err := os.WriteFile(filepath.Join(folder, "index.js"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return platform.Spec{Name: name, Folder: folder, Runtime: platform.Node, TimeLimit: time.Minute}
}

// said is what a request to a server is answered with.
func said(t *testing.T, method, url, body string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// firings are how often each timer has fired, once what is due has.
func firings(t *testing.T, url string) map[string]int {
	t.Helper()
	var list struct {
		Timers []struct {
			Name    string
			Fired   int
			Running bool
		}
	}
	if err := json.Unmarshal([]byte(said(t, http.MethodGet, url+"/v1/timers?wait=1m", "")), &list); err != nil {
		t.Fatal(err)
	}
	fired := map[string]int{}
	for _, timer := range list.Timers {
		if timer.Running {
			fired[timer.Name] = timer.Fired
		}
	}
	return fired
}

// The timers of a deployment fire by the gateway's clock, which the management API moves, and a
// redeployment replaces functions and timers without an interruption.
func TestDeploy(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	hourly := platform.Timer{
		Function: "hello", Name: "hourly", Next: func(after time.Time) time.Time { return after.Truncate(time.Hour).Add(time.Hour) },
	}
	as := Deployment{
		Functions: []platform.Spec{nodeFunction(t, "hello", "first")}, Timers: []platform.Timer{hourly}, Logs: io.Discard, Address: AnyPort,
	}
	url, stop, err := d.Deploy(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	if got := said(t, http.MethodPost, url+"/v1/functions/hello", `{"a":1}`); got != `{"event":{"a":1},"word":"first"}` {
		t.Errorf("got %s", got)
	}
	for { // it may take a moment until the timer runs
		if _, runs := firings(t, url)["hourly"]; runs {
			break
		}
	}
	said(t, http.MethodPost, d.adminURL+"/clock", `{"advance":"3h"}`)
	if got := firings(t, url)["hourly"]; got < 3 || got > 4 { // the hour may end meanwhile
		t.Errorf("after three hours: got %d firings, want 3", got)
	}

	as.Functions, as.NoTimers = []platform.Spec{nodeFunction(t, "hello", "second")}, true
	changes, err := d.Redeploy(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(Changes{Restarted: []string{"hello"}}, changes); diff != "" {
		t.Errorf("redeployed: changes (-want +got):\n%s", diff)
	}
	if got := said(t, http.MethodPost, url+"/v1/functions/hello", `{"a":1}`); got != `{"event":{"a":1},"word":"second"}` {
		t.Errorf("redeployed: got %s", got)
	}
	if got := firings(t, url); len(got) > 0 {
		t.Errorf("redeployed without timers: got %v", got)
	}
	as.Functions = []platform.Spec{nodeFunction(t, "hello", "'"), nodeFunction(t, "another", "new"), nodeFunction(t, "third", "'")}
	as.NoTimers, as.Timers = false, []platform.Timer{hourly, {Function: "third", Name: "thirds", Next: hourly.Next}}
	changes, err = d.Redeploy(t.Context(), as)
	wantError(t, err, "the old hello goes on: ")
	wantError(t, err, "the new third is left out: ")
	if diff := cmp.Diff(Changes{Added: []string{"another"}}, changes); diff != "" {
		t.Errorf("a redeployment that failed in part: changes (-want +got):\n%s", diff)
	}
	if got := said(t, http.MethodPost, url+"/v1/functions/hello", `{}`); got != `{"event":{},"word":"second"}` {
		t.Errorf("after a redeployment that failed in part: got %s", got)
	}
	if got := said(t, http.MethodGet, url+"/v1/timers", ""); !strings.Contains(got, "hourly") || strings.Contains(got, "thirds") {
		t.Errorf("got %s, want the timers of what runs", got)
	}
}

// A function that is described while the emulator runs is started, and one that is no longer
// described is called no more: its calls in flight end, and its timers fire no more.
func TestRedeployOthers(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	never := func(time.Time) time.Time { return time.Time{} }
	slow := nodeFunction(t, "old", "answered")
	text := `const fs = require('node:fs')
exports.main = async ({ until }) => {
  console.log('begun')
  while (!fs.existsSync(until)) await new Promise((then) => setTimeout(then, 1))
  return 'answered'
}`
	if err := os.WriteFile(filepath.Join(slow.Folder, "index.js"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	begun := make(chan struct{}, 1)
	as := Deployment{
		Functions: []platform.Spec{slow}, Timers: []platform.Timer{{Function: "old", Name: "olds", Next: never}},
		Logs: signalWriter{"begun", begun}, Address: AnyPort,
	}
	url, stop, err := d.Deploy(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	inFlight, released := make(chan string, 1), filepath.Join(t.TempDir(), "released")
	go func() {
		inFlight <- said(t, http.MethodPost, url+"/v1/functions/old", `{"until":`+strconv.Quote(released)+`}`)
	}()
	<-begun
	as.Functions, as.Timers = []platform.Spec{nodeFunction(t, "new", "word")}, []platform.Timer{{Function: "new", Name: "news", Next: never}}
	changes, err := d.Redeploy(t.Context(), as)
	if diff := cmp.Diff(Changes{Added: []string{"new"}, Removed: []string{"old"}}, changes); diff != "" || err != nil {
		t.Errorf("changes (-want +got), and error %v:\n%s", err, diff)
	}
	if err := os.WriteFile(released, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := <-inFlight; got != `"answered"` {
		t.Errorf("the call in flight: got %s", got)
	}
	if got := said(t, http.MethodPost, url+"/v1/functions/new", `{}`); got != `{"event":{},"word":"word"}` {
		t.Errorf("the new function: got %s", got)
	}
	if got := said(t, http.MethodPost, url+"/v1/functions/old", `{}`); !strings.Contains(got, "FUNCTION_NOT_FOUND") {
		t.Errorf("the old function: got %s", got)
	}
	if got := said(t, http.MethodGet, url+"/v1/functions", ""); got != `{"functions":[{"name":"new","runtime":"node"}]}` {
		t.Errorf("the list: got %s", got)
	}
	if got := said(t, http.MethodGet, url+"/v1/timers", ""); !strings.Contains(got, "news") || strings.Contains(got, "olds") {
		t.Errorf("the timers: got %s", got)
	}
}

// signalWriter signals, once at a time, that a text was written.
type signalWriter struct {
	text string
	seen chan<- struct{}
}

func (w signalWriter) Write(line []byte) (int, error) {
	if strings.Contains(string(line), w.text) {
		select {
		case w.seen <- struct{}{}:
		default:
		}
	}
	return len(line), nil
}

// The caller policy of the functions is the deployed one, unless another is chosen.
func TestCallerPolicy(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	if got, set := d.Env(Settings{})["CLOUDPAY_CALLER_POLICY"]; set {
		t.Errorf("got %q, want none", got)
	}
	if got := d.Env(Settings{CallerPolicy: "any"})["CLOUDPAY_CALLER_POLICY"]; got != "any" {
		t.Errorf("got %q, want any", got)
	}
}

// The deployment says where orders without a notify_url are notified, and where
// wx.cloud.callHTTPFunction calls; a redeployment says it anew.
func TestNotifyURL(t *testing.T) {
	t.Parallel()
	d := open(t, t.TempDir())
	as := Deployment{
		Functions: []platform.Spec{nodeFunction(t, "public", "word")}, NotifyURL: "/tcb/public/paynotify", HTTPFunction: "public",
		Logs: io.Discard, Address: AnyPort,
	}
	url, stop, err := d.Deploy(t.Context(), as)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	placed := func(number string) string {
		return said(t, http.MethodPost, d.adminURL+"/orders", `{"mchid":"`+mchID+`","out_trade_no":"`+number+`","total":1}`)
	}
	described := d.Describe(url, platform.Go1, Settings{})
	if described.NotifyURL != url+"/tcb/public/paynotify" || described.HTTPFunctionURL != url+"/wx/public" {
		t.Errorf("got %q and %q", described.NotifyURL, described.HTTPFunctionURL)
	}
	if got := placed("A1"); !strings.Contains(got, described.NotifyURL) {
		t.Errorf("got %s, want its notify_url", got)
	}
	as.NotifyURL, as.HTTPFunction = "http://127.0.0.1:1/own", ""
	if _, err := d.Redeploy(t.Context(), as); err != nil {
		t.Fatal(err)
	}
	if got := placed("A2"); !strings.Contains(got, "http://127.0.0.1:1/own") {
		t.Errorf("got %s, want the other notify_url", got)
	}
	if got := d.Describe(url, platform.Go1, Settings{}); got.NotifyURL != as.NotifyURL || got.HTTPFunctionURL != "" {
		t.Errorf("got %q and %q", got.NotifyURL, got.HTTPFunctionURL)
	}
	as.NotifyURL = "ftp://127.0.0.1/"
	_, err = d.Redeploy(t.Context(), as)
	wantError(t, err, "the notify_url of orders without one: ")
}
