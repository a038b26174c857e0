package console_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/chromedp/cdproto/input"
)

// paste puts a text where the focus is, as the clipboard does.
func (p *tab) paste(text string) {
	p.Helper()
	call(p, input.InsertText, input.InsertTextParams{Text: text})
}

// A fault is switched on by its cell, spoils a close, and is off again at the second press.
func TestFaultsOnPage(t *testing.T) {
	w := ownWorld(t)
	const number = "F1"
	w.place(t, number)
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/faults")
	cell := `[...document.querySelectorAll('button[name="switch"]')].find((e) => /refuse/.test(e.id) && /close/.test(e.id))`
	p.fill("times", "1")
	p.fill("code", "SYSTEM_ERROR")
	p.leave(func() { p.clickOn(cell) })
	p.until(cell + `.getAttribute('aria-pressed') === 'true'`)
	w.must(t, http.MethodPost, w.CloudURL+"/v1/functions/closeorder", encoded(map[string]any{"out_trade_no": number, "at_once": true, "service_token": w.Env["CLOUDPAY_SERVICE_TOKEN"]}))
	requests := openTab(t, w.ConsoleURL, look{})
	requests.visit("/requests?order=" + number)
	requests.says("SYSTEM_ERROR")
	p.visit("/faults")
	p.until(cell + `.getAttribute('aria-pressed') === 'false'`) // it has happened once, and that was all
	p.leave(func() { p.clickOn(cell) })
	p.until(cell + `.getAttribute('aria-pressed') === 'true'`)
	p.leave(func() { p.clickOn(cell) })
	p.until(cell + `.getAttribute('aria-pressed') === 'false'`)
	var left []any
	if text := w.must(t, http.MethodGet, w.AdminURL+"/faults", ""); json.Unmarshal([]byte(text), &left) != nil || len(left) > 0 {
		t.Errorf("faults are left: %s", text)
	}
	p.wantNoComplaints("/faults")
	requests.wantNoComplaints("/requests")
}
