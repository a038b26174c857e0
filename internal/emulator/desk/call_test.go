package desk

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// A token that is being rotated has two values; a caller sends one of them.
func TestAsService(t *testing.T) {
	t.Parallel()
	for token, want := range map[string]string{
		"one-token-of-the-tests":                         `{"out_trade_no":"A1","service_token":"one-token-of-the-tests"}`,
		"next-token-of-the-tests old-token-of-the-tests": `{"out_trade_no":"A1","service_token":"next-token-of-the-tests"}`,
	} {
		d := Description{Env: map[string]string{serviceTokenVariable: token}}
		if got, err := d.AsService([]byte(`{"out_trade_no":"A1"}`)); err != nil || string(got) != want {
			t.Errorf("%s: got %s and error %v, want %s", token, got, err, want)
		}
	}
	if got, err := (Description{Env: map[string]string{serviceTokenVariable: "one-token-of-the-tests"}}).AsService([]byte(`[]`)); err == nil {
		t.Errorf("an array: got %s, want an error", got)
	}
}

// cloud is a server in the cloud's place that answers everything alike, and the description of it.
func cloud(t *testing.T, status int, answer string) (Description, *http.Request) {
	t.Helper()
	got := &http.Request{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*got = *r.Clone(r.Context())
		got.Body = io.NopCloser(strings.NewReader(string(body)))
		w.Header().Set("Location", "/elsewhere")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	return Description{CloudURL: server.URL, Env: map[string]string{timerTokenVariable: "a-timer-token"}}, got
}

// A call carries its user in the platform's headers; a timer carries its token only where the
// platform does not say that a timer fired.
func TestCall(t *testing.T) {
	t.Parallel()
	d, got := cloud(t, http.StatusOK, `{"outcome":"closed"}`)
	answer, err := d.Call(t.Context(), "closeorder", []byte(`{}`), User{OpenID: "oABC", AppID: "wx1"})
	if err != nil || string(answer) != `{"outcome":"closed"}` || got.URL.Path != "/v1/functions/closeorder" ||
		got.Header.Get("X-Wx-Openid") != "oABC" || got.Header.Get("X-Wx-Appid") != "wx1" {
		t.Errorf("got %s, %v for %s %v", answer, err, got.URL.Path, got.Header)
	}
	for runtime, want := range map[platform.Runtime]string{
		platform.Go1: `{"message":""}`, platform.Lambda: `{"message":""}`, platform.CustomRuntime: `{"message":"a-timer-token"}`,
	} {
		d.Runtime = runtime
		if _, err := d.Fire(t.Context(), "closeorder"); err != nil {
			t.Fatal(err)
		}
		if body, _ := io.ReadAll(got.Body); string(body) != want || got.URL.Path != "/v1/timers/closeorder" {
			t.Errorf("%s: got %s at %s, want %s", runtime, body, got.URL.Path, want)
		}
	}
}

// Whatever the platform answers instead of a function is an error with its status and its words.
func TestCallIsRefused(t *testing.T) {
	t.Parallel()
	for status, body := range map[int]string{
		http.StatusNotFound: "FUNCTION_NOT_FOUND", http.StatusFound: "", http.StatusSwitchingProtocols: "", 433: "Invoking task timed out",
	} {
		d, _ := cloud(t, status, body)
		answer, err := d.Call(t.Context(), "closeorder", nil, User{})
		refusal, is := errors.AsType[*NoAnswerError](err)
		if !is || refusal.Body != body || refusal.Function != "closeorder" {
			t.Errorf("%d: got %s, %v; want a refusal with %q", status, answer, err, body)
		}
	}
	d, _ := cloud(t, http.StatusOK, strings.Repeat("x", MaxEvent+1))
	if answer, err := d.Call(t.Context(), "closeorder", nil, User{}); err == nil {
		t.Errorf("took an answer of %d bytes", len(answer))
	}
	if _, err := (Description{CloudURL: "http://127.0.0.1:1"}).Call(t.Context(), "closeorder", nil, User{}); err == nil ||
		!strings.Contains(err.Error(), "is the emulator still running?") {
		t.Errorf("without a cloud: got %v", err)
	}
}
