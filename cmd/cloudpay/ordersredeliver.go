package main

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/store"
)

// redeliverCmd is one run of orders redeliver. Its events have failed as often as they are tried,
// and stay in the outbox, dead, until a person has mended the receiver.
type redeliverCmd struct{ storeFlags }

// newRedeliver makes the command orders redeliver. It delivers nothing itself: the signing key is
// the function's, and the next sweep has it.
func newRedeliver(l *render.Language) *cobra.Command {
	r := &redeliverCmd{storeFlags{Language: l}}
	cmd := describe(l, "orders-redeliver", &cobra.Command{
		Args: wantArguments(0, "name an event by its number: %s EVENT...", "请用编号指定事件：%s 事件编号..."),
		RunE: r.run,
	})
	r.register(cmd)
	return cmd
}

// run puts each event back into the outbox, with its attempts counted anew. A number that is no
// dead event's keeps none of the others from it, and makes the exit code 4. Every number is read
// before the first is used.
func (r *redeliverCmd) run(cmd *cobra.Command, args []string) error {
	// The numbers are the outbox's; orders events --dead lists them.
	ids := make([]int64, 0, len(args))
	for _, arg := range args {
		id, err := strconv.ParseInt(arg, 10, 64)
		if err != nil || id < 1 {
			return usagef("an event's number is a whole one from 1, not %q", "事件编号须为不小于 1 的整数，而不是 %q", arg)
		}
		ids = append(ids, id)
	}
	return r.with(func(s *store.Store, m order.Merchant) error {
		worst := exitFine
		for _, id := range ids {
			requeued, err := s.Requeue(cmd.Context(), m.Account(), []int64{id})
			if err != nil {
				return err
			}
			if requeued == 0 {
				worst = exitNotFound
			}
			r.tell(cmd, id, requeued > 0)
		}
		return exit(worst)
	})
}

// tell prints what became of one event. Programs read "revived", the word of the first version.
func (r *redeliverCmd) tell(cmd *cobra.Command, id int64, done bool) {
	if r.json {
		render.JSON(cmd.OutOrStdout(), struct {
			ID      int64 `json:"id"`
			Revived bool  `json:"revived"`
		}{id, done})
		return
	}
	sign, what := "✓", r.Say("is delivered by the next sweep", "将由下次扫描投递")
	if !done {
		sign, what = "✗", r.Say("there is no such event", "没有这个事件")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %d: %s\n", sign, id, what)
}
