package main

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
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
}

func newList() *cobra.Command {
	l := &listing{}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List registered orders: those that are stuck, due, waiting, or have ended",
		Long: `list lists the merchant's registered orders: without a flag all that have not
ended, first those that were given up, then those whose close is in doubt, then those that wait,
the longest due first. A service provider's are those of all its sub-merchants, each shown
as SUB_MCHID/ORDER.

--stuck are those that a person has to look at: "cloudpay orders show" says why, and
"cloudpay orders reopen" has them tried again. --due is by this machine's clock; what is
due and stays so is not swept: is there a timer, and does its function work?

--limit bounds the list, and what is said at its end continues it (--from); --limit 0
lists everything.

列出已登记的订单：默认列出未结束的；--stuck 为已放弃、需人工处理的订单。`,
		Example: `  cloudpay orders list --stuck
  cloudpay orders list --due --limit 0 --json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              l.run,
	}
	l.register(cmd)
	flags := cmd.Flags()
	flags.BoolVar(&l.stuck, "stuck", false, "those that were given up")
	flags.BoolVar(&l.closing, "closing", false, "those whose closing began, and whose end is in doubt")
	flags.BoolVar(&l.due, "due", false, "those that are due now")
	flags.BoolVar(&l.waiting, "waiting", false, "those that wait for their time")
	flags.BoolVar(&l.ended, "ended", false, "those that have ended: closed, paid or not found")
	flags.IntVar(&l.limit, "limit", 50, "how many at most; 0: all")
	flags.StringVar(&l.from, "from", "", "where an earlier list ended")
	return cmd
}

// parts are what is listed, one after the other.
func (l *listing) parts() []order.Progress {
	switch {
	case l.stuck:
		return []order.Progress{order.GaveUp}
	case l.closing:
		return []order.Progress{order.Closing}
	case l.due:
		return []order.Progress{order.Closing, order.Waiting}
	case l.waiting:
		return []order.Progress{order.Waiting}
	case l.ended:
		return []order.Progress{order.Done}
	}
	return []order.Progress{order.GaveUp, order.Closing, order.Waiting}
}

func (l *listing) run(cmd *cobra.Command, _ []string) error {
	if err := l.checkOne(); err != nil {
		return err
	}
	if l.limit < 0 {
		return usagef("--limit: must be a number from 0, which is all")
	}
	chinese := l.language.chinese()
	l.now = time.Now()
	l.table = &table{out: cmd.OutOrStdout(), header: []string{
		"", words{"order", "商户订单号"}.in(chinese), words{"state", "进度"}.in(chinese), words{"due", "下次处理"}.in(chinese),
		words{"attempts", "次数"}.in(chinese), words{"last said", "最近状态"}.in(chinese), words{"why", "原因"}.in(chinese),
	}}
	return l.with(func(s *store.Store, m order.Merchant) error {
		next, err := l.list(cmd, s, m.Account())
		l.table.flush()
		if err != nil {
			return err
		}
		if next != "" {
			cmd.PrintErrf(words{"more: --from %s\n", "还有更多：--from %s\n"}.in(chinese), next)
		}
		return nil
	})
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
		return usagef("give one of --stuck, --closing, --due, --waiting and --ended, or none")
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
	told := 0
	for _, part := range parts {
		for more := true; more; {
			n := pageSize
			if l.limit > 0 {
				n = min(n, l.limit-told)
			}
			if n == 0 {
				is, err := l.any(cmd.Context(), s, of, part, place)
				if is || err != nil {
					return string(part) + ":" + place, err
				}
				break
			}
			page, err := s.List(cmd.Context(), of, part, place, n)
			if err != nil {
				return "", err //nolint:wrapcheck // it says what it was doing
			}
			page = l.upToNow(page)
			for _, o := range page.Orders {
				l.tell(cmd, o)
			}
			told += len(page.Orders)
			place, more = page.Next, page.Next != ""
		}
		place = ""
	}
	return "", nil
}

// start is what is to be listed, and from where in the first part of it.
func (l *listing) start() (parts []order.Progress, place string, err error) {
	parts = l.parts()
	if l.from == "" {
		return parts, "", nil
	}
	part, place, _ := strings.Cut(l.from, ":")
	at := slices.Index(parts, order.Progress(part))
	if at < 0 {
		return nil, "", usagef("--from: must be what a list with the same flags said at its end, not %q", l.from)
	}
	return parts[at:], place, nil
}

// any reports whether there is anything to list from a place on.
func (l *listing) any(ctx context.Context, s *store.Store, of order.Account, part order.Progress, place string) (bool, error) {
	page, err := s.List(ctx, of, part, place, 1)
	if err != nil {
		return false, err //nolint:wrapcheck // as above
	}
	return len(l.upToNow(page).Orders) > 0, nil
}

// upToNow ends a list of what is due where the first comes that is not.
func (l *listing) upToNow(page store.Page) store.Page {
	if !l.due {
		return page
	}
	if i := slices.IndexFunc(page.Orders, func(o order.Standing) bool { return o.DueAt.After(l.now) }); i >= 0 {
		return store.Page{Orders: page.Orders[:i]}
	}
	return page
}

func (l *listing) tell(cmd *cobra.Command, s order.Standing) {
	if l.json {
		sayJSON(cmd.OutOrStdout(), standingOf(s))
		return
	}
	l.table.row(standingMark(s), shownNumber(s.SubMchID, s.OutTradeNo), standingWord(s, l.language.chinese()), clock(s.DueAt),
		strconv.Itoa(s.Attempts), string(s.TradeState), s.LastError)
}
