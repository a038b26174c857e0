package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// telling is one run of orders events.
type telling struct {
	books

	after int64
	limit int
	dead  bool
}

func newEvents(l *language) *cobra.Command {
	t := &telling{books: books{language: l}}
	cmd := &cobra.Command{
		Use:   "events",
		Short: l.say(words("Read what became of registered orders, from an event on", "读取已登记订单的事件")),
		Long: l.say(words(`events reads the outbox: one event for each order that ended, was given up, or was
signed to have ended in two ways, in the order of their numbers. Whoever keeps the last number that it has dealt with
and asks for what comes after it misses nothing; reading marks nothing as delivered.
docs/events.md describes them.

--dead lists those that could not be delivered to CLOUDPAY_NOTIFY_URL and are not tried again,
with the reason; "cloudpay orders redeliver" has them tried again.`,
			`events 读取发件箱：订单结束、被放弃，或先后有两种签名结果时，各有一个事件，按编号排列。记住已处理的
最大编号，再用 --after 读取其后的事件，就不会遗漏；读取不会标记为已投递。说明见 docs/events.md。

--dead 列出未能投递到 CLOUDPAY_NOTIFY_URL 且不再重试的事件及其原因；用 "cloudpay orders
redeliver" 重新投递。`)),
		Example: `  cloudpay orders events --after 1200 --json
  cloudpay orders events --dead`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              t.run,
	}
	t.register(cmd)
	flags := cmd.Flags()
	flags.Int64Var(&t.after, "after", 0, l.say(words("the last event that has been dealt with", "已处理的最后一个事件")))
	flags.IntVar(&t.limit, "limit", 100, l.say(words("how many at most, up to 1000", "最多条数，不超过 1000")))
	flags.BoolVar(&t.dead, "dead", false, l.say(words("those that could not be delivered and are not tried again", "未能投递且不再重试的")))
	return cmd
}

// posted is a dead event as JSON: an event, with why it is dead.
type posted struct {
	schedule.Event

	Attempts  int    `json:"attempts"`
	LastError string `json:"lastError"`
}

func (t *telling) run(cmd *cobra.Command, _ []string) error {
	const most = 1000 // the store's own bound
	if t.limit < 1 || t.limit > most {
		return usagef("--limit: must be 1 to %d", "--limit：须为 1 至 %d", most)
	}
	if t.after < 0 {
		return usagef("--after: must be an event's number, or 0 for the beginning", "--after：须为事件编号，0 表示从头开始")
	}
	return t.with(func(s *store.Store, m order.Merchant) error {
		if t.dead {
			return t.tellDead(cmd, s, m.Account())
		}
		events, err := s.Events(cmd.Context(), m.Account(), t.after, t.limit)
		if err != nil {
			return inStore(err)
		}
		t.tell(cmd, events)
		return nil
	})
}

func (t *telling) header(more ...string) []string {
	say := t.language.say
	return append([]string{
		say(words("event", "事件")), say(words("at", "时间")), say(words("order", "商户订单号")),
		say(words("what", "内容")),
	}, more...)
}

func (t *telling) cells(e schedule.Event) []string {
	number := strings.Join(notEmpty(e.SubMchID, e.OutTradeNo), "/")
	return []string{strconv.FormatInt(e.ID, 10), clock(e.OccurredAt), number, t.language.notice(e)}
}

func (t *telling) tell(cmd *cobra.Command, events []schedule.Event) {
	rows := &table{out: cmd.OutOrStdout(), header: t.header()}
	for _, e := range events {
		if t.json {
			sayJSON(cmd.OutOrStdout(), e)
			continue
		}
		rows.row(t.cells(e)...)
	}
	rows.flush()
	if len(events) == 0 && !t.json {
		cmd.PrintErr(t.language.sayf("no events after %d\n", "编号 %d 之后没有事件\n", t.after))
	}
	t.more(cmd, len(events), func() int64 { return events[len(events)-1].ID })
}

func (t *telling) tellDead(cmd *cobra.Command, s *store.Store, of order.Account) error {
	dead, err := s.DeadLetters(cmd.Context(), of, t.after, t.limit)
	if err != nil {
		return inStore(err)
	}
	say := t.language.say
	rows := &table{out: cmd.OutOrStdout(), header: t.header(say(words("attempts", "次数")), say(words("why", "原因")))}
	for _, p := range dead {
		if t.json {
			sayJSON(cmd.OutOrStdout(), posted{p.Event, p.Attempts, p.LastError})
			continue
		}
		rows.row(append(t.cells(p.Event), strconv.Itoa(p.Attempts), p.LastError)...)
	}
	rows.flush()
	if len(dead) == 0 && !t.json {
		cmd.PrintErr(t.language.sayf("no dead events after %d: none waits for redeliver\n", "编号 %d 之后没有未送达的事件\n", t.after))
	}
	t.more(cmd, len(dead), func() int64 { return dead[len(dead)-1].ID })
	return nil
}

// more says how a list goes on that was cut off.
func (t *telling) more(cmd *cobra.Command, told int, last func() int64) {
	if told == t.limit {
		cmd.PrintErr(t.language.sayf("more: --after %d\n", "还有更多：--after %d\n", last()))
	}
}

// redelivering is one run of orders redeliver.
type redelivering struct{ books }

func newRedeliver(l *language) *cobra.Command {
	r := &redelivering{books{language: l}}
	cmd := &cobra.Command{
		Use:   l.say(words("redeliver EVENT...", "redeliver 事件编号...")),
		Short: l.say(words("Have events delivered that could not be, and were not tried again", "重新投递未送达的事件")),
		Long: l.say(words(`redeliver has dead events (cloudpay orders events --dead) delivered to
CLOUDPAY_NOTIFY_URL by the next sweep. Find out first why its receiver did not take them.`,
			`redeliver 让下次扫描把未送达的事件（cloudpay orders events --dead）投递到 CLOUDPAY_NOTIFY_URL。请先
查明接收方为何没有接收。`)),
		Example: `  cloudpay orders redeliver 1201 1202`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name an event by its number: %s EVENT...", "请用编号指定事件：%s 事件编号...", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              r.run,
	}
	r.register(cmd)
	return cmd
}

// revived is what became of one event, as JSON.
type revived struct {
	ID      int64 `json:"id"`
	Revived bool  `json:"revived"`
}

func (r *redelivering) run(cmd *cobra.Command, args []string) error {
	ids := make([]int64, 0, len(args))
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return usagef("an event's number is a whole one from 1, not %q", "事件编号须为不小于 1 的整数，而不是 %q", arg)
		}
		ids = append(ids, id)
	}
	return r.with(func(s *store.Store, m order.Merchant) error {
		var worst error
		for _, id := range ids {
			done, err := s.Requeue(cmd.Context(), m.Account(), id)
			if err != nil {
				return inStore(err)
			}
			if !done {
				worst = &exitError{code: exitNotFound}
			}
			r.tell(cmd, id, done)
		}
		return worst
	})
}

func (r *redelivering) tell(cmd *cobra.Command, id int64, done bool) {
	if r.json {
		sayJSON(cmd.OutOrStdout(), revived{id, done})
		return
	}
	sign, what := "✓", words("is delivered by the next sweep", "将由下次扫描投递")
	if !done {
		sign, what = "✗", words("is not among the dead events", "不在未送达事件之列")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %d: %s\n", sign, id, r.language.say(what))
}
