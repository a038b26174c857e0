//go:build databases

package store_test

import (
	"bufio"
	"context"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/notify"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store/storetest"
)

// The servers take seconds to start and the suite half a minute, so `make test-databases` runs
// these and `make test` does not.

func TestPostgres(t *testing.T) { storetest.Run(t, storetest.Postgres(t)) }

func TestMariaDB(t *testing.T) { storetest.Run(t, storetest.MariaDB(t)) }

func TestPgBouncer(t *testing.T) { storetest.Run(t, storetest.PgBouncer(t)) }

// TestFailover moves the writes from one server to another while an instance is called every
// second.
func TestFailover(t *testing.T) {
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); storetest.MariaDBFailover(t) })
	t.Run("Postgres", func(t *testing.T) { t.Parallel(); storetest.PostgresFailover(t) })
}

// TestLostCommits lets a primary fail whose standby was behind, while events are delivered to the
// documented receiver.
func TestLostCommits(t *testing.T) {
	t.Run("MariaDB", func(t *testing.T) { t.Parallel(); storetest.MariaDBLosesCommits(t, newDocumented(t)) })
	t.Run("Postgres", func(t *testing.T) { t.Parallel(); storetest.PostgresLosesCommits(t, newDocumented(t)) })
}

// documented is the receiver of examples/receivers/go as a process, with the webhook that delivers
// to it.
type documented struct {
	*notify.Webhook

	running *exec.Cmd
	acts    chan map[string]int
}

func newDocumented(t *testing.T) *documented {
	t.Helper()
	const key = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	program := filepath.Join(t.TempDir(), "receiver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../examples/receivers/go").CombinedOutput(); err != nil {
		t.Fatalf("building the receiver: %v\n%s", err, out)
	}
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	d := &documented{running: exec.Command(program, address, program+".jsonl"), acts: make(chan map[string]int, 1)}
	d.running.Env = append(os.Environ(), "CLOUDPAY_NOTIFY_KEY="+key)
	d.running.Stderr = os.Stderr
	out, err := d.running.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.running.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.running.Process.Kill() })
	go func() {
		acts := map[string]int{}
		for lines := bufio.NewScanner(out); lines.Scan(); {
			acts[lines.Text()[strings.LastIndexByte(lines.Text(), '/')+1:]]++
		}
		d.acts <- acts
	}()
	if d.Webhook, err = notify.New("http://"+address, []notify.Key{key}, notify.Options{}); err != nil {
		t.Fatal(err)
	}
	return d
}

// Deliver delivers an event, and waits for the receiver to be up before the first.
func (d *documented) Deliver(ctx context.Context, e outbox.Event) error {
	for deadline := time.Now().Add(30 * time.Second); ; {
		err := d.Webhook.Deliver(ctx, e)
		if err == nil || time.Now().After(deadline) {
			return err
		}
		<-time.After(20 * time.Millisecond)
	}
}

// Acts ends the receiver.
func (d *documented) Acts(t *testing.T) map[string]int {
	t.Helper()
	_ = d.running.Process.Kill()
	acts := <-d.acts
	_ = d.running.Wait()
	return acts
}
