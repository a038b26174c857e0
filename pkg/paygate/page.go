package paygate

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"html/template"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// pathCashier is the path of the page on which a user looks at an order and pays it. It is a page
// of the wire's ports, beside the protocols, which have no path like it.
const pathCashier = "/cashier"

// pagePath is the page of a prepay_id, empty for none.
func pagePath(prepayID string) string {
	if prepayID == "" {
		return ""
	}
	return pathCashier + "?pr=" + pageCode(prepayID)
}

// codeURL is what a Native order's QR code says: the address of the order's page below base, if a
// browser can open that, and else one as WeChat's own.
func (o *Order) codeURL(base string) string {
	if base != "" {
		return base + pagePath(o.PrepayID)
	}
	return "weixin://wxpay/bizpayurl?pr=" + pageCode(o.PrepayID)
}

// h5URL is where a mobile browser is sent to pay. Merchants append &redirect_url= to it.
func (o *Order) h5URL(base string) string {
	query := "?prepay_id=" + url.QueryEscape(o.PrepayID) + "&package=" + pageCode("package "+o.PrepayID)
	if base != "" {
		return base + pathCashier + query
	}
	return "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb" + query
}

// baseOf is the address under which the sender of a request reaches this gateway's pages: that of
// the request itself. It is empty unless the gateway is a running one, whose users have a browser
// on this machine.
func (g *Gateway) baseOf(r *http.Request) string {
	if !g.running || !isLoopbackHost(r.Host) {
		return ""
	}
	scheme := "http://"
	if r.TLS != nil {
		scheme = "https://"
	}
	return scheme + r.Host
}

// isLoopbackHost reports whether a Host is this machine by itself: localhost or a loopback address.
func isLoopbackHost(host string) bool {
	name := (&url.URL{Host: host}).Hostname()
	return strings.EqualFold(name, "localhost") || net.ParseIP(name).IsLoopback()
}

// serveCashier answers the page, to this machine's browsers only, and takes no form from a page of
// another origin.
func (g *Gateway) serveCashier(ex *exchange) {
	page := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { g.cashier(ex) })
	toLoopback(sameOrigin(page)).ServeHTTP(ex.w, ex.r)
}

// cashier shows the page, or takes what its buttons send.
func (g *Gateway) cashier(ex *exchange) {
	v, found := g.visit(ex.r.URL.Query())
	switch {
	case ex.r.Method != http.MethodGet && ex.r.Method != http.MethodHead && ex.r.Method != http.MethodPost:
		ex.w.Header().Set("Allow", "GET, HEAD, POST")
		ex.showPage(http.StatusMethodNotAllowed, &cashierView{Notice: noticeNone})
	case !found:
		ex.showPage(http.StatusNotFound, &cashierView{Notice: noticeNone})
	case ex.r.Method == http.MethodPost:
		g.takeButton(ex, &v)
	default:
		ex.showPage(http.StatusOK, g.viewOf(&v, ex.r.URL.Query()))
	}
}

// visit is what a page is opened for: a prepay_id, and what it is about as it stands.
type visit struct {
	prepayment *prepayment
	about      subject
}

// visit finds what a page's address names, by code_url's short code or by the prepay_id itself.
func (g *Gateway) visit(query url.Values) (visit, bool) {
	p := g.orders.prepayment(query.Get("pr"))
	if id := query.Get("prepay_id"); id != "" {
		p = g.orders.prepaymentOf(id)
	}
	if p == nil {
		return visit{}, false
	}
	about, found := g.orders.ofPrepayment(p)
	g.orders.mu.settled()
	return visit{prepayment: p, about: about}, found
}

// ofPrepayment is what a prepay_id was answered for, as it stands.
func (b *orderBook) ofPrepayment(p *prepayment) (subject, bool) {
	if p.Combined {
		all, found := b.getCombined(p.orderKey())
		if !found {
			return subject{}, false
		}
		return newSubject(&all), true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	rec := b.find(p.orderKey())
	if rec == nil {
		return subject{}, false
	}
	return subject{Order: b.current(rec)}, true
}

// payPrepaid is the user's payment of what a prepay_id was answered for.
func (b *orderBook) payPrepaid(p *prepayment) error {
	if p.Combined {
		_, err := b.changeCombined(p.orderKey(), b.pay)
		return err
	}
	_, err := b.change(p.OutTradeNo, oneOf([]Owner{p.owner()}), b.pay)
	return err
}

// takeButton does what a button of the page wants, files it in the history, and sends the browser
// back to the page.
func (g *Gateway) takeButton(ex *exchange, v *visit) {
	ex.rec.Op, ex.rec.MchID, ex.rec.SubMchID = opCashier, v.prepayment.MchID, v.prepayment.SubMchID
	ex.rec.OutTradeNo, ex.rec.Verdict = v.prepayment.OutTradeNo, verdictOK
	ex.r.Body = http.MaxBytesReader(ex.w, ex.r.Body, maxAdminBody)
	result := ex.r.PostFormValue("do")
	switch late := g.hindrance(v); {
	case g.keep.ready() != nil: // said below
	case result == "cancel":
		ex.note("the user left the page without paying: the order stays as it is")
	case result != "pay":
		ex.rec.Verdict, result = verdictMalformed, ""
		ex.note("the form must say do=pay or do=cancel")
	case late != nil:
		ex.rec.Verdict = verdictRefused
		ex.note("the user could not pay: " + late.English)
	default:
		ex.payByPage(g, v)
	}
	if now, found := g.orders.ofPrepayment(v.prepayment); found {
		ex.rec.State = string(now.State)
	}
	if err := g.keep.err(); err != nil { // what was paid would not outlive the process
		ex.rec.Verdict, ex.rec.Reason = verdictRefused, err.Error()
		ex.record(http.StatusInternalServerError)
		ex.showPage(http.StatusInternalServerError, &cashierView{Notice: &pageNotice{"网关的状态无法保存。", err.Error()}})
		return
	}
	query := ex.r.URL.Query()
	query.Set("result", result)
	ex.record(http.StatusSeeOther)
	ex.w.Header().Set("Location", pathCashier+"?"+query.Encode())
	ex.w.WriteHeader(http.StatusSeeOther)
}

// payByPage pays, and notes how that went.
func (ex *exchange) payByPage(g *Gateway, v *visit) {
	if err := g.orders.payPrepaid(v.prepayment); err != nil {
		ex.rec.Verdict = verdictRefused
		ex.note("the user could not pay: " + err.Error())
		return
	}
	ex.note("the user paid on the page")
}

// pageNotice is a sentence of the page.
type pageNotice struct{ Chinese, English string }

// The sentences of the page.
var (
	noticeNone      = &pageNotice{"没有这个订单，或者链接不完整。", "There is no such order, or the address is incomplete."}
	noticePaid      = &pageNotice{"支付成功。", "The order is paid."}
	noticeRefunded  = &pageNotice{"订单已支付，并发生过退款。", "The order was paid, and refunded."}
	noticeClosed    = &pageNotice{"订单已关闭，不能支付。", "The order is closed and cannot be paid."}
	noticeExpired   = &pageNotice{"订单已超过支付有效期，不能支付。", "The time to pay is over (time_expire); the order stays as it is."}
	noticeLinkOver  = &pageNotice{"预支付会话已过期，请商户重新下单。", "The prepay_id or this address has expired: it has to be placed again."}
	noticeCancelled = &pageNotice{"您没有支付，订单未改变。", "You did not pay. The order is as it was."}
)

// hindrance is why the user cannot pay now, nil if nothing keeps them from it.
func (g *Gateway) hindrance(v *visit) *pageNotice {
	now := g.Time()
	until := v.about.TimeExpire
	if len(v.about.parts) > 0 {
		until = v.about.parts[0].TimeExpire
	}
	state := firstState(&v.about)
	switch {
	case state == StateSuccess:
		return noticePaid
	case state == StateRefund:
		return noticeRefunded
	case !state.payable():
		return noticeClosed
	case !until.IsZero() && !now.Before(until):
		return noticeExpired
	case !now.Before(v.prepayment.At.Add(pageLife(v.about.TradeType))):
		return noticeLinkOver
	default:
		return nil
	}
}

// firstState is the state that keeps a payment from happening, of a combined order the first part's
// that does.
func firstState(about *subject) TradeState {
	for i := range about.parts {
		if !about.parts[i].State.payable() {
			return about.parts[i].State
		}
	}
	if len(about.parts) > 0 {
		return about.parts[0].State
	}
	return about.State
}

// cashierView is what the page shows.
type cashierView struct {
	Description, OutTradeNo, Merchant, Amount, Until string
	// the order's state, in WeChat Pay's word and sentence
	State, StateText string
	// a sentence above the order; nil: none
	Notice *pageNotice
	// there are buttons
	Open bool
	// where the merchant wants the browser to go afterwards; empty: nowhere
	Back string
}

// viewOf is the page of a visit.
func (g *Gateway) viewOf(v *visit, query url.Values) *cashierView {
	state := firstState(&v.about)
	view := &cashierView{
		Description: v.about.Description, OutTradeNo: v.about.OutTradeNo, Merchant: v.prepayment.owner().String(),
		Amount: priceText(&v.about.Order), State: string(state), StateText: state.description(),
		Until: timeText(v.about.TimeExpire), Notice: g.hindrance(v), Back: backOf(query.Get("redirect_url")),
	}
	view.Open = view.Notice == nil
	if view.Open && query.Get("result") == "cancel" {
		view.Notice = noticeCancelled
	}
	if len(v.about.parts) > 0 {
		view.describeParts(v.about.parts)
	}
	return view
}

// describeParts shows a combined order as its parts together.
func (v *cashierView) describeParts(parts []Order) {
	whole := Order{Currency: parts[0].Currency}
	names := make([]string, 0, len(parts))
	for i := range parts {
		whole.Total += parts[i].Total
		names = append(names, parts[i].Description)
	}
	v.Description, v.Amount, v.Until = strings.Join(names, " + "), priceText(&whole), timeText(parts[0].TimeExpire)
}

// priceText is an amount as people write it.
func priceText(o *Order) string {
	unit := o.Currency + " "
	if o.Currency == currencyCNY {
		unit = "¥"
	}
	return fmt.Sprintf("%s%d.%02d", unit, o.Total/100, o.Total%100)
}

// backOf is a redirect_url that a link may have, empty for any other.
func backOf(address string) string {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host == "" || parsed.Scheme != "http" && parsed.Scheme != "https" {
		return ""
	}
	return address
}

// showPage writes the page. Nothing of it is kept, framed, or run: it has no script.
func (ex *exchange) showPage(status int, view *cashierView) {
	header := ex.w.Header()
	header.Set("Content-Type", "text/html; charset=utf-8")
	header.Set("Content-Security-Policy", cashierPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("Cache-Control", "no-store")
	ex.w.WriteHeader(status)
	_ = cashierPage.Execute(ex.w, view) // the browser may be gone
}

// cashierStyle is the page's only style, which the policy names by its digest.
const cashierStyle = `body{font:16px/1.5 sans-serif;margin:2rem auto;max-width:28rem;padding:0 1rem;color:#222;background:#f4f4f4}` +
	`main{background:#fff;border-radius:.5rem;padding:1.5rem}h1{font-size:1.1rem;margin:0 0 1rem}small{color:#777}` +
	`.price{font-size:2.2rem;margin:.5rem 0}dl{display:grid;grid-template-columns:auto 1fr;gap:.25rem 1rem}dt{color:#777}` +
	`dd{margin:0;overflow-wrap:anywhere}.notice{background:#fff7e0;border-radius:.25rem;padding:.5rem .75rem}` +
	`button{font:inherit;padding:.6rem 1.5rem;border:0;border-radius:.25rem;margin-right:.5rem}` +
	`button[value=pay]{background:#07a35a;color:#fff}`

// cashierPolicy lets the page use its style and send its form here, and nothing else.
var cashierPolicy = func() string {
	sum := sha256.Sum256([]byte(cashierStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
}()

// cashierPage escapes whatever it is given.
var cashierPage = template.Must(template.New("cashier").Parse(`<!DOCTYPE html>
<html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<link rel="icon" href="data:,"><title>微信支付（模拟） · emulated WeChat Pay</title><style>` + cashierStyle + `</style></head>
<body><main><h1>微信支付（模拟）<br><small>Emulated WeChat Pay. No money moves.</small></h1>
{{- with .Notice}}
<p class="notice">{{.Chinese}}<br>{{.English}}</p>
{{- end}}
{{- if .OutTradeNo}}
<p>{{.Description}}</p>
<p class="price">{{.Amount}}</p>
<dl>
<dt>商户订单号 <small>out_trade_no</small></dt><dd>{{.OutTradeNo}}</dd>
<dt>商户 <small>merchant</small></dt><dd>{{.Merchant}}</dd>
<dt>状态 <small>state</small></dt><dd>{{.State}} {{.StateText}}</dd>
{{- with .Until}}
<dt>支付截止 <small>time_expire</small></dt><dd>{{.}}</dd>
{{- end}}
</dl>
{{- end}}
{{- if .Open}}
<form method="post">
<p><button name="do" value="pay">支付 Pay</button><button name="do" value="cancel">取消 Cancel</button></p>
</form>
{{- end}}
{{- with .Back}}
<p><a href="{{.}}" rel="noreferrer">返回商户 Back to the merchant</a></p>
{{- end}}
</main></body></html>
`))

// pageLife is how long the address of a prepay_id's page can be used.
func pageLife(trade string) time.Duration {
	if trade == tradeMobile {
		return h5Life
	}
	return prepayLife
}
