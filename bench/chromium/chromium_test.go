package chromium_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"cloudpay/bench/chromium"
)

func TestMain(m *testing.M) {
	code := m.Run()
	chromium.Stop()
	os.Exit(code)
}

// Tabs share the browser, and not its cookies: what a page left in one is absent in the other.
func TestTabsAreApart(t *testing.T) {
	page := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.SetCookie(w, &http.Cookie{Name: "seen", Value: "yes"})
		_, _ = fmt.Fprintf(w, "cookies: %d", len(r.CookiesNamed("seen"))) // the browser may have gone
	}))
	defer page.Close()
	first, second := chromium.Tab(t), chromium.Tab(t)
	for _, visit := range []struct {
		tab  context.Context
		want string
	}{{first, "cookies: 0"}, {first, "cookies: 1"}, {second, "cookies: 0"}} {
		if _, err := chromedp.Run(visit.tab, chromedp.Navigate(page.URL)); err != nil {
			t.Fatal(err)
		}
		got, err := chromedp.Run(visit.tab, chromedp.Evaluate[string]("document.body.innerText"))
		if err != nil || got != visit.want {
			t.Errorf("got %q, %v, want %q", got, err, visit.want)
		}
	}
	if chromedp.FromContext(first).Browser != chromedp.FromContext(second).Browser {
		t.Error("two tabs have two browsers")
	}
}

// ended is a test that notes how it ended.
type ended struct {
	testing.TB

	how string
}

func (e *ended) Helper()           {}
func (e *ended) Skip(args ...any)  { e.end("skipped: " + fmt.Sprint(args...)) }
func (e *ended) Fatal(args ...any) { e.end("failed: " + fmt.Sprint(args...)) }

func (e *ended) end(how string) {
	e.how = how
	runtime.Goexit()
}

// Without Chromium a test is skipped with a sentence that says so, and fails with CI=true.
func TestWithoutChromium(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	for ci, want := range map[string]string{"": "skipped: SKIPPED: Chromium is not installed", "true": "failed: Chromium is not installed"} {
		t.Setenv("CI", ci)
		test, over := &ended{TB: t}, make(chan struct{})
		go func() {
			defer close(over)
			chromium.Tab(test)
		}()
		if <-over; !strings.HasPrefix(test.how, want) {
			t.Errorf("CI=%q: the test ended as %q, want %q", ci, test.how, want)
		}
	}
}
