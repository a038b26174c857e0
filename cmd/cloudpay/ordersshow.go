package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// single is one run of a command about single orders.
type single struct {
	books

	subMchID string
}

func (s *single) register(cmd *cobra.Command) {
	s.books.register(cmd)
	cmd.Flags().StringVar(&s.subMchID, "sub-mch-id", "", s.language.say(subMerchant))
}

func newShow(l *language) *cobra.Command {
	s := &single{books: books{language: l}}
	cmd := &cobra.Command{
		Use:   l.say(words("show ORDER", "show 订单号")),
		Short: l.say(words("Show everything that is known of a registered order, with its events", "查看一个已登记订单的全部信息及其事件")),
		Long: l.say(words(`show shows a registered order: what was registered, how far it is, what WeChat Pay
last said, why it has not ended, how it ended, and what was told of it. WeChat Pay
is not asked: "cloudpay query" does that.`, `show 查看一个已登记的订单：登记的内容、进度、微信支付最近的状态、未结束的原因、如何结束，以及发出
的事件。不会访问微信支付：那是 "cloudpay query" 的事。`)),
		Example:           `  cloudpay orders show A1`,
		Args:              oneOrder,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              s.show,
	}
	s.register(cmd)
	return cmd
}

// mostEvents is how many events of one order are shown: there are two of a paid one that was closed, and seldom more.
const mostEvents = 100

func (s *single) show(cmd *cobra.Command, args []string) error {
	return s.with(func(orders *store.Store, m order.Merchant) error {
		ref, err := refOf(m, args[0], s.subMchID)
		if err != nil {
			return err
		}
		is, err := orders.Show(cmd.Context(), ref)
		if err != nil {
			return inStore(err)
		}
		events, err := orders.History(cmd.Context(), ref, mostEvents)
		if err != nil {
			return inStore(err)
		}
		if s.json {
			text := standingOf(is)
			text.Events = events
			sayJSON(cmd.OutOrStdout(), text)
			return nil
		}
		s.tell(cmd, is, events)
		return nil
	})
}

func (s *single) tell(cmd *cobra.Command, is schedule.Record, events []schedule.Event) {
	out, l := cmd.OutOrStdout(), s.language
	fmt.Fprintf(out, "%s %s  %s\n", standingMark(is), l.standing(is), printable.Text(is.OutTradeNo))
	for _, fact := range l.standingRows(is) {
		fmt.Fprintf(out, "    %s  %s\n", padded(l.say(fact.label), labelWidth), printable.Text(fact.value))
	}
	for _, e := range events {
		label := l.sayf("event %d", "事件 %d", e.ID)
		fmt.Fprintf(out, "    %s  %s  %s\n", padded(label, labelWidth), clock(e.OccurredAt), l.notice(e))
	}
}

func newReopen(l *language) *cobra.Command {
	s := &single{books: books{language: l}}
	cmd := &cobra.Command{
		Use:   l.say(words("reopen ORDER...", "reopen 订单号...")),
		Short: l.say(words("Have orders closed that were given up", "重新处理已放弃的订单")),
		Long: l.say(words(`reopen takes up orders again that were given up (cloudpay orders list --stuck): they
are due at once, with their attempts counted anew. Find out why they were given up first.
With - in place of ORDER they are read from standard input, one a line: numbers, or what
"cloudpay orders list --json" prints, which names each one's sub-merchant.`,
			`reopen 重新处理已放弃的订单（cloudpay orders list --stuck）：立即到期，次数重新计算。请先查明放弃的
原因。以 - 代替订单号时从标准输入逐行读取：订单号，或 "cloudpay orders list --json" 的输出，后者
指明每个订单的子商户。`)),
		Example: `  cloudpay orders reopen A1
  cloudpay orders list --stuck --limit 0 --json | cloudpay orders reopen -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name an order: %s ORDER..., or - to read them from standard input",
					"请指定订单：%s 订单号...，或用 - 从标准输入读取", cmd.CommandPath())
			}
			return nil
		},
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              s.reopen,
	}
	s.register(cmd)
	return cmd
}

// reopened is what became of one order, as JSON.
type reopened struct {
	SubMchID   string `json:"subMchId,omitempty"`
	OutTradeNo string `json:"outTradeNo"`
	Reopened   bool   `json:"reopened"`
}

func (s *single) reopen(cmd *cobra.Command, args []string) error {
	return s.with(func(orders *store.Store, m order.Merchant) error {
		refs, err := s.named(m, args, cmd.InOrStdin())
		if err != nil {
			return err
		}
		if len(refs) == 0 {
			cmd.PrintErrln(s.language.say(noneOnStdin))
		}
		var worst error
		for _, ref := range refs {
			done, err := orders.Reopen(cmd.Context(), ref)
			if err = inStore(err); err != nil {
				if code, _ := exitCode(err); code != exitNotFound {
					return err
				}
				s.language.complain(cmd.ErrOrStderr(), err)
				worst = &exitError{code: exitNotFound}
				continue
			}
			if !done && worst == nil {
				worst = &exitError{code: exitRefused}
			}
			s.tellReopened(cmd, ref, done)
		}
		return worst
	})
}

func (s *single) tellReopened(cmd *cobra.Command, ref order.Ref, done bool) {
	if s.json {
		sayJSON(cmd.OutOrStdout(), reopened{ref.SubMchID, ref.OutTradeNo, done})
		return
	}
	sign, what := "✓", words("is due at once", "已立即到期")
	if !done {
		sign, what = "✗", words("was not given up: nothing is changed", "并未放弃，未作更改")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", sign, shownNumber(ref.SubMchID, ref.OutTradeNo), s.language.say(what))
}
