package main

import (
	"slices"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// closeCmd is one run of close. It does what orderCmd does, and can register the orders instead.
type closeCmd struct{ orderCmd }

func newClose(l *render.Language) *cobra.Command {
	c := &closeCmd{orderCmd{op: order.OpClose, Language: l, given: columnFlags{}}}
	cmd := describe(l, "close", &cobra.Command{
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              c.run,
	})
	c.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&c.subParts, "sub-order", nil, l.Say(
		"an order of the combined one, each in a flag of its own: mchid=…,out_trade_no=…", "合单中的一个子订单，每个各用一次：mchid=…,out_trade_no=…"))
	// The other columns are flags of query too, or arguments.
	registered := []string{"close_at", "openid", "owner", "total", "created_at"}
	c.given.register(l, flags, slices.DeleteFunc(orderfile.Columns(), func(column orderfile.Column) bool {
		return !slices.Contains(registered, column.Name)
	}))
	return cmd
}
