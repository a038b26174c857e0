package platform_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// onPort9000 is a web function that listens on SCF's port, whatever PORT says.
func onPort9000(t *testing.T) func(*platform.Spec) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:9000")
	if err != nil {
		t.Skipf("SKIPPED: something else listens on port 9000: %v", err)
	}
	_ = l.Close()
	script := filepath.Join(t.TempDir(), "scf_bootstrap")
	text := fmt.Sprintf("#!/bin/sh\nPORT=9000 exec '%s'\n", hello)
	if err := os.WriteFile(script, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return func(s *platform.Spec) { s.Binary, s.Runtime = script, platform.Web }
}

// A web function that listens on SCF's port is found there. It has one instance, which handles
// several callers one after the other, and a restart replaces it.
func TestWebOnSCFsPort(t *testing.T) { // no other test may use the port
	fixed := onPort9000(t)
	f := start(t, fixed)
	var callers sync.WaitGroup
	for range 3 {
		callers.Go(func() {
			reply, err := f.Call(t.Context(), do{Do: "hello", Text: "World"}.event())
			if err != nil || string(reply.Payload) != `"Hello World"` {
				t.Errorf("got %v %s, %v", reply.Status, reply.Payload, err)
			}
		})
	}
	callers.Wait()
	before := f.pid()
	if err := f.Restart(t.Context(), spec(f.log, fixed)); err != nil {
		t.Fatal(err)
	}
	if after := f.pid(); after == before {
		t.Errorf("process: got %d again", after)
	}
	wantGone(t, before)
}
