package console_test

import "testing"

// The page of an order has what happened to it in one list. A step opens the bytes that were sent,
// and stays open when the page is read again.
func TestTimeline(t *testing.T) {
	w := theWorld(t)
	p := openTab(t, w.ConsoleURL, look{})
	p.visit("/orders/" + closedOrder)
	p.live()
	p.until(`document.querySelectorAll('ol.steps > li').length >= 4`) // placed, registered, closed, told
	step := `[...document.querySelectorAll('ol.steps details > summary')].find((e) => /close/.test(e.closest('li').querySelector('.head').innerText) && /v3/.test(e.textContent))`
	p.clickOn(step)
	p.until(step + `.parentElement.open`)
	p.says("/v3/pay/transactions/out-trade-no/" + closedOrder + "/close")
	p.says("WECHATPAY2-SHA256-RSA2048")
	p.must(`window.swaps = 0, document.addEventListener('htmx:after:swap', () => { window.swaps++ }), document.body.dispatchEvent(new Event('changed'))`)
	p.until(`window.swaps > 0`)
	p.until(step + `.parentElement.open`)
	p.wantNoComplaints("the timeline")
}
