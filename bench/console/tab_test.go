package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"unicode"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"cloudpay/bench/chromium"
)

// look is how a person looks at the console. The zero value is a wide window in English, with
// JavaScript, by day.
type look struct {
	chinese, narrow, dark, noScript bool
}

// String names the look in failures.
func (l look) String() string {
	words := []string{"English", "1280", "light"}
	if l.chinese {
		words[0] = "Chinese"
	}
	if l.narrow {
		words[1] = "390"
	}
	if l.dark {
		words[2] = "dark"
	}
	if l.noScript {
		words = append(words, "no script")
	}
	return strings.Join(words, " ")
}

// T is a text in the language of the look, as the templates have it.
func (l look) T(english, chinese string) string {
	if l.chinese {
		return chinese
	}
	return english
}

// tab is a page of the console in the browser. Its verbs fail the test.
type tab struct {
	testing.TB
	look

	ctx  context.Context
	base string
	// complaints are the errors and warnings of the browser: of scripts, of the page's policy, of
	// what could not be loaded.
	mu         sync.Mutex
	complaints []string
}

// openTab opens a tab for the pages of an address, until the test ends.
func openTab(t testing.TB, base string, as look) *tab {
	t.Helper()
	ctx := chromium.Tab(t)
	p := &tab{TB: t, ctx: ctx, base: base}
	p.wear(as)
	said := chromedp.Console(ctx)
	go func() {
		for message, err := range said {
			if err != nil {
				return
			}
			if message.Type != chromedp.ConsoleError && message.Type != chromedp.ConsoleWarning && !message.IsException() {
				continue
			}
			p.mu.Lock()
			p.complaints = append(p.complaints, message.String()+" "+message.URL)
			p.mu.Unlock()
		}
	}()
	return p
}

// wear makes the tab one of another look. The language is that of the next page, and whether
// scripts run, too.
func (p *tab) wear(as look) {
	p.Helper()
	p.look = as
	width, height, scheme, language := int64(1280), int64(900), "light", "en-US,en"
	if as.narrow {
		width, height = 390, 844
	}
	if as.dark {
		scheme = "dark"
	}
	if as.chinese {
		language = "zh-CN,zh"
	}
	p.done(chromedp.EmulateViewport(width, height))
	call(p, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
		{Name: "prefers-color-scheme", Value: scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
	}})
	call(p, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{Headers: network.Headers{"Accept-Language": language}})
	call(p, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: as.noScript})
}

// wantNoComplaints fails the test if the browser has complained since the last call.
func (p *tab) wantNoComplaints(of string) {
	p.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.complaints) > 0 {
		p.Errorf("%s, %s: the browser says %s", of, p.look, strings.Join(p.complaints, "\n"))
	}
	p.complaints = nil
}

// visit opens a page whole.
func (p *tab) visit(path string) {
	p.Helper()
	if _, err := chromedp.Run(p.ctx, chromedp.Navigate(p.base+path)); err != nil {
		p.Fatalf("opening %s: %v", path, err)
	}
	p.until(painted)
}

// painted is true when something of the page is to be seen. Before, the browser drops what a hand
// does.
const painted = `performance.getEntriesByName('first-contentful-paint').length > 0`

// live waits until the page follows the stream.
func (p *tab) live() {
	p.Helper()
	p.until(`document.getElementById('stream-state')?.dataset.state === 'on'`)
}

// until waits until an expression of JavaScript is true in the page, whichever that is then.
func (p *tab) until(js string) {
	p.Helper()
	var last error
	if err := soon("it is not so", func() bool {
		var is bool
		is, last = chromedp.Run(p.ctx, chromedp.Evaluate[bool]("!!("+js+")"))
		return last == nil && is // an error: the page is being changed for another
	}); err != nil {
		p.Fatalf("waiting for %s: %v (%v), the page is\n%s", js, err, last, p.text())
	}
}

// says waits until the page shows a text.
func (p *tab) says(text string) {
	p.Helper()
	p.until(`document.body.innerText.includes(` + quote(text) + `)`)
}

// text is what the page shows.
func (p *tab) text() string {
	p.Helper()
	return eval[string](p, `document.body.innerText`)
}

// finder is a function in the page that finds what a person can act on by its name: its label, its
// aria-label or its own text. Of several it is the first that is visible.
const finder = `((name, kinds) => [...document.querySelectorAll(kinds)].find((e) => e.checkVisibility() &&
  [e.getAttribute('aria-label'), ...[...(e.labels || [])].map((l) => l.innerText), e.labels?.length ? '' : e.innerText]
    .some((words) => words && words.replace(/\s+/g, ' ').trim().startsWith(name))))`

// acts and fields are the kinds of things that a person clicks and fills.
const (
	acts   = `'a[href], button, summary'`
	fields = `'input, select, textarea'`
)

// click clicks the link, the button or the summary of a name by the mouse.
func (p *tab) click(name string) {
	p.Helper()
	p.clickOn(finder + `(` + quote(name) + `, ` + acts + `)`)
}

// clickOn clicks what an expression finds, as soon as it finds it.
func (p *tab) clickOn(js string) {
	p.Helper()
	p.until(js)
	at := eval[[]float64](p, `(() => { const e = `+js+`; e.scrollIntoView({block: 'center'}); const r = e.getBoundingClientRect();
		return [r.x + r.width / 2, r.y + r.height / 2] })()`)
	p.done(chromedp.MouseClickXY(at[0], at[1]))
}

// follow clicks a name that leads to another page, and waits until that is there whole.
func (p *tab) follow(name string) {
	p.Helper()
	p.leave(func() { p.click(name) })
}

// leave does something that leads to another page, and waits until that is there whole.
func (p *tab) leave(do func()) {
	p.Helper()
	p.must(`window.before = true`)
	do()
	p.until(`!window.before && document.readyState === 'complete' && ` + painted)
}

// fill writes into the field of a label, in place of what it has.
func (p *tab) fill(label, value string) {
	p.Helper()
	field := finder + `(` + quote(label) + `, ` + fields + `)`
	p.until(field)
	p.must(field + `.focus()`)
	p.must(`document.activeElement.select?.()`)
	p.press(value)
}

// press presses keys, one after the other; a longer text is written letter by letter. A letter is
// one event with its text, as a keyboard's, so that a page that uses the key up is not written to.
func (p *tab) press(keys ...string) {
	p.Helper()
	for _, key := range keys {
		for _, letter := range key {
			if !unicode.IsPrint(letter) || unicode.In(letter, unicode.Co, unicode.Mn) {
				p.done(chromedp.KeyEvent(string(letter))) // one of kb's
				continue
			}
			text := string(letter)
			call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyDown, Key: text, Text: text})
			call(p, input.DispatchKeyEvent, input.DispatchKeyEventParams{Type: input.DispatchKeyEventTypeKeyUp, Key: text})
		}
	}
}

// must evaluates an expression for what it does.
func (p *tab) must(js string) {
	p.Helper()
	eval[any](p, `(`+js+`, null)`)
}

// run runs a script, as a developer's console does.
func (p *tab) run(script string) {
	p.Helper()
	eval[any](p, script+"; null")
}

// done does something in the browser.
func (p *tab) done(action chromedp.Action[chromedp.Void]) {
	p.Helper()
	if err := chromedp.Do(p.ctx, action); err != nil {
		p.Fatal(err)
	}
}

// eval is what an expression of JavaScript, or the promise that it makes, comes to in the page.
func eval[T any](p *tab, js string) T {
	p.Helper()
	value, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil && !errors.Is(err, chromedp.ErrJSNull) && !errors.Is(err, chromedp.ErrJSUndefined) {
		p.Fatalf("%s: %v", js, err)
	}
	return value
}

// quote is a text as a string of JavaScript.
func quote(text string) string {
	quoted, err := json.Marshal(text)
	if err != nil {
		return fmt.Sprintf("%q", text)
	}
	return string(quoted)
}

// call calls a command of the browser's protocol.
func call[P, R any](p *tab, command cdp.Command[P, R], params P) R {
	p.Helper()
	result, err := chromedp.Call(p.ctx, command, params)
	if err != nil {
		p.Fatal(err)
	}
	return result
}
