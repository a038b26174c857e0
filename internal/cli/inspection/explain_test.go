package inspection_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/cli/inspection"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// answered is an answer of a handler.
type answered struct {
	t      *testing.T
	status int
	header http.Header
	text   string
}

// ask makes a call of a handler, and returns its answer.
func ask(t *testing.T, h http.Handler, method, address, body string) answered {
	t.Helper()
	recorder := httptest.NewRecorder()
	h.ServeHTTP(recorder, httptest.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body)))
	got := recorder.Result()
	text, err := io.ReadAll(got.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(text) {
		t.Errorf("the answer is no JSON: %s", text)
	}
	return answered{t, got.StatusCode, got.Header, string(text)}
}

// want checks a status, and that texts are in the answer.
func (a answered) want(status int, texts ...string) answered {
	a.t.Helper()
	if a.status != status {
		a.t.Errorf("got status %d, want %d: %s", a.status, status, a.text)
	}
	for _, text := range texts {
		if !strings.Contains(a.text, text) {
			a.t.Errorf("the answer lacks %q:\n%s", text, a.text)
		}
	}
	return a
}

// lacks checks that no text is in the answer.
func (a answered) lacks(texts ...string) {
	a.t.Helper()
	for _, text := range texts {
		if text != "" && strings.Contains(a.text, text) {
			a.t.Errorf("the answer has %q:\n%s", text, a.text)
		}
	}
}

// emulator is a WeChat Pay of a folder, described there as a running emulator is.
func emulator(t *testing.T) (dir string, d desk.Description) {
	t.Helper()
	dir = t.TempDir()
	opened, err := desk.Start(t.Context(), dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(opened.Close)
	d = opened.Describe("", platform.Go1, desk.Settings{API: "v3", Region: "cn"})
	if _, err := d.Write(dir); err != nil {
		t.Fatal(err)
	}
	return dir, d
}

// An APIv2 document that was signed with the emulator's APIv3 key is named with the emulator's
// keys, and cannot be without.
func TestExplain(t *testing.T) {
	t.Parallel()
	dir, d := emulator(t)
	h := inspection.Explain(dir)
	document := signedV2(d.Merchant.V3Key, "appid", d.Merchant.AppID, "mch_id", d.Merchant.MchID, "nonce_str", "n1", "out_trade_no", "A1")
	got := ask(t, h, http.MethodPost, "/explain", document)
	got.want(200, `"verdict": "fault"`, `"id": "v2-key-v3"`, `"certain": true`, `"remedy": "`, `"merchant `+d.Merchant.MchID)
	got.lacks(d.Merchant.V2Key, d.Merchant.V3Key, d.Env["CLOUDPAY_SERVICE_TOKEN"])
	ask(t, h, http.MethodPost, "/explain?keys=none", document).want(200, `"keys": []`, `"unchecked": [`).lacks(`"certain": true`)
	ask(t, h, http.MethodPost, "/explain?lang=zh", document).want(200, "商户 "+d.Merchant.MchID).lacks("merchant ")
	ask(t, h, http.MethodPost, "/explain", "ORDERPAID").want(200, `"form": "code"`, `"code": "ORDERPAID"`)
}

// What cannot be explained is refused with a sentence, in the language that is asked for.
func TestExplainRefuses(t *testing.T) {
	t.Parallel()
	dir, _ := emulator(t)
	h := inspection.Explain(dir)
	ask(t, h, http.MethodPost, "/explain", " \n").want(400, "there is nothing to explain")
	ask(t, h, http.MethodPost, "/explain?lang=zh", "").want(400, "没有可解释的内容")
	ask(t, h, http.MethodPost, "/explain", strings.Repeat("x", 64<<10+1)).want(413, "longer than 64 KiB")
	ask(t, h, http.MethodPost, "/explain", strings.Repeat("x", 64<<10)).want(200)
	ask(t, h, http.MethodPost, "/explain?keys=mine", "ORDERPAID").want(400, "must be emulator or none")
	ask(t, h, http.MethodPost, "/explain?key=none", "ORDERPAID").want(400, `unknown parameter \"key\"; known here: keys, lang`)
	ask(t, inspection.Explain(t.TempDir()), http.MethodPost, "/explain", "ORDERPAID").want(400, "no emulator runs in")
	got := ask(t, h, http.MethodGet, "/explain", "").want(405, "GET is not possible here; possible: POST")
	if allowed := got.header.Get("Allow"); allowed != "POST" {
		t.Errorf("got Allow %q, want POST", allowed)
	}
}

// stuck is a body that does not end before it is released.
type stuck struct{ begun, release chan struct{} }

func (s stuck) Read([]byte) (int, error) {
	close(s.begun)
	<-s.release
	return 0, io.EOF
}

// A third text at the same time is refused, and answered when one of the others is done.
func TestExplainTakesTurns(t *testing.T) {
	t.Parallel()
	dir, _ := emulator(t)
	h := inspection.Explain(dir)
	var ended []chan struct{}
	var bodies []stuck
	for range 2 {
		body, done := stuck{make(chan struct{}), make(chan struct{})}, make(chan struct{})
		go func() {
			defer close(done)
			h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/explain", body))
		}()
		<-body.begun
		bodies, ended = append(bodies, body), append(ended, done)
	}
	ask(t, h, http.MethodPost, "/explain", "ORDERPAID").want(429, "another one is being answered")
	close(bodies[0].release)
	<-ended[0]
	ask(t, h, http.MethodPost, "/explain", "ORDERPAID").want(200)
	close(bodies[1].release)
	<-ended[1]
}
