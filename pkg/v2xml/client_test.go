package v2xml_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"

	"cloudpay/pkg/v2xml"
)

// client returns a client of the published merchant whose gateway is rt.
func client(rt http.RoundTripper) *v2xml.Client {
	return &v2xml.Client{AppID: appID, MchID: mchID, Key: key, HTTPClient: &http.Client{Transport: rt}}
}

// answering returns a client whose gateway answers every request with HTTP 200 and body.
func answering(body []byte) *v2xml.Client { return client(&memory{reply: body}) }

// noGateway fails the test when anything is sent.
type noGateway struct{ t *testing.T }

func (g noGateway) RoundTrip(*http.Request) (*http.Response, error) {
	g.t.Error("a request was sent")
	return nil, errors.New("no gateway")
}

func closeOne(c *v2xml.Client) (*v2xml.CloseReply, error) {
	return c.CloseOrder(context.Background(), v2xml.Request{OutTradeNo: orderNo})
}

func queryOne(c *v2xml.Client) (*v2xml.QueryReply, error) {
	return c.QueryOrder(context.Background(), v2xml.Request{OutTradeNo: orderNo})
}

func TestNonceIsMadeWhenNoneIsGiven(t *testing.T) {
	t.Parallel()
	gateway := &memory{reply: closeReply(), keep: true}
	c := client(gateway)
	seen := map[string]bool{}
	for range 50 {
		if _, err := closeOne(c); err != nil {
			t.Fatal(err)
		}
		nonce := valueOf(t, gateway.asked, "nonce_str")
		if !regexp.MustCompile(`^[0-9A-Za-z]{32}$`).MatchString(nonce) {
			t.Fatalf("nonce_str = %q, want 32 letters and digits", nonce)
		}
		if seen[nonce] {
			t.Fatalf("nonce_str %s was made twice", nonce)
		}
		seen[nonce] = true
	}
}

func TestNonceComesFromTheRequestThenTheClient(t *testing.T) {
	t.Parallel()
	gateway := &memory{reply: closeReply(), keep: true}
	c := client(gateway)
	c.Nonce = func() string { return "fromClient" }
	for given, want := range map[string]string{"": "fromClient", "fromRequest": "fromRequest"} {
		if _, err := c.CloseOrder(t.Context(), v2xml.Request{OutTradeNo: orderNo, Nonce: given}); err != nil {
			t.Fatal(err)
		}
		if got := valueOf(t, gateway.asked, "nonce_str"); got != want {
			t.Errorf("request's nonce %q: sent %q, want %q", given, got, want)
		}
	}
}

// TestOwnHTTPClient goes through the package's own HTTP client, from many goroutines over a real
// socket, and back over the same connections.
func TestOwnHTTPClient(t *testing.T) {
	t.Parallel()
	const callers, rounds = 16, 5
	var mu sync.Mutex
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		connections[r.RemoteAddr] = true
		mu.Unlock()
		if got := r.Header.Get("Accept-Encoding"); got != "" {
			t.Errorf("Accept-Encoding = %q, want none", got)
		}
		_, _ = w.Write(closeReply())
	}))
	t.Cleanup(server.Close)
	c := &v2xml.Client{AppID: appID, MchID: mchID, Key: key, BaseURL: server.URL}
	for range rounds {
		var round sync.WaitGroup
		for range callers {
			round.Go(func() {
				if _, err := closeOne(c); err != nil {
					t.Error(err)
				}
			})
		}
		round.Wait()
	}
	// A few more than callers may be dialled when a reply overtakes a dial.
	if len(connections) > 2*callers {
		t.Errorf("%d callers used %d connections in %d rounds, want them kept", callers, len(connections), rounds)
	}
}

func TestRequestOnTheWire(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, base, agent  string
		call               func(*v2xml.Client) error
		wantURL, wantAgent string
	}{
		{"close, defaults", "", "", closes, "https://api.mch.weixin.qq.com/pay/closeorder", "cloudpay/v2xml"},
		{"query, defaults", "", "", queries, "https://api.mch.weixin.qq.com/pay/orderquery", "cloudpay/v2xml"},
		{
			"close, all given", "http://127.0.0.1:9/base//", "shop/2", closes,
			"http://127.0.0.1:9/base/pay/closeorder", "shop/2",
		},
		{"query, backup", "https://api2.mch.weixin.qq.com/", "", queries, "https://api2.mch.weixin.qq.com/pay/orderquery", "cloudpay/v2xml"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			sent := false
			c := client(roundTrip(func(req *http.Request) (*http.Response, error) {
				sent = true
				if req.Method != http.MethodPost {
					t.Errorf("method %s, want POST", req.Method)
				}
				if got := req.URL.String(); got != test.wantURL {
					t.Errorf("URL %s, want %s", got, test.wantURL)
				}
				if got := req.Header.Get("Content-Type"); got != "text/xml; charset=utf-8" {
					t.Errorf("Content-Type %q", got)
				}
				if got := req.Header.Get("User-Agent"); got != test.wantAgent {
					t.Errorf("User-Agent %q, want %q", got, test.wantAgent)
				}
				if req.ContentLength <= 0 || req.GetBody == nil {
					t.Errorf("ContentLength %d, GetBody %t: the transport cannot send it twice on a dead connection",
						req.ContentLength, req.GetBody != nil)
				}
				return respond(http.StatusOK, queryReply()), nil
			}))
			c.BaseURL, c.UserAgent = test.base, test.agent
			_ = test.call(c)
			if !sent {
				t.Error("nothing was sent")
			}
		})
	}
}

func closes(c *v2xml.Client) error {
	_, err := closeOne(c)
	return err
}

func queries(c *v2xml.Client) error {
	_, err := queryOne(c)
	return err
}

// valueOf returns the value of an element of a document.
func valueOf(t testing.TB, body []byte, name string) string {
	t.Helper()
	for _, e := range elementsOf(t, body) {
		if e.name == name {
			return e.value
		}
	}
	return ""
}

func TestBadBaseURL(t *testing.T) {
	t.Parallel()
	for _, base := range []string{
		"api.mch.weixin.qq.com", "ftp://host", "https://", "https://user:hunter2@host", "https://host?x=1", "https://host#x",
		"https://user:hunter2@ho st", "://hunter2", "https://host\n",
	} {
		c := client(noGateway{t})
		c.BaseURL = base
		_, err := closeOne(c)
		if err == nil || !strings.Contains(err.Error(), "Client.BaseURL") {
			t.Errorf("BaseURL %q: error %v, want one that names Client.BaseURL", base, err)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "\n") {
			t.Errorf("BaseURL %q: the error repeats it: %q", base, err)
		}
	}
}
