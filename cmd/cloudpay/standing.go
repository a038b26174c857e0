package main

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/order"
)

// standing is a registered order as JSON.
type standing struct {
	Region        order.Region     `json:"region"`
	MchID         string           `json:"mchId"`
	SubMchID      string           `json:"subMchId,omitempty"`
	OutTradeNo    string           `json:"outTradeNo"`
	Owner         order.Owner      `json:"owner,omitempty"`
	SubAppID      string           `json:"subAppid,omitempty"`
	API           order.API        `json:"api,omitempty"`
	Total         *int64           `json:"total,omitempty"`
	CreatedAt     time.Time        `json:"createdAt,omitzero"`
	CloseAt       time.Time        `json:"closeAt,omitzero"`
	CloseIn       float64          `json:"closeIn,omitempty"` // seconds after registeredAt
	RegisteredAt  time.Time        `json:"registeredAt"`
	Progress      order.Progress   `json:"progress"`
	TradeState    order.TradeState `json:"tradeState,omitempty"`
	Authenticated bool             `json:"authenticated"`
	ClosingSince  time.Time        `json:"closingSince,omitzero"`
	DueAt         time.Time        `json:"dueAt,omitzero"`
	LeaseUntil    time.Time        `json:"leaseUntil,omitzero"`
	Attempts      int              `json:"attempts"`
	LastError     string           `json:"lastError,omitempty"`
	Ending        order.Ending     `json:"ending,omitempty"`
	TransactionID string           `json:"transactionId,omitempty"`
	PaidTotal     *int64           `json:"paidTotal,omitempty"`
	PaidAt        time.Time        `json:"paidAt,omitzero"`
	EndedAt       time.Time        `json:"endedAt,omitzero"`
	// Events are there in show only.
	Events []order.Event `json:"events,omitempty"`
}

func standingOf(s order.Standing) standing {
	return standing{
		Region: s.Region, MchID: s.MchID, SubMchID: s.SubMchID, OutTradeNo: s.OutTradeNo,
		Owner: s.Owner, SubAppID: s.SubAppID, API: s.API, Total: s.Total,
		CreatedAt: utc(s.CreatedAt), CloseAt: utc(s.CloseAt), CloseIn: s.CloseIn.Seconds(), RegisteredAt: utc(s.RegisteredAt),
		Progress: s.Progress, TradeState: s.TradeState, Authenticated: s.Authenticated,
		ClosingSince: utc(s.ClosingSince), DueAt: utc(s.DueAt), LeaseUntil: utc(s.LeaseUntil), Attempts: s.Attempts, LastError: s.LastError,
		Ending: s.Ending, TransactionID: s.TransactionID, PaidTotal: s.PaidTotal, PaidAt: utc(s.PaidAt), EndedAt: utc(s.EndedAt),
	}
}

// standings are the words for how far an order is; of one that has ended, for how.
var standings = map[string]words{
	string(order.Waiting):       {"waiting", "等待关单"},
	string(order.Closing):       {"closing", "关单中"},
	string(order.GaveUp):        {"stuck", "已放弃"},
	string(order.EndedClosed):   {"closed", "已关单"},
	string(order.EndedPaid):     {"paid", "已支付"},
	string(order.EndedNotFound): {"notFound", "不存在"},
}

func standingWord(s order.Standing, chinese bool) string {
	return standings[cmp.Or(string(s.Ending), string(s.Progress))].in(chinese)
}

// standingMark is ✓ for what ended well, ✗ for what a person has to look at, and · for what goes on by itself.
func standingMark(s order.Standing) string {
	switch s.Progress {
	case order.Done:
		return "✓"
	case order.GaveUp:
		return "✗"
	case order.Waiting, order.Closing:
	}
	return "·"
}

// standingRows are all the facts about an order that a person may want.
func standingRows(s order.Standing, chinese bool) []row {
	rows := []row{
		{words{"merchant", "商户号"}, strings.Join(notEmpty(string(s.Region), s.MchID, s.SubMchID), " / ")},
		{words{"owner", "所属用户"}, string(s.Owner)},
		{words{"amount", "订单金额"}, amount(s.Total, "", chinese)},
		{words{"created", "下单时间"}, clock(s.CreatedAt)},
		{words{"registered", "登记时间"}, clock(s.RegisteredAt)},
		{words{"to be closed", "关单时间"}, closeTime(s, chinese)},
		{words{"dialect", "接口"}, strings.Join(notEmpty(string(s.API), s.SubAppID), "  ")},
		{words{"due", "下次处理"}, clock(s.DueAt)},
		{words{"claimed until", "处理期限"}, clock(s.LeaseUntil)},
		{words{"closing since", "关单始于"}, clock(s.ClosingSince)},
		{words{"attempts", "处理次数"}, attemptsOf(s)},
		{words{"last said", "最近状态"}, lastSaid(s, chinese)},
		{words{"why", "原因"}, s.LastError},
		{words{"ended", "结束时间"}, clock(s.EndedAt)},
		{words{"paid", "用户实付"}, amount(s.PaidTotal, "", chinese)},
		{words{"paid at", "支付时间"}, clock(s.PaidAt)},
		{words{"transaction id", "微信订单号"}, s.TransactionID},
	}
	return slices.DeleteFunc(rows, func(fact row) bool { return fact.value == "" })
}

func closeTime(s order.Standing, chinese bool) string {
	if !s.CloseAt.IsZero() {
		return clock(s.CloseAt)
	}
	return fmt.Sprintf(words{"%s after its registration", "登记后 %s"}.in(chinese), s.CloseIn)
}

func attemptsOf(s order.Standing) string {
	if s.Attempts == 0 {
		return ""
	}
	return strconv.Itoa(s.Attempts)
}

// lastSaid is the gateway's last word, and whether it was proved.
func lastSaid(s order.Standing, chinese bool) string {
	said := (&report{chinese: chinese}).state(s.TradeState)
	if said != "" && !s.Authenticated {
		said += words{" (not proved)", "（未经验证）"}.in(chinese)
	}
	return said
}

// notice is one event in a line.
func notice(e order.Event, chinese bool) string {
	facts := notEmpty(kindWords[e.Kind].in(chinese), amount(e.PaidTotal, "", chinese), e.TransactionID, e.Reason)
	return printable(strings.Join(facts, "  "))
}

var kindWords = map[order.EventKind]words{
	order.EventClosed:          {"closed", "已关单 closed"},
	order.EventPaid:            {"paid", "已支付 paid"},
	order.EventPaidOtherAmount: {"paidOtherAmount", "支付金额不符 paidOtherAmount"},
	order.EventNotFound:        {"notFound", "不存在 notFound"},
	order.EventGaveUp:          {"gaveUp", "已放弃 gaveUp"},
	order.EventContradicted:    {"contradicted", "结果矛盾 contradicted"},
}
