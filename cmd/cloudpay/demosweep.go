package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/closing"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
	"cloudpay/pkg/paygate"
)

// sweep plays what happens without anybody calling: orders become overdue, and timers look after them.
func (d *demo) sweep(ctx context.Context, cloud desk.Description, v variant, owner paygate.Owner) error {
	kept, err := store.Open(cloud.Env[nameStore])
	if err != nil {
		return bilingual.Errorf("looking into the store of orders: %w", "查看订单存储：%w", err)
	}
	defer func() { _ = kept.Close() }()
	aMinuteAgo := time.Now().Add(-time.Minute).Format(time.RFC3339)
	for _, c := range []call{
		{function: "closeorder", order: "overdue", outcome: "scheduled", state: "NOTPAY", closeAt: aMinuteAgo, openID: demoOpenID},
		{
			function: "closeorder", order: "overduepaid", before: d.pay, outcome: "scheduled", state: "SUCCESS",
			closeAt: aMinuteAgo, openID: demoOpenID,
		},
	} {
		c.order = v.number(c.order)
		if err := d.call(ctx, cloud, v, c, owner); err != nil {
			return err
		}
	}
	err = d.tick(ctx, cloud, v, owner, tick{
		words("two orders are overdue, and one of them was paid: the timer fires", "定时器关闭到期订单"),
		"closeorder", closing.Report{Claimed: 2, Closed: 1, Paid: 1}, map[string]string{"overdue": "CLOSED", "overduepaid": "SUCCESS"},
	})
	if err != nil {
		return err
	}
	if err := d.crash(ctx, kept, v, owner); err != nil {
		return err
	}
	err = d.tick(ctx, cloud, v, owner, tick{
		words("a function was killed when it had sent a close: queryorder's timer finds out", "函数中途被杀：查单定时器查明结果"),
		"queryorder", closing.Report{Claimed: 1, AlreadyClosed: 1}, map[string]string{"doubt": "CLOSED"},
	})
	if err != nil {
		return err
	}
	return d.tell(ctx, kept, owner)
}

// crash leaves behind what a function does that is killed between its close and the reply: the intent, on record, and an
// order that is closed.
func (d *demo) crash(ctx context.Context, kept *store.Store, v variant, owner paygate.Owner) error {
	entry := schedule.Entry{Ref: order.Ref{
		Region: order.Mainland, MchID: owner.MchID, SubMchID: owner.SubMchID, OutTradeNo: v.number("doubt"),
	}}
	if _, err := kept.Begin(ctx, entry, time.Millisecond); err != nil {
		return bilingual.Errorf("leaving an order in doubt: %w", "制造存疑的订单：%w", err)
	}
	err := d.desk.Gateway.AddOrder(paygate.Order{
		MchID: owner.MchID, SubMchID: owner.SubMchID, OutTradeNo: entry.OutTradeNo, Total: demoTotal,
		OpenID: demoOpenID, State: paygate.StateClosed,
	})
	if err != nil {
		return bilingual.Errorf("leaving an order in doubt: %w", "制造存疑的订单：%w", err)
	}
	return nil
}

// tick is a timer that fires, and what must come of it.
type tick struct {
	title    bilingual.Text
	function string
	report   closing.Report
	states   map[string]string // by order
}

// tick fires a timer, shows its report, and notes whether it and the gateway's books are what they should be.
func (d *demo) tick(ctx context.Context, cloud desk.Description, v variant, owner paygate.Owner, t tick) error {
	start := time.Now()
	reply, err := cloud.Fire(ctx, t.function)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.print("\n▸ %s\n  %s timer\n  %s\n", "\n▸ %s\n  %s 定时器\n  %s\n", t.title, t.function, reply)
	var report closing.Report
	wrong := json.Unmarshal(reply, &report)
	if got := counted(report); wrong == nil && got != t.report {
		wrong = bilingual.Errorf("the report counts %+v and should count %+v: %s", "报告计数为 %+v，应为 %+v：%s", got, t.report, reply)
	}
	names := slices.Sorted(maps.Keys(t.states))
	for _, name := range names {
		kept, err := d.desk.Gateway.Order(v.number(name), owner)
		switch {
		case wrong != nil:
		case err != nil:
			wrong = err
		case string(kept.State) != t.states[name]:
			wrong = bilingual.Errorf("WeChat Pay has %s as %s and should have it as %s",
				"微信支付中 %s 为 %s，应为 %s", kept.OutTradeNo, kept.State, t.states[name])
		}
	}
	d.done = append(d.done, played{
		call:    call{function: t.function, order: strings.Join(names, ", ")},
		variant: v, outcome: d.say(words("timer", "定时器")), attempts: report.Calls,
		took: took, wrong: wrong,
	})
	return nil
}

// counted is what a report says of orders.
func counted(r closing.Report) closing.Report {
	r.Calls, r.Took = 0, 0
	return r
}

// tell shows the outbox.
func (d *demo) tell(ctx context.Context, kept *store.Store, owner paygate.Owner) error {
	const most = 100
	events, err := kept.Events(ctx, order.Account{Region: order.Mainland, MchID: owner.MchID}, 0, most)
	if err != nil {
		return bilingual.Errorf("reading the events: %w", "读取事件：%w", err)
	}
	d.print("\n▸ what your shop is told: cloudpay orders events\n", "\n▸ 通知给商户的事件：cloudpay orders events\n")
	rows := &table{out: d.out, header: []string{
		"  " + d.say(words("event", "事件")), d.say(words("order", "订单")), d.say(words("what", "内容")),
	}}
	for _, e := range events {
		rows.row(fmt.Sprintf("  %d", e.ID), e.OutTradeNo, d.notice(e))
	}
	rows.flush()
	return nil
}
