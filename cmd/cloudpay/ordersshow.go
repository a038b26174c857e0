package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// single is one run of a command about single orders.
type single struct {
	books

	subMchID string
}

func (s *single) register(cmd *cobra.Command) {
	s.books.register(cmd)
	cmd.Flags().StringVar(&s.subMchID, "sub-mch-id", "", "a service provider's sub-merchant; WXPAY_SUB_MCHID when left out")
}

func newShow() *cobra.Command {
	s := &single{}
	cmd := &cobra.Command{
		Use:   "show ORDER",
		Short: "Show everything that is known of a registered order, with its events",
		Long: `show shows a registered order: what was registered, how far it is, what WeChat Pay
last said, why it has not ended, how it ended, and what was told of it. WeChat Pay
is not asked: "cloudpay query" does that.

查看一个已登记订单的全部信息及其事件。`,
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

func (s *single) tell(cmd *cobra.Command, is order.Standing, events []order.Event) {
	out, chinese := cmd.OutOrStdout(), s.language.chinese()
	fmt.Fprintf(out, "%s %s  %s\n", standingMark(is), standingWord(is, chinese), is.OutTradeNo)
	for _, fact := range standingRows(is, chinese) {
		fmt.Fprintf(out, "    %s  %s\n", padded(fact.label.in(chinese), labelWidth), printable(fact.value))
	}
	for _, e := range events {
		label := fmt.Sprintf(words{"event %d", "事件 %d"}.in(chinese), e.ID)
		fmt.Fprintf(out, "    %s  %s  %s\n", padded(label, labelWidth), clock(e.OccurredAt), notice(e, chinese))
	}
}

func newReopen() *cobra.Command {
	s := &single{}
	cmd := &cobra.Command{
		Use:   "reopen ORDER...",
		Short: "Have orders closed that were given up",
		Long: `reopen takes up orders again that were given up (cloudpay orders list --stuck): they
are due at once, with their attempts counted anew. Find out why they were given up first.
With - in place of ORDER they are read from standard input, one a line: numbers, or what
"cloudpay orders list --json" prints, which names each one's sub-merchant.

重新处理已放弃的订单：立即到期，次数重新计算。`,
		Example: `  cloudpay orders reopen A1
  cloudpay orders list --stuck --limit 0 --json | cloudpay orders reopen -`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("name an order: %s ORDER..., or - to read them from standard input", cmd.CommandPath())
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
			cmd.PrintErrln("no orders on standard input")
		}
		var worst error
		for _, ref := range refs {
			done, err := orders.Reopen(cmd.Context(), ref)
			if err = inStore(err); err != nil {
				if code, _ := exitCode(err); code != exitNotFound {
					return err
				}
				cmd.PrintErrln("cloudpay:", err)
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
	sign, what := "✓", words{"is due at once", "已立即到期"}
	if !done {
		sign, what = "✗", words{"was not given up: nothing is changed", "并未放弃，未作更改"}
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", sign, shownNumber(ref.SubMchID, ref.OutTradeNo), what.in(s.language.chinese()))
}
