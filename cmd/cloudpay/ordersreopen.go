package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/retries"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/store"
)

// reopenCmd is one run of orders reopen. A sweep gives an order up after many attempts, or when
// only a person can decide; nothing but this command or a signed end takes it out of that state.
type reopenCmd struct {
	storeFlags
	orderArgs

	// allStuck reopens what orders list --stuck lists, instead of orders that are named.
	allStuck bool
	// missing and refused say that an order was not registered, and that one was not given up.
	missing, refused bool
}

// newReopen makes the command orders reopen. It reads what orders list prints, so that all orders
// that were given up for one reason are taken up by one line of shell.
func newReopen(l *render.Language) *cobra.Command {
	r := &reopenCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-reopen", &cobra.Command{Args: r.wantOrders, RunE: r.run})
	r.register(cmd)
	r.nameFlag(l, cmd)
	cmd.Flags().BoolVar(&r.allStuck, "all-stuck", false, l.Say("all that were given up, of one sub-merchant with --sub-mch-id",
		"所有已放弃的；与 --sub-mch-id 一起时仅该子商户的"))
	return cmd
}

// wantOrders wants orders, or --all-stuck, and not both.
func (r *reopenCmd) wantOrders(cmd *cobra.Command, args []string) error {
	if !r.allStuck {
		return wantArguments(0, "name an order: %s ORDER..., - to read them from standard input, or --all-stuck",
			"请指定订单：%s 订单号...，用 - 从标准输入读取，或用 --all-stuck")(cmd, args)
	}
	if len(args) > 0 {
		return usagef("--all-stuck: is for all orders that were given up; leave %s out", "--all-stuck：针对所有已放弃的订单；请去掉 %s", args[0])
	}
	return nil
}

// run reopens each order in turn. One that is not registered, or was not given up, keeps none of
// the others from it; another error of the store's ends the run. Reopening twice does no harm: the
// second time the order is not given up any more, and nothing is changed.
func (r *reopenCmd) run(cmd *cobra.Command, args []string) error {
	return r.with(func(orders *store.Store, m order.Merchant) error {
		if r.allStuck {
			return r.reopenStuck(cmd, orders, m)
		}
		refs, err := r.named(cmd, m, args)
		if err != nil {
			return err
		}
		if len(refs) == 0 {
			cmd.PrintErrln(r.Text(noneOnStdin))
		}
		for _, ref := range refs {
			if err := r.reopen(cmd, orders, ref); err != nil {
				return err
			}
		}
		return r.end()
	})
}

// reopenStuck reopens what is given up now.
func (r *reopenCmd) reopenStuck(cmd *cobra.Command, orders *store.Store, m order.Merchant) error {
	subMchID, err := r.only(m)
	if err != nil {
		return err
	}
	none := true
	err = retries.EachStuck(cmd.Context(), orders, schedule.Selection{Account: m.Account(), SubMchID: subMchID}, func(ref order.Ref) error {
		none = false
		return r.reopen(cmd, orders, ref)
	})
	switch {
	case err != nil:
		return err
	case none && !r.json:
		cmd.PrintErrln(r.Say("no order was given up", "没有已放弃的订单"))
	}
	return r.end()
}

// reopen reopens one order, in a transaction of its own: those before an error stay reopened.
func (r *reopenCmd) reopen(cmd *cobra.Command, orders *store.Store, ref order.Ref) error {
	done, err := orders.Reopen(cmd.Context(), ref)
	switch code, _ := exitCode(inStore(err)); {
	case err == nil:
		r.refused = r.refused || !done
		r.tell(cmd, ref, done)
	case code == exitNotFound:
		r.missing = true
		complain(r.Language, cmd.ErrOrStderr(), inStore(err))
	default:
		return err
	}
	return nil
}

// end is the exit code. Of orders that are not registered it says more than of those that had not
// been given up, which another run may have reopened.
func (r *reopenCmd) end() error {
	switch {
	case r.missing:
		return exit(exitNotFound)
	case r.refused && !r.allStuck: // a sweep or another run was faster
		return exit(exitRefused)
	}
	return nil
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
