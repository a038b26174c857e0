package demo

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
	"cloudpay/pkg/paygate"
)

// exchanges shows what WeChat Pay was asked about an order since the last time, and what it
// replied: the status, and the error's code or the state of the order afterwards. A request that a
// function sent is indented; the others came from the shop's server, which is outside the cloud. A
// status of 0 means that no reply was sent.
func (j *journey) exchanges(number string) {
	all := j.desk.Gateway.Requests()
	for _, r := range all[min(j.told, len(all)):] {
		if r.OutTradeNo != number {
			continue
		}
		path, _, _ := strings.Cut(r.URL, "?")
		if _, tail, found := strings.Cut(path, "/out-trade-no/"); found {
			path = "…/" + tail
		}
		what := strconv.Itoa(r.HTTPStatus) + " " + cmp.Or(r.Code, r.State)
		if r.HTTPStatus == 0 {
			what = j.Say("%s; no reply", "%s；应答丢失", r.State)
		}
		mark := "⇄"
		if r.Call != "" {
			mark = "  ⇄"
		}
		j.row(mark, j.Say("WeChat Pay: ", "微信支付：")+r.Method+" "+path, what)
	}
	j.told = len(all)
}

// delivered is an event that the shop's receiver got. Its verdict is ok if the signature, by
// Standard Webhooks, is right (docs/events.md).
type delivered struct {
	Verdict string `json:"verdict"`
	Event   struct {
		Kind string `json:"kind"`
	} `json:"event"`
}

// webhook shows the events of an order that the shop's receiver got. There should be one: the sweep
// that ends an order delivers its event in the same run.
func (j *journey) webhook(ctx context.Context, number string, kind schedule.FinalState) error {
	var got []delivered
	if err := j.read(ctx, j.cloud.EventsURL+"/events?order="+url.QueryEscape(number), &got); err != nil {
		return err
	}
	for _, one := range got {
		said := one.Verdict
		if one.Verdict == "ok" {
			said = j.Say("signature ✓", "签名 ✓")
		}
		j.row("◂", "webhook: "+one.Event.Kind+" "+number, said)
	}
	if len(got) != 1 || got[0].Verdict != "ok" || got[0].Event.Kind != string(kind) {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: the shop got %+v and should have got one event, %s",
			"%s：商户收到 %+v，应只收到一个事件 %s", number, got, string(kind)))
	}
	return nil
}

// notification waits until WeChat Pay's notification of a payment was acknowledged, and shows what
// the shop verified and decrypted of it. The attempt that comes at once should succeed: an attempt
// that fails is repeated fifteen seconds later by the clock, and is an error here.
func (j *journey) notification(ctx context.Context, number string) error {
	if _, err := j.desk.Gateway.AwaitNotified(ctx, number, j.owner()); err != nil {
		return bilingual.Errorf("the notification of %s: %w", "%s 的支付通知：%w", number, err)
	}
	got := j.shop.of(number)
	genuine := 0
	for _, n := range got {
		if n.err != nil {
			j.row("◂", "notify_url", j.Say("refused", "拒绝"))
			j.wrong = append(j.wrong, bilingual.Errorf("a notification is not believed: %w", "不可信的通知：%w", n.err))
			continue
		}
		j.row("◂", j.Say("notify_url: %s %s, %d fen", "notify_url：%s %s，%d 分", n.event, n.paid.Number, n.paid.Amount.Total),
			j.Say("signature ✓", "签名 ✓"))
		if n.event == "TRANSACTION.SUCCESS" && n.paid.TradeState == string(paygate.StateSuccess) && n.paid.Amount.Total == total {
			genuine++
		}
	}
	j.expect(number, "notify_url", strconv.Itoa(genuine), "1")
	return nil
}

// nothingClosed checks that WeChat Pay has closed nothing: a close of the order did arrive, after
// the payment, and was refused.
func (j *journey) nothingClosed(number string) {
	refused := 0
	for _, r := range j.desk.Gateway.Requests() {
		switch {
		case r.OutTradeNo != number || r.Op != "close":
		case r.HTTPStatus == http.StatusNoContent || r.State != string(paygate.StateSuccess):
			j.wrong = append(j.wrong, bilingual.Errorf("%s: a close is answered %d, and leaves it %s", "%s：关单的应答为 %d，其后状态为 %s",
				number, r.HTTPStatus, r.State))
		default:
			refused++
		}
	}
	if refused == 0 {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: no close arrived after the payment", "%s：付款之后没有关单请求到达", number))
	}
}

// expect notes a value that is not what it should be.
func (j *journey) expect(number, what, got, want string) {
	if got != want {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: %s is %q and should be %q", "%s：%s 为 %q，应为 %q", number, what, got, want))
	}
}

// verdict ends a story: the state of the order in WeChat Pay's own record, and how it ended in the
// register. The two have to say the same, since the shop goes by the register and the customer's
// money by the record.
func (j *journey) verdict(ctx context.Context, number string, want paygate.TradeState, final schedule.FinalState) error {
	kept, err := j.desk.Gateway.Order(number, j.owner())
	if err != nil {
		return bilingual.Errorf("WeChat Pay's record of %s: %w", "微信支付的订单 %s：%w", number, err)
	}
	record, err := j.register.Show(ctx, order.Ref{Region: order.Mainland, MchID: kept.MchID, OutTradeNo: number})
	if err != nil {
		return bilingual.Errorf("the register's record of %s: %w", "登记的订单 %s：%w", number, err)
	}
	j.expect(number, "trade_state", string(kept.State), string(want))
	j.expect(number, "register", string(record.FinalState), string(final))
	mark := j.Good("✓")
	if kept.State != want || record.FinalState != final {
		mark = j.Bad("✗")
	}
	j.line(mark + " " + printable.Text(j.Say("WeChat Pay has %s as %s, and the register as %s.", "微信支付中 %s 为 %s，登记库中为“%s”。",
		number, kept.State, record.FinalState.Wording())))
	return nil
}
