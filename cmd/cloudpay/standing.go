package main

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

// standing is a registered order as JSON.
type standing struct {
	Region        order.Region        `json:"region"`
	MchID         string              `json:"mchId"`
	SubMchID      string              `json:"subMchId,omitempty"`
	OutTradeNo    string              `json:"outTradeNo"`
	Owner         order.Owner         `json:"owner,omitempty"`
	SubAppID      string              `json:"subAppid,omitempty"`
	API           order.API           `json:"api,omitempty"`
	Total         *int64              `json:"total,omitempty"`
	CreatedAt     time.Time           `json:"createdAt,omitzero"`
	CloseAt       time.Time           `json:"closeAt,omitzero"`
	CloseIn       float64             `json:"closeIn,omitempty"` // seconds after registeredAt
	RegisteredAt  time.Time           `json:"registeredAt"`
	Progress      schedule.Progress   `json:"progress"`
	TradeState    tradestate.State    `json:"tradeState,omitempty"`
	Authenticated bool                `json:"authenticated"`
	ClosingSince  time.Time           `json:"closingSince,omitzero"`
	DueAt         time.Time           `json:"dueAt,omitzero"`
	LeaseUntil    time.Time           `json:"leaseUntil,omitzero"`
	Attempts      int                 `json:"attempts"`
	LastError     string              `json:"lastError,omitempty"`
	Ending        schedule.FinalState `json:"ending,omitempty"`
	TransactionID string              `json:"transactionId,omitempty"`
	PaidTotal     *int64              `json:"paidTotal,omitempty"`
	PaidAt        time.Time           `json:"paidAt,omitzero"`
	EndedAt       time.Time           `json:"endedAt,omitzero"`
	// Events are there in show only.
	Events []schedule.Event `json:"events,omitempty"`
}

func standingOf(s schedule.Record) standing {
	return standing{
		Region: s.Region, MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo,
		Owner: s.Owner, SubAppID: s.SubAppID, API: s.API, Total: s.Total,
		CreatedAt: utc(s.CreatedAt), CloseAt: utc(s.CloseAt), CloseIn: s.CloseIn.Seconds(), RegisteredAt: utc(s.RegisteredAt),
		Progress: s.Progress, TradeState: s.TradeState, Authenticated: s.Authenticated,
		ClosingSince: utc(s.ClosingSince), DueAt: utc(s.DueAt), LeaseUntil: utc(s.LeaseUntil), Attempts: s.Attempts, LastError: s.LastError,
		Ending: s.FinalState, TransactionID: s.TransactionID, PaidTotal: s.PaidTotal, PaidAt: utc(s.PaidAt), EndedAt: utc(s.EndedAt),
	}
}

// standings are the words for how far an order is; of one that has ended, for how.
var standings = map[string]bilingual.Text{
	string(schedule.Waiting):       words("waiting", "等待关单"),
	string(schedule.Closing):       words("closing", "关单中"),
	string(schedule.GaveUp):        words("stuck", "已放弃"),
	string(schedule.FinalClosed):   words("closed", "已关单"),
	string(schedule.FinalPaid):     words("paid", "已支付"),
	string(schedule.FinalNotFound): words("notFound", "不存在"),
}

func (l *language) standing(s schedule.Record) string {
	return l.say(standings[cmp.Or(string(s.FinalState), string(s.Progress))])
}

// standingMark is ✓ for what ended well, ✗ for what a person has to look at, and · for what goes on by itself.
func standingMark(s schedule.Record) string {
	switch s.Progress {
	case schedule.Done:
		return "✓"
	case schedule.GaveUp:
		return "✗"
	case schedule.Waiting, schedule.Closing:
	}
	return "·"
}

// standingRows are all the facts about an order that a person may want.
func (l *language) standingRows(s schedule.Record) []row {
	rows := []row{
		{words("merchant", "商户号"), strings.Join(notEmpty(string(s.Region), s.MchID, s.SubMchID), " / ")},
		{words("owner", "所属用户"), string(s.Owner)},
		{words("amount", "订单金额"), l.amount(s.Total, "")},
		{words("created", "下单时间"), clock(s.CreatedAt)},
		{words("registered", "登记时间"), clock(s.RegisteredAt)},
		{words("to be closed", "关单时间"), l.closeTime(s)},
		{words("dialect", "接口"), strings.Join(notEmpty(string(s.API), s.SubAppID), "  ")},
		{words("due", "下次处理"), clock(s.DueAt)},
		{words("claimed until", "处理期限"), clock(s.LeaseUntil)},
		{words("closing since", "关单始于"), clock(s.ClosingSince)},
		{words("attempts", "处理次数"), attemptsOf(s)},
		{words("last said", "最近状态"), l.lastSaid(s)},
		{words("why", "原因"), l.reason(s.LastError)},
		{words("ended", "结束时间"), clock(s.EndedAt)},
		{words("paid", "用户实付"), l.amount(s.PaidTotal, "")},
		{words("paid at", "支付时间"), clock(s.PaidAt)},
		{words("transaction id", "微信订单号"), s.TransactionID},
	}
	return slices.DeleteFunc(rows, func(fact row) bool { return fact.value == "" })
}

func (l *language) closeTime(s schedule.Record) string {
	if !s.CloseAt.IsZero() {
		return clock(s.CloseAt)
	}
	return l.sayf("%s after its registration", "登记后 %s", s.CloseIn)
}

func attemptsOf(s schedule.Record) string {
	if s.Attempts == 0 {
		return ""
	}
	return strconv.Itoa(s.Attempts)
}

// lastSaid is the gateway's last word, and whether it was proved.
func (l *language) lastSaid(s schedule.Record) string {
	said := l.state(s.TradeState)
	if said != "" && !s.Authenticated {
		said += l.say(words(" (not proved)", "（未经验证）"))
	}
	return said
}

// notice is one event in a line.
func (l *language) notice(e schedule.Event) string {
	facts := notEmpty(l.say(kindWords[e.Kind]), l.amount(e.PaidTotal, ""), e.TransactionID, l.reason(e.Reason))
	return printable.Text(strings.Join(facts, "  "))
}

// reason is why an order has not ended, as it was recorded: the code and text of a result, or one
// of the workflow's own.
func (l *language) reason(recorded string) string {
	if zh, own := reasonsZH[recorded]; own {
		return l.say(words(recorded, zh))
	}
	code, text, found := strings.Cut(recorded, ": ")
	if _, known := errcode.Lookup(code); !found || !known {
		return recorded
	}
	result := order.Result{ErrCode: code, ErrCodeDes: text}
	return l.say(result.Why())
}

var reasonsZH = map[string]string{
	"not five minutes old":                     "下单不足五分钟",
	"paid, but its query did not say how much": "已支付，但查单没有给出金额",
}

var kindWords = map[schedule.EventKind]bilingual.Text{
	schedule.EventClosed:          words("closed", "已关单 closed"),
	schedule.EventPaid:            words("paid", "已支付 paid"),
	schedule.EventPaidOtherAmount: words("paidOtherAmount", "支付金额不符 paidOtherAmount"),
	schedule.EventNotFound:        words("notFound", "不存在 notFound"),
	schedule.EventGaveUp:          words("gaveUp", "已放弃 gaveUp"),
	schedule.EventContradicted:    words("contradicted", "结果矛盾 contradicted"),
}
