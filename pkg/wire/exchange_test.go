package wire_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cloudpay/pkg/wire"
	"cloudpay/pkg/wire/wiretest"
)

const limit = 1 << 20

// ask makes one exchange that has a fifth of a second.
func ask(t *testing.T, client *http.Client, address string) (*wire.Reply, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	return wire.Exchange(client, request(ctx, t, address), limit)
}

func request(ctx context.Context, t *testing.T, address string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader("{}"))
	if err != nil {
		t.Error(err)
	}
	return req
}

func newClient(t *testing.T) *http.Client {
	t.Helper()
	client := &http.Client{Transport: wire.NewTransport()}
	t.Cleanup(client.CloseIdleConnections)
	return client
}

// TestEveryStatusOnAHeldLine asks far sides that answer each status there is and hold the line.
// Every exchange ends (the test would not, otherwise), and what answers no request is returned at
// once.
func TestEveryStatusOnAHeldLine(t *testing.T) {
	t.Parallel()
	var all sync.WaitGroup
	for status := 100; status <= 599; status++ {
		address, client := wiretest.Holds(t, status), newClient(t)
		unasked := status == http.StatusSwitchingProtocols || status/100 == 3 || status == http.StatusNoContent
		all.Go(func() {
			if unasked { // without a deadline: there is nothing to wait for
				reply, err := wire.Exchange(client, request(t.Context(), t, address), limit)
				if err != nil || reply.HTTPStatus != status || len(reply.Body) != 0 {
					t.Errorf("HTTP %d: got %+v, %v, want the status without a body", status, reply, err)
				}
				return
			}
			switch reply, err := ask(t, client, address); {
			case !errors.Is(err, context.DeadlineExceeded):
				t.Errorf("HTTP %d: got %+v, %v, want the deadline", status, reply, err)
			case status/100 == 1 && reply != nil:
				t.Errorf("HTTP %d: got %+v, want no reply: the final one never came", status, reply)
			}
		})
	}
	all.Wait()
}

func TestDeadlineOverAnyPace(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]string{
		"a byte a second":      wiretest.Drips(t, time.Second),
		"a byte a millisecond": wiretest.Drips(t, time.Millisecond),
		"silence":              wiretest.Silent(t),
		"informational replies without end": wiretest.Serve(t, func(conn net.Conn, _ *http.Request) {
			for {
				if _, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n"); err != nil {
					return
				}
			}
		}),
		"a head without end": wiretest.Serve(t, func(conn net.Conn, _ *http.Request) {
			_, err := io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			for err == nil {
				_, err = io.WriteString(conn, "X-Filler: "+strings.Repeat("x", 1000)+"\r\n")
			}
		}),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if reply, err := ask(t, newClient(t), address); err == nil {
				t.Errorf("got %+v, want an error", reply)
			}
		})
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		length int
		chunks bool
		want   string
	}{
		"at the limit":                 {limit, false, ""},
		"at the limit, unannounced":    {limit, true, ""},
		"above the limit":              {limit + 1, false, "its body is longer than 1 MiB"},
		"above the limit, unannounced": {limit + 1, true, "its body is longer than 1 MiB"},
		"empty":                        {0, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if !c.chunks {
					w.Header().Set("Content-Length", strconv.Itoa(c.length))
				}
				_, _ = io.WriteString(w, strings.Repeat("x", c.length))
			}))
			t.Cleanup(server.Close)
			reply, err := wire.Exchange(newClient(t), request(t.Context(), t, server.URL), limit)
			unusable, is := errors.AsType[*wire.MalformedError](err)
			if is != (c.want != "") || is && (unusable.Detail != c.want || !unusable.TooLong) {
				t.Errorf("got error %v, want %q", err, c.want)
			}
			if !is && len(reply.Body) != c.length {
				t.Errorf("got %d bytes, want %d", len(reply.Body), c.length)
			}
		})
	}
}

// A limit that is no number of MiB is told in bytes.
func TestSmallLimit(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "12345") }))
	t.Cleanup(server.Close)
	reply, err := wire.Exchange(newClient(t), request(t.Context(), t, server.URL), 4)
	unusable, is := errors.AsType[*wire.MalformedError](err)
	if !is || unusable.Detail != "its body is longer than 4 bytes" || string(reply.Body) != "1234" {
		t.Errorf("got %+v, %v, want the first 4 bytes and the limit", reply, err)
	}
}

func TestBodyCutShort(t *testing.T) {
	t.Parallel()
	address := wiretest.Serve(t, func(conn net.Conn, _ *http.Request) {
		_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc")
		_ = conn.Close()
	})
	_, err := wire.Exchange(newClient(t), request(t.Context(), t, address), limit)
	if unusable, is := errors.AsType[*wire.MalformedError](err); !is || unusable.Detail != "its body was cut short after 3 bytes" {
		t.Errorf("got %v, want a body cut short after 3 bytes", err)
	}
}

// TestHeadWithoutEnd needs no deadline to end: heads are bounded, informational ones included.
func TestHeadWithoutEnd(t *testing.T) {
	t.Parallel()
	for name, line := range map[string]string{
		"headers":               "X-Filler: " + strings.Repeat("x", 1000) + "\r\n",
		"informational replies": "\r\nHTTP/1.1 103 Early Hints\r\nX-Filler: " + strings.Repeat("x", 1000) + "\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			address := wiretest.Serve(t, func(conn net.Conn, _ *http.Request) {
				_, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n")
				for range 1000 { // a megabyte
					if err == nil {
						_, err = io.WriteString(conn, line)
					}
				}
			})
			if reply, err := wire.Exchange(newClient(t), request(t.Context(), t, address), limit); err == nil {
				t.Errorf("got %+v, want an error", reply)
			}
		})
	}
}

// TestRedirectIsTheReply: a signed request goes nowhere but where it was sent.
func TestRedirectIsTheReply(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.RedirectHandler("http://127.0.0.1:1/", http.StatusTemporaryRedirect))
	t.Cleanup(server.Close)
	reply, err := wire.Exchange(newClient(t), request(t.Context(), t, server.URL), limit)
	if err != nil || reply.HTTPStatus != http.StatusTemporaryRedirect {
		t.Errorf("got %+v, %v, want the redirect itself", reply, err)
	}
}

// TestFresh: only an HTTP/1.1 connection that carried an exchange before leaves room for another's
// reply.
func TestFresh(t *testing.T) {
	t.Parallel()
	fresh := func(t *testing.T, client *http.Client, address string) bool {
		t.Helper()
		reply, err := wire.Exchange(client, request(t.Context(), t, address), limit)
		if err != nil {
			t.Fatal(err)
		}
		return reply.Fresh
	}
	answer := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	t.Run("HTTP/1.1", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		client := newClient(t)
		if first, second := fresh(t, client, server.URL), fresh(t, client, server.URL); !first || second {
			t.Errorf("got fresh %t then %t, want true then false", first, second)
		}
		client.CloseIdleConnections()
		if !fresh(t, client, server.URL) {
			t.Error("on a new connection it is not fresh")
		}
	})
	t.Run("a transport that does not tell", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewServer(answer)
		t.Cleanup(server.Close)
		inner := newClient(t)
		if fresh(t, &http.Client{Transport: untold{inner.Transport}}, server.URL) {
			t.Error("got fresh true, want false of a connection that nothing is known of")
		}
	})
	t.Run("HTTP/1.1 that calls itself 2", func(t *testing.T) {
		t.Parallel()
		address := wiretest.Serve(t, func(conn net.Conn, _ *http.Request) {
			_, _ = io.WriteString(conn, "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")
		})
		client := newClient(t)
		if first, second := fresh(t, client, address), fresh(t, client, address); !first || second {
			t.Errorf("got fresh %t then %t, want true then false", first, second)
		}
	})
	t.Run("HTTP/2", func(t *testing.T) {
		t.Parallel()
		server := httptest.NewUnstartedServer(answer)
		server.EnableHTTP2 = true
		server.StartTLS()
		t.Cleanup(server.Close)
		transport := wire.NewTransport()
		transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
		client := &http.Client{Transport: transport}
		if first, second := fresh(t, client, server.URL), fresh(t, client, server.URL); !first || !second {
			t.Errorf("got fresh %t then %t, want true both times", first, second)
		}
	})
}

// untold hides what happens to a request from its trace.
type untold struct{ http.RoundTripper }

func (u untold) RoundTrip(req *http.Request) (*http.Response, error) {
	return u.RoundTripper.RoundTrip(req.WithContext(context.Background()))
}

// TestTLSSessionsAreResumed: a connection after the first to a host costs one round trip less, and
// no certificate's verification.
func TestTLSSessionsAreResumed(t *testing.T) {
	t.Parallel()
	for version, name := range map[uint16]string{tls.VersionTLS12: "1.2", tls.VersionTLS13: "1.3"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			resumed := make(chan bool, 2)
			server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				resumed <- r.TLS.DidResume
			}))
			server.TLS = &tls.Config{MinVersion: version, MaxVersion: version}
			server.StartTLS()
			t.Cleanup(server.Close)
			transport := wire.NewTransport()
			transport.TLSClientConfig.RootCAs = server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
			client := &http.Client{Transport: transport}
			for want := range 2 {
				if _, err := wire.Exchange(client, request(t.Context(), t, server.URL), limit); err != nil {
					t.Fatal(err)
				}
				client.CloseIdleConnections()
				if got := <-resumed; got != (want == 1) {
					t.Errorf("connection %d: resumed is %t", want+1, got)
				}
			}
		})
	}
}
