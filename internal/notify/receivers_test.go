package notify_test

import (
	"bufio"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/notify"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
)

// receivers are the documented receivers: what runs each, and its arguments before the address and
// the file.
func receivers(t *testing.T) map[string][]string {
	t.Helper()
	examples, err := filepath.Abs("../../examples/receivers")
	if err != nil {
		t.Fatal(err)
	}
	return map[string][]string{
		"node":   {"node", filepath.Join(examples, "receiver.mjs")},
		"python": {"python3", filepath.Join(examples, "receiver.py")},
		"go":     {filepath.Join(t.TempDir(), "receiver")},
	}
}

// needs skips a test whose program is not installed. CI has all.
func needs(t *testing.T, program string) {
	t.Helper()
	_, err := exec.LookPath(program)
	switch {
	case err == nil:
	case os.Getenv("CI") == "true":
		t.Fatalf("CI must have %s: internal/toolchain/install.sh receivers", program)
	default:
		t.Skipf("SKIPPED: %s is not installed", program)
	}
}

// TestDocumentedReceivers makes real deliveries to each receiver of examples/receivers, which are
// written from docs/events.md alone.
func TestDocumentedReceivers(t *testing.T) {
	t.Parallel()
	for name, command := range receivers(t) {
		if name == "go" {
			if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", command[0], "../../examples/receivers/go").CombinedOutput(); err != nil {
				t.Fatalf("building the receiver: %v\n%s", err, out)
			}
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			needs(t, command[0])
			r := &receiver{T: t, command: command, file: filepath.Join(t.TempDir(), "shop")}
			r.start(string(oldKey))
			actsOnce(r)
			refusesForgeries(r)
			refusesBodies(r)
			changesKeys(r)
			refusesKeys(r)
		})
	}
}

const (
	oldKey   = notify.Key("whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	newKey   = notify.Key("0123456789abcdef")
	otherKey = notify.Key("whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=")
)

// actsOnce delivers an event several times, before and after the receiver is killed, events of two
// orders under one number, as there are after a failover with lost commits, and an order's end
// under several ids, as there are after a restore.
func actsOnce(r *receiver) {
	r.Helper()
	first, second := ended("A1", outbox.EventClosed, 1), ended("A2", outbox.EventPaid, 1)
	var busy sync.WaitGroup
	for range 4 {
		busy.Go(func() { r.takes(first, oldKey) })
	}
	busy.Wait()
	r.takes(second, oldKey)
	r.restart(string(oldKey))
	r.takes(first, oldKey)
	r.takes(second, oldKey)
	r.takes(ended("A3", "aKindOfTheFuture", 2), oldKey)
	r.takes(ofGeneration(2, "A1", outbox.EventClosed), oldKey) // the same ends, as after a restore
	r.takes(ofGeneration(2, "A2", outbox.EventPaidOtherAmount), oldKey)
	r.restart(string(oldKey))
	r.takes(ofGeneration(3, "A1", outbox.EventClosed), oldKey)
	r.takes(ofGeneration(3, "A2", outbox.EventPaid), oldKey)
	r.did("release cn/1900000001//A1", "deliver cn/1900000001//A2", "look cn/1900000001//A3")
}

// refusesForgeries wants 401 for what is not signed by the receiver's key, or long ago, and nothing
// done.
func refusesForgeries(r *receiver) {
	r.Helper()
	forged := ended("F1", outbox.EventPaid, 3)
	r.refuses(forged, time.Now, otherKey)
	r.refuses(forged, func() time.Time { return time.Now().Add(-6 * time.Minute) }, oldKey)
	r.refuses(forged, func() time.Time { return time.Now().Add(6 * time.Minute) }, oldKey)
	for name, header := range map[string]http.Header{
		"no header": {}, "no signature": {"Webhook-Id": {"x"}, "Webhook-Timestamp": {"1700000000"}},
		"no time": {"Webhook-Id": {"x"}, "Webhook-Timestamp": {"now"}, "Webhook-Signature": {"v1,AAAA"}},
	} {
		request, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://"+r.address, http.NoBody)
		if err != nil {
			r.Fatal(err)
		}
		request.Header = header
		reply, err := http.DefaultClient.Do(request)
		if err != nil {
			r.Fatalf("%s: %v", name, err)
		}
		_ = reply.Body.Close()
		if reply.StatusCode != http.StatusUnauthorized {
			r.Errorf("%s: got %d, want 401", name, reply.StatusCode)
		}
	}
	r.did()
}

// changesKeys changes the key as docs/events.md says: no delivery is refused at any moment.
func changesKeys(r *receiver) {
	r.Helper()
	r.takes(ended("K1", outbox.EventClosed, 4), newKey, oldKey) // the sender first
	r.restart(string(newKey))                                   // then the receiver
	r.takes(ended("K2", outbox.EventClosed, 5), newKey, oldKey)
	r.takes(ended("K3", outbox.EventNotFound, 6), newKey)
	r.restart(string(otherKey) + " " + string(newKey)) // or the receiver first
	r.takes(ended("K4", outbox.EventClosed, 7), newKey)
	r.takes(ended("K5", outbox.EventClosed, 8), otherKey)
	r.refuses(ended("K6", outbox.EventClosed, 9), time.Now, oldKey)
	r.did("release cn/1900000001//K1", "release cn/1900000001//K2", "release cn/1900000001//K3",
		"release cn/1900000001//K4", "release cn/1900000001//K5")
}

// refusesBodies sends bodies with a wrong length, without one, too long and too slow. Each request
// is refused without waiting for more than it may send, what follows it on the connection is no
// request of its own, and nothing is done.
func refusesBodies(r *receiver) {
	r.Helper()
	const (
		head    = "POST /cloudpay HTTP/1.1\r\nHost: shop.example\r\n"
		most    = 64 << 10
		smuggle = head + "Content-Length: 0\r\n\r\n"
	)
	var busy sync.WaitGroup
	for name, tc := range map[string]struct {
		sent string
		// hears are the statuses of which one may be heard; that the connection is closed without
		// any is as good.
		hears []int
		// within bounds the time until the connection is closed.
		within time.Duration
	}{
		"negative":         {head + "Content-Length: -1\r\n\r\n{}", []int{400, 413}, 5 * time.Second},
		"no number":        {head + "Content-Length: 2x\r\n\r\n{}", []int{400, 413}, 5 * time.Second},
		"two lengths":      {head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", []int{400, 413}, 5 * time.Second},
		"too long":         {head + fmt.Sprintf("Content-Length: %d\r\n\r\n", 2*most) + strings.Repeat("x", most+1) + smuggle, []int{400, 413}, 15 * time.Second},
		"too long a chunk": {head + "Transfer-Encoding: chunked\r\n\r\n20000\r\n" + strings.Repeat("x", 2*most) + "\r\n0\r\n\r\n", []int{400, 413}, 15 * time.Second},
		"slow":             {head + "Content-Length: 10\r\n\r\n{", []int{400, 401, 408, 413}, 15 * time.Second},
		"a slow head":      {head, []int{400, 408, 413}, 15 * time.Second},
	} {
		busy.Go(func() {
			if got, err := r.hears(tc.sent, tc.within); err != nil || len(got) > 1 || len(got) == 1 && !slices.Contains(tc.hears, got[0]) {
				r.Errorf("%s: got %v and %v, want one of %v, or no answer, and the end of the connection", name, got, err, tc.hears)
			}
		})
	}
	busy.Wait()
	r.did()
}

// hears sends bytes over a connection of its own, and returns the statuses that are heard until the
// receiver closes it. The error is not nil if that takes longer.
func (r *receiver) hears(sent string, within time.Duration) (statuses []int, err error) {
	conn, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.address)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return nil, err
	}
	_, _ = io.WriteString(conn, sent) // it may be closed before all is sent
	for lines := bufio.NewScanner(conn); ; {
		if !lines.Scan() {
			if errors.Is(lines.Err(), os.ErrDeadlineExceeded) {
				return statuses, lines.Err()
			}
			return statuses, nil
		}
		if status, is := strings.CutPrefix(lines.Text(), "HTTP/1.1 "); is {
			number, _ := strconv.Atoi(status[:3])
			statuses = append(statuses, number)
		}
	}
}

// refusesKeys: a receiver without a key, or with one that can be guessed, does not start. The empty
// key of a bare whsec_ is everyone's.
func refusesKeys(r *receiver) {
	r.Helper()
	short := base64.StdEncoding.EncodeToString(make([]byte, 23))
	long := base64.StdEncoding.EncodeToString(make([]byte, 65))
	for _, keys := range []string{
		"", " ", "whsec_", "whsec_" + short, "whsec_" + long, string(oldKey)[:len(oldKey)-1], string(oldKey) + "!", "whsec_%%%%",
		"0123456789abcde", string(oldKey) + " whsec_",
	} {
		ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
		cmd := exec.CommandContext(ctx, r.command[0], append(slices.Clone(r.command[1:]), "127.0.0.1:0", r.file)...)
		cmd.Env = append(os.Environ(), "CLOUDPAY_NOTIFY_KEY="+keys)
		out, err := cmd.CombinedOutput()
		if _, ended := errors.AsType[*exec.ExitError](err); !ended || ctx.Err() != nil || !strings.Contains(string(out), "CLOUDPAY_NOTIFY_KEY must be") {
			r.Errorf("%q: got %v and %s, want it to end with the rule", keys, err, out)
		}
		cancel()
	}
}

// ofGeneration is the event of an order that was registered so often.
func ofGeneration(generation int, number string, kind outbox.EventKind) outbox.Event {
	e := ended(number, kind, 2)
	e.EventID = outbox.NewEventID(e.Ref, generation, kind, 1)
	return e
}

func ended(number string, kind outbox.EventKind, n int64) outbox.Event {
	ref := order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: number}
	return outbox.Event{EventID: outbox.NewEventID(ref, 1, kind, 1), Number: n, Kind: kind, Ref: ref, OccurredAt: time.Now().UTC()}
}

// receiver is a documented receiver as a process of its own.
type receiver struct {
	*testing.T

	command []string
	file    string
	address string
	running *exec.Cmd
	keys    string

	mu    sync.Mutex
	acts  []string
	lines sync.WaitGroup
}

// start runs the receiver and waits until it answers.
func (r *receiver) start(keys string) {
	r.Helper()
	r.keys = keys
	listener, err := (&net.ListenConfig{}).Listen(r.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		r.Fatal(err)
	}
	r.address = listener.Addr().String()
	_ = listener.Close()
	arguments := append(slices.Clone(r.command[1:]), r.address, r.file)
	r.running = exec.Command(r.command[0], arguments...)
	r.running.Env = append(os.Environ(), "CLOUDPAY_NOTIFY_KEY="+keys)
	r.running.Stderr = os.Stderr
	out, err := r.running.StdoutPipe()
	if err != nil {
		r.Fatal(err)
	}
	if err := r.running.Start(); err != nil {
		r.Fatal(err)
	}
	running := r.running
	r.Cleanup(func() { _ = running.Process.Kill() })
	r.lines.Go(func() {
		for lines := bufio.NewScanner(out); lines.Scan(); {
			r.mu.Lock()
			r.acts = append(r.acts, lines.Text())
			r.mu.Unlock()
		}
	})
	for deadline := time.Now().Add(time.Minute); ; {
		conn, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.address)
		if err == nil {
			_ = conn.Close()
			return
		}
		if time.Now().After(deadline) {
			r.Fatalf("the receiver does not answer: %v", err)
		}
		<-time.After(10 * time.Millisecond)
	}
}

// stop kills the receiver, as a machine that fails does.
func (r *receiver) stop() {
	r.Helper()
	_ = r.running.Process.Kill()
	r.lines.Wait()
	_ = r.running.Wait()
}

func (r *receiver) restart(keys string) {
	r.Helper()
	r.stop()
	r.start(keys)
}

// deliver delivers an event as a sweep does.
func (r *receiver) deliver(e outbox.Event, now func() time.Time, keys ...notify.Key) error {
	r.Helper()
	w, err := notify.New("http://"+r.address+"/cloudpay", keys, notify.Options{Now: now})
	if err != nil {
		r.Fatal(err)
	}
	defer w.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(r.Context(), 30*time.Second)
	defer cancel()
	return w.Deliver(ctx, e)
}

func (r *receiver) takes(e outbox.Event, keys ...notify.Key) {
	r.Helper()
	if err := r.deliver(e, time.Now, keys...); err != nil {
		r.Errorf("%s: got %v, want it acknowledged", e.OutTradeNo, err)
	}
}

func (r *receiver) refuses(e outbox.Event, now func() time.Time, keys ...notify.Key) {
	r.Helper()
	answer, is := errors.AsType[*outbox.DeliveryError](r.deliver(e, now, keys...))
	if !is || answer.Status != http.StatusUnauthorized {
		r.Errorf("%s: got %v, want 401", e.OutTradeNo, answer)
	}
}

// did ends the receiver, wants it to have done this and nothing else, and starts it again.
func (r *receiver) did(want ...string) {
	r.Helper()
	r.stop()
	slices.Sort(r.acts)
	slices.Sort(want)
	if !slices.Equal(r.acts, want) {
		r.Errorf("did %q, want %q", r.acts, want)
	}
	r.acts = nil
	r.start(r.keys)
}
