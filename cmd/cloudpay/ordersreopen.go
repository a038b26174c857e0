package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// reopenCmd is one run of orders reopen. A sweep gives an order up after many attempts, or when
// only a person can decide; nothing but this command or a signed end takes it out of that state.
type reopenCmd struct {
	storeFlags
	orderArgs
}

// newReopen makes the command orders reopen. It reads what orders list --json prints, so that all
// orders that were given up for one reason are taken up by one line of shell.
func newReopen(l *render.Language) *cobra.Command {
	r := &reopenCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-reopen", &cobra.Command{
		Args: wantArguments(0, "name an order: %s ORDER..., or - to read them from standard input",
			"请指定订单：%s 订单号...，或用 - 从标准输入读取"),
		RunE: r.run,
	})
	r.register(cmd)
	r.nameFlag(l, cmd)
	return cmd
}

// run reopens each order in turn. One that is not registered, or was not given up, keeps none of
// the others from it; another error of the store's ends the run. Reopening twice does no harm: the
// second time the order is not given up any more, and nothing is changed.
func (r *reopenCmd) run(cmd *cobra.Command, args []string) error {
	return r.with(func(orders *store.Store, m order.Merchant) error {
		refs, err := r.named(cmd, m, args)
		if err != nil {
			return err
		}
		if len(refs) == 0 {
			cmd.PrintErrln(r.Text(noneOnStdin))
		}
		missing, refused := false, false
		for _, ref := range refs {
			done, err := orders.Reopen(cmd.Context(), ref)
			// Each order is a transaction of its own: those before an error stay reopened.
			switch code, _ := exitCode(inStore(err)); {
			case err == nil:
				refused = refused || !done
				r.tell(cmd, ref, done)
			case code == exitNotFound:
				missing = true
				complain(r.Language, cmd.ErrOrStderr(), inStore(err))
			default:
				return err
			}
		}
		switch {
		case missing:
			return exit(exitNotFound)
		case refused:
			return exit(exitRefused)
		}
		return nil
	})
}

// tell prints what became of one order. reopened is false for an order that was not given up, for
// instance because it was reopened before.
func (r *reopenCmd) tell(cmd *cobra.Command, ref order.Ref, done bool) {
	if r.json {
		render.JSON(cmd.OutOrStdout(), struct {
			SubMchID   string `json:"subMchId,omitempty"`
			OutTradeNo string `json:"outTradeNo"`
			Reopened   bool   `json:"reopened"`
		}{ref.SubMchID, ref.OutTradeNo, done})
		return
	}
	sign, what := "✓", r.Say("is due at once", "已立即到期")
	if !done {
		sign, what = "✗", r.Say("was not given up: nothing is changed", "并未放弃，未作更改")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", sign, render.Number(ref.SubMchID, ref.OutTradeNo), what)
}
