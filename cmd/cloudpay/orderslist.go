package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// listing is one run of orders list.
type listing struct {
	books

	waiting, closing, due, stuck, ended bool

	limit int
	from  string

	table *table
	now   time.Time
	told  int // how many were listed
}

func newList(speech *language) *cobra.Command {
	l := &listing{books: books{language: speech}}
	say := speech.say
	cmd := &cobra.Command{
		Use:   "list",
		Short: say(words("List registered orders: those that are stuck, due, waiting, or have ended", "列出已登记的订单：已放弃、到期、等待或已结束的")),
		Long: say(words(`list lists the merchant's registered orders: without a flag all that have not
ended, first those that were given up, then those whose close is in doubt, then those that wait,
the longest due first. A service provider's are those of all its sub-merchants, each shown
as SUB_MCHID/ORDER.

--stuck are those that a person has to look at: "cloudpay orders show" says why, and
"cloudpay orders reopen" has them tried again. --due is by this machine's clock; what is
due and stays so is not swept: is there a timer, and does its function work?

--limit bounds the list, and what is said at its end continues it (--from); --limit 0
lists everything.`, `list 列出商户已登记的订单：不带选项时列出所有未结束的，依次为已放弃的、关单结果存疑的、等待的，到期
最久的在前。服务商的为其所有子商户的订单，显示为 子商户号/订单号。

--stuck 为需人工处理的：用 "cloudpay orders show" 查看原因，用 "cloudpay orders reopen" 重新
处理。--due 以本机时钟为准；到期却一直未处理，说明没有扫描：是否有定时器，其函数是否正常？

--limit 限制条数，用结尾给出的 --from 继续；--limit 0 列出全部。`)),
		Example: `  cloudpay orders list --stuck
  cloudpay orders list --due --limit 0 --json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              l.run,
	}
	l.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&l.stuck, "stuck", false, say(words("those that were given up", "已放弃的")))
	flags.BoolVar(&l.closing, "closing", false, say(words("those whose closing began, and whose end is in doubt", "已开始关单而结果存疑的")))
	flags.BoolVar(&l.due, "due", false, say(words("those that are due now", "现已到期的")))
	flags.BoolVar(&l.waiting, "waiting", false, say(words("those that wait for their time", "等待到期的")))
	flags.BoolVar(&l.ended, "ended", false, say(words("those that have ended: closed, paid or not found", "已结束的：已关单、已支付或不存在")))
	flags.IntVar(&l.limit, "limit", 50, say(words("how many at most; 0: all", "最多条数；0 表示全部")))
	flags.StringVar(&l.from, "from", "", say(words("where an earlier list ended", "上次列表结束的位置")))
	return cmd
}

// parts are what is listed, one after the other.
func (l *listing) parts() []schedule.Progress {
	switch {
	case l.stuck:
		return []schedule.Progress{schedule.GaveUp}
	case l.closing:
		return []schedule.Progress{schedule.Closing}
	case l.due:
		return []schedule.Progress{schedule.Closing, schedule.Waiting}
	case l.waiting:
		return []schedule.Progress{schedule.Waiting}
	case l.ended:
		return []schedule.Progress{schedule.Done}
	}
	return []schedule.Progress{schedule.GaveUp, schedule.Closing, schedule.Waiting}
}

func (l *listing) run(cmd *cobra.Command, _ []string) error {
	if err := l.checkOne(); err != nil {
		return err
	}
	if l.limit < 0 {
		return usagef("--limit: must be a number from 0, which is all", "--limit：须为不小于 0 的数，0 表示全部")
	}
	say := l.language.say
	l.now = time.Now()
	l.table = &table{out: cmd.OutOrStdout(), header: []string{
		"", say(words("order", "商户订单号")), say(words("state", "进度")), say(words("due", "下次处理")),
		say(words("attempts", "次数")), say(words("last said", "最近状态")), say(words("why", "原因")),
	}}
	return l.with(func(s *store.Store, m order.Merchant) error {
		next, err := l.list(cmd, s, m.Account())
		l.table.flush()
		if err != nil {
			return err
		}
		if l.told == 0 && !l.json {
			cmd.PrintErrln(say(l.nothing()))
		}
		if next != "" {
			cmd.PrintErr(l.language.sayf("more: --from %s\n", "还有更多：--from %s\n", next))
		}
		return nil
	})
}

// nothing says that there is none of what was to be listed.
func (l *listing) nothing() bilingual.Text {
	switch {
	case l.from != "":
		return words("no more orders", "没有更多订单")
	case l.stuck:
		return words("no order was given up", "没有已放弃的订单")
	case l.closing:
		return words("no order's close is in doubt", "没有关单结果存疑的订单")
	case l.due:
		return words("no order is due", "没有到期的订单")
	case l.waiting:
		return words("no order waits for its time", "没有等待到期的订单")
	case l.ended:
		return words("no registered order has ended", "没有已结束的订单")
	}
	return words("no registered order waits to be closed", "没有待关的已登记订单")
}

// checkOne wants one part of the orders to be chosen, or none.
func (l *listing) checkOne() error {
	chosen := 0
	for _, is := range []bool{l.stuck, l.closing, l.due, l.waiting, l.ended} {
		if is {
			chosen++
		}
	}
	if chosen > 1 {
		return usagef("give one of --stuck, --closing, --due, --waiting and --ended, or none",
			"--stuck、--closing、--due、--waiting、--ended 只能给出一个，或都不给")
	}
	return nil
}

// pageSize is how many orders are asked for at once.
const pageSize = 500

// list lists up to the limit, and returns where it goes on; empty when there is no more.
func (l *listing) list(cmd *cobra.Command, s *store.Store, of order.Account) (string, error) {
	parts, place, err := l.start()
	if err != nil {
		return "", err
	}
	for _, part := range parts {
		for more := true; more; {
			n := pageSize
			if l.limit > 0 {
				n = min(n, l.limit-l.told)
			}
			if n == 0 {
				is, err := l.any(cmd.Context(), s, of, part, place)
				if is || err != nil {
					return string(part) + ":" + place, inStore(err)
				}
				break
			}
			page, err := s.List(cmd.Context(), of, part, place, n)
			if err != nil {
				return "", inStore(err)
			}
			page = l.upToNow(page)
			for _, o := range page.Orders {
				l.tell(cmd, o)
			}
			l.told += len(page.Orders)
			place, more = page.Next, page.Next != ""
		}
		place = ""
	}
	return "", nil
}

// start is what is to be listed, and from where in the first part of it.
func (l *listing) start() (parts []schedule.Progress, place string, err error) {
	parts = l.parts()
	if l.from == "" {
		return parts, "", nil
	}
	part, place, _ := strings.Cut(l.from, ":")
	at := slices.Index(parts, schedule.Progress(part))
	if at < 0 {
		return nil, "", usagef("--from: must be what a list with the same flags said at its end, not %q",
			"--from：须为以相同选项列出时结尾给出的位置，而不是 %q", l.from)
	}
	return parts[at:], place, nil
}

// any reports whether there is anything to list from a place on.
func (l *listing) any(ctx context.Context, s *store.Store, of order.Account, part schedule.Progress, place string) (bool, error) {
	page, err := s.List(ctx, of, part, place, 1)
	if err != nil {
		return false, inStore(err)
	}
	return len(l.upToNow(page).Orders) > 0, nil
}

// upToNow ends a list of what is due where the first comes that is not.
func (l *listing) upToNow(page schedule.Page) schedule.Page {
	if !l.due {
		return page
	}
	if i := slices.IndexFunc(page.Orders, func(o schedule.Record) bool { return o.DueAt.After(l.now) }); i >= 0 {
		return schedule.Page{Orders: page.Orders[:i]}
	}
	return page
}

func (l *listing) tell(cmd *cobra.Command, s schedule.Record) {
	if l.json {
		sayJSON(cmd.OutOrStdout(), standingOf(s))
		return
	}
	l.table.row(standingMark(s), shownNumber(s.SubMchID, s.OutTradeNo), l.language.standing(s), clock(s.DueAt),
		strconv.Itoa(s.Attempts), string(s.TradeState), l.language.reason(s.LastError))
}
