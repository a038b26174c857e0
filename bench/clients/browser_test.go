package clients_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/evanw/esbuild/pkg/api"

	"cloudpay/bench/chromium"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/nodetest"
)

// jsSDKs are the versions of CloudBase's SDK for web pages, each with the codes for error, timeout,
// unknown function and too large. The SDK signs nothing that the emulator could verify: it runs at
// the user.
var jsSDKs = map[string][4]string{
	"js-sdk-2": {"FUNCTIONS_EXECUTE_FAIL", "FUNCTIONS_TIME_LIMIT_EXCEEDED", "FUNCTION_NOT_FOUND", "EXCEED_REQUEST_SIZE_LIMIT"},
	"js-sdk-3": {"FUNCTION_INVOCATION_FAILED", "FUNCTION_TIME_LIMIT_EXCEEDED", "FUNCTION_NOT_FOUND", "EXCEED_MAX_PAYLOAD_SIZE"},
}

// A page of another origin calls the cloud by either SDK in Chromium, where its origin is allowed,
// and by neither where it is not.
func TestJSSDKInChromium(t *testing.T) {
	t.Parallel()
	nodetest.Need(t)
	if err := sdk(); err != nil {
		t.Fatalf("npm ci: %v", err)
	}
	for version, codes := range jsSDKs {
		t.Run(version, func(t *testing.T) {
			t.Parallel()
			page := servePage(t, version)
			c := startForPages(t, page)
			got := inBrowser(t, page, c, attempts[:len(codes)+1])
			if got[0].Value != "Hello World" {
				t.Errorf("%s: got %+v, want Hello World", attempts[0].what, got[0])
			}
			for i, want := range codes {
				if got[i+1].Code != want {
					t.Errorf("%s: got %+v, want code %s", attempts[i+1].what, got[i+1], want)
				}
			}
			elsewhere := startForPages(t, "http://localhost:1")
			if refused := inBrowser(t, page, elsewhere, attempts[:1]); refused[0].Value != "" || refused[0].Code == "" {
				t.Errorf("an origin that is not allowed: got %+v, want an error", refused)
			}
		})
	}
}

// servePage serves a page with the SDK at an origin of its own.
func servePage(t *testing.T, version string) string {
	t.Helper()
	bundle := api.Build(api.BuildOptions{
		EntryPoints: []string{"browser.js"}, Bundle: true, Format: api.FormatIIFE, Platform: api.PlatformBrowser,
		Alias: map[string]string{"js-sdk": version}, Define: map[string]string{"process.env.NODE_ENV": `"production"`, "global": "window"},
		LogLevel: api.LogLevelSilent,
	})
	if len(bundle.Errors) > 0 {
		t.Fatalf("bundling %s: %+v", version, bundle.Errors)
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bundle.js" {
			w.Header().Set("Content-Type", "text/javascript")
			_, _ = w.Write(bundle.OutputFiles[0].Contents) // the browser may have gone
			return
		}
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte(`<!doctype html><meta charset="utf-8"><script src="/bundle.js"></script>`)) // likewise
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// startForPages starts an emulated cloud that pages of an origin may call.
func startForPages(t *testing.T, origin string) *cloud {
	t.Helper()
	server := httptest.NewServer(&platform.Cloud{Functions: failing(t, platform.Go1), AllowOrigins: []string{origin}})
	t.Cleanup(server.Close)
	return &cloud{url: server.URL}
}

// inBrowser has a page make attempts.
func inBrowser(t *testing.T, page string, c *cloud, attempts []attempt) []result {
	t.Helper()
	const longest = 2 * time.Minute
	ctx, cancel := context.WithTimeout(chromium.Tab(t), longest)
	defer cancel()
	calls, err := json.Marshal(attempts)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := chromedp.Run(ctx, chromedp.Navigate(page)); err != nil {
		t.Fatal(err)
	}
	results, err := chromedp.Run(ctx, chromedp.Evaluate[[]result](`run("`+c.url+`", `+string(calls)+`)`, chromedp.EvalAwaitPromise))
	if err != nil {
		t.Fatal(err)
	}
	if len(results) != len(attempts) {
		t.Fatalf("got %d answers, want %d: %+v", len(results), len(attempts), results)
	}
	return results
}
