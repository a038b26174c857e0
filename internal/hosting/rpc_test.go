package hosting_test

import (
	"strings"
	"testing"

	"github.com/tencentyun/scf-go-lib/cloudfunction/messages"
)

// An argument that is none of the method's is refused, and the connection serves the calls after
// it, as net/rpc's own server has it.
func TestSCFRefusesAnotherArgument(t *testing.T) {
	t.Parallel()
	client := serveSCF(t, report).client
	var response messages.InvokeResponse
	if err := client.Call("Function.Invoke", struct{ Payload int }{1}, &response); err == nil || !strings.Contains(err.Error(), "gob") {
		t.Errorf("an argument of another type: got error %v, want gob's", err)
	}
	for _, method := range []string{"Function.Nothing", "Nothing.Invoke", "Invoke", ""} {
		if err := client.Call(method, messages.PingRequest{}, &response); err == nil || !strings.HasPrefix(err.Error(), "rpc: ") {
			t.Errorf("%q: got error %v, want one of rpc's", method, err)
		}
	}
	if err := client.Call("Function.Invoke", messages.InvokeRequest{Payload: []byte("next")}, &response); err != nil || string(response.Payload) != "next" {
		t.Errorf("after these: got %q and error %v, want the call answered", response.Payload, err)
	}
}
