package v3json_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"cloudpay/pkg/v3json"
)

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	for _, status := range []int{301, 302, 303, 307, 308} {
		var asked atomic.Int32
		redirect := unsigned(status, "").with("Location", "https://evil.example/")
		client := newClient(t, roundTrip(func(req *http.Request) (*http.Response, error) {
			asked.Add(1)
			return redirect.RoundTrip(req)
		}))
		theirs := client.HTTPClient
		theirs.CheckRedirect = func(*http.Request, []*http.Request) error { return nil }
		_, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
		if refused := refusal(t, err); refused.HTTPStatus != status || refused.Authenticated {
			t.Errorf("HTTP %d gives %+v, want an unauthenticated refusal", status, refused)
		}
		if asked.Load() != 1 {
			t.Errorf("HTTP %d was asked %d times, want once", status, asked.Load())
		}
		if theirs.CheckRedirect(nil, nil) != nil {
			t.Errorf("HTTP %d: the caller's http.Client was changed", status)
		}
	}
}

func TestOwnHTTPClientFollowsNoRedirects(t *testing.T) {
	t.Parallel()
	server := serveRaw(t, unsigned(http.StatusMovedPermanently, "").with("Location", "/elsewhere").raw())
	client := newClient(t, nil)
	client.HTTPClient, client.BaseURL = nil, server.url
	_, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: "A1"})
	if refused := refusal(t, err); refused.HTTPStatus != http.StatusMovedPermanently {
		t.Errorf("refusal is %+v, want HTTP 301", refused)
	}
	if raw := <-server.requests; strings.Contains(raw, "Accept-Encoding") {
		t.Errorf("the request asks for compression: %q", raw)
	}
	select {
	case raw := <-server.requests:
		t.Errorf("a second request was sent: %q", raw)
	default:
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	const limit = 1 << 20
	pad := func(body string, n int) string { return body + strings.Repeat(" ", n-len(body)) }
	if _, err := queryWith(t, signed(http.StatusOK, pad(directOrder, limit))); err != nil {
		t.Errorf("1 MiB: %v, want success", err)
	}
	for _, a := range []answer{
		signed(http.StatusOK, pad(directOrder, limit+1)),
		unsigned(http.StatusOK, pad("", 3*limit)),
		unsigned(http.StatusBadGateway, pad("", limit+1)),
	} {
		_, err := queryWith(t, a)
		if malformed := malformation(t, err); malformed.HTTPStatus != a.status || !strings.Contains(malformed.Detail, "1 MiB") {
			t.Errorf("longer than 1 MiB gives %+v, want HTTP %d and the limit", malformed, a.status)
		}
	}
}

func TestTruncatedBody(t *testing.T) {
	t.Parallel()
	for _, a := range []answer{signed(http.StatusOK, directOrder), unsigned(http.StatusBadGateway, "<html>")} {
		whole := a.raw()
		server := serveRaw(t, whole[:len(whole)-1])
		client := newClient(t, nil)
		client.BaseURL = server.url
		_, err := client.QueryOrder(t.Context(), v3json.Request{OutTradeNo: outTradeNo})
		malformed := malformation(t, err)
		if want := fmt.Sprintf("cut short after %d bytes", len(a.body)-1); !strings.Contains(malformed.Detail, want) {
			t.Errorf("detail is %q, want %q", malformed.Detail, want)
		}
		if malformed.HTTPStatus != a.status || malformed.RequestID != requestID {
			t.Errorf("MalformedError is %+v, want HTTP %d and the Request-ID", malformed, a.status)
		}
	}
}

// endlessBody counts how much of it is read.
type endlessBody struct{ read *int }

func (b endlessBody) Read(p []byte) (int, error) {
	*b.read += len(p)
	return len(p), nil
}

func TestEndlessBody(t *testing.T) {
	t.Parallel()
	read := 0
	_, err := queryWith(t, roundTrip(func(*http.Request) (*http.Response, error) {
		if read != 0 {
			t.Error("asked twice, want once")
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: io.NopCloser(io.LimitReader(endlessBody{&read}, 8<<20))}, nil
	}))
	wantMalformed(t, err)
	if read > 2<<20 {
		t.Errorf("%d bytes were read, want little more than 1 MiB", read)
	}
}

// slowBody is a body that never ends before its context does, and then with an error of the
// transport's choice.
type slowBody struct {
	ctx context.Context
	err error
}

func (b slowBody) Read([]byte) (int, error) {
	<-b.ctx.Done()
	return 0, b.err
}

func (slowBody) Close() error { return nil }

func TestDeadlines(t *testing.T) {
	t.Parallel()
	hangs := map[string]roundTrip{
		"before the head": func(req *http.Request) (*http.Response, error) {
			<-req.Context().Done()
			return nil, req.Context().Err()
		},
		"within the body": func(req *http.Request) (*http.Response, error) {
			body := slowBody{req.Context(), context.DeadlineExceeded}
			return &http.Response{StatusCode: http.StatusOK, Header: signed(http.StatusOK, "").header, Body: body}, nil
		},
		"within the body, seen as its end": func(req *http.Request) (*http.Response, error) {
			body := slowBody{req.Context(), io.ErrUnexpectedEOF}
			return &http.Response{StatusCode: http.StatusOK, Header: signed(http.StatusOK, "").header, Body: body}, nil
		},
	}
	for name, hang := range hangs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				client := newClient(t, hang)
				ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
				defer cancel()
				start := time.Now()
				_, err := client.CloseOrder(ctx, v3json.Request{OutTradeNo: "A1"})
				if !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("error is %v, want the context's deadline", err)
				}
				wantLine(t, err)
				if took := time.Since(start); took != 3*time.Second {
					t.Errorf("the call took %v, want to its deadline of 3s", took)
				}
				if _, ok := errors.AsType[*v3json.MalformedError](err); ok {
					t.Errorf("error is %v, want no MalformedError: nothing was wrong with the reply", err)
				}
			})
		})
	}
}

// TestCancelledInMidBody takes net/http's own transport, which ends such a body in its own way.
func TestCancelledInMidBody(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "{")
		_ = http.NewResponseController(w).Flush()
		cancel()
		<-req.Context().Done()
	}))
	defer server.Close()
	client := newClient(t, nil)
	client.BaseURL = server.URL
	_, err := client.QueryOrder(ctx, v3json.Request{OutTradeNo: "A1"})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error is %v, want context.Canceled", err)
	}
}

func TestTransportFailures(t *testing.T) {
	t.Parallel()
	reset := errors.New("connection reset by peer")
	_, err := closeWith(t, roundTrip(func(*http.Request) (*http.Response, error) { return nil, reset }))
	if !errors.Is(err, reset) || !strings.HasPrefix(err.Error(), "closing order "+outTradeNo+": no reply: ") {
		t.Errorf("error is %v, want the transport's, wrapped", err)
	}
	if _, ok := errors.AsType[*url.Error](err); !ok {
		t.Errorf("error is %v, want net/url's in it", err)
	}
	_, err = closeWith(t, roundTrip(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: http.StatusNoContent, Header: http.Header{}, Body: io.NopCloser(failingReader{reset})}, nil
	}))
	if !errors.Is(err, reset) {
		t.Errorf("error is %v, want the body's", err)
	}
	var none context.Context
	_, err = newClient(t, nil).CloseOrder(none, v3json.Request{OutTradeNo: "A1"})
	wantSays(t, "no context", err, "making the request: ")
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// TestConnectionsAreKept makes as many calls at once as a busy instance would, three times over.
// The server answers none of a round before all have come, so a round needs as many connections;
// the next ones must find them kept.
func TestConnectionsAreKept(t *testing.T) {
	t.Parallel()
	const callers, rounds = 32, 3
	arrived := make(chan chan struct{}, callers)
	a := signed(http.StatusNoContent, "")
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		_, _ = io.Copy(io.Discard, req.Body)
		release := make(chan struct{})
		arrived <- release
		<-release
		maps.Copy(w.Header(), a.header)
		w.WriteHeader(a.status)
	}))
	var opened atomic.Int32
	server.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	client := newClient(t, nil)
	client.HTTPClient, client.BaseURL = nil, server.URL
	failed := make(chan error, callers*rounds)
	for range rounds {
		var round sync.WaitGroup
		for range callers {
			round.Go(func() {
				if _, err := client.CloseOrder(t.Context(), v3json.Request{OutTradeNo: "A1"}); err != nil {
					failed <- err
				}
			})
		}
		var releases []chan struct{}
		for len(releases) < callers {
			select {
			case release := <-arrived:
				releases = append(releases, release)
			case err := <-failed:
				t.Fatalf("CloseOrder: %v", err)
			}
		}
		for _, release := range releases {
			close(release)
		}
		round.Wait()
	}
	if len(failed) != 0 {
		t.Fatalf("CloseOrder: %v", <-failed)
	}
	if got := opened.Load(); got > callers {
		t.Errorf("%d callers in %d rounds opened %d connections, want at most %d", callers, rounds, got, callers)
	}
}
