package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// showCmd is one run of orders show. It shows what the register has, which may be older than what
// WeChat Pay knows; query asks that.
type showCmd struct {
	storeFlags
	orderArgs
}

// newShow makes the command orders show, the place to look when an order is stuck.
func newShow(l *render.Language) *cobra.Command {
	s := &showCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-show", &cobra.Command{
		Args: oneOrder,
		RunE: s.run,
	})
	s.register(cmd)
	s.nameFlag(l, cmd)
	return cmd
}

// mostEvents is how many events of one order are shown. A paid one that was closed before has two,
// and more are rare.
const mostEvents = 100

// run reads the record and then its events: an order that ends in between has an event that its
// record does not tell of yet, and never the reverse.
func (s *showCmd) run(cmd *cobra.Command, args []string) error {
	return s.with(func(orders *store.Store, m order.Merchant) error {
		ref, err := s.ref(m, args[0])
		if err != nil {
			return err
		}
		record, err := orders.Show(cmd.Context(), ref)
		if err != nil {
			return err
		}
		// The events are few, and say how the order came to its state.
		events, err := orders.History(cmd.Context(), ref, mostEvents)
		if err != nil {
			return err
		}
		changes, err := orders.Changes(cmd.Context(), ref)
		if err != nil {
			return err
		}
		// The JSON has the events and the changes within the record, as one object.
		if s.json {
			shown := orderfile.NewRecord(record, events...)
			shown.Changes = changes
			render.JSON(cmd.OutOrStdout(), shown)
		} else {
			s.Record(cmd.OutOrStdout(), record, changes, events)
		}
		return nil
	})
}
