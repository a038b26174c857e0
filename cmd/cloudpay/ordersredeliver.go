package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/retries"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

// redeliverCmd is one run of orders redeliver. Any event can be sent again: one that is dead once
// its receiver is mended, one that was acknowledged and lost there, one that waits long.
type redeliverCmd struct {
	storeFlags
	orderArgs

	// ids are events by their numbers or IDs, besides the arguments.
	ids []string
	// since selects by time, pending those that wait, dead those that are not tried again by
	// themselves.
	since         string
	pending, dead bool
	// dry counts the events, and changes nothing.
	dry bool

	// requeued counts the events, or with dry those that would be.
	requeued int
}

// newRedeliver makes the command orders redeliver. It delivers nothing itself: the signing key is
// the function's, and the next sweep has it.
func newRedeliver(l *render.Language) *cobra.Command {
	r := &redeliverCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-redeliver", &cobra.Command{RunE: r.run})
	r.register(cmd)
	flags := cmd.Flags()
	flags.StringSliceVar(&r.ids, "id", nil, l.Say("an event's number or eventId; may be given several times", "事件的编号或 eventId；可多次给出"))
	flags.StringVar(&r.since, "since", "", l.Say("all that occurred since a date, a time, or a duration before now", "自某日期、时间或距今时长以来的全部事件"))
	flags.BoolVar(&r.pending, "all-pending", false, l.Say("all that wait for their next attempt", "全部等待下次重试的事件"))
	flags.BoolVar(&r.dead, "all-dead", false, l.Say("all that are not tried again by themselves", "全部不再自动重试的事件"))
	r.filterFlag(l, cmd)
	flags.BoolVar(&r.dry, "dry-run", false, l.Say("say how many there are, and change nothing", "只给出数量，不作更改"))
	return cmd
}

// run puts events back into the outbox, with their attempts counted anew. What is wrong with the
// command line is said before the first is.
func (r *redeliverCmd) run(cmd *cobra.Command, args []string) error {
	ids := slices.Concat(args, r.ids)
	ways := 0
	for _, given := range []bool{len(ids) > 0, r.since != "", r.pending, r.dead} {
		if given {
			ways++
		}
	}
	if ways != 1 {
		return usagef("name events by number or eventId (%s 1201), or give one of --since, --all-pending and --all-dead",
			"请用编号或 eventId 指定事件（%s 1201），或给出 --since、--all-pending、--all-dead 之一", cmd.CommandPath())
	}
	if len(ids) > 0 && r.subMchID != "" {
		return usagef("--sub-mch-id: goes with --since, --all-pending and --all-dead; an event is named by its number or eventId alone",
			"--sub-mch-id：与 --since、--all-pending、--all-dead 一起使用；指定事件只需编号或 eventId")
	}
	for _, id := range ids {
		if _, err := retries.EventNumber(id); err != nil {
			return usage(err)
		}
	}
	var since time.Time
	if r.since != "" {
		var err error
		if since, err = moment.Since(r.since, time.Now()); err != nil {
			return usagef("--since: %w", "--since：%w", err)
		}
	}
	return r.with(func(s *store.Store, m order.Merchant) error {
		if len(ids) > 0 {
			return r.each(cmd, s, m.Account(), ids)
		}
		only, err := r.only(m)
		if err != nil {
			return err
		}
		of := outbox.Selection{Account: m.Account(), SubMchID: only}
		which := retries.Which{Since: since, Dead: r.dead, Pending: r.pending}
		return r.tellAll(cmd, retries.Requeue(cmd.Context(), s, of, which, r.dry, func(n int) { r.progress(cmd, n) }))
	})
}

// each requeues events one by one. One that there is not keeps none of the others from it, and
// makes the exit code 4.
func (r *redeliverCmd) each(cmd *cobra.Command, s *store.Store, of order.Account, ids []string) error {
	worst := exitFine
	for _, id := range ids {
		event, found, err := retries.Event(cmd.Context(), s, of, id, r.dry)
		if err != nil {
			return err
		}
		if !found {
			worst = exitNotFound
		}
		r.tell(cmd, id, event, found)
	}
	return exit(worst)
}

// tell prints what became of one event, by the number or the ID that named it. Programs read
// "revived", the word of the first version.
func (r *redeliverCmd) tell(cmd *cobra.Command, id string, event outbox.Event, found bool) {
	if r.json {
		render.JSON(cmd.OutOrStdout(), struct {
			Number  int64          `json:"number"`
			ID      int64          `json:"id"`
			EventID outbox.EventID `json:"eventId,omitempty"`
			Found   bool           `json:"found"`
			Revived bool           `json:"revived"`
		}{event.Number, event.Number, event.EventID, found, found && !r.dry})
		return
	}
	sign, what := "✓", r.Say("is delivered by the next sweep", "将由下次扫描投递")
	switch {
	case !found:
		sign, what = "✗", r.Say("there is no such event", "没有这个事件")
	case r.dry:
		what = r.Say("would be delivered again", "将会重新投递")
	}
	fmt.Fprintf(cmd.OutOrStdout(), "%s %s: %s\n", sign, id, what)
}

// tellAll prints how many events were requeued, also of a run that an error ended.
func (r *redeliverCmd) tellAll(cmd *cobra.Command, err error) error {
	n := r.requeued
	switch {
	case r.json:
		render.JSON(cmd.OutOrStdout(), struct {
			Events   int  `json:"events"`
			Requeued bool `json:"requeued"`
		}{n, !r.dry})
	case r.dry:
		cmd.Println(r.Say("%d events would be delivered again", "将会重新投递 %d 个事件", n))
	default:
		cmd.Println(r.Say("%d events are delivered by the next sweeps", "%d 个事件将由后续扫描投递", n))
	}
	if err != nil {
		return bilingual.Errorf("not all events were reached; running it again reaches them: %w",
			"未处理全部事件，重新执行即可：%w", inStore(err))
	}
	return nil
}

// progress notes how many events were requeued, and says so now and then.
func (r *redeliverCmd) progress(cmd *cobra.Command, n int) {
	const line = 10_000 // events between two lines
	if n/line > r.requeued/line {
		cmd.PrintErr(r.Say("%d events …\n", "已处理 %d 个事件 …\n", n))
	}
	r.requeued = n
}
