package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
)

// queryCmd is one run of query. It does what orderCmd does.
type queryCmd struct{ orderCmd }

// newQuery makes the command query. Like close it needs the merchant's configuration in the
// environment, and nothing of the emulator's unless --emulator says so.
func newQuery(l *render.Language) *cobra.Command {
	q := &queryCmd{orderCmd{op: order.OpQuery, Language: l}}
	cmd := describe(l, "query", &cobra.Command{
		RunE: q.run,
	})
	q.register(cmd)
	return cmd
}
