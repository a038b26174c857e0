package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// closeCmd is one run of close: orderCmd, with flags to register the orders instead.
type closeCmd struct{ orderCmd }

// newClose makes the command close. It has query's flags, and those for the parameters that an
// order is registered with: with --close-at the orders are registered, and WeChat Pay is sent
// nothing.
func newClose(l *render.Language) *cobra.Command {
	c := &closeCmd{orderCmd{op: order.OpClose, Language: l}}
	cmd := describe(l, "close", &cobra.Command{
		RunE: c.run,
	})
	c.register(cmd)
	return cmd
}
