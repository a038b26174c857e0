//go:build sqlite && databases

package app_test

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shop is the documented receiver of events, examples/receivers/go, in a process of its own. It
// keeps what it did in a file.
type shop struct {
	program, address, file string

	running *exec.Cmd
	kills   int
}

const shopKey = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// openShop runs the receiver until the test ends.
func openShop(t *testing.T) *shop {
	t.Helper()
	folder := t.TempDir()
	s := &shop{program: filepath.Join(folder, "receiver"), file: filepath.Join(folder, "shop.jsonl")}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", s.program, "../../examples/receivers/go").CombinedOutput(); err != nil {
		t.Fatalf("building the receiver: %v\n%s", err, out)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	_ = listener.Close()
	s.start(t)
	t.Cleanup(s.kill)
	return s
}

func (s *shop) url() string { return "http://" + s.address + "/cloudpay" }

// start runs the receiver and waits until it answers. Another connection of this machine may have
// its port for a while.
func (s *shop) start(t *testing.T) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; {
		s.running = exec.Command(s.program, s.address, s.file)
		s.running.Env = append(os.Environ(), "CLOUDPAY_NOTIFY_KEY="+shopKey)
		if err := s.running.Start(); err != nil {
			t.Fatal(err)
		}
		for range 50 {
			if conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", s.address); err == nil {
				_ = conn.Close()
				return
			}
			<-time.After(10 * time.Millisecond)
		}
		s.kill()
		if time.Now().After(deadline) {
			t.Fatal("the receiver of events does not answer")
		}
	}
}

func (s *shop) kill() {
	_ = s.running.Process.Kill()
	_ = s.running.Wait()
}

// restart kills the receiver and starts it again on its file.
func (s *shop) restart(t *testing.T) {
	t.Helper()
	s.kill()
	s.kills++
	s.start(t)
}

// act is a line of the receiver's file: an event that it acted upon.
type act struct{ ID, What, Order string }

// number is the order's number, the last part of its full name.
func (a act) number() string { return a.Order[strings.LastIndexByte(a.Order, '/')+1:] }

// acts are what the receiver did.
func (s *shop) acts(t *testing.T) []act {
	t.Helper()
	text, err := os.ReadFile(s.file)
	if err != nil {
		t.Fatal(err)
	}
	var all []act
	for line := range bytes.Lines(text) {
		var a act
		if !bytes.HasSuffix(line, []byte("\n")) {
			break // it is being written
		}
		if err := json.Unmarshal(line, &a); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		all = append(all, a)
	}
	return all
}
