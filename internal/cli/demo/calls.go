package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// call is one call of the demonstration, and what must come of it: what the caller is told, and
// what WeChat Pay has.
type call struct {
	// title is empty for a call that is not shown, being like the one before.
	title           bilingual.Text
	function, order string
	// before is what happens first; it may be nil.
	before func(order string, owner paygate.Owner) error
	// outcome is the answer's, and state the order's at the gateway afterwards.
	outcome, state string
	// closeAt registers the order for openID, as a service; empty: openID calls.
	closeAt, openID string
}

// calls is what every variant plays, in this order: registering four orders, then what a customer
// may do with them, what a lost reply costs, and what a stranger learns.
func (d *Demo) calls() []call {
	const closeorder, queryorder = "closeorder", "queryorder"
	return []call{
		{bilingual.New("your server registers an order, to be closed in 30 minutes", "服务端登记订单，30 分钟后关单"),
			closeorder, "unpaid", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "paid", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "lost", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "stranger", nil, "scheduled", "NOTPAY", "1800", stranger},
		{bilingual.New("the customer queries their order", "用户查询自己的订单"), queryorder, "unpaid", nil, "found", "NOTPAY", "", openID},
		{bilingual.New("closes it", "关单"), closeorder, "unpaid", nil, "closed", "CLOSED", "", openID},
		{bilingual.New("closes it once more", "重复关单"), closeorder, "unpaid", nil, "alreadyClosed", "CLOSED", "", openID},
		{bilingual.New("closes an order that was paid", "关闭已支付的订单"), closeorder, "paid", d.pay, "paid", "SUCCESS", "", openID},
		{bilingual.New("queries it", "查单"), queryorder, "paid", nil, "found", "SUCCESS", "", openID},
		{bilingual.New("closes, and the reply is lost: a query finds out", "关单应答丢失，以查单为准"),
			closeorder, "lost", d.lose, "closed", "CLOSED", "", openID},
		{bilingual.New("closes a stranger's order, and learns nothing", "关闭他人的订单：如同不存在"),
			closeorder, "stranger", nil, "notFound", "NOTPAY", "", openID},
	}
}

// pay has the customer pay an order, as if in the mini-program. No notification is sent: the store
// learns of it from a query.
func (d *Demo) pay(number string, owner paygate.Owner) error {
	return d.desk.Gateway.Pay(number, owner)
}

// lose has the reply to the next close of an order dropped, after the gateway has closed it.
func (d *Demo) lose(number string, _ paygate.Owner) error {
	return d.desk.Gateway.Inject(paygate.Fault{Action: paygate.Drop, Op: "close", OutTradeNo: number, Times: 1})
}

// call makes one call, shows it and its answer, and notes whether both the answer and the gateway's
// own record of the order are what they should be.
func (d *Demo) call(ctx context.Context, s *scene, c call) error {
	c.order = s.number(c.order)
	if c.before != nil {
		if err := c.before(c.order, s.owner); err != nil {
			return err
		}
	}
	event, sent, caller, err := s.event(c)
	if err != nil {
		return err
	}
	// The time includes the platform's part, as a caller's does.
	start := time.Now()
	reply, err := s.cloud.Call(ctx, c.function, sent, caller)
	if err != nil {
		return err
	}
	p := d.check(s, c, reply)
	p.took = time.Since(start)
	if c.title != (bilingual.Text{}) {
		d.show(c, event, reply)
	}
	// Of calls that are alike the first stands in the table, and any that went wrong.
	if c.title != (bilingual.Text{}) || p.wrong != nil {
		d.done = append(d.done, p)
	}
	return nil
}

// event is what a call gives the function, as it is shown and as it is sent, and its caller. A
// registration is made by the shop's server, whose token is not shown. A customer's call carries no
// identity: the platform adds it, as openid.
func (s *scene) event(c call) (shown, sent []byte, caller desk.User, err error) {
	// CloudPay's callers always send sub_mch_id: a merchant of its own sends its own number.
	parameters := map[string]string{"sub_mch_id": cmp.Or(s.owner.SubMchID, s.owner.MchID), "out_trade_no": c.order}
	if c.closeAt != "" {
		parameters["close_at"], parameters["openid"] = c.closeAt, c.openID
	}
	if shown, err = json.Marshal(parameters); err != nil {
		return nil, nil, desk.User{}, bilingual.Errorf("encoding an event: %w", "编码事件：%w", err)
	}
	if c.closeAt == "" {
		return shown, shown, desk.User{OpenID: c.openID}, nil
	}
	sent, err = s.cloud.AsService(shown)
	return shown, sent, desk.User{}, err
}

// show shows a call and its answer, in the form that a developer sees it in.
func (d *Demo) show(c call, event, reply []byte) {
	how := bilingual.Same("wx.cloud.callFunction")
	if c.closeAt != "" {
		how = bilingual.New("invoke, with service_token:", "直接调用，附 service_token：")
	}
	d.print("\n▸ %s\n  %s %s %s\n", "\n▸ %s\n  %s %s %s\n", c.title, how, c.function, event)
	d.print("  %s\n", "  %s\n", strings.ReplaceAll(render.Pretty(reply), "\n", "\n  "))
}

// check compares the answer and the gateway's record with what they should be. A fault is kept for
// the summary and stops nothing: what comes after it may show why.
func (d *Demo) check(s *scene, c call, reply []byte) played {
	var answer struct {
		Outcome  string `json:"outcome"`
		Attempts int    `json:"attempts"`
	}
	wrong := json.Unmarshal(reply, &answer)
	if wrong == nil && answer.Outcome != c.outcome {
		wrong = bilingual.Errorf("the outcome is %q and should be %q: %s", "outcome 为 %q，应为 %q：%s", answer.Outcome, c.outcome, reply)
	}
	if wrong == nil {
		wrong = d.checkState(s, c.order, c.state)
	}
	return played{
		function: c.function, order: c.order, variant: s.variant, outcome: d.Outcome(order.Outcome(answer.Outcome)),
		attempts: answer.Attempts, wrong: wrong,
	}
}
