package main

import (
	"bufio"
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/tally"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// listCmd is one run of orders list. It reads the register page by page, so that a list of any
// length begins at once and is never whole in memory.
type listCmd struct {
	storeFlags
	orderArgs

	// chosen are the flags that select, by their names.
	chosen map[string]*bool
	// limit bounds the list; 0: everything is listed.
	limit int
	// from is where an earlier list ended: a Progress, a colon and the store's place in it.
	from string
	// since is --since as it was given; empty: orders of any age.
	since string
	// count prints how many there are, and none of them.
	count bool

	selection selection
	// of is what else selects, for each part of the selection.
	of  schedule.Selection
	out *bufio.Writer
	// table is nil for JSON.
	table *render.Table
	// told counts the orders listed so far, all of them and by their states.
	told   int
	states tally.Words
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
	{"withdrawn", []schedule.Progress{schedule.Withdrawn},
		bilingual.New("those whose registration was withdrawn", "已撤回登记的"),
		bilingual.New("no registration was withdrawn", "没有已撤回登记的订单")},
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
	flags.StringVar(&c.since, "since", "", l.Say("those registered (with --ended: ended) since a date, a time, or a duration before now",
		"自某日期、时间或距今时长以来登记的（与 --ended 一起时为结束的）"))
	flags.BoolVar(&c.count, "count", false, l.Say("print how many there are, and none of them", "只输出数量"))
	c.filterFlag(l, cmd)
	return cmd
}

// run prints the list. How it goes on, how many it has, and that there is nothing in it, goes to
// standard error: standard output has orders alone.
func (c *listCmd) run(cmd *cobra.Command, _ []string) error {
	if err := c.check(time.Now()); err != nil {
		return err
	}
	// The merchant's orders: a service provider's are those of all its sub-merchants.
	return c.with(func(s *store.Store, m order.Merchant) (err error) {
		c.of.Account = m.Account()
		if c.of.SubMchID, err = c.only(m); err != nil {
			return err
		}
		if c.count {
			return c.tellCount(cmd, s)
		}
		c.out = bufio.NewWriterSize(cmd.OutOrStdout(), bufferSize)
		if !c.json {
			c.table = &render.Table{Out: c.out, Header: c.header()}
		}
		next, err := c.listAndPrint(cmd.Context(), s)
		if err != nil {
			return err
		}
		return c.tellEnd(cmd, s, next)
	})
}

// header has the titles of the table. What has ended is not due any more.
func (c *listCmd) header() []string {
	when := c.Say("due", "下次处理")
	if c.hasEnded() {
		when = c.Say("ended", "结束时间")
	}
	return []string{
		"", c.Text(render.OrderTitle), c.Say("state", "进度"), c.Say("registered", "登记时间"), when,
		c.Say("attempts", "次数"), c.Say("last said", "最近状态"), c.Say("why", "原因"),
	}
}

func (c *listCmd) hasEnded() bool { return c.selection.of[0] == schedule.Done }

// check looks at the flags. Two selections at once are refused: it is not clear whether the user
// wants the orders in both or in either. Orders are due by this machine's clock, the same for all
// pages; the database's, by which they are claimed, may differ by a little.
func (c *listCmd) check(now time.Time) error {
	chosen := slices.DeleteFunc(slices.Clone(selections), func(s selection) bool { return s.flag != "" && !*c.chosen[s.flag] })
	if len(chosen) > 2 { // one that was given, and the one without a flag
		return usagef("give one of --stuck, --closing, --due, --waiting, --withdrawn and --ended, or none",
			"--stuck、--closing、--due、--waiting、--withdrawn、--ended 只能给出一个，或都不给")
	}
	if c.limit < 0 {
		return usagef("--limit: must be a number from 0, which is all", "--limit：须为不小于 0 的数，0 表示全部")
	}
	c.selection = chosen[0]
	if c.selection.flag == dueFlag {
		c.of.DueBy = now
	}
	if c.since != "" {
		since, err := moment.Since(c.since, now)
		if err != nil {
			return usagef("--since: %w", "--since：%w", err)
		}
		c.of.Since = since
	}
	return nil
}

const (
	// pageSize is how many orders are read at once. It bounds the memory, and the time that one
	// statement takes.
	pageSize = 2000
	// bufferSize is how much is printed at once, in bytes.
	bufferSize = 64 << 10
)

// listAndPrint prints each page while the next one is read. The rows before an error are printed,
// too, and before it; of two errors, the one about standard output ended the reading.
func (c *listCmd) listAndPrint(ctx context.Context, s *store.Store) (next string, err error) {
	ctx, stop := context.WithCancel(ctx)
	pages, printed := make(chan []schedule.Record), make(chan error, 1)
	go func() {
		defer stop() // what cannot be printed is not read
		printed <- c.print(pages)
	}()
	next, err = c.list(ctx, s, pages)
	close(pages)
	if failed := <-printed; failed != nil {
		return "", failed
	}
	return next, err
}

// list reads up to the limit, and returns the place where it goes on; empty when there is no more.
// It is not a snapshot: an order that a sweep moves from one part to another meanwhile may be
// listed twice, or not at all.
func (c *listCmd) list(ctx context.Context, s *store.Store, pages chan<- []schedule.Record) (next string, err error) {
	// A place is the store's own, and is only good within its part.
	parts, place, err := c.start()
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		of := c.part(part)
		for more := true; more; {
			n := pageSize
			if c.limit > 0 {
				n = min(n, c.limit-c.told)
			}
			if n == 0 {
				// The limit is reached: a place to go on from is only worth saying if there is
				// more.
				page, err := s.List(ctx, of, place, 1)
				if len(page.Orders) > 0 || err != nil {
					return string(part) + ":" + place, err
				}
				break
			}
			page, err := s.List(ctx, of, place, n)
			if err != nil {
				return "", err
			}
			select {
			case pages <- page.Orders:
				c.told += len(page.Orders)
			case <-ctx.Done():
				return "", ctx.Err()
			}
			place, more = page.Next, page.Next != ""
		}
		place = ""
	}
	return "", nil
}

// part is what is selected of one part of the register.
func (c *listCmd) part(at schedule.Progress) schedule.Selection {
	of := c.of
	of.Progress = at
	return of
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

// print prints pages until there are no more, and then the rest of the table. The error is about
// standard output: what reads it may have ended.
func (c *listCmd) print(pages <-chan []schedule.Record) error {
	for page := range pages {
		for _, r := range page {
			c.row(r)
		}
		if err := c.flush(); err != nil {
			return err
		}
	}
	if c.table != nil {
		c.table.Flush()
	}
	return c.flush()
}

// row prints an order. It has what an operator needs to choose the next command; show has the rest.
func (c *listCmd) row(r schedule.Record) {
	if c.table == nil {
		render.JSON(c.out, orderfile.NewRecord(r))
		return
	}
	when := r.DueAt
	if c.hasEnded() {
		when = r.EndedAt
	}
	state := c.Progress(r)
	c.states.Add(state, 1)
	c.table.Row(render.Mark(r), render.Number(r.SubMchID, r.OutTradeNo), state, render.Clock(r.RegisteredAt), render.Clock(when),
		strconv.Itoa(r.Attempts), string(r.TradeState), c.Reason(r.LastError))
}

func (c *listCmd) flush() error {
	if err := c.out.Flush(); err != nil {
		return bilingual.Errorf("printing the list: %w", "输出列表：%w", err)
	}
	return nil
}

// tellEnd says how many orders were listed, of how many if the limit cut the list off, and how it
// goes on. Programs are only told how it goes on.
func (c *listCmd) tellEnd(cmd *cobra.Command, s *store.Store, next string) error {
	switch {
	case c.json:
	case c.told > 0 && next != "":
		all, err := c.counts(cmd.Context(), s)
		if err != nil {
			return err
		}
		cmd.PrintErrln(c.Say("%d of %d orders: %s", "%d / %d 个订单：%s", c.told, all.Sum(), all.Text(c.Language)))
	case c.told > 0:
		cmd.PrintErrln(c.Say("%d orders: %s", "共 %d 个订单：%s", c.told, c.states.Text(c.Language)))
	case c.from != "":
		cmd.PrintErrln(c.Say("no more orders", "没有更多订单"))
	default:
		cmd.PrintErrln(c.Text(c.selection.none))
	}
	if next != "" {
		cmd.PrintErr(c.Say("more: --from %s\n", "还有更多：--from %s\n", next))
	}
	return nil
}

// counts is how many orders the whole selection has, by progress.
func (c *listCmd) counts(ctx context.Context, s *store.Store) (*tally.Words, error) {
	all := &tally.Words{}
	for _, part := range c.selection.of {
		n, err := s.Count(ctx, c.part(part))
		if err != nil {
			return nil, err
		}
		all.Add(c.Progress(schedule.Record{Progress: part}), int(n))
	}
	return all, nil
}

// tellCount prints how many orders are selected, as --count asks.
func (c *listCmd) tellCount(cmd *cobra.Command, s *store.Store) error {
	all, err := c.counts(cmd.Context(), s)
	if err != nil {
		return err
	}
	if !c.json {
		cmd.Println(c.Say("%d orders: %s", "共 %d 个订单：%s", all.Sum(), all.Text(c.Language)))
		return nil
	}
	for _, part := range c.selection.of {
		render.JSON(cmd.OutOrStdout(), struct {
			Progress schedule.Progress `json:"progress"`
			Count    int               `json:"count"`
		}{part, all.Of(c.Progress(schedule.Record{Progress: part}))})
	}
	return nil
}
