package main

import (
	"context"
	"strconv"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

// eventsCmd is one run of orders events. Events have numbers that grow, so that a program reads on
// from the last one that it has handled, named by its number, eventId and occurredAt:
//
//	cloudpay orders events --json --after 12.0c1f4b1e-….2026-11-29T01:53:57Z
//
// Reading changes nothing: an event is delivered when a receiver takes it, and not when it is read.
// With --acknowledge the events up to that last one count as delivered, for a shop without one.
type eventsCmd struct {
	storeFlags
	orderArgs

	// after is the last event that has been handled, an outbox.Cursor; 0: none.
	after string
	// limit is 1 to what one call of the store returns.
	limit int
	// dead lists only events that could not be delivered, pending those still to be delivered.
	dead, pending bool
	// acknowledge acknowledges the events up to after.
	acknowledge bool
}

// mostListed is the store's own bound of a list of events; a longer one goes on with --after.
const mostListed = 1000

// newEvents makes the command orders events. It is how a shop without a receiver for webhooks
// learns of the ends of its orders, and how an operator finds the events that no receiver took.
func newEvents(l *render.Language) *cobra.Command {
	e := &eventsCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-events", &cobra.Command{
		Args: noArguments,
		RunE: e.run,
	})
	e.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&e.after, "after", "0", l.Say("the last event that was handled: NUMBER.EVENTID.OCCURREDAT, or NUMBER",
		"已处理的最后一个事件：NUMBER.EVENTID.OCCURREDAT 或 NUMBER"))
	flags.IntVar(&e.limit, "limit", 100, l.Say("how many at most, up to 1000", "最多条数，不超过 1000"))
	flags.BoolVar(&e.acknowledge, "acknowledge", false, l.Say("count the events up to --after as delivered: they were handled",
		"将 --after 及之前的事件记为已投递：均已处理"))
	flags.BoolVar(&e.dead, "dead", false, l.Say("those that could not be delivered and are not tried again", "未能投递且不再重试的"))
	flags.BoolVar(&e.pending, "pending", false, l.Say("those that are still to be delivered, with their ages", "待投递的事件及其已等待的时间"))
	e.filterFlag(l, cmd)
	return cmd
}

// run prints a list of events, or with --dead those that are not delivered any more. Both go
// through tell as deliveries; an event that is only read has no attempts.
func (e *eventsCmd) run(cmd *cobra.Command, _ []string) error {
	after, err := e.check()
	if err != nil {
		return err
	}
	return e.with(func(s *store.Store, m order.Merchant) error {
		of := outbox.Selection{Account: m.Account()}
		if of.SubMchID, err = e.only(m); err != nil {
			return err
		}
		if e.pending {
			return e.listPending(cmd, s, of)
		}
		read := e.read
		if e.dead { // they are read by the same numbers as all others
			read = e.readDead
		}
		deliveries, err := read(cmd.Context(), s, of, after)
		if err == nil {
			e.tell(cmd, deliveries)
		}
		return err
	})
}

func (e *eventsCmd) readDead(ctx context.Context, s *store.Store, of outbox.Selection, after outbox.Cursor) ([]outbox.Delivery, error) {
	return s.DeadLetters(ctx, of, after.Number, e.limit)
}

// read reads events, of one sub-merchant those among all that are its own. With --acknowledge it
// acknowledges those before them: that they could be read proves that the cursor is of this
// register.
func (e *eventsCmd) read(ctx context.Context, s *store.Store, of outbox.Selection, after outbox.Cursor) ([]outbox.Delivery, error) {
	var found []outbox.Delivery
	page := e.limit
	if of.SubMchID != "" {
		page = mostListed
	}
	for next, read := after, page; read == page && len(found) < e.limit; {
		events, err := s.Events(ctx, of.Account, next, page)
		if err != nil {
			return nil, err
		}
		for _, event := range events {
			if next = event.Cursor(); len(found) < e.limit && of.Includes(event.Ref) {
				found = append(found, outbox.Delivery{Event: event})
			}
		}
		read = len(events)
	}
	if !e.acknowledge {
		return found, nil
	}
	_, err := s.Acknowledge(ctx, of.Account, after.Number)
	return found, err
}

// check looks at the flags.
func (e *eventsCmd) check() (after outbox.Cursor, err error) {
	if e.limit < 1 || e.limit > mostListed {
		return after, usagef("--limit: must be 1 to %d", "--limit：须为 1 至 %d", mostListed)
	}
	if e.pending && (e.dead || e.after != "0") {
		return after, usagef("--pending: goes with neither --dead nor --after", "--pending：不能与 --dead 或 --after 一起使用")
	}
	after, err = outbox.ParseCursor(e.after)
	if err != nil {
		return after, usagef("--after: %w", "--after：%w", err)
	}
	if (e.dead || e.pending) && e.acknowledge {
		return after, usagef("--acknowledge: is for reading all events, not with --dead or --pending",
			"--acknowledge：用于读取全部事件，不可与 --dead 或 --pending 同用")
	}
	if e.subMchID != "" && e.acknowledge {
		return after, usagef("--acknowledge: counts the events of all sub-merchants up to --after as delivered; leave --sub-mch-id out",
			"--acknowledge：将 --after 及之前所有子商户的事件记为已投递，请去掉 --sub-mch-id")
	}
	// Numbers come again after a restore: the events up to a bare one need not be those that were
	// read.
	if e.acknowledge && after.Number > 0 && after.OccurredAt.IsZero() {
		return after, usagef("--acknowledge: must come with --after NUMBER.EVENTID.OCCURREDAT of the last event that was handled, "+
			"not with %s, which may be another event since a restore or a failover",
			"--acknowledge：须与已处理的最后一个事件的 --after NUMBER.EVENTID.OCCURREDAT 同用，"+
				"而不是 %s：数据库恢复或主备切换后它可能是另一个事件", e.after)
	}
	return after, nil
}

// tell prints events, and says how a list goes on that was cut off. Of dead ones it prints what
// kept them from being delivered, too. What is for the person goes to standard error, so that
// standard output has events alone.
func (e *eventsCmd) tell(cmd *cobra.Command, all []outbox.Delivery) {
	header := []string{e.Say("event", "事件"), e.Say("at", "时间"), e.Say("order", "商户订单号"), e.Say("what", "内容")}
	if e.dead {
		header = append(header, e.Say("attempts", "次数"), e.Say("why", "原因"))
	}
	rows := &render.Table{Out: cmd.OutOrStdout(), Header: header}
	for _, d := range all {
		if e.json {
			e.tellJSON(cmd, d)
			continue
		}
		number := strconv.FormatInt(d.Number, 10)
		cells := []string{number, render.Clock(d.OccurredAt), render.Number(d.SubMchID, d.OutTradeNo), e.Event(d.Event)}
		if e.dead {
			cells = append(cells, strconv.Itoa(d.Attempts), e.DeliveryReason(d.LastError))
		}
		rows.Row(cells...)
	}
	rows.Flush()
	// A full list may have an end just here; --after then finds nothing, which is no fault.
	switch {
	case len(all) == 0 && e.json:
	case len(all) == 0 && e.dead:
		cmd.PrintErr(e.Say("no dead events after %s: none waits for redeliver\n", "编号 %s 之后没有未送达的事件\n", e.after))
	case len(all) == 0:
		cmd.PrintErr(e.Say("no events after %s\n", "%s 之后没有事件\n", e.after))
	case len(all) == e.limit:
		cmd.PrintErr(e.Say("more: --after %s\n", "还有更多：--after %s\n", all[len(all)-1].Cursor().String()))
	case !e.json && !e.dead: // for the next reading, or for --acknowledge
		cmd.PrintErr(e.Say("the last: --after %s\n", "最后一个：--after %s\n", all[len(all)-1].Cursor().String()))
	}
}

// tellJSON prints one event, as webhooks carry it (docs/events.md); a dead one has two members
// more.
func (e *eventsCmd) tellJSON(cmd *cobra.Command, d outbox.Delivery) {
	if !e.dead {
		render.JSON(cmd.OutOrStdout(), d.Event)
		return
	}
	render.JSON(cmd.OutOrStdout(), d)
}
