package wxcloudrun_test

import (
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

	"cloudpay/internal/wxcloudrun"
	"cloudpay/pkg/wire"
)

// serve starts a server of one function and returns its address.
func serve(t *testing.T, handle http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handle)
	t.Cleanup(server.Close)
	return server.URL
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		for _, location := range []string{"/elsewhere", ""} {
			t.Run(fmt.Sprintf("%d to %q", status, location), func(t *testing.T) {
				t.Parallel()
				address := serve(t, func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/elsewhere" {
						t.Error("the redirect was followed")
					}
					if location != "" {
						w.Header().Set("Location", location)
					}
					w.WriteHeader(status)
					_, _ = io.WriteString(w, closeSample)
				})
				followed := func(_ *http.Request, via []*http.Request) error {
					if len(via) > 1 {
						return http.ErrUseLastResponse // enough to be seen
					}
					return nil
				}
				theirs := &http.Client{CheckRedirect: followed}
				for call, err := range failures(t, &wxcloudrun.Client{BaseURL: address, HTTPClient: theirs}) {
					got := wantError[*wire.Error](t, err)
					if got.HTTPStatus != status || got.Authenticated {
						t.Errorf("%s: status %d, authenticated %t; want %d, false", call, got.HTTPStatus, got.Authenticated, status)
					}
				}
				if err := theirs.CheckRedirect(nil, nil); err != nil {
					t.Error("the caller's http.Client was changed")
				}
			})
		}
	}
}

func TestOwnClientFollowsNoRedirect(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/elsewhere" {
			t.Error("the redirect was followed")
		}
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	})
	_, err := closeOne(t, &wxcloudrun.Client{BaseURL: address})
	if got := wantError[*wire.Error](t, err); got.HTTPStatus != http.StatusFound {
		t.Errorf("status %d, want 302", got.HTTPStatus)
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
			resp := respond(http.StatusOK, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(`{"errcode":`), waiting{req.Context(), say}))
			return resp, nil
		}
	}
	for name, link := range map[string]roundTrip{
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
				_, err := client(link).QueryOrder(ctx, wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID})
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
	c := &wxcloudrun.Client{BaseURL: serve(t, http.NotFound)}
	_, err := c.CloseOrder(ctx, wxcloudrun.Request{OutTradeNo: orderNo, SubMchID: subMchID})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want context.Canceled in it", err)
	}
}

// TestTransportFailuresAreWrapped: a caller tells them from replies by type, and finds the cause.
func TestTransportFailuresAreWrapped(t *testing.T) {
	t.Parallel()
	cause := errors.New("connection reset by peer")
	for name, link := range map[string]roundTrip{
		"no reply": func(*http.Request) (*http.Response, error) { return nil, cause },
		"reset in the body": func(*http.Request) (*http.Response, error) {
			resp := respond(http.StatusOK, "")
			resp.Body = io.NopCloser(io.MultiReader(strings.NewReader(closeSample[:40]), failing{cause}))
			return resp, nil
		},
	} {
		for call, err := range failures(t, client(link)) {
			if !errors.Is(err, cause) {
				t.Errorf("%s, %s: error %v, want %v in it", name, call, err, cause)
			}
			_, answered := errors.AsType[*wire.Error](err)
			_, malformed := errors.AsType[*wire.MalformedError](err)
			if answered || malformed {
				t.Errorf("%s, %s: error %v is one of a reply, want a plain one", name, call, err)
			}
		}
	}
}

type failing struct{ err error }

func (f failing) Read([]byte) (int, error) { return 0, f.err }

func TestBodyCutShortOnTheWire(t *testing.T) {
	t.Parallel()
	address := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000")
		_, _ = io.WriteString(w, closeSample[:100])
	})
	for call, err := range failures(t, &wxcloudrun.Client{BaseURL: address}) {
		if cut := wantError[*wire.MalformedError](t, err); !strings.Contains(cut.Detail, "cut short after 100 bytes") {
			t.Errorf("%s: Detail %q, want it to say where it was cut", call, cut.Detail)
		}
	}
}

// TestUnusableBodyKeepsTheRequestID: WeChat Pay's support finds a call of the link by it only.
func TestUnusableBodyKeepsTheRequestID(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]io.Reader{
		"cut short": io.MultiReader(strings.NewReader(closeSample[:40]), failing{io.ErrUnexpectedEOF}),
		"too long":  strings.NewReader(closeSample + strings.Repeat("\n", 1<<20)),
	} {
		_, err := closeOne(t, client(func(*http.Request) (*http.Response, error) {
			resp := respond(http.StatusOK, "")
			resp.Header.Set("X-Openapi-Seqid", "seq-1")
			resp.Body = io.NopCloser(body)
			return resp, nil
		}))
		if got := wantError[*wire.MalformedError](t, err); got.RequestID != "seq-1" {
			t.Errorf("%s: RequestID %q, want seq-1", name, got.RequestID)
		}
	}
}

// TestBodyOfAnotherStatusMayFail: the status is what there is to tell.
func TestBodyOfAnotherStatusMayFail(t *testing.T) {
	t.Parallel()
	_, err := closeOne(t, client(func(*http.Request) (*http.Response, error) {
		resp := respond(http.StatusBadGateway, "")
		resp.Body = io.NopCloser(failing{io.ErrUnexpectedEOF})
		return resp, nil
	}))
	if got := wantError[*wire.Error](t, err); got.HTTPStatus != http.StatusBadGateway {
		t.Errorf("status %d, want 502", got.HTTPStatus)
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const mib = 1 << 20
	for size, fits := range map[int]bool{mib: true, mib + 1: false, 3 * mib: false} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			read := &counting{Reader: strings.NewReader(closeSample + strings.Repeat("\n", size-len(closeSample)))}
			_, err := closeOne(t, client(func(*http.Request) (*http.Response, error) {
				resp := respond(http.StatusOK, "")
				resp.Body = io.NopCloser(read)
				return resp, nil
			}))
			if fits {
				if err != nil {
					t.Error(err)
				}
				return
			}
			if long := wantError[*wire.MalformedError](t, err); !strings.Contains(long.Detail, "longer than 1 MiB") {
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
	for header, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"120":                           2 * time.Minute,
		"86400":                         24 * time.Hour,
		"86401":                         24 * time.Hour,
		"99999999999999999999":          24 * time.Hour,
		"-5":                            0,
		"1.5":                           0,
		"soon":                          0,
		"Sun, 01 Mar 2026 12:00:30 GMT": 30 * time.Second,
		"Sun, 01 Mar 2026 11:59:30 GMT": 0,
		"Sun, 01 Mar 2027 12:00:30 GMT": 24 * time.Hour,
	} {
		for status, body := range map[int]string{
			http.StatusTooManyRequests: "", http.StatusOK: refused("FREQUENCY_LIMITED", "频率限制"),
		} {
			c := responding(status, body, "Retry-After", header)
			c.Now = func() time.Time { return now }
			_, err := closeOne(t, c)
			if got := wantError[*wire.Error](t, err).RetryAfter; got != want {
				t.Errorf("HTTP %d, Retry-After %q: %v, want %v", status, header, got, want)
			}
		}
	}
}

func TestRetryAfterWithoutAClock(t *testing.T) {
	t.Parallel()
	date := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	_, err := closeOne(t, responding(http.StatusServiceUnavailable, "", "Retry-After", date))
	if got := wantError[*wire.Error](t, err).RetryAfter; got < 55*time.Minute || got > time.Hour {
		t.Errorf("RetryAfter %v for a date in an hour", got)
	}
}
