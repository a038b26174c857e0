package console

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// The actions on orders. Each is one call; placing an order that is to be registered is two:
//
//	place      POST {admin}/orders                            then register, if the form says when
//	pay        POST {admin}/orders/{out_trade_no}/pay         as its payer
//	refund     POST {admin}/orders/{out_trade_no}/refund      all of it, or an amount
//	close      POST {cloud}/v1/functions/closeorder           as the merchant, or as a user
//	register   POST {cloud}/v1/functions/closeorder           with close_at, as the merchant
//
// Nothing here decides what may be done with an order: a form sends what it was asked to, and the
// page shows the answer. So a refusal is seen as a client sees it, and no rule stands here twice.
// Each of the calls is safe to repeat, but for a refund of an amount, which refunds it again.

// step is a call that an action made, with what came of it.
type step struct {
	// Asked is what was to be done, and Curl the call as a command.
	Asked bilingual.Text
	Curl  string
	// Good says that it was done, and Said what came of it.
	Good bool
	Said bilingual.Text
	// Why is what the API or the function says about it in its own words; zero: nothing more.
	Why bilingual.Text
	// Answer is the whole answer, and Requests are those to WeChat Pay that the call caused.
	Answer   string
	Requests []requestRow
}

// actionView is the page of what an action did.
type actionView struct {
	orderRow

	// Title is the action in words, and Steps are its calls, in their order: one that fails is the
	// last. The order above is read again after them.
	Title bilingual.Text
	Steps []step
}

// The actions on an order, as the addresses of their forms end.
const (
	payAction      = "pay"
	refundAction   = "refund"
	closeAction    = "close"    // as the merchant; with as=user as a mini-program's user
	registerAction = "register" // to be closed later, by the sweep
)

// placeOrder places an order, and registers it if the form says when it is to be closed:
//
//	number       out_trade_no; one is drawn if it is empty
//	total        fen
//	openid       the payer; the gateway invents one if it is empty
//	close_after  minutes; empty: it is not registered
//
// An order that was not placed is not registered: the register would follow an order that WeChat
// Pay does not have.
func (c *Console) placeOrder(w http.ResponseWriter, r *http.Request) {
	v := newView(r, "orders", bilingual.New("A new order", "新订单"))
	page := actionView{orderRow: orderRow{language: v.language}, Title: v.Title}
	number := strings.TrimSpace(r.PostFormValue("number"))
	if number == "" {
		number = drawnNumber(c.now(r.Context()))
	}
	total, err := wholeNumber(r.PostFormValue("total"))
	if err != nil {
		page.Steps = []step{{Asked: bilingual.New("the amount", "金额"), Said: bilingual.Wording(err)}}
		c.actionPage(w, r, v, c.key(number), page)
		return
	}
	placed, openID := c.place(r.Context(), number, strings.TrimSpace(r.PostFormValue("openid")), total)
	page.Steps = []step{placed}
	if after := strings.TrimSpace(r.PostFormValue("close_after")); after != "" && placed.Good {
		page.Steps = append(page.Steps, c.registerIn(r.Context(), v.language, c.key(number), after, openID, total))
	}
	c.actionPage(w, r, v, c.key(number), page)
}

// key is the full name of an order of the functions' merchant.
func (c *Console) key(number string) Key {
	key := c.options.Owner
	key.OutTradeNo = number
	return key
}

// drawnNumber is an order's number that has not been used: the time in UTC+8, by which a list of
// numbers is in the order of their placing, and four drawn characters for two in one second. They
// are of the letters and digits that WeChat Pay allows.
func drawnNumber(now time.Time) string {
	return now.In(beijing).Format("20060102150405") + "-" + rand.Text()[:4]
}

// wholeNumber reads an amount of fen, or a number of minutes. An amount with a decimal point is
// refused instead of rounded: it may be yuan.
func wholeNumber(text string) (int64, error) {
	number, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err != nil || number <= 0 {
		return 0, bilingual.Errorf("%q is no whole number above 0", "%q 不是大于 0 的整数", text)
	}
	return number, nil
}

// place places an order. openID is the payer's, which the gateway invents where none was given, and
// payer is the one that the order has; it is empty if the order was not placed. The same order
// placed again is the same order, and another one of its number is refused.
func (c *Console) place(ctx context.Context, number, openID string, total int64) (placed step, payer string) {
	call := c.placing(number, openID, total)
	placed = step{Asked: bilingual.Sprintf("place the order %s", "下单 %s", number), Curl: call.curl()}
	var answer []byte
	if _, err := c.api.send(ctx, call, &answer); err != nil {
		placed.Said = bilingual.New("The order was not placed.", "未能下单。")
		placed.Why = bilingual.Wording(err)
		return placed, ""
	}
	order := orderIn(answer)
	row := orderRow{WeChat: &order}
	placed.Good, placed.Answer = true, indented(answer)
	placed.Said = bilingual.Sprintf("WeChat Pay has the order %s: %s, %s.",
		"微信支付已有订单 %s：%s，%s。", order.OutTradeNo, order.Price(), row.stateText())
	return placed, order.OpenID
}

// maxMinutes is a hundred years. How long an order may be open is the function's to say.
const maxMinutes = 100 * 366 * 24 * 60

// registerIn registers an order that is to be closed after so many minutes of the business clock.
// With the payer's openid it is registered in that user's name: the user may close it from then on.
func (c *Console) registerIn(ctx context.Context, l language, key Key, after, openID string, total int64) step {
	asked := bilingual.Sprintf("register it, to be closed after %s min", "登记该订单，%s 分钟后关单", after)
	minutes, err := wholeNumber(after)
	if err == nil && minutes > maxMinutes { // in seconds it would not be a number any more, but another one
		err = bilingual.Errorf("%s min is too long", "%s 分钟过长", after)
	}
	if err != nil {
		return step{Asked: asked, Said: bilingual.Wording(err)}
	}
	parameters := []any{"close_at", minutes * int64(time.Minute/time.Second), "total", total}
	if openID != "" {
		parameters = append(parameters, "openid", openID)
	}
	return c.callClosing(ctx, l, asked, key, caller{}, parameters...)
}

// callClosing calls closeorder about an order, with further parameters as names and values in turn.
// A function that gave no answer leaves open what became of the order, and the step says so: it may
// have been closed before the answer was lost.
func (c *Console) callClosing(ctx context.Context, l language, asked bilingual.Text, key Key, as caller, parameters ...any) step {
	done := step{Asked: asked}
	call, err := c.closing(ctx, as, c.eventOf(key, parameters...))
	if err != nil {
		done.Said, done.Why = notCalled, bilingual.Wording(err)
		return done
	}
	done.Curl = call.curl()
	var answer []byte
	header, err := c.api.send(ctx, call, &answer)
	if err != nil {
		done.Said, done.Why = notAnswered, bilingual.Wording(err)
		return done
	}
	answered := verdictIn(answer)
	done.Good, done.Said, done.Why, done.Answer = answered.Good(), answered.Said(), answered.Why(), indented(answer)
	done.Requests = c.causedBy(ctx, l, key.OutTradeNo, header.Get("X-Request-Id"))
	return done
}

// notCalled is said where there is no function to call, and notAnswered where it gave no answer.
var (
	notCalled   = bilingual.New("closeorder could not be called, and nothing was done.", "无法调用 closeorder，未作任何操作。")
	notAnswered = bilingual.New("closeorder gave no answer: whether WeChat Pay closed the order is in its state. Closing again is safe.",
		"closeorder 未返回结果：微信支付是否已关单，请看订单状态。可放心再次关单。")
)

// actOnOrder does what a form of an order asks for: pay, refund, close or register. The order is
// read first, for its owner, its payer and its amount, so that a form has to hold none of them, and
// an order that is not there is a 404 before anything is called.
func (c *Console) actOnOrder(w http.ResponseWriter, r *http.Request) {
	query, action := r.URL.Query(), r.PathValue("action")
	key := Key{MchID: query.Get("mchid"), SubMchID: query.Get("sub_mchid"), OutTradeNo: r.PathValue("number")}
	title, known := actionTitles[action]
	if !known {
		c.showMissing(w, r)
		return
	}
	v := newView(r, "orders", title)
	order, err := c.wechat(r.Context(), key)
	if err == nil && order == nil {
		err = &apiError{http.StatusNotFound, v.T("there is no order of this number", "没有该编号的订单")}
	}
	if err != nil {
		c.fail(w, r, v.Room, err)
		return
	}
	page := actionView{orderRow: orderRow{language: v.language}, Title: title}
	page.Steps = []step{c.act(r, v.language, order, action)}
	c.actionPage(w, r, v, order.key(), page)
}

// actionTitles are the actions in words.
var actionTitles = map[string]bilingual.Text{
	payAction:      bilingual.New("Pay", "支付"),
	refundAction:   bilingual.New("Refund", "退款"),
	closeAction:    bilingual.New("Close", "关单"),
	registerAction: bilingual.New("Register", "登记"),
}

// act makes the call of an action. A close as a user is by the openid of the form, or the payer's:
// the function finds by the register whether the order is that user's.
func (c *Console) act(r *http.Request, l language, order *wechatOrder, action string) step {
	key := order.key()
	switch action {
	case payAction:
		if order.CombineOutTradeNo != "" { // all of it is paid, by its own number
			key = Key{OutTradeNo: order.CombineOutTradeNo}
		}
		return c.changeOrder(r.Context(), bilingual.New("the customer pays", "用户支付"), onlyOpen, c.changing(key, action, nil))
	case refundAction:
		return c.refund(r, key)
	case registerAction:
		return c.registerIn(r.Context(), l, key, r.PostFormValue("close_after"), order.OpenID, order.Total)
	}
	if r.PostFormValue("as") != "user" {
		return c.callClosing(r.Context(), l, bilingual.New("close it as the merchant", "以商户身份关单"), key, caller{})
	}
	user := caller{strings.TrimSpace(r.PostFormValue("openid"))}
	if user.OpenID == "" {
		user.OpenID = order.OpenID
	}
	return c.callClosing(r.Context(), l, bilingual.Sprintf("close it as the user %s", "以用户 %s 的身份关单", user.OpenID), key, user)
}

// refund refunds what is left of an order, or the amount of the form. Too much is refused by WeChat
// Pay, and not here: how much is left is known there.
func (c *Console) refund(r *http.Request, key Key) step {
	text := strings.TrimSpace(r.PostFormValue("amount"))
	if text == "" {
		return c.changeOrder(r.Context(), bilingual.New("refund what is left of it", "退还剩余金额"), onlyPaid, c.changing(key, refundAction, nil))
	}
	asked := bilingual.Sprintf("refund %s fen of it", "退款 %s 分", text)
	amount, err := wholeNumber(text)
	if err != nil {
		return step{Asked: asked, Said: bilingual.Wording(err)}
	}
	return c.changeOrder(r.Context(), asked, onlyPaid, c.changing(key, refundAction, map[string]int64{"amount": amount}))
}

// Which orders can be paid and refunded, as the management API says in English.
var (
	onlyOpen = bilingual.New("Only an open order can be paid.", "只有待支付的订单才能支付。")
	onlyPaid = bilingual.New("Only a paid order can be refunded, and no more than is left of it.", "只有已支付的订单才能退款，且不超过剩余金额。")
)

// changeOrder makes a call of the management API that changes an order. rule is what a refusal for
// the order's state means.
func (c *Console) changeOrder(ctx context.Context, asked, rule bilingual.Text, call exchange) step {
	done := step{Asked: asked, Curl: call.curl()}
	var answer []byte
	if _, err := c.api.send(ctx, call, &answer); err != nil {
		done.Said, done.Why = bilingual.New("This was not done.", "未能完成。"), bilingual.Wording(err)
		if refusal, is := errors.AsType[*apiError](err); is && refusal.status == http.StatusConflict {
			done.Said = rule
		}
		return done
	}
	order := orderIn(answer)
	row := orderRow{WeChat: &order}
	done.Good, done.Answer = true, indented(answer)
	done.Said = bilingual.Sprintf("Done. WeChat Pay has the order as: %s.", "完成。微信支付中的订单状态：%s。", row.stateText())
	return done
}

// actionPage answers what an action did, with the order as it is now. The status is 422 if a call
// was refused; what a function answered is an answer, whatever it says.
func (c *Console) actionPage(w http.ResponseWriter, r *http.Request, v *view, key Key, page actionView) {
	page.Now = c.now(r.Context())
	if page.WeChat, _ = c.wechat(r.Context(), key); page.WeChat != nil { // without one the steps say why
		page.Register, page.Fault = c.find(r.Context(), page.WeChat.key())
		v.Back = page.Link() // a change of the language does nothing again
	} else {
		v.Back = "/orders"
	}
	status := http.StatusOK
	for _, one := range page.Steps {
		if !one.Good && one.Answer == "" {
			status = http.StatusUnprocessableEntity
		}
	}
	v.curl(c.api.orderAddress(key))
	v.Data = page
	c.render(w, r, status, "action", v)
}

// ActionAddress is where a form of this order asks for an action.
func (o orderRow) ActionAddress(action string) string {
	path, query, _ := strings.Cut(o.Link(), "?")
	if query != "" {
		query = "?" + query
	}
	return path + "/" + url.PathEscape(action) + query
}

// CanPay reports whether the order can still be paid, or closed.
func (o orderRow) CanPay() bool { return o.WeChat != nil && !isSettled(o.WeChat.State) }

// CanRefund reports whether there may be something to refund.
func (o orderRow) CanRefund() bool {
	return o.WeChat != nil && (o.WeChat.State == "SUCCESS" || o.WeChat.State == "REFUND")
}

// IsPart reports whether it is a part of a combined order, which is closed as a whole.
func (o orderRow) IsPart() bool { return o.WeChat != nil && o.WeChat.CombineOutTradeNo != "" }
