package console_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/chromedp/kb"
)

// focusable is what the Tab key has to reach, if it is visible.
const focusable = `a[href], button:not([disabled]), input:not([type=hidden]):not([disabled]), select:not([disabled]), ` +
	`textarea:not([disabled]), summary, [tabindex="0"]`

// Each page is a key behind g, which the list of keys has, too; / goes to the search and ? opens
// the list.
func TestKeysLead(t *testing.T) {
	w := theWorld(t)
	for _, as := range []look{{}, {chinese: true}} {
		p := openTab(t, w.ConsoleURL, as)
		p.visit("/time")
		links := eval[map[string]string](p, `Object.fromEntries([...document.querySelectorAll('nav a[data-go]')].map((a) => [a.dataset.go, a.getAttribute('href')]))`)
		if pages := eval[int](p, `document.querySelectorAll('nav a').length`); len(links) != pages {
			t.Errorf("%d pages have %d keys: %v", pages, len(links), links)
		}
		for key, path := range links {
			p.press("?")
			p.until(`document.getElementById('keys').open`)
			if listed := eval[[]string](p, `[...document.querySelectorAll('#keys dt')].map((e) => e.innerText.replace(/\s+/g, ' ').trim())`); !strings.Contains(strings.Join(listed, "|"), "g "+key) {
				t.Errorf("g %s is not in the list %v", key, listed)
			}
			p.press(kb.Escape)
			p.until(`!document.getElementById('keys').open`)
			p.leave(func() { p.press("g", key) })
			p.until(`location.pathname === ` + quote(path))
		}
		p.visit("/orders")
		p.press("/")
		p.until(`document.activeElement.id === 'search'`)
		p.press("g?/") // which are written then
		p.until(`document.activeElement.value === 'g?/' && !document.getElementById('keys').open`)
		p.wantNoComplaints("the keys")
	}
}

// A person without a mouse finds an order and moves the clock on.
func TestActsByKeyboard(t *testing.T) {
	p := openTab(t, theWorld(t).ConsoleURL, look{})
	p.visit("/")
	p.leave(func() { p.press("g", "o") })
	p.press("/", waitingOrder)
	p.leave(func() { p.press(kb.Enter) })
	p.tabTo(`document.activeElement.matches('#rows a[href^="/orders/"]')`)
	p.leave(func() { p.press(kb.Enter) })
	p.until(`location.pathname === ` + quote("/orders/"+waitingOrder))
	p.leave(func() { p.press("g", "t") })
	p.press("/", "1m")
	p.leave(func() { p.press(kb.Enter) })
	p.says("The clock was moved on by 1m")
	p.wantNoComplaints("the keyboard")
}

// The arrows lead through the table of faults, over cells without a button, and no further than its
// edge; Space presses, and the pressed circle has the focus again.
func TestArrowsLeadThroughFaults(t *testing.T) {
	p := openTab(t, theWorld(t).ConsoleURL, look{})
	p.visit("/faults")
	has := func(id string) string { return `document.activeElement.id === ` + quote(id) }
	p.must(`document.getElementById('wechatpay-refuse-close').focus()`)
	p.press(kb.ArrowUp, kb.ArrowLeft) // there is nothing
	p.until(has("wechatpay-refuse-close"))
	p.press(kb.ArrowRight)
	p.until(has("wechatpay-refuse-query"))
	p.press(kb.ArrowDown, kb.ArrowDown)
	p.until(has("wechatpay-bank-error-query"))
	p.press(kb.ArrowLeft)
	p.until(has("wechatpay-bank-error-close"))
	p.press(kb.ArrowDown, kb.ArrowDown, kb.ArrowDown) // "switched" is for certificates only
	p.until(has("wechatpay-html-502-close"))
	p.leave(func() { p.press(" ") })
	p.until(has("wechatpay-html-502-close") + ` && document.activeElement.getAttribute('aria-pressed') === 'true'`)
	p.leave(func() { p.press(" ") })
	p.until(has("wechatpay-html-502-close") + ` && document.activeElement.getAttribute('aria-pressed') === 'false'`)
	p.wantNoComplaints("/faults")
}

// The Tab key reaches everything on each screen that can be acted on, and shows where it is.
func TestTabReaches(t *testing.T) {
	w := theWorld(t)
	p := openTab(t, w.ConsoleURL, look{})
	for _, path := range screens(t, w) {
		p.visit(path)
		// Each gets a number. What a swap puts into the page meanwhile has none, and is not counted.
		most := eval[int](p, `[...document.querySelectorAll(`+quote(focusable)+`)].filter((e) => e.checkVisibility()).map((e, i) => { e.dataset.stop = i }).length`)
		p.must(`window.reached = new Set()`)
		// A time and a date have a stop for each of their parts.
		parts := eval[int](p, `7 * document.querySelectorAll('input[type^=date], input[type=time]').length`)
		for range most + parts + 5 {
			p.press(kb.Tab)
			if said := eval[string](p, `(() => { const e = document.activeElement
				if (e === document.body) return ''
				window.reached.add(e.dataset.stop)
				const s = getComputedStyle(e)
				return s.outlineStyle === 'none' || parseFloat(s.outlineWidth) < 1 ? e.outerHTML.slice(0, 120) : '' })()`); said != "" {
				p.Errorf("%s: the focus is not to be seen on %s", path, said)
			}
		}
		if left := eval[[]string](p, `[...document.querySelectorAll('[data-stop]')].filter((e) => !window.reached.has(e.dataset.stop)
			&& !(e.type === 'radio' && !e.checked)).map((e) => e.outerHTML.slice(0, 120))`); len(left) > 0 {
			p.Errorf("%s: the Tab key does not reach %d of %d: %q", path, len(left), most, left)
		}
	}
}

// What has the focus has it still when the part of the page around it was read again.
func TestFocusIsKept(t *testing.T) {
	w := theWorld(t)
	p := openTab(t, w.ConsoleURL, look{})
	for _, path := range screens(t, w) {
		p.visit(path)
		parts := eval[int](p, `document.querySelectorAll('[hx-get][hx-trigger*="changed"]').length`)
		for i := range parts {
			p.visit(path)
			part := fmt.Sprintf(`document.querySelectorAll('[hx-get][hx-trigger*="changed"]')[%d]`, i)
			if !eval[bool](p, `(() => { window.swaps = 0; document.addEventListener('htmx:after:swap', () => { window.swaps++ })
				const e = [...`+part+`.querySelectorAll(`+quote(focusable)+`)].filter((e) => e.checkVisibility()).at(-1)
				if (!e) return false
				e.focus(); window.had = e.outerHTML; window.old = e
				document.body.dispatchEvent(new Event('changed'))
				return true })()`) {
				continue // nothing in it can have the focus
			}
			p.until(`window.swaps > 0`)
			// The time to a moment of the order has become shorter meanwhile.
			if now := eval[string](p, `document.activeElement === document.body ? '' : document.activeElement.outerHTML`); untimed(now) != untimed(eval[string](p, `window.had`)) {
				p.Errorf("%s: the focus was on %s, and is on %q after the page was read again", path, eval[string](p, `window.had`), now)
			}
		}
	}
}

// untimed is a text without its durations.
func untimed(text string) string { return durations.ReplaceAllString(text, "") }

var durations = regexp.MustCompile(`\d+[hms]`)

// tabTo presses Tab until an expression is true.
func (p *tab) tabTo(js string) {
	p.Helper()
	const most = 100
	for range most {
		p.press(kb.Tab)
		if eval[bool](p, js) {
			return
		}
	}
	p.Fatalf("the Tab key does not lead to %s", js)
}
