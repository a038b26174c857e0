package console

import (
	"context"
	"net/http"
	"slices"

	"cloudpay/internal/bilingual"
)

// The first close, in three clicks: place an order, leave it unpaid (or pay it), close it. How far
// it came is in the page's address, /?first=NUMBER, and in the world: each step is read from WeChat
// Pay's orders and from the histories. So it goes on in another browser and after a restart, and
// what happens meanwhile elsewhere is seen.

// firstParameter has the number of the order of the first close; empty: it begins. unpaidParameter
// says that the customer is not to pay.
const (
	firstParameter  = "first"
	unpaidParameter = "unpaid"
)

// guideStage is the step that is to be done next.
type guideStage int

// The stages, in their order.
const (
	toPlace guideStage = iota + 1
	toPay
	toClose
	toEnd // everything is done
)

// guideView is the first close as far as it came.
type guideView struct {
	// orderRow is the order on both sides; its WeChat is nil before the first step.
	orderRow

	// Stage is what is to be done next.
	Stage guideStage
	// Drawn is the number of the order that is placed next.
	Drawn string
	// Address is that of the page with this stage, and Unpaid that of the page with the next one.
	Address, Unpaid string
	// Missing says that WeChat Pay has no order of the number any more.
	Missing bool
	// Place, Pay and Close are the calls of the steps, as commands.
	Place, Pay, Close string
	// Call is the merchant's last call of closeorder about the order; nil: none yet. Requests are
	// those to WeChat Pay that it caused.
	Call     *call
	Requests []requestRow
	// NoFunction is why closeorder cannot be called; zero: it can.
	NoFunction bilingual.Text
	// Wrong is why the step that was asked for was not done; zero: it was.
	Wrong bilingual.Text
}

// Past reports whether a step is done.
func (g guideView) Past(step int) bool { return g.Stage > guideStage(step) }

// IsNow reports whether a step is to be done next.
func (g guideView) IsNow(step int) bool { return g.Stage == guideStage(step) }

// IsPaid reports whether the customer has paid.
func (g guideView) IsPaid() bool { return g.CanRefund() }

// Verdict is what closeorder answered.
func (g guideView) Verdict() verdict {
	if g.Call == nil {
		return verdict{}
	}
	return verdict{Outcome: g.Call.Outcome}
}

// firstTotal is the amount of the order, in fen.
const firstTotal = 100

// guide reads how far the first close came, of the order of a number; empty: none yet. It is nil
// where WeChat Pay's orders cannot be read, which the page's health says.
func (c *Console) guide(ctx context.Context, l language, number string, unpaid bool) *guideView {
	now := c.now(ctx)
	g := &guideView{orderRow: orderRow{language: l, Now: now}, Stage: toPlace, Drawn: drawnNumber(now)}
	g.Place = c.placing(g.Drawn, "", firstTotal).curl()
	g.Address, g.Unpaid = "/?"+firstParameter+"=#first", ""
	if number == "" {
		return g
	}
	key := c.key(number)
	order, err := c.wechat(ctx, key)
	switch {
	case err != nil:
		return nil
	case order == nil:
		g.Missing = true
		return g
	}
	g.WeChat = order
	g.Register, g.Fault = c.find(ctx, key)
	g.Address = withQuery("/", firstParameter, number) + "#first"
	g.Unpaid = withQuery("/", firstParameter, number, unpaidParameter, "1") + "#first"
	g.Place = c.placing(number, order.OpenID, order.Total).curl()
	g.Pay = c.changing(key, payAction, nil).curl()
	call, err := c.closing(ctx, caller{}, c.eventOf(key))
	g.Close, g.NoFunction = call.curl(), bilingual.Wording(err)
	g.Call = c.lastClose(ctx, number)
	if g.Call != nil {
		g.Requests = c.causedBy(ctx, l, number, g.Call.RequestID)
	}
	g.Stage = stageOf(g, unpaid)
	return g
}

// stage is what is to be done next about an order that is there:
//
//	closeorder answered closed, alreadyClosed or paid   nothing
//	WeChat Pay has it as closed, or reversed            nothing: something else was faster
//	it is paid                                          to close it all the same
//	the customer is not to pay, or a close had another  to close it
//	outcome: refused, unknown, no answer
//	else                                                to pay it, or to leave it unpaid
func stageOf(g *guideView, unpaid bool) guideStage {
	ended := g.Call != nil && (g.Verdict().Ended() || g.Call.Outcome == "paid")
	switch {
	case ended, isSettled(g.WeChat.State) && !g.IsPaid():
		return toEnd
	case g.IsPaid(), unpaid, g.Call != nil:
		return toClose
	default:
		return toPay
	}
}

// lastClose is the last call of closeorder about an order by the merchant's own server; nil if
// there is none in the history. Those of timers and users do not count. The history of calls is
// of this run: after a restart the third step has no answer to show, and the order's state decides.
func (c *Console) lastClose(ctx context.Context, number string) *call {
	var page struct{ Calls []call }
	address := withQuery(c.api.cloud+"/v1/calls", "function", closeFunction, "order", number, "limit", "100")
	if _, err := c.api.get(ctx, address, &page); err != nil {
		return nil // the cloud's health says that it does not answer
	}
	for _, one := range slices.Backward(page.Calls) {
		if one.Caller == "service" {
			return &one
		}
	}
	return nil
}

// hasOrders reports whether WeChat Pay has an order; true where that is not known.
func (c *Console) hasOrders(ctx context.Context) bool {
	var orders []wechatOrder
	_, err := c.api.get(ctx, withQuery(c.api.admin+"/orders", "limit", "1"), &orders)
	return err != nil || len(orders) > 0
}

// guideOn does a step of the first close, and leads to the page that shows it. A step that was not
// done answers with the page itself, which says why.
func (c *Console) guideOn(w http.ResponseWriter, r *http.Request) {
	number := r.PostFormValue("number")
	key, unpaid := c.key(number), ""
	var done step
	switch r.PathValue("step") {
	case "place":
		done, _ = c.place(r.Context(), number, "", firstTotal)
	case payAction:
		done = c.changeOrder(r.Context(), actionTitles[payAction], onlyOpen, c.changing(key, payAction, nil))
	case closeAction:
		unpaid = "1"
		done = c.callClosing(r.Context(), languageOf(r), actionTitles[closeAction], key, caller{})
	default:
		c.showMissing(w, r)
		return
	}
	if done.Good || done.Answer != "" { // what a function answered is in the history
		http.Redirect(w, r, withQuery("/", firstParameter, number, unpaidParameter, unpaid)+"#first", http.StatusSeeOther)
		return
	}
	wrong := bilingual.Sprintf("%s %s", "%s%s", done.Said, done.Why)
	if r.PathValue("step") == "place" {
		number = ""
	}
	c.overviewPage(w, r, http.StatusUnprocessableEntity, guideAt{number, unpaid != "", wrong, true})
}

// guideAt is where the first close stands, by the address or a form.
type guideAt struct {
	number string
	unpaid bool
	// wrong is why a step was not done.
	wrong bilingual.Text
	// isAsked says that the page is to show the first close; else it does while there is no order.
	isAsked bool
}

// guideOf reads it from the page's address.
func guideOf(r *http.Request) guideAt {
	query := r.URL.Query()
	return guideAt{query.Get(firstParameter), query.Get(unpaidParameter) != "", bilingual.Text{}, query.Has(firstParameter)}
}
