package platform_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"cloudpay/internal/emulator/platform"
)

func TestCustomEnvironment(t *testing.T) {
	t.Parallel()
	f := start(t, as(platform.CustomRuntime), withEnv("GREETING=hi"))
	got := environ(f.described(platform.Event{Environment: map[string]string{"WX_OPENID": "which the protocol cannot tell"}}))
	want := map[string]string{
		"SCF_RUNTIME": "CustomRuntime", "SCF_RUNTIME_API": "127.0.0.1", "SCF_RUNTIME_API_PORT": got["SCF_RUNTIME_API_PORT"],
		"_HANDLER": "bootstrap", "_SCF_SERVER_PORT": "28902", "SCF_FUNCTIONNAME": "hello", "GREETING": "hi",
		"TENCENTCLOUD_RUNENV": "SCF",
	}
	for name, value := range want {
		if got[name] != value || value == "" {
			t.Errorf("%s: got %q, want %q", name, got[name], value)
		}
	}
	for _, name := range []string{"_LAMBDA_SERVER_PORT", "PORT", "AWS_LAMBDA_RUNTIME_API", "WX_OPENID"} {
		if value, ok := got[name]; ok {
			t.Errorf("%s: got %q, want none", name, value)
		}
	}
}

// A process that polls for events before it has posted that it is ready is not ready.
func TestCustomNeverReady(t *testing.T) {
	t.Parallel()
	f, err := platform.StartWithin(t.Context(), spec(io.Discard, as(platform.CustomRuntime), withEnv("HELLO_START=never ready")))
	if err == nil {
		_ = f.Close()
	}
	wantError(t, err, "hello does not request POST /runtime/init/ready")
}

// The event stays the same until it is answered, and only the first answer counts.
func TestCustomRuntimeAPI(t *testing.T) {
	t.Parallel()
	f, m := start(t, as(platform.CustomRuntime)), openMeeting(t)
	told := environ(f.described(platform.Event{}))
	api := "http://127.0.0.1:" + told["SCF_RUNTIME_API_PORT"] + "/runtime/invocation/"
	call := f.invokeAside(t.Context(), m.event())
	g := m.await()
	for range 2 {
		response, err := http.Get(api + "next")
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if diff := cmp.Diff(string(m.event().event().Payload), string(body)); diff != "" {
			t.Errorf("event (-want +got):\n%s", diff)
		}
		if response.Header.Get("Request_id") == "" {
			t.Errorf("headers: got %v, want a request_id", response.Header)
		}
	}
	for i, want := range []int{http.StatusOK, http.StatusBadRequest} {
		response, err := http.Post(api+"response", "", strings.NewReader("first"))
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("answer %d: got %d, want %d", i+1, response.StatusCode, want)
		}
	}
	got := <-call
	if got.err != nil {
		t.Fatal(got.err)
	}
	f.wantPayload(got.reply, "first")
	g.letGo(t)
}
