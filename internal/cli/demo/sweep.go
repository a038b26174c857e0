package demo

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
	"cloudpay/internal/sweep"
	"cloudpay/pkg/paygate"
)

// sweep plays what no call starts: orders become overdue, a function dies between its close and the
// reply, and timers find out about all of them.
func (d *Demo) sweep(ctx context.Context, s *scene) error {
	kept, err := store.Open(s.store)
	if err != nil {
		return bilingual.Errorf("looking into the store of orders: %w", "查看订单存储：%w", err)
	}
	defer func() { _ = kept.Close() }() // which the functions have open, too
	// An order that is overdue already is registered as any other: its time may have passed while
	// the shop's server was down.
	aMinuteAgo := time.Now().Add(-time.Minute).Format(time.RFC3339)
	overdue := call{function: "closeorder", order: "overdue", outcome: "scheduled", state: "NOTPAY", closeAt: aMinuteAgo, openID: openID}
	paid := overdue
	paid.order, paid.before, paid.state = "overduepaid", d.pay, "SUCCESS"
	for _, step := range []func() error{
		func() error { return d.call(ctx, s, overdue) },
		func() error { return d.call(ctx, s, paid) },
		func() error {
			return d.tick(ctx, s, tick{
				bilingual.New("two orders are overdue, and one of them was paid: the timer fires", "定时器关闭到期订单"),
				"closeorder", sweep.Report{Claimed: 2, Closed: 1, Paid: 1}, map[string]string{"overdue": "CLOSED", "overduepaid": "SUCCESS"},
			})
		},
		func() error { return d.crash(ctx, kept, s) },
		func() error {
			return d.tick(ctx, s, tick{
				bilingual.New("a function was killed when it had sent a close: queryorder's timer finds out", "函数中途被杀：查单定时器查明结果"),
				"queryorder", sweep.Report{Claimed: 1, AlreadyClosed: 1}, map[string]string{"doubt": "CLOSED"},
			})
		},
		// The outbox is read last: it has every end of this variant.
		func() error { return d.tell(ctx, kept, s) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

// crash leaves behind what a function does that is killed between its close and the reply: the
// intent in the register, under a lease that has run out, and an order that the gateway has closed.
// Nothing says that it is closed but the gateway.
func (d *Demo) crash(ctx context.Context, kept *store.Store, s *scene) error {
	entry := schedule.Entry{Ref: order.Ref{
		Region: order.Mainland, MchID: s.owner.MchID, SubMchID: s.owner.SubMchID, OutTradeNo: s.number("doubt"),
	}}
	// Begin writes the intent as a direct close does, with a lease that is over at once.
	_, err := kept.Begin(ctx, schedule.Record{Entry: entry}, time.Millisecond)
	if err == nil {
		err = d.place(s, "doubt", paygate.StateClosed)
	}
	if err != nil {
		return bilingual.Errorf("leaving an order in doubt: %w", "制造存疑的订单：%w", err)
	}
	return nil
}

// tick is a timer that fires, and what must come of it: the counts of the sweep's report, and the
// orders' states at the gateway.
type tick struct {
	title    bilingual.Text
	function string
	report   sweep.Report
	// states are by the order's name.
	states map[string]string
}

// tick fires a timer, shows its report, and notes whether it and the gateway's record are what they
// should be. closeorder's timer closes what is overdue, queryorder's looks after what is in doubt.
func (d *Demo) tick(ctx context.Context, s *scene, t tick) error {
	start := time.Now()
	reply, err := s.cloud.Fire(ctx, t.function)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.print("\n▸ %s\n  %s timer\n  %s\n", "\n▸ %s\n  %s 定时器\n  %s\n", t.title, t.function, reply)
	var report sweep.Report
	wrong := json.Unmarshal(reply, &report)
	// Calls and times differ from run to run; the table shows them.
	calls := report.Calls
	report.Calls, report.Took, report.Status = 0, 0, nil
	if wrong == nil && report != t.report {
		wrong = bilingual.Errorf("the report counts %+v and should count %+v: %s", "报告计数为 %+v，应为 %+v：%s", report, t.report, reply)
	}
	// The order of the names makes the output the same in each run.
	names := slices.Sorted(maps.Keys(t.states))
	for _, name := range names {
		if wrong == nil {
			wrong = d.checkState(s, s.number(name), t.states[name])
		}
	}
	d.done = append(d.done, played{
		function: t.function, order: strings.Join(names, ", "), variant: s.variant, outcome: d.Say("timer", "定时器"),
		attempts: calls, took: took, wrong: wrong,
	})
	return nil
}

// tell shows the outbox: one event for each order that has ended, which is what the shop releases
// its stock by.
func (d *Demo) tell(ctx context.Context, kept *store.Store, s *scene) error {
	// Six orders have ended: far less than a page.
	const most = 100
	events, err := kept.Events(ctx, order.Account{Region: order.Mainland, MchID: s.owner.MchID}, outbox.Cursor{}, most)
	if err != nil {
		return bilingual.Errorf("reading the events: %w", "读取事件：%w", err)
	}
	d.print("\n▸ what your shop is told: cloudpay orders events\n", "\n▸ 通知给商户的事件：cloudpay orders events\n")
	rows := &render.Table{Out: d.Out, Header: []string{"  " + d.Say("event", "事件"), d.Say("order", "订单"), d.Say("what", "内容")}}
	for _, e := range events {
		rows.Row(fmt.Sprintf("  %d", e.Number), e.OutTradeNo, d.Event(e))
	}
	rows.Flush()
	return nil
}
