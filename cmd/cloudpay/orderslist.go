package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// listCmd is one run of orders list. It reads the register page by page, so that a list of any
// length begins at once and is never whole in memory.
type listCmd struct {
	storeFlags

	// chosen are the flags that select, by their names.
	chosen map[string]*bool
	// limit bounds the list; 0: everything is listed.
	limit int
	// from is where an earlier list ended: a Progress, a colon and the store's place in it.
	from string

	selection selection
	table     *render.Table
	// now is this machine's clock at the start. The database's, by which orders are claimed, may
	// differ by a little.
	now time.Time
	// told counts the orders listed so far.
	told int
}

// selection is a part of the register that a flag chooses. The store lists one Progress at a time,
// in the order of the orders' due times.
type selection struct {
	flag string
	// of has the parts of the register, in the order in which they are listed.
	of []schedule.Progress
	// meaning is the flag's help, none what is said when there are no such orders.
	meaning, none bilingual.Text
}

// selections are all flags of that kind. The last one is what is listed without any of them: every
// order that has not ended, first those that a person has to look at.
var selections = []selection{
	{"stuck", []schedule.Progress{schedule.GaveUp},
		bilingual.New("those that were given up", "已放弃的"),
		bilingual.New("no order was given up", "没有已放弃的订单")},
	{"closing", []schedule.Progress{schedule.Closing},
		bilingual.New("those whose closing began, and whose end is in doubt", "已开始关单而结果存疑的"),
		bilingual.New("no order's close is in doubt", "没有关单结果存疑的订单")},
	{dueFlag, []schedule.Progress{schedule.Closing, schedule.Waiting},
		bilingual.New("those that are due now", "现已到期的"),
		bilingual.New("no order is due", "没有到期的订单")},
	{"waiting", []schedule.Progress{schedule.Waiting},
		bilingual.New("those that wait for their time", "等待到期的"),
		bilingual.New("no order waits for its time", "没有等待到期的订单")},
	{"ended", []schedule.Progress{schedule.Done},
		bilingual.New("those that have ended: closed, paid or not found", "已结束的：已关单、已支付或不存在"),
		bilingual.New("no registered order has ended", "没有已结束的订单")},
	{"", []schedule.Progress{schedule.GaveUp, schedule.Closing, schedule.Waiting},
		bilingual.Text{},
		bilingual.New("no registered order waits to be closed", "没有待关的已登记订单")},
}

// dueFlag selects by due time as well as by progress.
const dueFlag = "due"

// newList makes the command orders list. What it prints as JSON, orders reopen reads.
func newList(l *render.Language) *cobra.Command {
	c := &listCmd{storeFlags: storeFlags{Language: l}, chosen: map[string]*bool{}}
	cmd := describe(l, "orders-list", &cobra.Command{
		Args: noArguments,
		RunE: c.run,
	})
	c.register(cmd)
	flags := cmd.Flags()
	for _, s := range selections {
		if s.flag != "" {
			c.chosen[s.flag] = flags.Bool(s.flag, false, l.Text(s.meaning))
		}
	}
	flags.IntVar(&c.limit, "limit", 50, l.Say("how many at most; 0: all", "最多条数；0 表示全部"))
	flags.StringVar(&c.from, "from", "", l.Say("where an earlier list ended", "上次列表结束的位置"))
	return cmd
}

// run prints the list. How it goes on, and that there is nothing in it, goes to standard error:
// standard output has orders alone.
func (c *listCmd) run(cmd *cobra.Command, _ []string) error {
	if err := c.check(); err != nil {
		return err
	}
	c.now = time.Now() // the same for all pages
	c.table = &render.Table{Out: cmd.OutOrStdout(), Header: []string{
		"", c.Text(render.OrderTitle), c.Say("state", "进度"), c.Say("due", "下次处理"),
		c.Say("attempts", "次数"), c.Say("last said", "最近状态"), c.Say("why", "原因"),
	}}
	// The merchant's orders: a service provider's are those of all its sub-merchants.
	return c.with(func(s *store.Store, m order.Merchant) error {
		next, err := c.list(cmd, s, m.Account())
		c.table.Flush() // also the rows before an error
		if err != nil {
			return err
		}
		if c.told == 0 && !c.json {
			none := c.Text(c.selection.none)
			if c.from != "" {
				none = c.Say("no more orders", "没有更多订单")
			}
			cmd.PrintErrln(none)
		}
		if next != "" {
			cmd.PrintErr(c.Say("more: --from %s\n", "还有更多：--from %s\n", next))
		}
		return nil
	})
}

// check looks at the flags. Two selections at once are refused: it is not clear whether the user
// wants the orders in both or in either.
func (c *listCmd) check() error {
	chosen := slices.DeleteFunc(slices.Clone(selections), func(s selection) bool { return s.flag != "" && !*c.chosen[s.flag] })
	if len(chosen) > 2 { // one that was given, and the one without a flag
		return usagef("give one of --stuck, --closing, --due, --waiting and --ended, or none",
			"--stuck、--closing、--due、--waiting、--ended 只能给出一个，或都不给")
	}
	if c.limit < 0 {
		return usagef("--limit: must be a number from 0, which is all", "--limit：须为不小于 0 的数，0 表示全部")
	}
	c.selection = chosen[0]
	return nil
}

// pageSize is how many orders are read at once. It bounds the memory, and the time that one
// statement takes.
const pageSize = 500

// list lists up to the limit, and returns the place where it goes on; empty when there is no more.
// It is not a snapshot: an order that a sweep moves from one part to another meanwhile may be
// listed twice, or not at all.
func (c *listCmd) list(cmd *cobra.Command, s *store.Store, of order.Account) (next string, err error) {
	// A place is the store's own, and is only good within its part.
	parts, place, err := c.start()
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		for more := true; more; {
			n := pageSize
			if c.limit > 0 {
				n = min(n, c.limit-c.told)
			}
			if n == 0 {
				// The limit is reached: a place to go on from is only worth saying if there is
				// more.
				page, err := c.page(cmd.Context(), s, of, part, place, 1)
				if len(page.Orders) > 0 || err != nil {
					return string(part) + ":" + place, err
				}
				break
			}
			page, err := c.page(cmd.Context(), s, of, part, place, n)
			if err != nil {
				return "", err
			}
			for _, r := range page.Orders {
				c.tell(cmd, r)
			}
			c.told += len(page.Orders)
			place, more = page.Next, page.Next != ""
		}
		place = ""
	}
	return "", nil
}

// start is what is to be listed, and from where in the first part of it. A place is only good for a
// list with the same flags: another one may not have the part.
func (c *listCmd) start() (parts []schedule.Progress, place string, err error) {
	parts = c.selection.of
	if c.from == "" {
		return parts, "", nil
	}
	part, place, _ := strings.Cut(c.from, ":")
	at := slices.Index(parts, schedule.Progress(part))
	if at < 0 {
		return nil, "", usagef("--from: must be what a list with the same flags said at its end, not %q",
			"--from：须为以相同选项列出时结尾给出的位置，而不是 %q", c.from)
	}
	return parts[at:], place, nil
}

// page reads up to n orders. They come the longest due first, so with --due the list ends where the
// first comes that is not due.
func (c *listCmd) page(
	ctx context.Context, s *store.Store, of order.Account, part schedule.Progress, place string, n int,
) (schedule.Page, error) {
	page, err := s.List(ctx, of, part, place, n)
	if err != nil || c.selection.flag != dueFlag {
		return page, err
	}
	if i := slices.IndexFunc(page.Orders, func(r schedule.Record) bool { return r.DueAt.After(c.now) }); i >= 0 {
		page = schedule.Page{Orders: page.Orders[:i]}
	}
	return page, nil
}

// tell prints one order. A row has what an operator needs to choose the next command; show has the
// rest.
func (c *listCmd) tell(cmd *cobra.Command, r schedule.Record) {
	if c.json {
		render.JSON(cmd.OutOrStdout(), orderfile.NewRecord(r))
		return
	}
	c.table.Row(render.Mark(r), render.Number(r.SubMchID, r.OutTradeNo), c.Progress(r), render.Clock(r.DueAt),
		strconv.Itoa(r.Attempts), string(r.TradeState), c.Reason(r.LastError))
}
