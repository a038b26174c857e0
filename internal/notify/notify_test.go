package notify_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/internal/notify"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

const key = notify.Key("0123456789abcdef")

var sent = time.Unix(1700000000, 0)

// The vectors were made by Python: hmac.new(key, timestamp + "." + body, sha256).hexdigest().
func TestVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct{ Name, Key, Timestamp, Body, Signature string }
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 3 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		if got := notify.Sign(notify.Key(v.Key), v.Timestamp, []byte(v.Body)); got != v.Signature {
			t.Errorf("%s: got %s, want %s", v.Name, got, v.Signature)
		}
	}
}

// The first of webhooks.json is a rotation's, with a made-up body; all were made by Python, as the
// specification says: hmac.new(key, id + "." + timestamp + "." + body, sha256).digest() in base64.
func TestWebhookVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, ID, Timestamp, Body, Signature string
		Keys                                 []notify.Key
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 3 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		var secrets [][]byte
		for _, key := range v.Keys {
			secrets = append(secrets, secretOf(t, key))
		}
		if got := notify.Signature(secrets, v.ID, v.Timestamp, []byte(v.Body)); got != v.Signature {
			t.Errorf("%s: got %s, want %s", v.Name, got, v.Signature)
		}
	}
}

// secretOf returns the bytes of a key as a receiver does.
func secretOf(t *testing.T, key notify.Key) []byte {
	t.Helper()
	encoded, is := strings.CutPrefix(string(key), "whsec_")
	if !is {
		return []byte(key)
	}
	secret, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// While a key is changed, receivers with either key accept a delivery, those of the release before
// with the last one.
func TestTwoKeys(t *testing.T) {
	t.Parallel()
	keys := []notify.Key{"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "whsec_ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="}
	const id = "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11"
	header, body := make(chan http.Header, 1), make(chan []byte, 1)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		header <- r.Header
		body <- text
	}))
	defer server.Close()
	w, err := notify.New(server.URL, keys, notify.Options{Now: func() time.Time { return sent }})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Deliver(t.Context(), outbox.Event{EventID: id, Number: 42}); err != nil {
		t.Fatal(err)
	}
	got, text := <-header, <-body
	want := notify.Signature([][]byte{secretOf(t, keys[0])}, id, "1700000000", text) + " " +
		notify.Signature([][]byte{secretOf(t, keys[1])}, id, "1700000000", text)
	for name, want := range map[string]string{
		"webhook-id": id, "webhook-timestamp": "1700000000", "webhook-signature": want,
		notify.HeaderEvent: "42", notify.HeaderTimestamp: "1700000000", notify.HeaderSignature: notify.Sign(keys[1], "1700000000", text),
	} {
		if got.Get(name) != want {
			t.Errorf("%s: got %q, want %q", name, got.Get(name), want)
		}
	}
}

// What a receiver answers arrives as a DeliveryError, with how long it wants to be left alone.
func TestAnswersOfReceivers(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		status       int
		after        string
		want         time.Duration
		isGone, busy bool
	}{
		{http.StatusTooManyRequests, "120", 2 * time.Minute, false, true},
		{http.StatusServiceUnavailable, sent.Add(time.Hour).UTC().Format(http.TimeFormat), time.Hour, false, true},
		{http.StatusTooManyRequests, "9999999999", 24 * time.Hour, false, true},
		{http.StatusBadGateway, "", 0, false, true},
		{http.StatusGatewayTimeout, "soon", 0, false, true},
		{http.StatusGone, "", 0, true, false},
		{http.StatusForbidden, "-5", 0, false, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", test.after)
			w.WriteHeader(test.status)
		}))
		err := hook(t, server.URL).Deliver(t.Context(), outbox.Event{Number: 7})
		server.Close()
		answer, is := errors.AsType[*outbox.DeliveryError](err)
		if !is || answer.Status != test.status || answer.Number != 7 || answer.RetryAfter != test.want ||
			answer.IsGone() != test.isGone || answer.IsBusy() != test.busy {
			t.Errorf("%d with Retry-After %q: got %#v, want it after %v", test.status, test.after, err, test.want)
		}
	}
}

// A request is refused if any byte of it is changed.
func TestVerify(t *testing.T) {
	t.Parallel()
	const timestamp = "1700000000"
	body := []byte(`{"id":1,"kind":"closed"}`)
	signature := notify.Sign(key, timestamp, body)
	verify := func(key notify.Key, timestamp, signature string, body []byte) error {
		return receive(key, timestamp, signature, body, sent.Add(time.Minute), 5*time.Minute)
	}
	if err := verify(key, timestamp, signature, body); err != nil {
		t.Errorf("a good one: %v", err)
	}
	if err := verify(key, timestamp, "v2=abc, "+signature, body); err != nil {
		t.Errorf("a good one beside another: %v", err)
	}
	for i := range body {
		broken := bytes.Clone(body)
		broken[i] ^= 1
		if verify(key, timestamp, signature, broken) == nil {
			t.Errorf("the body with byte %d changed is believed", i)
		}
	}
	for i := range signature {
		if broken := signature[:i] + signature[i+1:]; verify(key, timestamp, broken, body) == nil {
			t.Errorf("the signature without byte %d is believed", i)
		}
	}
	for name, err := range map[string]error{
		"another key":            verify("fedcba9876543210", timestamp, signature, body),
		"another time":           verify(key, "1700000001", signature, body),
		"no time":                verify(key, "", signature, body),
		"no signature":           verify(key, timestamp, "", body),
		"an old one":             receive(key, timestamp, signature, body, sent.Add(5*time.Minute+time.Second), 5*time.Minute),
		"one of the future":      receive(key, timestamp, signature, body, sent.Add(-6*time.Minute), 5*time.Minute),
		"the boundary is shared": verify(key, "170000000", signature, append([]byte("0."), body...)),
	} {
		if err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v, want one line", name, err)
		}
	}
}

// A delivery has the form of docs/events.md.
func TestTell(t *testing.T) {
	t.Parallel()
	total := int64(100)
	event := outbox.Event{
		EventID: "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11", Number: 42, Kind: outbox.EventPaid, Ref: order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"},
		OccurredAt: sent.UTC(), FinalState: schedule.FinalPaid, TradeState: tradestate.Success, PaidTotal: &total,
	}
	var got []byte
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got, _ = io.ReadAll(r.Body)
		err := receive(key, r.Header.Get(notify.HeaderTimestamp), r.Header.Get(notify.HeaderSignature), got, sent, 0)
		if err != nil || r.Method != http.MethodPost || r.Header.Get(notify.HeaderEvent) != "42" || r.URL.Path != "/hook" {
			t.Errorf("got %s %s %v: %v", r.Method, r.URL, r.Header, err)
		}
		w.WriteHeader(http.StatusNoContent)
	}))
	defer server.Close()
	if err := hook(t, server.URL+"/hook").Deliver(t.Context(), event); err != nil {
		t.Fatal(err)
	}
	const want = `{"eventId":"0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11","number":42,"id":42,"kind":"paid","region":"cn","mchId":"1900000001","outTradeNo":"A1","occurredAt":"2023-11-14T22:13:20Z",` +
		`"ending":"paid","tradeState":"SUCCESS","paidTotal":100}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func hook(t *testing.T, address string) *notify.Webhook {
	t.Helper()
	w, err := notify.New(address, []notify.Key{key}, notify.Options{Now: func() time.Time { return sent }})
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// A connection is used for several deliveries, until CloseIdleConnections.
func TestCloseIdleConnections(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	from := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		from[r.RemoteAddr] = true
	}))
	defer server.Close()
	w := hook(t, server.URL)
	for i, want := range []int{1, 1, 2, 2} {
		if i == 2 {
			w.CloseIdleConnections()
		}
		if err := w.Deliver(t.Context(), outbox.Event{Number: 1}); err != nil {
			t.Fatal(err)
		}
		mu.Lock()
		if len(from) != want {
			t.Errorf("delivery %d: %d connections, want %d", i, len(from), want)
		}
		mu.Unlock()
	}
}

// Only 2xx counts as delivered. A redirect is not followed, and the error contains no secret of the
// address.
func TestTellWhenNotAccepted(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		handler http.HandlerFunc
		says    string
	}{
		{"500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, "answered 500"},
		{"redirect", func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/elsewhere" {
				t.Error("the redirect was followed")
			}
			http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
		}, "answered 307"},
		{"cut", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, "EOF"},
		{"an endless body", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			for range 1000 {
				if _, err := w.Write(make([]byte, 64<<10)); err != nil {
					return
				}
			}
		}, "answered 502"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(tc.handler)
			defer server.Close()
			err := hook(t, server.URL+"/hook?token=s3cret").Deliver(t.Context(), outbox.Event{Number: 7})
			if err == nil || !strings.Contains(err.Error(), tc.says) || !strings.Contains(err.Error(), "event 7") ||
				strings.Contains(err.Error(), "s3cret") || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v, want one line with %q", err, tc.says)
			}
		})
	}
}

func TestTellEndsWithItsContext(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer server.Close()
	defer close(release)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := hook(t, server.URL).Deliver(ctx, outbox.Event{Number: 7}); err == nil {
		t.Error("got nil from a receiver that never answers")
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"https://example.com/hook":  true,
		"https://example.com:8443/": true,
		"http://127.0.0.1:8080/":    true,
		"http://localhost/":         true,
		"http://[::1]:80/":          true,
		"http://example.com/":       false,
		"http://127.0.0.1.nip.io/":  false,
		"ftp://127.0.0.1/":          false,
		"https://u:p@example.com/":  false,
		"https:///hook":             false,
		"example.com/hook":          false,
		"":                          false,
	} {
		_, err := notify.New(address, []notify.Key{key}, notify.Options{})
		if (err == nil) != ok {
			t.Errorf("%q: got %v, want it accepted: %v", address, err, ok)
		}
	}
	for name, keys := range map[string][]notify.Key{
		"no key": nil, "a short key": {"short"}, "a short second key": {key, "short"}, "no base64": {"whsec_0123456789abcdef!"},
		"base64 of 23 bytes": {"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRY="},
	} {
		if _, err := notify.New("https://example.com/", keys, notify.Options{}); err == nil || strings.Contains(err.Error(), "AAEC") {
			t.Errorf("%s: got %v, want it refused and not quoted", name, err)
		}
	}
}

// No way of printing a key shows it.
func TestKeyIsRedacted(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	slog.New(slog.NewTextHandler(&out, nil)).Info("key", "key", key)
	text, _ := json.Marshal(struct{ Key notify.Key }{key})
	fmt.Fprintf(&out, "%s %v %+v %#v %q %x %d %s", key, key, key, key, key, key, key, text)
	if strings.Contains(out.String(), string(key)) || strings.Contains(out.String(), "30313233") {
		t.Errorf("got %s", &out)
	}
}

// docs/events.md has every field and kind of an event, and its worked vector is right.
func TestEventsDocument(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/events.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, field := range reflect.VisibleFields(reflect.TypeFor[outbox.Event]()) {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if !field.Anonymous && (name == "" || !strings.Contains(string(text), "`"+name+"`")) {
			t.Errorf("got no word of %q", name)
		}
	}
	for _, kind := range []outbox.EventKind{
		outbox.EventClosed, outbox.EventPaid, outbox.EventPaidOtherAmount, outbox.EventPaidUnregistered, outbox.EventNotFound, outbox.EventGaveUp, outbox.EventContradicted,
	} {
		if !strings.Contains(string(text), "\n| `"+string(kind)+"` |") {
			t.Errorf("got no row for the kind %q", kind)
		}
	}
	const id = "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11"
	for _, want := range []string{
		notify.Signature([][]byte{secretOf(t, "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")}, id, "1700000000", []byte(`{"number":1}`)),
		string(outbox.NewEventID(order.Ref{Region: order.Mainland, MchID: "1900000001", OutTradeNo: "A1"}, 1, outbox.EventPaid, 1)),
		"`id`", notify.HeaderEvent, notify.HeaderTimestamp, notify.HeaderSignature,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("got no %s", want)
		}
	}
}

// receive checks a request as docs/events.md asks of a receiver. The error is nil if the body was
// signed with the key and the timestamp is at most tolerance from now. timestamp and signature are
// the headers' values as received; signature may hold several signatures, separated by commas.
func receive(key notify.Key, timestamp, signature string, body []byte, now time.Time, tolerance time.Duration) error {
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if err != nil {
		return fmt.Errorf("%s is not a number of seconds", notify.HeaderTimestamp)
	}
	known := false
	for given := range strings.SplitSeq(signature, ",") {
		if hmac.Equal([]byte(strings.TrimSpace(given)), []byte(notify.Sign(key, timestamp, body))) {
			known = true
		}
	}
	if !known {
		return fmt.Errorf("%s is not this body's by this key", notify.HeaderSignature)
	}
	if off := now.Sub(time.Unix(seconds, 0)).Abs(); off > tolerance {
		return fmt.Errorf("%s is %s off: an old event that is sent again, or a clock that is wrong", notify.HeaderTimestamp, off.Round(time.Second))
	}
	return nil
}
