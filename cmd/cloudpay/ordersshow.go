package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// showCmd is one run of orders show.
type showCmd struct {
	storeFlags

	subMchID string // empty: the configured one, or none
}

func newShow(l *render.Language) *cobra.Command {
	s := &showCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-show", &cobra.Command{
		Args:              oneOrder,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              s.run,
	})
	s.register(cmd)
	cmd.Flags().StringVar(&s.subMchID, "sub-mch-id", "", l.Text(subMerchant))
	return cmd
}

// mostEvents is how many events of one order are shown. A paid one that was closed before has two,
// and more are rare.
const mostEvents = 100

func (s *showCmd) run(cmd *cobra.Command, args []string) error {
	return s.with(func(orders *store.Store, m order.Merchant) error {
		ref, err := refOf(m, args[0], s.subMchID)
		if err != nil {
			return err
		}
		record, err := orders.Show(cmd.Context(), ref)
		if err != nil {
			return err
		}
		events, err := orders.History(cmd.Context(), ref, mostEvents)
		if err != nil {
			return err
		}
		if s.json {
			render.JSON(cmd.OutOrStdout(), orderfile.NewRecord(record, events...))
		} else {
			s.Record(cmd.OutOrStdout(), record, events)
		}
		return nil
	})
}
