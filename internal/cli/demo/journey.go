package demo

import (
	"context"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/pkg/paygate"
)

// journey is a run of three stories, each a screen: what happens to a shop's orders, with the
// functions as they are deployed, in APIv3, before the emulator's whole world. Each step is checked
// as it is told, and what is printed of it is read back from where it happened: from the gateway's
// history, the cloud's calls and timers, the shop's receivers and the register.
type journey struct {
	*Demo
	paint.Brush

	// cloud is how the functions and the emulator's APIs are called.
	cloud desk.Description
	// timers are those that fire by the clock, as their description has them.
	timers []platform.Timer
	// shop is the merchant's own server, outside the cloud.
	shop *shop
	// register is the functions' own store.
	register *store.Store
	// ends are what stops the world, in the order in which it began.
	ends []func()
	// told is how many requests of the gateway's history have been shown.
	told int
	// wrong is what was not as it should be.
	wrong []error
}

// story is one screen.
//
// A story tells in this order: what happened to the customer; what the shop, the customer or the
// platform did (▸); the requests to WeChat Pay (⇄, indented where a function sent them); what the
// shop's receivers got (◂); and the state of the order in WeChat Pay's record and in the register
// (✓ or ✗).
type story struct {
	title bilingual.Text
	play  func(context.Context) error
}

// Journey plays three stories that a person can follow: an order that is placed and forgotten, a
// reply that is lost, and a payment in the last second. The error says what was not as it should
// be, or what kept a step from being made.
func (d *Demo) Journey(ctx context.Context) error {
	j := &journey{Demo: d, Brush: paint.For(d.Out)}
	defer j.end()
	if err := j.begin(ctx); err != nil {
		return err
	}
	return j.tell(ctx)
}

// tell plays the stories, in a world that has begun.
func (j *journey) tell(ctx context.Context) error {
	for i, s := range []story{
		{bilingual.New("Placed and forgotten", "下单后离开"), j.forgotten},
		{bilingual.New("The reply that was lost", "丢失的应答"), j.lost},
		{bilingual.New("Paid in the last second", "最后一秒付款"), j.lastSecond},
	} {
		j.heading(i+1, s.title)
		if err := s.play(ctx); err != nil {
			return err
		}
	}
	return j.ending()
}

// toPay is what the shop gives its customers to pay.
const toPay = 30 * time.Minute

// forgotten is an order that stays unpaid. It is placed and registered; half an hour later a timer
// closes it, and the shop gets the event.
func (j *journey) forgotten(ctx context.Context) error {
	const number = "TEA-001"
	j.say("A customer orders tea for one yuan and walks away. The shop's server places\n"+
		"%s at WeChat Pay, and registers it to be closed in 30 minutes.",
		"顾客点了一元的茶便离开。商户服务端向微信支付下单 %s，并登记 30 分钟后关单。", number)
	if err := j.place(ctx, number); err != nil {
		return err
	}
	j.say("Half an hour passes. The function's timer fires by the clock.", "半小时过去，云函数的定时器按时钟触发。")
	if err := j.advance(ctx, number, toPay); err != nil {
		return err
	}
	j.say("The shop gets a signed webhook and sells the tea again. The customer is back:", "商户收到签名的 Webhook，释放库存。此时顾客回来付款：")
	if err := j.webhook(ctx, number, schedule.FinalClosed); err != nil {
		return err
	}
	if err := j.payLate(ctx, number); err != nil {
		return err
	}
	return j.verdict(ctx, number, paygate.StateClosed, schedule.FinalClosed)
}

// lost is a close whose reply never arrives. The function resolves the doubt by a query, within the
// same call: the answer "closed" rests on that query's signature.
func (j *journey) lost(ctx context.Context) error {
	const number = "TEA-002"
	j.say("The customer cancels %s. WeChat Pay closes it, and the network breaks\n"+
		"before the reply: can it still be paid? No guess is made; a signed query tells.",
		"顾客取消 %s。微信支付已关单，而应答在途中丢失：还能支付吗？\n不作猜测，以签名的查单为准。", number)
	if err := j.place(ctx, number); err != nil {
		return err
	}
	if err := j.fault(ctx, number, paygate.Drop); err != nil {
		return err
	}
	event := `{"out_trade_no":"` + number + `"}`
	reply, err := j.cloud.Call(ctx, "closeorder", []byte(event), desk.User{OpenID: openID})
	if err != nil {
		return err
	}
	result := j.result(reply)
	j.row("▸", "callFunction closeorder "+event, j.Outcome(result.Outcome))
	j.exchanges(number)
	j.expect(number, "outcome", string(result.Outcome), string(order.OutcomeClosed))
	j.expect(number, "proof", string(result.Proof), string(order.ProofSignature))
	return j.verdict(ctx, number, paygate.StateClosed, schedule.FinalClosed)
}

// lastSecond is a payment that comes between the timer's query and its close. The close is refused,
// another query finds the payment, and WeChat Pay notifies the shop as of any payment.
func (j *journey) lastSecond(ctx context.Context) error {
	const number = "TEA-003"
	j.say("%s is due. The timer's query finds it unpaid; in that very second the\n"+
		"customer pays, before the close arrives.",
		"%s 到期。定时器查单时尚未支付，而顾客就在此刻、关单请求到达之前付款。", number)
	if err := j.place(ctx, number); err != nil {
		return err
	}
	if err := j.fault(ctx, number, paygate.Pay); err != nil {
		return err
	}
	if err := j.advance(ctx, number, toPay); err != nil {
		return err
	}
	j.say("Nothing was closed. WeChat Pay notifies the shop, and the register knows it too.", "没有关单。微信支付通知商户，登记库亦已知晓。")
	j.nothingClosed(number)
	if err := j.notification(ctx, number); err != nil {
		return err
	}
	if err := j.webhook(ctx, number, schedule.FinalPaid); err != nil {
		return err
	}
	return j.verdict(ctx, number, paygate.StateSuccess, schedule.FinalPaid)
}
