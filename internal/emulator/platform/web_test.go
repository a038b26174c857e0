package platform_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

// fetch sends a request to a web function.
func (f *function) fetch(method, target, body string, header ...string) answer {
	f.t.Helper()
	request := httptest.NewRequest(method, target, strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := f.Fetch(f.t.Context(), request)
	if err != nil {
		f.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		f.t.Fatal(err)
	}
	if response.Header.Get("X-Scf-Request-Id") == "" {
		f.t.Errorf("%s %s: got no X-Scf-Request-Id", method, target)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(text)}
}

func TestWebRequest(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Web))
	fetched := f.fetch(http.MethodPut, "http://hello.example:81/a%2Fb/c?x=1&x=2&y", `{"Do":"report"}`,
		"X-Scf-Uin", "forged", "x-scf-forged", "1", "X-Wx-Openid", "oABC", "Accept", "a", "Accept", "b",
		"Connection", "X-Hop", "X-Hop", "1", "Te", "trailers")
	var got report
	wantJSON(t, fetched.body, &got)
	if want := "PUT hello.example:81 /a%2Fb/c?x=1&x=2&y"; got.Request != want {
		t.Errorf("request: got %s, want %s", got.Request, want)
	}
	want := http.Header{
		"Accept": {"a", "b"}, "X-Wx-Openid": {"oABC"},
		"Content-Length": {"15"}, "Connection": {"close"},
		"X-Scf-Appid": {"1250000000"}, "X-Scf-Memory": {"128"}, "X-Scf-Name": {"hello"}, "X-Scf-Namespace": {"default"},
		"X-Scf-Region": {"ap-guangzhou"}, "X-Scf-Request-Id": {got.Header.Get("X-Scf-Request-Id")}, "X-Scf-Timeout": {"60000"},
		"X-Scf-Uin": {"100000000001"}, "X-Scf-Version": {"$LATEST"},
	}
	delete(got.Header, "User-Agent")
	if diff := cmp.Diff(want, got.Header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	told := environ(got)
	for name, unwanted := range map[string]bool{
		"PORT": false, "SCF_FUNCTIONNAME": false, "_LAMBDA_SERVER_PORT": true, "SCF_RUNTIME_API": true, "AWS_LAMBDA_RUNTIME_API": true,
	} {
		if value, ok := told[name]; ok == unwanted {
			t.Errorf("%s in the environment: got %t with %q, want %t", name, ok, value, !unwanted)
		}
	}
}

func TestWebAnswer(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Web))
	response := f.fetch(http.MethodGet, "http://hello.example/teapot", "")
	if response.status != http.StatusTeapot || response.body != "short and stout" {
		t.Errorf("answer: got %d %s, want 418 short and stout", response.status, response.body)
	}
	want := http.Header{
		"Set-Cookie": {"a=1", "b=2"}, "Location": {"/elsewhere"}, "Content-Type": {"text/plain; charset=utf-8"},
		"Content-Length": {"15"}, "Date": response.header["Date"], "X-Scf-Request-Id": response.header["X-Scf-Request-Id"],
	}
	if diff := cmp.Diff(want, response.header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
}

// An answer of 101 does not leave the caller waiting for the end of the connection.
func TestWebSwitchesNoProtocols(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Web))
	got := f.fetch(http.MethodGet, "http://hello.example/switch", "")
	if got.status != platform.StatusProcessExit {
		t.Errorf("got %d %s, want %d", got.status, got.body, platform.StatusProcessExit)
	}
}

// A request that the function does not answer gets the platform's answer.
func TestWebFailures(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.Web))
	cases := map[string]struct {
		event string
		want  int
	}{
		"process exit":       {`{"Do":"exit"}`, platform.StatusProcessExit},
		"broken connection":  {`{"Do":"panic"}`, platform.StatusProcessExit},
		"answer too large":   {`{"Do":"big","Size":7000000}`, platform.StatusResponseTooLarge},
		"request too large":  {strings.Repeat("x", platform.MaxPayload+1), platform.StatusRequestTooLarge},
		"the function's own": {`{"Do":"fail"}`, http.StatusInternalServerError},
	}
	for name, q := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &function{Function: f.Function, t: t}
			response := f.fetch(http.MethodPost, "http://hello.example/", q.event)
			if response.status != q.want {
				t.Errorf("status: got %d %s, want %d", response.status, response.body, q.want)
			}
			if q.want == http.StatusInternalServerError {
				return
			}
			var document struct{ StatusCode int }
			if wantJSON(t, response.body, &document); document.StatusCode != q.want || !strings.Contains(response.body, `"errorMessage":"`) {
				t.Errorf("body: got %s, want the status %d and a message", response.body, q.want)
			}
		})
	}
}
