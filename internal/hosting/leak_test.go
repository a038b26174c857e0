package hosting_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
)

// One instance answers a call of a known user, and then one of an unknown caller: nothing of the
// first is left, neither in what the handler is given nor in what it could look up.
func TestNothingOfACallStaysForTheNext(t *testing.T) {
	t.Parallel()
	const first = "oFIRST"
	for name, start := range map[string]func(t *testing.T) (known, nobody func() string){
		"SCF": func(t *testing.T) (known, nobody func() string) {
			t.Helper()
			f := startSCF(t, func(port string) *exec.Cmd {
				return command(t, "_LAMBDA_SERVER_PORT="+port, "CLOUDPAY_LISTEN_HOST=127.0.0.1")
			})
			call := func(environment string) func() string {
				return func() string {
					response := f.invoke(messages.InvokeRequest{Payload: []byte("everything"), Environment: environment})
					return string(response.Payload)
				}
			}
			return call(`{"WX_OPENID":"` + first + `","TCB_UUID":"` + first + `"}`), call("")
		},
		"SCFCustom": func(t *testing.T) (known, nobody func() string) {
			t.Helper()
			api := startCustom(t)
			return func() string { return api.invoke(postResponse, "everything", "request_id", first) },
				func() string { return api.invoke(postResponse, "everything") }
		},
		"Web": func(t *testing.T) (known, nobody func() string) {
			t.Helper()
			p := startWeb(t, command(t, "PORT=0"), (*exec.Cmd).StderrPipe)
			return func() string {
					return p.send("POST", "/everything?openid="+first, first, "X-WX-OPENID", first, "X-Request-Id", first).content
				},
				func() string { return p.send("POST", "/everything", "").content }
		},
		"Lambda": func(t *testing.T) (known, nobody func() string) {
			t.Helper()
			api := startLambda(t)
			return func() string { return api.invoke(lambdaEvent{cognitoRequest, soon(), "everything"}).body },
				func() string { return api.invoke(lambdaEvent{"r-2", soon(), "everything"}).body }
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			known, nobody := start(t)
			if got := known(); !strings.Contains(got, first) {
				t.Fatalf("a known caller: got %q, want %q in it", got, first)
			}
			for range 2 {
				if got := nobody(); strings.Contains(got, first) || got == "" {
					t.Errorf("nobody: got %q, want nothing of the call before", got)
				}
			}
		})
	}
}
