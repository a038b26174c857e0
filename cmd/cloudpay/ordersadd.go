package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// adding is one run of orders add.
type adding struct {
	books

	given map[string]*string // by the fact's name
}

func newAdd(l *language) *cobra.Command {
	a := &adding{books: books{language: l}, given: map[string]*string{}}
	cmd := &cobra.Command{
		Use:   l.say(words("add ORDER --close-at TIME", "add 订单号 --close-at 时间")),
		Short: l.say(words("Register an order, to be closed at its time", "登记一个到期关闭的订单")),
		Long: l.say(words(`add registers an order, as closeorder does when it is given close_at: the timer
closes it at its time, unless it was paid. Registering it again with the same
facts changes nothing; with others it is refused, and the first ones stand.`,
			`add 登记一个订单，与给出 close_at 的 closeorder 相同：除非已支付，到期由定时器关闭。以相同内容
重复登记无副作用；内容不同则拒绝，以首次为准。`)),
		Example: `  cloudpay orders add A1 --close-at 1800 --openid oABC --total 12345
  cloudpay orders add A2 --close-at 2026-11-22T18:30:00+08:00 --sub-mch-id 1900000109`,
		Args:              oneOrder,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              a.run,
	}
	a.register(cmd)
	for _, f := range withoutOrder() {
		a.given[f.name] = cmd.Flags().String(strings.ReplaceAll(f.name, "_", "-"), "", l.say(f.meaning))
	}
	_ = cmd.RegisterFlagCompletionFunc("api", cobra.FixedCompletions(apis(), cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

// oneOrder wants the number of an order, and no more.
func oneOrder(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one order: %s ORDER", "请指定一个订单：%s 订单号", cmd.CommandPath())
	}
	return nil
}

func (a *adding) run(cmd *cobra.Command, args []string) error {
	p := order.Params{OutTradeNo: args[0]}
	var faults []error
	for _, f := range withoutOrder() {
		if value := *a.given[f.name]; value != "" {
			if fault := f.set(&p, value); fault != nil {
				faults = append(faults, inFlags(p, fault))
			}
		}
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	return a.with(func(s *store.Store, m order.Merchant) error {
		e, err := entryOf(m, p)
		if err != nil {
			return usage(inFlags(p, err))
		}
		added, err := s.Register(cmd.Context(), e)
		if err != nil {
			return inStore(schedule.InWordsOf(p, err))
		}
		standing, err := s.Show(cmd.Context(), e.Ref)
		if err != nil {
			return inStore(err)
		}
		a.tell(cmd, standing, added)
		return nil
	})
}

func (a *adding) tell(cmd *cobra.Command, s schedule.Record, added bool) {
	if a.json {
		sayJSON(cmd.OutOrStdout(), standingOf(s))
		return
	}
	what := words("registered", "已登记")
	if !added {
		what = words("was registered before, with the same facts", "此前已登记，内容相同")
	}
	due := clock(s.DueAt)
	if due == "" {
		due = "-"
	}
	fmt.Fprintf(cmd.OutOrStdout(), "✓ %s  %s: %s %s\n", s.OutTradeNo, a.language.say(what), a.language.say(words("due", "到期")), due)
}
