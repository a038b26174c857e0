package sink_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
)

// bytesOf reads an answer about one delivery.
func (d desk) bytesOf(method, path string) (shown struct {
	ID              int64
	Verdict, Reason string
	Repeated        bool
	Request, Answer string
}) {
	d.Helper()
	status, text := d.call(method, path, "")
	if err := json.Unmarshal([]byte(text), &shown); err != nil || status != http.StatusOK {
		d.Fatalf("%s %s: got %d, %v, %s", method, path, status, err, text)
	}
	return shown
}

// A delivery is shown as it came, byte for byte, with its signature and what it was answered.
func TestBytes(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	d.deliver(genuine())
	wrong := genuine()
	wrong.body = "{ \"number\" : 2 }"
	d.deliver(wrong)
	first, second := d.bytesOf(http.MethodGet, "/events/1/bytes"), d.bytesOf(http.MethodGet, "/events/2/bytes")
	if !strings.HasPrefix(first.Request, "POST /events HTTP/1.1\r\nHost: ") || !strings.HasSuffix(first.Request, "\r\n\r\n"+body) ||
		!strings.Contains(first.Request, "\r\nWebhook-Signature: "+signature+"\r\n") || first.Answer != "" {
		t.Errorf("a genuine delivery is shown as %+v", first)
	}
	if !strings.HasSuffix(second.Request, wrong.body) || !strings.Contains(second.Answer, second.Reason) || second.Verdict != "unauthentic" {
		t.Errorf("a wrong delivery is shown as %+v", second)
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/events", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Authorization", "Bearer mNbVcXzLkJhGfD")
	d.do(request)
	if shown := d.bytesOf(http.MethodGet, "/events/3/bytes"); strings.Contains(shown.Request, "mNbVcXzLkJhGfD") || !strings.Contains(shown.Request, "Authorization: <redacted>") {
		t.Errorf("a credential is shown: %s", shown.Request)
	}
}

// A delivery that is sent again is judged as of now, and told from the first.
func TestSendAgain(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	d.deliver(genuine())
	if again := d.bytesOf(http.MethodPost, "/events/1/send"); again.ID != 2 || again.Verdict != "ok" || !again.Repeated ||
		!strings.HasSuffix(again.Request, "\r\n\r\n"+body) {
		t.Errorf("sent again: got %+v, want a repetition", again)
	}
	d.call(http.MethodPost, "/faults", `{"status":503,"times":1}`)
	if failed := d.bytesOf(http.MethodPost, "/events/2/send"); failed.Verdict != "failed" || failed.Answer == "" {
		t.Errorf("with a fault: got %+v, want a failure", failed)
	}
	if got := len(d.received("")); got != 3 {
		t.Errorf("got %d deliveries, want 3", got)
	}
	for path, want := range map[string]int{"/events/9/bytes": http.StatusNotFound, "/events/x/bytes": http.StatusBadRequest} {
		if status, text := d.call(http.MethodGet, path, ""); status != want || !strings.Contains(text, "error") {
			t.Errorf("%s: got %d %s, want %d", path, status, text, want)
		}
	}
}

// Of headers beyond any measure only those are kept that there is room for, and the signature's.
func TestBytesOfLongHeadersAreBounded(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, d.url+"/events", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signature, "A-Long": strings.Repeat("x", 100<<10), "B-Short": "kept",
	} {
		request.Header.Set(name, value)
	}
	d.do(request)
	shown := d.bytesOf(http.MethodGet, "/events/1/bytes")
	if len(shown.Request) > 10<<10 || !strings.Contains(shown.Request, "B-Short: kept") || shown.Verdict != "ok" {
		t.Errorf("%d bytes are shown of a delivery that is %s:\n%.2000s", len(shown.Request), shown.Verdict, shown.Request)
	}
	if again := d.bytesOf(http.MethodPost, "/events/1/send"); again.Verdict != "ok" {
		t.Errorf("sent again: got %+v, want what it was", again)
	}
}

// A delivery whose body did not arrive cannot be sent again.
func TestSendAgainWithoutABody(t *testing.T) {
	t.Parallel()
	d := open(t, key)
	long := genuine()
	long.body = strings.Repeat("x", 65<<10)
	d.deliver(long)
	if status, text := d.call(http.MethodPost, "/events/1/send", ""); status != http.StatusConflict || !strings.Contains(text, "did not arrive") {
		t.Errorf("got %d %s, want 409", status, text)
	}
}
