package paygate_test

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/pkg/paygate"
)

// bytesOf reads the bytes of the newest request.
func (s *session) bytesOf(id int) map[string]any {
	s.t.Helper()
	return s.admin(http.MethodGet, fmt.Sprintf("/requests/%d/bytes", id), "").wantStatus(http.StatusOK).json()
}

// text is a member of an answer as a text; empty if there is none.
func text(from map[string]any, member string) string {
	said, _ := from[member].(string)
	return said
}

// A request to APIv3 is shown as it came, with the string that it signed, and the reply as it was
// sent. The strings are written here from the documents: method, address, time, nonce and body; of
// the reply time, nonce and body.
func TestBytesV3(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	r := s.v3Defaults(s.queryV3("A1"))
	got := s.v3(r)
	shown := s.bytesOf(s.last().ID)
	request := text(shown, "request")
	if !strings.HasPrefix(request, "GET "+r.uri+" HTTP/1.1\r\nHost: "+strings.TrimPrefix(s.URL, "http://")+"\r\nAccept: ") {
		t.Errorf("the request is shown as\n%s", request)
	}
	if !strings.Contains(request, "\r\nAuthorization: WECHATPAY2-SHA256-RSA2048 mchid=") {
		t.Errorf("the signature is missing, which is no secret:\n%s", request)
	}
	if signed := text(shown, "signed"); signed != r.documented() {
		t.Errorf("signed %q, want %q", signed, r.documented())
	}
	reply := text(shown, "reply")
	if head, body, _ := strings.Cut(reply, "\r\n\r\n"); !strings.HasPrefix(head, "HTTP/1.1 200 OK\r\n") || body != got.body {
		t.Errorf("the reply is shown as\n%s\nwant the body %s", reply, got.body)
	}
	want := got.header.Get("Wechatpay-Timestamp") + "\n" + got.header.Get("Wechatpay-Nonce") + "\n" + got.body + "\n"
	if signed := text(shown, "reply_signed"); signed != want {
		t.Errorf("the reply signed %q, want %q", signed, want)
	}
	if _, timed := shown["took_ms"].(float64); !timed || text(shown, "time") == "" || text(shown, "clock") == "" {
		t.Errorf("took %v, at %v and %v: want all three", shown["took_ms"], shown["time"], shown["clock"])
	}
}

// Of APIv2 both documents are shown, and what they signed with the key redacted; the key is also
// redacted where a client sends it by mistake.
func TestBytesV2(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.v2(s.queryV2("A1", pair{"attach", s.Merchant.V2Key}))
	shown := s.bytesOf(s.last().ID)
	for _, member := range []string{"signed", "reply_signed"} {
		if signed := text(shown, member); !strings.HasPrefix(signed, "appid=") || !strings.HasSuffix(signed, "&key=<redacted>") {
			t.Errorf("%s: %q, want sorted pairs and a redacted key", member, signed)
		}
	}
	if request := text(shown, "request"); !strings.Contains(request, "<attach><redacted></attach>") && !strings.Contains(request, "CDATA[<redacted>]") {
		t.Errorf("the key that was sent by mistake is shown:\n%s", request)
	}
	for member, value := range shown {
		if said, is := value.(string); is && strings.Contains(said, s.Merchant.V2Key) {
			t.Errorf("%s shows the API key", member)
		}
	}
}

// Credentials that could be used again are redacted, and a request that never had a reply has no
// member that says one.
func TestBytesRedacted(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	const secret = "hTqzRWbnXeKdLm"
	s.v3(v3Request{method: http.MethodGet, uri: "/v3/nothing", header: map[string]string{
		"Authorization": "Bearer " + secret, "Cookie": "session=" + secret, "Proxy-Authorization": secret,
	}})
	shown := text(s.bytesOf(s.last().ID), "request")
	for _, name := range []string{"Authorization", "Cookie", "Proxy-Authorization"} {
		if !strings.Contains(shown, "\r\n"+name+": <redacted>\r\n") {
			t.Errorf("%s is not redacted", name)
		}
	}
	if strings.Contains(shown, secret) {
		t.Errorf("a credential is shown:\n%s", shown)
	}
	s.MustInject(paygate.Fault{Action: paygate.Drop, Times: 1})
	if err := s.tryV3(t.Context(), s.closeV3("A1")); err == nil {
		t.Fatal("a dropped reply arrived")
	}
	dropped := s.bytesOf(s.last().ID)
	for _, member := range []string{"reply", "reply_signed", "took_ms"} {
		if said, there := dropped[member]; there {
			t.Errorf("%s: %v, though there was no reply", member, said)
		}
	}
}

// What is kept is bounded: of a long body the beginning, with how much is missing, which cannot be
// sent again; and of many requests the newest.
func TestBytesBounded(t *testing.T) {
	t.Parallel()
	s := start(t)
	const kept = 32 << 10
	long := v3Request{method: http.MethodPost, uri: "/v3/nothing", body: strings.Repeat("x", 100<<10)}
	s.v3(long)
	first := s.last().ID
	shown := s.bytesOf(first)
	if cut := int(shown["request_cut"].(float64)); len(text(shown, "request")) != kept || len(text(shown, "request"))+cut < 100<<10 || text(shown, "signed") != "" {
		t.Errorf("%d bytes are kept and %d cut, signed %q: want %d, the rest, and no string that is not whole",
			len(text(shown, "request")), cut, text(shown, "signed"), kept)
	}
	s.admin(http.MethodPost, fmt.Sprintf("/requests/%d/send", first), "").wantError(http.StatusConflict, "only the beginning of it is kept")
	for range (8 << 20) / kept {
		r := httptest.NewRequest(http.MethodPost, "/v3/nothing", bytes.NewReader(make([]byte, 100<<10)))
		s.ServeHTTP(httptest.NewRecorder(), r)
	}
	s.admin(http.MethodGet, fmt.Sprintf("/requests/%d/bytes", first), "").wantError(http.StatusNotFound, "are not kept")
	newest := s.last().ID
	s.bytesOf(newest)
	s.ClearRequests()
	s.admin(http.MethodGet, fmt.Sprintf("/requests/%d/bytes", newest), "").wantError(http.StatusNotFound, "are not kept")
	s.admin(http.MethodGet, "/requests/x/bytes", "").wantError(http.StatusBadRequest, "must be the id of a request")
	s.admin(http.MethodGet, "/requests/1/bytes?order=1", "").wantError(http.StatusBadRequest, "unknown query parameter")
}

// A request that is sent again is a new request with the same bytes: a query is answered as of now,
// a nonce that comes again is marked, and a signature that has become old is refused with its
// cause.
func TestSendRequestAgain(t *testing.T) {
	t.Parallel()
	var passed atomic.Int64 // since wireTime
	s := start(t, paygate.Options{Now: func() time.Time { return wireTime().Add(time.Duration(passed.Load())) }})
	s.order("A1")
	s.v3(s.queryV3("A1"))
	first := s.last()
	s.MustPay("A1")
	again := fmt.Sprintf("/requests/%d/send", first.ID)
	made := s.admin(http.MethodPost, again, "").wantStatus(http.StatusOK).json()
	second := s.last()
	if second.ID == first.ID || second.Verdict != "ok" || second.State != "SUCCESS" || !second.NonceReused || second.OutTradeNo != "A1" {
		t.Errorf("sent again: %+v, want the order as it is now, and the nonce as one that was used", second)
	}
	if int(made["id"].(float64)) != second.ID || text(made, "request") != text(s.bytesOf(first.ID), "request") {
		t.Errorf("answered %v, want request %d with the same bytes", made, second.ID)
	}
	if !strings.Contains(text(made, "reply"), `"trade_state":"SUCCESS"`) {
		t.Errorf("the answer has the reply %s", text(made, "reply"))
	}
	passed.Store(int64(6 * time.Minute))
	s.admin(http.MethodPost, again, "").wantStatus(http.StatusOK)
	if old := s.last(); old.Verdict != "unauthentic" || old.Cause == "" || !strings.Contains(old.Reason, "timestamp") {
		t.Errorf("six minutes later: %s, %s because %q, want that the timestamp is old", old.Verdict, old.Cause, old.Reason)
	}
	s.admin(http.MethodPost, "/requests/999/send", "").wantError(http.StatusNotFound, "are not kept")
	s.admin(http.MethodPost, again, `{"x":1}`).wantError(http.StatusBadRequest, "x")
}

// A request that is sent again meets the faults of now, those included that cut a connection, and
// the domain that it came by.
func TestSendRequestAgainMeetsFaults(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.order("A1")
	s.v3(s.closeV3("A1"))
	again := fmt.Sprintf("/requests/%d/send", s.last().ID)
	for _, action := range []paygate.Action{paygate.Reset, paygate.Drop} {
		s.MustInject(paygate.Fault{Action: action, Times: 1})
		made := s.admin(http.MethodPost, again, "").wantStatus(http.StatusOK).json()
		if _, replied := made["reply"]; replied || len(s.last().Faults) != 1 || s.last().Faults[0] != action {
			t.Errorf("%s: %v of %+v, want no reply", action, made, s.last())
		}
	}
	if err := s.SetDomain("main", false); err != nil {
		t.Fatal(err)
	}
	s.admin(http.MethodPost, again, "").wantStatus(http.StatusOK)
	s.wantLast("cut", "the domain main is down")
}
