package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// closeCmd is one run of close: orderCmd, with flags to register the orders instead.
type closeCmd struct{ orderCmd }

func newClose(l *render.Language) *cobra.Command {
	c := &closeCmd{orderCmd{op: order.OpClose, Language: l}}
	cmd := describe(l, "close", &cobra.Command{
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              c.run,
	})
	c.register(cmd)
	return cmd
}
