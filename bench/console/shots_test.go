package console_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/cdproto/page"
)

// shots is where TestScreenshots puts its pictures; empty: it makes none.
var shots = flag.String("shots", "", "write screenshots into this `folder` (make screenshots)")

const (
	// sharpness is the quality of the pictures, in per cent: texts are as sharp as in the browser to
	// the eye, and a picture has a third of the bytes of a PNG.
	sharpness = 82
	// maxPictures bounds all of them, in bytes: each clone of the repository has them.
	maxPictures = 1500 << 10
	// tallest bounds a picture's height, in pixels: of a longer page it has the beginning.
	tallest = 1500
)

// TestScreenshots takes the pictures of README and docs/console.md: the main screens of the shared
// world in both languages, 1280 and 390 pixels wide, by day. The world is filled by the same calls
// each time; the times are those of the day.
func TestScreenshots(t *testing.T) {
	if *shots == "" {
		t.Skip("no pictures without -shots")
	}
	w := theWorld(t)
	refused, err := w.lastRefused()
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, as := range []look{{}, {narrow: true}, {chinese: true}, {chinese: true, narrow: true}} {
		p := openTab(t, w.ConsoleURL, as)
		for name, path := range map[string]string{
			"overview": "/", "orders": "/orders", "order": "/orders/" + closedOrder, "request": refused, "time": "/time",
		} {
			p.visit(path)
			p.until(`!document.getElementById('stream-state') || document.getElementById('stream-state').dataset.state === 'on'`)
			picture := p.picture()
			total += len(picture)
			file := filepath.Join(*shots, name+map[bool]string{true: ".narrow"}[as.narrow]+as.T("", ".zh")+".webp")
			if err := os.WriteFile(file, picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	if total > maxPictures {
		t.Errorf("the pictures have %d bytes, want at most %d", total, maxPictures)
	}
	t.Logf("%d bytes of pictures in %s", total, *shots)
}

// picture is the page as an image, from its head down to where it or the longest picture ends.
func (p *tab) picture() []byte {
	p.Helper()
	size := eval[[]float64](p, `[innerWidth, document.documentElement.scrollHeight]`)
	quality, beyond := int64(sharpness), true
	shot := call(p, page.CaptureScreenshot, page.CaptureScreenshotParams{
		Format: page.CaptureScreenshotFormatWebp, Quality: &quality, CaptureBeyondViewport: &beyond,
		Clip: &page.Viewport{Width: size[0], Height: min(size[1], tallest), Scale: 1},
	})
	return shot.Data
}
