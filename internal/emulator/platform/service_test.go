package platform_test

import (
	"net/http"
	"strings"
	"testing"

	"cloudpay/internal/emulator/platform"
)

// The header makes a call the merchant's: the event gets the called function's own token, the first
// of two, in place of any other, and the journal names the caller but no token.
func TestCallAsService(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, withEnv("CLOUDPAY_SERVICE_TOKEN=first-token second-token"))
	for _, event := range []string{`{"Do":"echo","total":1.00}`, `{"Do":"echo","total":1.00,"service_token":"forged"}`} {
		got := c.send(http.MethodPost, "/v1/functions/hello", event, "X-Cloudpay-As", "service")
		want := `{"Do":"echo","service_token":"first-token","total":1.00}`
		if got.status != http.StatusOK || got.body != want {
			t.Errorf("%s: got %d %s, want %s", event, got.status, got.body, want)
		}
	}
	calls := c.send(http.MethodGet, "/v1/calls", "").body
	if !strings.Contains(calls, `"caller":"service"`) || strings.Contains(calls, "first-token") {
		t.Errorf("got the calls %s, want the caller service, and no token", calls)
	}
	without := c.send(http.MethodPost, "/v1/functions/hello", `{"Do":"echo"}`)
	if want := `{"Do":"echo"}`; without.body != want {
		t.Errorf("without the header: got %s, want %s", without.body, want)
	}
}

// A web function gets the token as a header, and not the emulator's own one.
func TestRequestAsService(t *testing.T) {
	t.Parallel()
	c := serveCloud(t, &platform.Cloud{}, as(platform.Web), withEnv("CLOUDPAY_SERVICE_TOKEN=a-token"))
	_, _, seen := c.arrived(http.MethodPost, "/v1/functions/hello/x?webfn=true", "X-Cloudpay-As", "service", "Cloudpay-Service-Token", "forged")
	if got := seen.Values("Cloudpay-Service-Token"); len(got) != 1 || got[0] != "a-token" {
		t.Errorf("got the tokens %q, want the function's own", got)
	}
	if seen.Get("X-Cloudpay-As") != "" {
		t.Error("the function sees the emulator's header")
	}
	_, _, seen = c.arrived(http.MethodPost, "/v1/functions/hello/x?webfn=true")
	if got := seen.Get("Cloudpay-Service-Token"); got != "" {
		t.Errorf("without the header: got the token %q", got)
	}
}

// What cannot be the merchant's call is refused before a function sees it, with a sentence and
// without a token.
func TestCallAsServiceRefused(t *testing.T) {
	t.Parallel()
	const page = "http://localhost:5173"
	c := serveCloud(t, &platform.Cloud{AllowOrigins: []string{page}}, withEnv("CLOUDPAY_SERVICE_TOKEN=a-token"))
	bare := serveCloud(t, &platform.Cloud{})
	for name, q := range map[string]struct {
		to     *cloud
		event  string
		header []string
		want   string
	}{
		"another value":              {c, `{}`, []string{"X-Cloudpay-As", "http"}, "must be service"},
		"a page that is let in":      {c, `{}`, []string{"X-Cloudpay-As", "service", "Origin", page}, "a web page may not send X-Cloudpay-As"},
		"a user as well":             {c, `{}`, []string{"X-Cloudpay-As", "service", "X-WX-OPENID", "oABC"}, "not both"},
		"an event that is no object": {c, `[1]`, []string{"X-Cloudpay-As", "service"}, "must be a JSON object"},
		"a function without a token": {bare, `{}`, []string{"X-Cloudpay-As", "service"}, "has no CLOUDPAY_SERVICE_TOKEN"},
	} {
		got := q.to.send(http.MethodPost, "/v1/functions/hello", q.event, q.header...)
		if got.status != http.StatusBadRequest || !strings.Contains(got.body, q.want) || strings.Contains(got.body, "a-token") {
			t.Errorf("%s: got %d %s, want 400 with %q", name, got.status, got.body, q.want)
		}
	}
}
