package console_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// What the console promises. Times are those of a machine that does nothing else.
const (
	promisedLoad  = 60 << 10 // bytes on the wire, of a page with all its files
	promisedPaint = 100      // milliseconds until something is to be seen, on loopback
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
		size := eval[int](p, `[...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')].reduce((all, e) => all + e.transferSize, 0)`)
		if size > promisedLoad {
			t.Errorf("%s: the first load is %d bytes, want at most %d", path, size, promisedLoad)
		}
		if files := eval[int](p, `performance.getEntriesByType('resource').filter((e) => e.transferSize > 0).length`); files < 3 {
			t.Errorf("%s: %d files were counted: the cache had the rest", path, files)
		}
		if size > most {
			most, of = size, path
		}
	}
	t.Logf("the largest first load is that of %s, %d bytes on the wire", of, most)
}

// BenchmarkPaint measures how long it takes from opening a page until something is to be seen, with
// an empty cache: the median over b.N tabs for each page of the navigation.
func BenchmarkPaint(b *testing.B) {
	w, err := shared()
	if err != nil {
		b.Fatal(err)
	}
	paths := eval[[]string](openTab(b, w.ConsoleURL, look{}).at("/"), `[...document.querySelectorAll('nav a[href]')].map((a) => a.getAttribute('href'))`)
	for _, path := range paths {
		b.Run(path, func(b *testing.B) {
			var times []float64
			for b.Loop() {
				p := openTab(b, w.ConsoleURL, look{})
				p.visit(path)
				p.until(`performance.getEntriesByName('first-contentful-paint').length > 0`)
				times = append(times, eval[float64](p, `performance.getEntriesByName('first-contentful-paint')[0].startTime`))
				_ = chromedp.Cancel(p.ctx) // a tab at a time
			}
			slices.Sort(times)
			median := times[len(times)/2]
			b.ReportMetric(median, "paint-ms")
			b.ReportMetric(0, "ns/op")
			if median > promisedPaint {
				b.Errorf("%s: the first paint takes %.0f ms, want at most %d", path, median, promisedPaint)
			}
		})
	}
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
