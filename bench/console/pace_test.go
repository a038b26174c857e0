package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
)

// What the console promises. Times are those of a machine that does nothing else.
const (
	promisedLoad  = 60 << 10 // bytes on the wire, of a page with all its files
	promisedPaint = 100.0    // milliseconds until something is to be seen, on loopback
	slowPaint     = 3        // times a page of one word, on a machine that takes more than a third of that for one
	promisedFrame = 100      // milliseconds, which 99 of 100 frames stay below
)

// TestFirstLoad counts the bytes of each screen for a browser that has nothing in its cache: the
// page and its files with their headers, without the stream.
func TestFirstLoad(t *testing.T) {
	w := theWorld(t)
	most, of := 0, ""
	for _, path := range screens(t, w) {
		p := openTab(t, w.ConsoleURL, look{chinese: true}) // the longer texts
		p.visit(path)
		p.until(`performance.getEntriesByType('resource').filter((e) => e.transferSize > 0).length >= 2`) // the script and the icon
		size := eval[int](p, `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((all, e) => all + e.transferSize, 0)`)
		if size > promisedLoad {
			t.Errorf("%s: the first load is %d bytes, want at most %d", path, size, promisedLoad)
		}
		if size > most {
			most, of = size, path
		}
	}
	t.Logf("the largest first load is that of %s, %d bytes on the wire", of, most)
}

// BenchmarkPaint measures how long it takes from opening a page until something of it is to be
// seen, in a browser that runs and has nothing in its cache: the median of b.N visits for each page
// of the navigation. Beside it stands the floor, a page of one word that a server answers at once:
// what the browser and the machine take for any page. Both come after a page of one word, since
// what the browser takes to leave a page is counted with the next one.
func BenchmarkPaint(b *testing.B) {
	w, err := shared()
	if err != nil {
		b.Fatal(err)
	}
	word := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<!doctype html><title>one word</title><p>word") // the browser may be gone
	}))
	defer word.Close()
	p := openTab(b, "", look{}).uncached()
	p.visit(w.ConsoleURL)
	paths := eval[[]string](p, `[...document.querySelectorAll('nav a[href]')].map((a) => a.getAttribute('href'))`)
	for _, path := range paths {
		b.Run(path, func(b *testing.B) {
			var page, least []float64
			for b.Loop() {
				p.visit(word.URL)
				least = append(least, p.paint(word.URL))
				page = append(page, p.paint(w.ConsoleURL+path))
			}
			b.ReportMetric(median(page), "paint-ms")
			b.ReportMetric(median(least), "floor-ms")
			b.ReportMetric(median(page)/median(least), "x-floor")
			b.ReportMetric(0, "ns/op")
			if most := max(promisedPaint, slowPaint*median(least)); median(page) > most {
				b.Errorf("%s: the first paint takes %.0f ms, want at most %.0f: a page of one word takes %.0f", path, median(page), most, median(least))
			}
		})
	}
}

// uncached has the tab ask for every file anew.
func (p *tab) uncached() *tab {
	p.Helper()
	call(p, network.Enable, network.EnableParams{})
	call(p, network.SetCacheDisabled, network.SetCacheDisabledParams{CacheDisabled: true})
	return p
}

// paint opens a page and returns when something of it was to be seen, in milliseconds from then.
func (p *tab) paint(path string) float64 {
	p.Helper()
	p.visit(path)
	return eval[float64](p, `performance.getEntriesByName('first-contentful-paint')[0].startTime`)
}

func median(of []float64) float64 {
	slices.Sort(of)
	return of[len(of)/2]
}

// BenchmarkStream has requests come to WeChat Pay for b.N seconds while the page Requests is open,
// at two rates. It measures the frames that the browser draws meanwhile, and how long after the
// last request its row is there, and fails if a row is lost or comes twice.
func BenchmarkStream(b *testing.B) {
	for _, test := range []struct {
		rate  int
		frame float64 // what 99 of 100 frames stay below; 0: only rows are promised
	}{{200, promisedFrame}, {1000, 0}} {
		b.Run(fmt.Sprintf("%d-a-second", test.rate), func(b *testing.B) {
			w := ownWorld(b)
			p := openTab(b, w.ConsoleURL, look{})
			p.visit("/requests")
			p.live()
			p.watch()
			b.ResetTimer()
			sent := w.requests(b, test.rate, time.Duration(b.N)*time.Second)
			begin := time.Now()
			p.until(fmt.Sprintf(`window.rows.length >= %d`, sent))
			late := time.Since(begin)
			b.StopTimer()
			frames := eval[[]float64](p, `window.frames`)
			wrong := eval[int](p, `window.rows.filter((id, i) => i && id !== window.rows[i - 1] + 1).length`)
			slices.Sort(frames)
			p99 := frames[len(frames)*99/100]
			b.ReportMetric(p99, "p99-frame-ms")
			b.ReportMetric(frames[len(frames)/2], "median-frame-ms")
			b.ReportMetric(float64(late.Milliseconds()), "last-row-ms")
			b.ReportMetric(float64(sent)/b.Elapsed().Seconds(), "rows/s")
			b.ReportMetric(0, "ns/op")
			if rows := eval[int](p, `window.rows.length`); rows != sent || wrong > 0 {
				b.Errorf("%d requests were sent, and %d rows came, %d of them not behind the one before", sent, rows, wrong)
			}
			if b.N > 1 && test.frame > 0 && p99 > test.frame { // a second alone is the benchmark's trial
				b.Errorf("99 of 100 frames take up to %.0f ms, want at most %.0f", p99, test.frame)
			}
		})
	}
}

// watch notes the rows that come to the page by their ids, oldest first, and how long each frame of
// the browser takes.
func (p *tab) watch() {
	p.Helper()
	p.run(`window.rows = []
		new MutationObserver((changes) => {
			const added = changes.flatMap((c) => [...c.addedNodes]).filter((e) => e.tagName === 'TR').map((e) => Number(e.cells[0].textContent))
			window.rows.push(...added.sort((a, b) => a - b))
		}).observe(document.getElementById('live'), {childList: true})
		window.frames = []
		let last = performance.now()
		const frame = (now) => { window.frames.push(now - last); last = now; requestAnimationFrame(frame) }
		requestAnimationFrame((now) => { last = now; requestAnimationFrame(frame) })`)
}

// requests sends requests to WeChat Pay at a rate, and returns how many. They are to a path that it
// does not have: such a request is a row like any other, and costs no signature on this machine,
// which the browser shares.
func (w *world) requests(b *testing.B, rate int, during time.Duration) int {
	b.Helper()
	const hands = 8
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: hands}}
	defer client.CloseIdleConnections()
	ctx, cancel := context.WithTimeout(b.Context(), during)
	defer cancel()
	due := make(chan int)
	var sent atomic.Int64
	var all sync.WaitGroup
	for range hands {
		all.Go(func() {
			for number := range due {
				request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, fmt.Sprintf("%s/v3/bench/%d", w.GatewayURL, number), nil)
				if err != nil {
					b.Error(err)
					continue
				}
				response, err := client.Do(request)
				if err != nil {
					b.Error(err)
					continue
				}
				_, _ = io.Copy(io.Discard, response.Body) // for the next request on the connection
				_ = response.Body.Close()
				sent.Add(1)
			}
		})
	}
	// A tick has the requests that are due since the one before, so that a late tick lowers no rate.
	const pause = 10 * time.Millisecond
	tick := time.NewTicker(pause)
	defer tick.Stop()
	number := 0
	for begin := time.Now(); ctx.Err() == nil; {
		select {
		case now := <-tick.C:
			for ; number < int(now.Sub(begin).Seconds()*float64(rate)); number++ {
				due <- number
			}
		case <-ctx.Done():
		}
	}
	close(due)
	all.Wait()
	return int(sent.Load())
}
