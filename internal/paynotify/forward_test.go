package paynotify_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/internal/paynotify"
)

// transport is a receiver without a network.
type transport func(*http.Request) (*http.Response, error)

func (f transport) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// answers is a transport that answers with the text of a response.
func answers(text string) transport {
	return func(r *http.Request) (*http.Response, error) {
		return http.ReadResponse(bufio.NewReader(strings.NewReader(text)), r)
	}
}

const secretAddress = "https://shop.example/wechatpay?key=secret"

// TestForwarding: without a register, what is verified is passed on to the byte, and the receiver's
// answer is given back.
func TestForwarding(t *testing.T) {
	t.Parallel()
	for _, notice := range []paynotify.Notice{paidNotice(direct("A1", total100)).sent(t), sentV2(paidV2("A1"), v2Key), refundNotice("CLOSED").sent(t)} {
		k := newKit(t)
		k.Register = nil
		k.Forward = paynotify.NewForwarder(secretAddress, transport(func(r *http.Request) (*http.Response, error) {
			body, err := io.ReadAll(r.Body)
			if err != nil || !bytes.Equal(body, notice.Body) || r.Method != http.MethodPost || r.URL.String() != secretAddress {
				t.Errorf("got %s %s %s (%v)", r.Method, r.URL, body, err)
			}
			for _, name := range append([]string{"Content-Type"}, proving...) {
				if r.Header.Get(name) != notice.Header.Get(name) {
					t.Errorf("%s: got %q, want %q", name, r.Header.Get(name), notice.Header.Get(name))
				}
			}
			if r.Header.Get("Cloudpay-Forwarded") != "1" {
				t.Error("what is passed on is not marked, so that a loop would not be seen")
			}
			if r.Header.Get("Authorization") != "" {
				t.Error("a header of another kind was passed on")
			}
			return answers("HTTP/1.1 202 OK\r\nContent-Type: text/x-shop\r\nContent-Length: 4\r\n\r\ndone")(r)
		}))
		notice.Header.Set("Authorization", "Bearer x")
		got := k.Take(t.Context(), notice)
		notice.Header.Del("Authorization")
		if got.Status != http.StatusAccepted || got.ContentType != "text/x-shop" || string(got.Body) != "done" {
			t.Errorf("got %+v, want the receiver's answer", got)
		}
	}
}

// TestForwardedAnswers: what is no answer is 503, and the log does not have the address.
func TestForwardedAnswers(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 5000)
	for name, test := range map[string]struct {
		receiver transport
		status   int
		body     string
	}{
		"a refusal":        {answers("HTTP/1.1 400 Bad\r\nContent-Length: 2\r\n\r\nno"), 400, "no"},
		"a fault":          {answers("HTTP/1.1 500 Bad\r\nContent-Length: 0\r\n\r\n"), 500, ""},
		"no content":       {answers("HTTP/1.1 204 OK\r\n\r\n"), 204, ""},
		"a long body":      {answers("HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n" + long), 200, long[:4096]},
		"a redirect":       {answers("HTTP/1.1 302 Found\r\nLocation: https://other.example/\r\nContent-Length: 0\r\n\r\n"), 503, ""},
		"not modified":     {answers("HTTP/1.1 304 Not Modified\r\n\r\n"), 503, ""},
		"another protocol": {answers("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n"), 503, ""},
		"a cut body":       {answers("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nSUC"), 503, ""},
		"a cut chunk":      {answers("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10\r\nSUC"), 503, ""},
		"half a head":      {answers("HTTP/1.1 200 OK\r\nContent-"), 503, ""},
		"another address":  {answers("HTTP/1.1 308 Moved\r\nLocation: https://shop.example/\r\nContent-Length: 0\r\n\r\n"), 503, ""},
		"a strange status": {answers("HTTP/1.1 600 What\r\nContent-Length: 0\r\n\r\n"), 503, ""},
		"no answer":        {func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }, 503, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := newKit(t)
			k.Register = nil
			k.Forward = paynotify.NewForwarder(secretAddress, test.receiver)
			got := k.Take(t.Context(), paidNotice(direct("A1", total100)).sent(t))
			if got.Status != test.status || test.status != 503 && string(got.Body) != test.body {
				t.Errorf("got %d %q, want %d", got.Status, got.Body, test.status)
			}
			if test.status == 503 {
				k.wantLog(`"level":"ERROR"`)
			}
			if strings.Contains(k.logs.String(), "secret") {
				t.Errorf("the log has the address: %s", k.logs)
			}
		})
	}
}

// TestForwardingWithARegister: what the register cannot take is passed on, and nothing else.
func TestForwardingWithARegister(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	calls := 0
	k.Forward = paynotify.NewForwarder(secretAddress, transport(func(r *http.Request) (*http.Response, error) {
		calls++
		return answers("HTTP/1.1 204 OK\r\n\r\n")(r)
	}))
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusOK)
	k.take(refundNotice("SUCCESS").sent(t), http.StatusOK)
	if calls != 0 {
		t.Error("what was recorded was passed on too")
	}
	other := paidNotice(direct("A1"))
	other.event = "PAYSCORE.USER_PAID"
	for i, n := range []v3Notice{other, refundNotice("ABNORMAL")} {
		if got := k.Take(t.Context(), n.sent(t)); got.Status != http.StatusNoContent || calls != i+1 {
			t.Errorf("got %d after %d calls, want the receiver's 204", got.Status, calls)
		}
	}
	again := other.sent(t)
	again.Header.Set("Cloudpay-Forwarded", "1")
	if k.take(again, http.StatusServiceUnavailable); calls != 2 {
		t.Error("what came from here was passed on again")
	}
}

func TestWithoutRegisterAndReceiver(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.Register = nil
	k.take(paidNotice(direct("A1", total100)).sent(t), http.StatusServiceUnavailable)
	k.wantLog("CLOUDPAY_PAYNOTIFY_FORWARD_URL")
	k.wantLog(`"level":"ERROR"`)
}

// TestForwardingInTime: a receiver that hangs, before its answer or within it, has 4 s, and WeChat
// Pay is answered within its 5 s.
func TestForwardingInTime(t *testing.T) {
	t.Parallel()
	notice := paidNotice(direct("A1", total100)).sent(t)
	for name, receiver := range map[string]transport{
		"no head": func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, r.Context().Err()
		},
		"no body": func(r *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: 7, Body: hanging{r}}, nil
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			k := newKit(t)
			k.Register = nil
			k.Forward = paynotify.NewForwarder(secretAddress, receiver)
			start := time.Now()
			k.take(notice, http.StatusServiceUnavailable)
			if took := time.Since(start); took != 4*time.Second {
				t.Errorf("%s: got an answer after %s, want 4 s", name, took)
			}
		})
	}
}

// hanging is a body that never comes.
type hanging struct{ request *http.Request }

func (h hanging) Read([]byte) (int, error) {
	<-h.request.Context().Done()
	return 0, h.request.Context().Err()
}

func (hanging) Close() error { return nil }

// TestRegisterThatHangs: WeChat Pay is answered within its 5 s, and not that it was recorded.
func TestRegisterThatHangs(t *testing.T) {
	t.Parallel()
	notice := paidNotice(direct("A1", total100)).sent(t)
	synctest.Test(t, func(t *testing.T) {
		k := newKit(t)
		k.register.Hung.Store(true)
		start := time.Now()
		k.take(notice, http.StatusServiceUnavailable)
		if took := time.Since(start); took != 4500*time.Millisecond {
			t.Errorf("got an answer after %s, want 4.5 s", took)
		}
	})
}
