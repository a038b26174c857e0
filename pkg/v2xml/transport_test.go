package v2xml_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/pkg/v2xml"
)

// roundTrip is a gateway made of one function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

func respond(status int, body []byte) *http.Response {
	return &http.Response{
		StatusCode: status, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(bytes.NewReader(body)),
	}
}

// responding returns a client whose gateway answers with status, header (pairs) and body.
func responding(status int, body []byte, header ...string) *v2xml.Client {
	return client(roundTrip(func(*http.Request) (*http.Response, error) {
		resp := respond(status, body)
		for i := 0; i+1 < len(header); i += 2 {
			resp.Header.Set(header[i], header[i+1])
		}
		return resp, nil
	}))
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"/elsewhere", ""} {
			t.Run(fmt.Sprintf("%d to %q", status, location), func(t *testing.T) {
				t.Parallel()
				server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/elsewhere" {
						t.Error("the redirect was followed")
					}
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
					_, _ = w.Write(closeReply())
				}))
				t.Cleanup(server.Close)
				followed := func(_ *http.Request, via []*http.Request) error {
					if len(via) > 2 {
						return errors.New("followed far enough")
					}
					return nil
				}
				theirs := &http.Client{CheckRedirect: followed}
				for _, client := range []*http.Client{nil, theirs} {
					c := &v2xml.Client{AppID: appID, MchID: mchID, Key: key, BaseURL: server.URL, HTTPClient: client}
					_, err := closeOne(c)
					refused := wantError[*v2xml.Error](t, err)
					if refused.HTTPStatus != status || refused.Authenticated {
						t.Errorf("status %d, authenticated %t; want %d, false", refused.HTTPStatus, refused.Authenticated, status)
					}
				}
				if err := theirs.CheckRedirect(nil, nil); err != nil {
					t.Error("the caller's http.Client was changed")
				}
			})
		}
	}
}

func TestDeadlineIsRecognised(t *testing.T) {
	t.Parallel()
	hang := roundTrip(func(req *http.Request) (*http.Response, error) {
		<-req.Context().Done()
		return nil, req.Context().Err()
	})
	hangInBody := func(say error) roundTrip {
		return func(req *http.Request) (*http.Response, error) {
			resp := respond(http.StatusOK, nil)
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader("<xml>"), waiting{req.Context(), say}))
			return resp, nil
		}
	}
	for name, gateway := range map[string]roundTrip{
		"before the header":                    hang,
		"in the body":                          hangInBody(context.DeadlineExceeded),
		"in the body, in other words":          hangInBody(errors.New("use of closed network connection")),
		"in the body, which then is cut short": hangInBody(io.ErrUnexpectedEOF),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				_, err := client(gateway).QueryOrder(ctx, v2xml.Request{OutTradeNo: orderNo})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error %v, want context.DeadlineExceeded in it", err)
				}
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("it took %v, want 3s", took)
				}
			})
		})
	}
}

// waiting is a body that comes to nothing before ctx ends, and then says so in its own words.
type waiting struct {
	ctx context.Context
	say error
}

func (w waiting) Read([]byte) (int, error) {
	<-w.ctx.Done()
	return 0, w.say
}

func TestCancelIsRecognised(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	server := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	c := &v2xml.Client{AppID: appID, MchID: mchID, Key: key, BaseURL: server.URL}
	_, err := c.CloseOrder(ctx, v2xml.Request{OutTradeNo: orderNo})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled in it", err)
	}
}

// TestTransportFailuresAreWrapped: a caller tells them from replies by type, and finds the cause.
func TestTransportFailuresAreWrapped(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset by peer")
	for name, gateway := range map[string]roundTrip{
		"no reply": func(*http.Request) (*http.Response, error) { return nil, cause },
		"reset in the body": func(*http.Request) (*http.Response, error) {
			resp := respond(http.StatusOK, nil)
			resp.Body = io.NopCloser(io.MultiReader(bytes.NewReader(closeReply()[:40]), failing{cause}))
			return resp, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := closeOne(client(gateway))
			if !errors.Is(err, cause) {
				t.Errorf("error %v, want %v in it", err, cause)
			}
			if kind := kindOf(err); kind != "other" {
				t.Errorf("error %v is a %s, want a plain one", err, kind)
			}
		})
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestBodyCutShortOnTheWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = w.Write(closeReply()[:100])
	}))
	t.Cleanup(server.Close)
	c := &v2xml.Client{AppID: appID, MchID: mchID, Key: key, BaseURL: server.URL}
	_, err := closeOne(c)
	if cut := wantError[*v2xml.MalformedError](t, err); !strings.Contains(cut.Detail, "cut short after 100 bytes") {
		t.Errorf("Detail %q, want it to say where it was cut", cut.Detail)
	}
}

// TestBodyOfAnotherStatusMayFail: the status is what there is to tell.
func TestBodyOfAnotherStatusMayFail(t *testing.T) {
	t.Parallel()
	_, err := closeOne(client(roundTrip(func(*http.Request) (*http.Response, error) {
		resp := respond(http.StatusBadGateway, nil)
		resp.Body = io.NopCloser(failing{io.ErrUnexpectedEOF})
		return resp, nil
	})))
	if refused := wantError[*v2xml.Error](t, err); refused.HTTPStatus != http.StatusBadGateway {
		t.Errorf("status %d, want 502", refused.HTTPStatus)
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	padded := func(size int) []byte {
		body := closeReply()
		return append(body, bytes.Repeat([]byte{'\n'}, size-len(body))...)
	}
	for _, test := range []struct {
		size      int
		announced int64
		fits      bool
	}{
		{mib, -1, true}, {mib, mib, true}, {mib + 1, -1, false}, {mib + 1, mib + 1, false}, {3 * mib, -1, false},
		{3000, 10, true}, // an announcement is only a hint here: the transport holds the far side to it
	} {
		t.Run(fmt.Sprintf("%d announced as %d", test.size, test.announced), func(t *testing.T) {
			t.Parallel()
			read := &counting{Reader: bytes.NewReader(padded(test.size))}
			_, err := closeOne(client(roundTrip(func(*http.Request) (*http.Response, error) {
				resp := respond(http.StatusOK, nil)
				resp.ContentLength, resp.Body = test.announced, io.NopCloser(read)
				return resp, nil
			})))
			if test.fits {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if long := wantError[*v2xml.MalformedError](t, err); !strings.Contains(long.Detail, "longer than 1 MiB") {
				t.Errorf("Detail %q, want it to name the limit", long.Detail)
			}
			if read.n != mib+1 {
				t.Errorf("%d bytes were read, want one more than the limit", read.n)
			}
		})
	}
}

type counting struct {
	io.Reader
	n int
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += n
	return n, err
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, test := range []struct {
		header string
		want   time.Duration
	}{
		{"", 0},
		{"0", 0},
		{"120", 2 * time.Minute},
		{"86400", 24 * time.Hour},
		{"86401", 24 * time.Hour},
		{"99999999999999999999", 24 * time.Hour},
		{"-5", 0},
		{"1.5", 0},
		{"soon", 0},
		{"Sun, 01 Mar 2026 12:00:30 GMT", 30 * time.Second},
		{"Sun, 01 Mar 2026 11:59:30 GMT", 0},
		{"Sun, 01 Mar 2027 12:00:30 GMT", 24 * time.Hour},
	} {
		t.Run(test.header, func(t *testing.T) {
			t.Parallel()
			for _, reply := range []struct {
				status int
				body   []byte
			}{
				{http.StatusTooManyRequests, nil},
				{http.StatusOK, write([]element{{"return_code", "FAIL"}, {"return_msg", "频率限制"}})},
				{http.StatusOK, signed(with(head(), element{"result_code", "FAIL"}, element{"err_code", "FREQUENCY_LIMITED"})...)},
			} {
				c := responding(reply.status, reply.body, "Retry-After", test.header)
				c.Now = func() time.Time { return now }
				_, err := closeOne(c)
				if got := wantError[*v2xml.Error](t, err).RetryAfter; got != test.want {
					t.Errorf("HTTP %d %s: RetryAfter %v, want %v", reply.status, reply.body, got, test.want)
				}
			}
		})
	}
}

func TestRetryAfterWithoutAClock(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	_, err := closeOne(responding(http.StatusServiceUnavailable, nil, "Retry-After", date))
	if got := wantError[*v2xml.Error](t, err).RetryAfter; got < 55*time.Minute || got > time.Hour {
		t.Errorf("RetryAfter %v for a date in an hour", got)
	}
}
