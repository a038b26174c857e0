package platform_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

const page = "http://localhost:5173"

// A page of an allowed origin may call whatever SDKs call, and reads the answer; its browser asks
// first.
func TestAllowedOrigin(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{AllowOrigins: []string{"https://other.example", page}})
	for _, path := range []string{
		"/v1/functions/hello", "/web?env=env-1", "/admin?env=env-1", invocations("hello"), "/", "/http/hello/", "/tcb/hello/", "/aws/hello/",
	} {
		asked := c.send(http.MethodOptions, path, "", "Origin", page, "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors",
			"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization,content-type,x-request-id")
		if asked.status != http.StatusNoContent || asked.header.Get("Access-Control-Allow-Origin") != page ||
			!strings.Contains(asked.header.Get("Access-Control-Allow-Methods"), "POST") ||
			asked.header.Get("Access-Control-Allow-Headers") != "authorization,content-type,x-request-id" {
			t.Errorf("%s: the browser is told %d %v, want that the page may call", path, asked.status, asked.header)
		}
	}
	got := c.send(http.MethodPost, "/v1/functions/hello", `{"Text":"page"}`, "Origin", page, "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors")
	if got.status != http.StatusOK || got.body != `"Hello page"` || got.header.Get("Access-Control-Allow-Origin") != page ||
		got.header.Get("Vary") != "Origin" || !strings.Contains(got.header.Get("Access-Control-Expose-Headers"), "X-Request-Id") {
		t.Errorf("answer: got %d %s %v, want one that the page may read", got.status, got.body, got.header)
	}
	if got := c.send(http.MethodPost, "/v1/functions/nope", "{}", "Origin", page); got.header.Get("Access-Control-Allow-Origin") != page {
		t.Errorf("a refusal: got %d %v, want that the page may read it", got.status, got.header)
	}
	if got := c.send(http.MethodOptions, "/v1/functions/hello", "", "Origin", page, "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Private-Network", "true"); got.header.Get("Access-Control-Allow-Private-Network") != "true" {
		t.Errorf("a page of another network: got %v, want that it is allowed", got.header)
	}
	if got := c.send(http.MethodPost, "/v1/functions/hello", "{}"); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("a caller that is no page: got %v, want nothing for pages", got.header)
	}
}

// An origin is compared exactly, and the refusal says how to allow it. GET and OPTIONS are refused,
// too.
func TestOtherOrigins(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{AllowOrigins: []string{page}})
	for _, origin := range []string{
		"http://localhost:5174", "http://127.0.0.1:5173", "https://localhost:5173", "http://localhost:51730", "http://LOCALHOST:5173", "null",
		"http://localhost:5173.evil.example",
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodOptions} {
			got := c.send(method, "/v1/functions/hello", "{}", "Origin", origin, "Access-Control-Request-Method", "POST")
			c.wantFailure(got, http.StatusForbidden, "ORIGIN_NOT_ALLOWED", "another origin")
			if got.header.Get("Access-Control-Allow-Origin") != "" {
				t.Errorf("%s %s: got %v, want nothing for pages", method, origin, got.header)
			}
		}
	}
	got := c.send(http.MethodPost, "/v1/functions/hello", "{}", "Origin", "http://localhost:5174")
	c.wantFailure(got, http.StatusForbidden, "ORIGIN_NOT_ALLOWED", "--allow-origin http://localhost:5174")
	if calls := c.world.Journal.Page(everyCall).Calls; len(calls) == 0 || !strings.Contains(calls[len(calls)-1].Reason, "--allow-origin") {
		t.Errorf("journal: got %+v, want the refusal with its reason", calls)
	}
	got = c.send(http.MethodPost, "/v1/functions/hello", "{}", "Origin", page, "Host", "evil.example")
	c.wantFailure(got, http.StatusForbidden, "ORIGIN_NOT_ALLOWED", "evil.example")
}

// What is the emulator's own is closed to every page, but links to it may be followed.
func TestPrivateRoutes(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{AllowOrigins: []string{page}})
	for _, path := range []string{"/v1/calls", "/v1/calls/stream", "/v1/faults", "/v1/dead-letters", "/v1/timers/hello", "/v1/queues/hello"} {
		got := c.send(http.MethodGet, path, "", "Origin", page)
		c.wantFailure(got, http.StatusForbidden, "ORIGIN_NOT_ALLOWED", "the emulator's own")
	}
	for mode, want := range map[string]int{"navigate": http.StatusOK, "no-cors": http.StatusForbidden, "cors": http.StatusForbidden} {
		if got := c.send(http.MethodGet, "/v1/calls", "", "Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", mode); got.status != want {
			t.Errorf("from another page of this machine, %s: got %d, want %d", mode, got.status, want)
		}
	}
	if got := c.send(http.MethodGet, "/v1/calls", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"); got.status != http.StatusForbidden {
		t.Errorf("from a foreign page: got %d, want 403", got.status)
	}
	if got := c.send(http.MethodGet, "/v1/calls", "", "Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"); got.status != http.StatusOK {
		t.Errorf("typed by a person: got %d, want 200", got.status)
	}
}
