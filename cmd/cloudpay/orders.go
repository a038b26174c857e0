package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
)

// newOrders makes the command that the commands about registered orders stand below. They work on
// the register alone and ask WeChat Pay nothing, so they need none of its keys.
func newOrders(l *render.Language) *cobra.Command {
	cmd := describe(l, "orders", &cobra.Command{
		Args: knownCommand,
		RunE: showHelp,
	})
	cmd.AddCommand(newMigrate(l), newStatus(l), newAdd(l), newImport(l), newList(l), newShow(l), newReopen(l), newChange(l), newWithdraw(l),
		newEvents(l), newRedeliver(l), newPrune(l))
	return cmd
}
