package sink_test

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/sink"
)

// The example of docs/events.md: a key, an id, a timestamp, a body and their signature.
const (
	key       = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
	id        = "0c1f4b1e-6d0f-8a52-9d3c-1f0a5b7c2e11"
	timestamp = "1700000000"
	body      = `{"number":1}`
	signature = "v1,MrR0JooGh5H7XzvdFG+PkDVnEDTWBvEupTYsnGkYYYU="
)

// sent is a moment after the example was.
func sent() time.Time { return time.Unix(1700000003, 0) }

// desk is a sink behind an HTTP server.
type desk struct {
	*testing.T

	url  string
	sink *sink.Sink
}

func open(t *testing.T, keys string) desk {
	t.Helper()
	s, err := sink.New(sink.Options{Key: keys, Now: sent})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		s.Close()
		server.Close()
	})
	return desk{t, server.URL, s}
}

// delivery is a POST of an event; a nil header is left out.
type delivery struct{ id, timestamp, signature, body string }

func genuine() delivery { return delivery{id, timestamp, signature, body} }

// signedBy signs a delivery anew, in the example's way.
func (d delivery) signedBy(secret []byte) delivery {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(d.id + "." + d.timestamp + "." + d.body))
	d.signature = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	return d
}

func secret(t *testing.T) []byte {
	t.Helper()
	secret, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(key, "whsec_"))
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// deliver sends it, and returns the status and the reason.
func (d desk) deliver(what delivery) (status int, reason string) {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), http.MethodPost, d.url+"/events", strings.NewReader(what.body))
	if err != nil {
		d.Fatal(err)
	}
	for name, value := range map[string]string{
		"webhook-id": what.id, "webhook-timestamp": what.timestamp, "webhook-signature": what.signature,
	} {
		if value != "" {
			request.Header.Set(name, value)
		}
	}
	return d.do(request)
}

// do sends a request, and returns the status and the text of the answer.
func (d desk) do(request *http.Request) (status int, text string) {
	d.Helper()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		d.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		d.Fatal(err)
	}
	return response.StatusCode, string(answer)
}

func (d desk) call(method, path, body string) (status int, text string) {
	d.Helper()
	request, err := http.NewRequestWithContext(d.Context(), method, d.url+path, strings.NewReader(body))
	if err != nil {
		d.Fatal(err)
	}
	return d.do(request)
}

// received lists what GET answers.
func (d desk) received(query string) []map[string]any {
	d.Helper()
	status, text := d.call(http.MethodGet, "/events"+query, "")
	var list []map[string]any
	if err := json.Unmarshal([]byte(text), &list); err != nil || status != http.StatusOK || list == nil {
		d.Fatalf("%s: got %d, %v, %s", query, status, err, text)
	}
	return list
}

// The documented example is taken, kept, and recognised when it comes again.
func TestDelivery(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	for range 2 {
		if status, reason := d.deliver(genuine()); status != http.StatusNoContent {
			t.Fatalf("got %d: %s", status, reason)
		}
	}
	list := d.received("")
	if len(list) != 2 || list[0]["repeated"] != nil || list[1]["repeated"] != true || list[1]["id"] != 2.0 ||
		list[0]["webhook_id"] != id || list[0]["webhook_signature"] != signature || list[0]["verdict"] != "ok" || fmt.Sprint(list[0]["event"]) != "map[number:1]" {
		t.Errorf("got %v", list)
	}
	if newest := d.received("?limit=1"); len(newest) != 1 || newest[0]["id"] != 2.0 {
		t.Errorf("with a limit: got %v, want the newest", newest)
	}
	for _, bad := range []string{"0", "1001", "x"} {
		if status, text := d.call(http.MethodGet, "/events?limit="+bad, ""); status != http.StatusBadRequest {
			t.Errorf("limit=%s: got %d %s, want 400", bad, status, text)
		}
	}
}

// The sender's own vectors were made by Python, so that both sides are held to a third.
func TestVectors(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/webhooks.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Name, ID, Timestamp, Body, Signature string
		Keys                                 []string
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 3 {
		t.Fatalf("%d vectors: %v", len(vectors), err)
	}
	for _, v := range vectors {
		seconds, err := strconv.ParseInt(v.Timestamp, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		s, err := sink.New(sink.Options{Key: strings.Join(v.Keys, " "), Now: func() time.Time { return time.Unix(seconds, 0) }})
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(v.Body))
		request.Header.Set("Webhook-Id", v.ID)
		request.Header.Set("Webhook-Timestamp", v.Timestamp)
		request.Header.Set("Webhook-Signature", v.Signature)
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, request)
		if answer.Code == http.StatusUnauthorized {
			t.Errorf("%s: got %d: %s", v.Name, answer.Code, answer.Body)
		}
	}
}

// A delivery that is wrong in one way is refused, and the reason names the way.
func TestRefusals(t *testing.T) {
	t.Parallel()
	hmacOf := func(content string) []byte {
		mac := hmac.New(sha256.New, secret(t))
		mac.Write([]byte(content))
		return mac.Sum(nil)
	}
	v1 := func(content string) string { return "v1," + base64.StdEncoding.EncodeToString(hmacOf(content)) }
	old := delivery{id, "1699999000", "", body}.signedBy(secret(t))
	for name, test := range map[string]struct {
		sent delivery
		want string
	}{
		"no id":              {delivery{"", timestamp, signature, body}, "the header webhook-id is missing"},
		"no timestamp":       {delivery{id, "", signature, body}, "the header webhook-timestamp is missing"},
		"no signature":       {delivery{id, timestamp, "", body}, "the header webhook-signature is missing"},
		"another version":    {delivery{id, timestamp, "v2,AAAA", body}, "none of its values begins with"},
		"another body":       {delivery{id, timestamp, signature, body + " "}, "it is by another key, or what was signed is not what was sent"},
		"another id":         {delivery{"x", timestamp, signature, body}, "it is by another key"},
		"another key":        {genuine().signedBy(bytes.Repeat([]byte("k"), 32)), "it is by another key"},
		"key as text":        {genuine().signedBy([]byte(key)), "the key's text signed"},
		"hex":                {delivery{id, timestamp, "v1," + hex.EncodeToString(hmacOf(id+"."+timestamp+"."+body)), body}, "it is in hex"},
		"body alone":         {delivery{id, timestamp, v1(body), body}, "the body alone was signed"},
		"without id":         {delivery{id, timestamp, v1(timestamp + "." + body), body}, "webhook-id was not signed"},
		"without time":       {delivery{id, timestamp, v1(id + "." + body), body}, "webhook-timestamp was not signed"},
		"line feed signed":   {delivery{id, timestamp, v1(id + "." + timestamp + "." + body + "\n"), body}, "was signed and not sent"},
		"line feed unsigned": {delivery{id, timestamp, signature, body + "\n"}, "without the line feed at its end"},
		"old":                {old, "it is 16m43s away from this clock"},
		"no number":          {delivery{id, "now", "", body}.signedBy(secret(t)), "must be seconds since 1970"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := open(t, key)
			status, reason := d.deliver(test.sent)
			if status != http.StatusUnauthorized || !strings.Contains(reason, test.want) {
				t.Errorf("got %d: %s; want %q", status, reason, test.want)
			}
			if list := d.received("?verdict=unauthentic"); len(list) != 1 || !strings.Contains(list[0]["reason"].(string), test.want) {
				t.Errorf("got %v", list)
			}
		})
	}
}

// Every byte of a good delivery counts.
func TestEveryByteCounts(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	for name, change := range map[string]func(d *delivery, i int) bool{
		"id":        func(d *delivery, i int) bool { return broken(&d.id, i) },
		"timestamp": func(d *delivery, i int) bool { return broken(&d.timestamp, i) },
		"signature": func(d *delivery, i int) bool { return broken(&d.signature, i) },
		"body":      func(d *delivery, i int) bool { return broken(&d.body, i) },
	} {
		for i := 0; ; i++ {
			what := genuine()
			if !change(&what, i) {
				break
			}
			if status, _ := d.deliver(what); status != http.StatusUnauthorized {
				t.Errorf("byte %d of the %s: got %d", i, name, status)
			}
		}
	}
}

// broken changes a byte to another that may stand in a header; false behind the end.
func broken(text *string, i int) bool {
	if i >= len(*text) {
		return false
	}
	changed := []byte(*text)
	changed[i] ^= 1
	*text = string(changed)
	return true
}

// What is signed and no event, and what is too long, is refused and kept.
func TestBodies(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	if status, reason := d.deliver(delivery{id, timestamp, "", "hello"}.signedBy(secret(t))); status != http.StatusBadRequest ||
		!strings.Contains(reason, "the body is not an event") {
		t.Errorf("got %d: %s", status, reason)
	}
	if status, _ := d.deliver(delivery{id, timestamp, "", strings.Repeat("x", 65<<10)}); status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d", status)
	}
	if list := d.received(""); len(list) != 2 || list[0]["event"] != "hello" || list[1]["verdict"] != "malformed" {
		t.Errorf("got %v", list)
	}
}

// A fault fails so many genuine deliveries, and is listed until then.
func TestFaults(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	for _, wrong := range []string{`{"status":200}`, `{"status":600}`, `{"status":503,"times":-1}`, `{"state":503}`, `503`} {
		if status, text := d.call(http.MethodPost, "/faults", wrong); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", wrong, status, text)
		}
	}
	if status, text := d.call(http.MethodPost, "/faults", `{"status":503,"times":2}`); status != http.StatusCreated {
		t.Fatalf("got %d: %s", status, text)
	}
	if status, _ := d.deliver(delivery{id, timestamp, "v1,AAAA", body}); status != http.StatusUnauthorized {
		t.Errorf("a wrong signature used a fault up: got %d", status)
	}
	for _, want := range []int{503, 503, 204} {
		if status, reason := d.deliver(genuine()); status != want {
			t.Errorf("got %d: %s, want %d", status, reason, want)
		}
	}
	if _, text := d.call(http.MethodGet, "/faults", ""); strings.TrimSpace(text) != "[]" {
		t.Errorf("got %s", text)
	}
	d.call(http.MethodPost, "/faults", `{"status":500}`)
	for range 3 {
		if status, _ := d.deliver(genuine()); status != http.StatusInternalServerError {
			t.Errorf("got %d", status)
		}
	}
	d.call(http.MethodDelete, "/faults", "")
	if status, _ := d.deliver(genuine()); status != http.StatusNoContent {
		t.Errorf("got %d", status)
	}
	if list := d.received("?verdict=failed"); len(list) != 5 {
		t.Errorf("got %d, want 5", len(list))
	}
}

// The newest thousand are kept, ids go on, and a query selects.
func TestList(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	const more = 5
	for n := range 1000 + more {
		what := delivery{fmt.Sprint(n), timestamp, "", fmt.Sprintf(`{"outTradeNo":"A%d"}`, n%10)}
		if status, reason := d.deliver(what.signedBy(secret(t))); status != http.StatusNoContent {
			t.Fatalf("got %d: %s", status, reason)
		}
	}
	list := d.received("")
	if len(list) != 1000 || list[0]["id"] != float64(more+1) {
		t.Errorf("got %d from %v on", len(list), list[0]["id"])
	}
	if list := d.received("?after=1000&order=A2"); len(list) != 1 || list[0]["id"] != 1003.0 {
		t.Errorf("got %v", list)
	}
	for _, wrong := range []string{"?after=x", "?afer=1"} {
		if status, text := d.call(http.MethodGet, "/events"+wrong, ""); status != http.StatusBadRequest {
			t.Errorf("%s: got %d %s", wrong, status, text)
		}
	}
	d.call(http.MethodDelete, "/events", "")
	if list := d.received(""); len(list) != 0 {
		t.Errorf("got %v", list)
	}
	d.deliver(genuine())
	if list := d.received(""); len(list) != 1 || list[0]["id"] != 1006.0 {
		t.Errorf("got %v", list)
	}
}

// A stream begins behind the id that its reader has, goes on with what comes, and ends with the
// sink.
func TestStream(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	d.deliver(genuine())
	d.deliver(genuine())
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.url+"/events/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Last-Event-ID", "1")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	lines := bufio.NewScanner(response.Body)
	want := func(text string) {
		t.Helper()
		for lines.Scan() {
			if strings.HasPrefix(lines.Text(), "id: ") {
				if lines.Text() != text {
					t.Errorf("got %s, want %s", lines.Text(), text)
				}
				return
			}
		}
		t.Fatalf("the stream ended before %s: %v", text, lines.Err())
	}
	want("id: 1") // behind which it begins
	want("id: 2")
	d.deliver(genuine())
	want("id: 3")
	d.sink.Close()
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "id: ") {
			t.Errorf("got %s", lines.Text())
		}
	}
	if status, _ := d.call(http.MethodGet, "/events/stream?after=x", ""); status != http.StatusBadRequest {
		t.Errorf("got %d", status)
	}
}

// Each delivery is observed once, as it is kept, whether it is acknowledged or not.
func TestObserve(t *testing.T) {
	t.Parallel()
	var seen []sink.Delivery
	s, err := sink.New(sink.Options{Key: key, Now: sent, Observe: func(d sink.Delivery) { seen = append(seen, d) }})
	if err != nil {
		t.Fatal(err)
	}
	event := delivery{id, timestamp, "", `{"outTradeNo":"A1","kind":"closed"}`}.signedBy(secret(t))
	for _, what := range []delivery{event, {id, timestamp, "v1,AAAA", body}} {
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(what.body))
		request.Header.Set("Webhook-Id", what.id)
		request.Header.Set("Webhook-Timestamp", what.timestamp)
		request.Header.Set("Webhook-Signature", what.signature)
		s.ServeHTTP(httptest.NewRecorder(), request)
	}
	if len(seen) != 2 || seen[0].ID != 1 || seen[0].Verdict != "ok" || seen[0].OutTradeNo != "A1" || seen[0].Kind != "closed" ||
		seen[1].ID != 2 || seen[1].Verdict != "unauthentic" || seen[1].Status != http.StatusUnauthorized || seen[1].Reason == "" {
		t.Errorf("got %+v, want the event and the refusal", seen)
	}
}

// A key with which anyone could sign is none.
func TestKeys(t *testing.T) {
	t.Parallel()
	for _, keys := range []string{"", "short", "whsec_", "whsec_*", "whsec_AAAA", key + " short"} {
		if _, err := sink.New(sink.Options{Key: keys}); err == nil {
			t.Errorf("%q was taken", keys)
		}
	}
	d := open(t, "0123456789abcdef "+key)
	for _, what := range []delivery{genuine(), genuine().signedBy([]byte("0123456789abcdef"))} {
		if status, reason := d.deliver(what); status != http.StatusNoContent {
			t.Errorf("got %d: %s", status, reason)
		}
	}
}

// No delivery ends the sink, and none but a signed one is acknowledged.
func FuzzDelivery(f *testing.F) {
	f.Add(id, timestamp, signature, body)
	f.Add("", "x", "v1, v1", "\x00")
	f.Fuzz(func(t *testing.T, id, timestamp, signature, body string) {
		s, err := sink.New(sink.Options{Key: key, Now: sent})
		if err != nil {
			t.Fatal(err)
		}
		request := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/events", strings.NewReader(body))
		request.Header["Webhook-Id"] = []string{id}
		request.Header["Webhook-Timestamp"] = []string{timestamp}
		request.Header["Webhook-Signature"] = []string{signature}
		answer := httptest.NewRecorder()
		s.ServeHTTP(answer, request)
		mac := hmac.New(sha256.New, secret(t))
		mac.Write([]byte(id + "." + timestamp + "." + body))
		right := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
		if answer.Code == http.StatusNoContent && !strings.Contains(signature, right) {
			t.Errorf("%q %q %q %q was acknowledged", id, timestamp, signature, body)
		}
	})
}
