package clients_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/nodetest"
	"cloudpay/internal/notify"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// The keys that the libraries verify with, by their place.
var webhookKeys = []notify.Key{
	"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
	"whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
	"0123456789abcdef",
}

// The library of Standard Webhooks' authors for JavaScript verifies deliveries.
func TestWebhooksInNode(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	verifiesDeliveries(t, startReceiver(t, "node", "webhook.js"))
}

// Their library for Python does, too. Debian has no package of it, so that the test is skipped
// where it is not installed, under CI too.
func TestWebhooksInPython(t *testing.T) {
	t.Parallel()
	if err := exec.CommandContext(t.Context(), "python3", "-c", "import standardwebhooks").Run(); err != nil {
		t.Skip("SKIPPED: the package standardwebhooks is not installed (pip install standardwebhooks)")
	}
	verifiesDeliveries(t, startReceiver(t, "python3", "webhook.py"))
}

// startReceiver starts a script with all keys, and returns its address.
func startReceiver(t *testing.T, program, script string) string {
	t.Helper()
	args := []string{script}
	for _, key := range webhookKeys {
		args = append(args, string(key))
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	port, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		_ = cmd.Wait()
		t.Fatalf("%s %s: %v\n%s", program, script, err, stderr.String())
	}
	return "http://127.0.0.1:" + strings.TrimSpace(port)
}

// verifiesDeliveries delivers events that are signed by one key or two, and wants the receiver to
// accept those that its key signed within five minutes, and no others.
func verifiesDeliveries(t *testing.T, address string) {
	t.Helper()
	for name, test := range map[string]struct {
		keys    []notify.Key
		by      int // the key that the receiver has
		late    time.Duration
		refused bool
	}{
		"one key":             {webhookKeys[:1], 0, 0, false},
		"the first of two":    {webhookKeys[:2], 0, 0, false},
		"the last of two":     {webhookKeys[:2], 1, 0, false},
		"a key of bytes":      {webhookKeys[2:], 2, 0, false},
		"both forms":          {webhookKeys[1:], 2, 0, false},
		"another key":         {webhookKeys[:1], 1, 0, true},
		"six minutes ago":     {webhookKeys[:1], 0, 6 * time.Minute, true},
		"six minutes to come": {webhookKeys[:1], 0, -6 * time.Minute, true},
	} {
		hook, err := notify.New(fmt.Sprintf("%s/%d", address, test.by), test.keys,
			notify.Options{Now: func() time.Time { return time.Now().Add(-test.late) }})
		if err != nil {
			t.Fatal(err)
		}
		ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1|*<&>"}
		err = hook.Deliver(t.Context(), outbox.Event{
			EventID: outbox.NewEventID(ref, 1, outbox.EventClosed, 1), Number: 1, Kind: outbox.EventClosed, Ref: ref, Owner: "wx:a:张",
			OccurredAt: time.Now(),
		})
		answer, isAnswer := errors.AsType[*outbox.DeliveryError](err)
		if refused := isAnswer && answer.Status == http.StatusUnauthorized; refused != test.refused || !refused && err != nil {
			t.Errorf("%s: got %v, want it refused: %v", name, err, test.refused)
		}
		hook.CloseIdleConnections()
	}
}
