// Package chromium starts one Chromium without a window for the tests of a package, and opens tabs
// in it. A package that opens tabs calls [Stop] at the end of its TestMain.
package chromium

import (
	"context"
	"log"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/chromedp"

	"cloudpay/internal/nodetest"
)

// Tab opens a tab until the test ends. It has a profile of its own, and so no cookie or cache of
// another tab. Without Chromium the test is skipped; with CI=true it fails.
func Tab(t testing.TB) context.Context {
	t.Helper()
	if installed() == "" {
		nodetest.SkipMissing(t, "Chromium is not installed (internal/toolchain/install.sh clients)")
	}
	browser, err := started()
	if err != nil {
		t.Fatalf("starting %s: %v", installed(), err)
	}
	tab, end := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(end)
	return tab
}

// Stop ends the browser, and removes its files. Without a browser it does nothing. No test may run
// any more.
func Stop() { stop() }

// stop is set when the browser starts.
var stop = func() {}

// installed is the path of Chromium or Chrome; empty if there is none.
func installed() string {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

// started returns the browser of this process, and starts it at the first call. A browser that did
// not start stays failed: another attempt would cost each test the whole time limit.
var started = sync.OnceValues(func() (context.Context, error) {
	// Without its sandbox it also runs as root, as in a container; it loads the tests' pages only.
	// The flags keep it from calling its maker's hosts.
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(installed()), chromedp.NoSandbox, chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true),
	})
	allocated, release := chromedp.NewExecAllocator(context.Background(), options...)
	browser, end := chromedp.NewContext(allocated, chromedp.WithErrorf(reportf))
	stop = func() { end(); release() }
	return browser, chromedp.Do(browser)
})

// reportf logs an error of chromedp, but for an event of a browser that is newer than the library.
func reportf(format string, args ...any) {
	if !strings.Contains(format, "could not unmarshal event") {
		log.Printf(format, args...)
	}
}
