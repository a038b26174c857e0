package render

import (
	"cmp"
	"fmt"
	"io"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
)

// progresses are the words for how far an order is. stuck is what the register calls gaveUp: the
// word of the flag --stuck.
var progresses = map[schedule.Progress]bilingual.Text{
	schedule.Waiting:   bilingual.New("waiting", "等待关单"),
	schedule.Closing:   bilingual.New("closing", "关单中"),
	schedule.GaveUp:    bilingual.New("stuck", "已放弃"),
	schedule.Withdrawn: bilingual.New("withdrawn", "已撤回"),
	schedule.Done:      bilingual.New("ended", "已结束"),
}

// Progress says how far a registered order is. The words are those of the flags of orders list, and
// of an order that has ended those of the register.
func (l *Language) Progress(r schedule.Record) string {
	if r.FinalState != "" {
		return l.Text(r.FinalState.Wording())
	}
	return l.Text(progresses[r.Progress])
}

// Mark is ✓ for an order that ended well, ✗ for one that a person has to look at, and · for one
// that goes on by itself.
func Mark(r schedule.Record) string {
	switch r.Progress {
	case schedule.Done:
		return "✓"
	case schedule.GaveUp:
		return "✗"
	case schedule.Waiting, schedule.Closing, schedule.Withdrawn:
	}
	return "·"
}

// Marks lists what Mark returns. A program that reads a table tells its rows by them.
func Marks() []string { return []string{"✓", "✗", "·"} }

// OrderTitle is the title of a table's column of orders.
var OrderTitle = bilingual.New("order", "商户订单号")

// Number is an order's number, behind its sub-merchant's where it has one: two sub-merchants may
// each have an order of that number.
func Number(subMchID, outTradeNo string) string { return joined("/", subMchID, outTradeNo) }

// Record shows everything that is known of a registered order, with its events. What is not known
// is left out: a record of an order that waits has a third of the rows of one that was paid.
func (l *Language) Record(out io.Writer, r schedule.Record, changes []schedule.Changed, events []outbox.Event) {
	fmt.Fprintf(out, "%s %s  %s\n", Mark(r), l.Progress(r), printable.Text(r.OutTradeNo))
	// No attempt is not worth a row.
	attempts := ""
	if r.Attempts > 0 {
		attempts = strconv.Itoa(r.Attempts)
	}
	// An order may be registered for a time, or for so long after its registration.
	closeAt := Clock(r.CloseAt)
	if closeAt == "" && !r.Pruned {
		closeAt = l.Say("%s after its registration", "登记后 %s", r.CloseIn)
	}
	// All else that was known of a pruned order is in the archive, if there is one.
	pruned := ""
	if r.Pruned {
		pruned = l.Say("only this is left of it", "仅留有以上信息")
	}
	l.list(out, []row{
		{bilingual.New("merchant", "商户号"), joined(" / ", string(r.Region), r.MchID, r.SubMchID)},
		{bilingual.New("owner", "所属用户"), string(r.Owner)},
		{bilingual.New("amount", "订单金额"), l.Amount(r.Total, "")},
		{bilingual.New("created", "下单时间"), Clock(r.CreatedAt)},
		{bilingual.New("registered", "登记时间"), Clock(r.RegisteredAt)},
		{bilingual.New("to be closed", "关单时间"), closeAt},
		{bilingual.New("dialect", "接口"), joined("  ", string(r.API), r.SubAppID)},
		{bilingual.New("due", "下次处理"), Clock(r.DueAt)},
		{bilingual.New("claimed until", "处理期限"), Clock(r.LeaseUntil)},
		{bilingual.New("closing since", "关单始于"), Clock(r.ClosingSince)},
		{bilingual.New("attempts", "处理次数"), attempts},
		{bilingual.New("last said", "最近状态"), l.lastSaid(r)},
		{bilingual.New("why", "原因"), l.Reason(r.LastError)},
		{bilingual.New("withdrawn", "撤回时间"), Clock(r.WithdrawnAt)},
		{bilingual.New("ended", "结束时间"), Clock(r.EndedAt)},
		{bilingual.New("pruned", "已清理"), pruned},
		{bilingual.New("paid", "用户实付"), l.Amount(r.PaidTotal, "")},
		{bilingual.New("paid at", "支付时间"), Clock(r.PaidAt)},
		{bilingual.New("transaction id", "微信订单号"), r.TransactionID},
	})
	for _, c := range changes {
		what := fmt.Sprintf("%s: %s → %s  %s", c.Field, cmp.Or(c.Was, "-"), cmp.Or(c.Became, "-"), c.By)
		l.list(out, []row{{bilingual.New("changed", "变更"), Clock(c.At) + "  " + printable.Text(what)}})
	}
	// What happened to the order comes last, in the order in which it happened.
	for _, e := range events {
		l.list(out, []row{{bilingual.Sprintf("event %d", "事件 %d", e.Number), Clock(e.OccurredAt) + "  " + l.Event(e)}})
	}
}

// lastSaid is the gateway's last word, and whether it was proved: a reply without a valid signature
// is kept for the reader, and ends nothing.
func (l *Language) lastSaid(r schedule.Record) string {
	said := l.state(r.TradeState)
	if said != "" && !r.Authenticated {
		said += l.Say(" (not proved)", "（未经验证）")
	}
	return said
}

// kinds are the words for events. Programs read the English one, so it stands in Chinese too. An
// event of a kind that is not here has no word, and its facts alone are shown.
var kinds = map[outbox.EventKind]bilingual.Text{
	outbox.EventClosed:           bilingual.New("closed", "已关单 closed"),
	outbox.EventPaid:             bilingual.New("paid", "已支付 paid"),
	outbox.EventPaidOtherAmount:  bilingual.New("paidOtherAmount", "支付金额不符 paidOtherAmount"),
	outbox.EventPaidUnregistered: bilingual.New("paidUnregistered", "已支付但未登记 paidUnregistered"),
	outbox.EventNotFound:         bilingual.New("notFound", "不存在 notFound"),
	outbox.EventGaveUp:           bilingual.New("gaveUp", "已放弃 gaveUp"),
	outbox.EventContradicted:     bilingual.New("contradicted", "结果矛盾 contradicted"),
}

// Event is what an event says, on one line: its kind, and the amount, the transaction and the
// reason as far as it has them.
func (l *Language) Event(e outbox.Event) string {
	return printable.Text(joined("  ", l.Text(kinds[e.Kind]), l.Amount(e.PaidTotal, ""), e.TransactionID, l.Reason(e.Reason)))
}

// reasonsZH are the workflow's own reasons, which the register keeps in English. They are compared
// by their words: a reason that is reworded there is shown in English until it is added here.
var reasonsZH = map[string]string{
	// These are decisions of package decision.
	"not five minutes old":                       "下单不足五分钟",
	"paid, but its query did not say how much":   "已支付，但查单没有给出金额",
	"not due yet: the database's clock is ahead": "尚未到期：数据库的时钟偏快",
}

// Reason is why an order has not ended, as the register keeps it: one of the workflow's own
// reasons, or the code and text of a result. What another version wrote stays as it is.
func (l *Language) Reason(recorded string) string {
	if zh, own := reasonsZH[recorded]; own {
		return l.Say(recorded, zh)
	}
	code, text, found := strings.Cut(recorded, ": ")
	if _, known := errcode.Lookup(code); !found || !known {
		return recorded
	}
	result := order.Result{ErrCode: code, ErrCodeDes: text}
	return l.Text(result.Why())
}
