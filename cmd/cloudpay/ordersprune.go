package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/archive"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule/pruning"
	"cloudpay/internal/store"
)

// pruneCmd is one run of orders prune. The register deletes in small transactions, each of which
// archives its orders first. So a run may end at any moment, and the next one goes on.
type pruneCmd struct {
	storeFlags
	orderArgs

	// before is a date, a time or an age in days; archive a file, or empty; dryRun only counts.
	before, archive string
	dryRun          bool

	// sleep waits between two steps; it returns false if the command is interrupted.
	sleep func(context.Context, time.Duration) bool
	// done is what was pruned so far.
	done pruneReport
}

// pruneReport is what --json prints.
type pruneReport struct {
	Before time.Time `json:"before"`
	Orders int64     `json:"orders"`
	Events int64     `json:"events"`
	// Kept are those with an event that is not acknowledged.
	Kept   int64 `json:"kept"`
	DryRun bool  `json:"dryRun,omitempty"`
}

// newPrune makes the command orders prune.
func newPrune(l *render.Language) *cobra.Command {
	p := &pruneCmd{storeFlags: storeFlags{Language: l}, sleep: deadline.Sleep}
	cmd := describe(l, "orders-prune", &cobra.Command{
		Args: noArguments,
		RunE: p.run,
	})
	p.register(cmd)
	flags := cmd.Flags()
	flags.StringVar(&p.before, "before", "", l.Say("those that ended before a date or a time, or so many days ago: 90d",
		"在某日期、时间之前结束的，或早于若干天：90d"))
	flags.StringVar(&p.archive, "archive", "", l.Say("file to append them to first, FILE.jsonl.zst", "先追加写入的归档文件，FILE.jsonl.zst"))
	flags.BoolVar(&p.dryRun, "dry-run", false, l.Say("count them, and delete nothing", "只统计，不删除"))
	p.filterFlag(l, cmd)
	_ = cmd.MarkFlagFilename("archive", "zst")
	return cmd
}

// run counts first, so that it can say how much is to go, and with the database's clock.
func (p *pruneCmd) run(cmd *cobra.Command, _ []string) error {
	selection, err := p.check(time.Now())
	if err != nil {
		return err
	}
	return p.with(func(s *store.Store, m order.Merchant) error {
		selection.Account = m.Account()
		if selection.SubMchID, err = p.only(m); err != nil {
			return err
		}
		found, err := s.Prunable(cmd.Context(), selection)
		if err != nil {
			return err
		}
		selection.Before, p.done.Before = found.Before, found.Before
		if p.dryRun {
			p.done.Orders, p.done.Kept, p.done.DryRun = found.Orders, found.Kept, true
			p.tell(cmd)
			return nil
		}
		cmd.PrintErr(p.Say("deleting %d orders that ended before %s\n", "正在删除 %d 个在 %s 之前结束的订单\n",
			found.Orders, render.Clock(found.Before)))
		err = p.prune(cmd, s, selection, found.Orders)
		p.tell(cmd) // whatever ended it: what is deleted stays deleted
		return err
	})
}

// check looks at the flags. An age counts by the database's clock, which has written the ends. It
// is in days only: m is taken for months, and means minutes elsewhere.
func (p *pruneCmd) check(now time.Time) (selection pruning.Selection, err error) {
	if p.before == "" {
		return selection, usagef("--before: must be given, for example 90d", "--before：必须给出，如 90d")
	}
	if p.archive != "" && !strings.HasSuffix(p.archive, ".zst") {
		return selection, usagef("--archive: must end in .zst, for example orders.jsonl.zst: it is compressed with zstd",
			"--archive：须以 .zst 结尾，如 orders.jsonl.zst：文件以 zstd 压缩")
	}
	age, isAge := moment.Days(p.before)
	at, isTime := moment.Time(p.before, now.Location())
	switch {
	case isAge:
		selection.Age = age
	case !isTime:
		return selection, usagef("--before: must be days (90d), a date or a time, not %q", "--before：须为天数（90d）、日期或时间，而不是 %q", p.before)
	case at.After(now):
		return selection, usagef("--before: must be past, not %s", "--before：须为过去的时间，而不是 %s", render.Clock(at))
	default:
		selection.Before = at
	}
	return selection, nil
}

const (
	// pruneStep is how many orders one transaction deletes. It bounds what a sweep may wait for.
	pruneStep = 300
	// stepTimeout bounds one of them, which goes on when the command is interrupted.
	stepTimeout = time.Minute
)

// prune deletes step by step, with a rest after each.
func (p *pruneCmd) prune(cmd *cobra.Command, s *store.Store, selection pruning.Selection, toGo int64) (err error) {
	write := func([]pruning.Order) error { return nil }
	if p.archive != "" {
		file, err := archive.Open(p.archive)
		if err != nil {
			return usagef("--archive: %w", "--archive：%w", err)
		}
		if file.Cut > 0 {
			cmd.PrintErr(p.Say("%s: cut off %d bytes of a write that was not finished: nothing of it had been deleted\n",
				"%s：已截去未写完的 %d 字节：其中的订单均未删除\n", p.archive, file.Cut))
		}
		defer func() { err = errors.Join(err, file.Close()) }()
		write = file.Append
	}
	progress := render.NewSteps(cmd.ErrOrStderr(), toGo, p.Language)
	defer progress.End()
	selection.Limit = pruneStep
	for more := true; more; {
		start := time.Now()
		if more, err = p.step(cmd.Context(), s, &selection, write); err != nil {
			return err
		}
		progress.At(p.done.Orders)
		if more && !p.sleep(cmd.Context(), pruning.Rest(time.Since(start))) {
			return bilingual.Errorf("%w: what was pruned stays, and running it again goes on", "%w：已清理的不变，重新执行即可继续", errInterrupted)
		}
	}
	return nil
}

// step is one transaction. It is not interrupted.
func (p *pruneCmd) step(
	ctx context.Context, s *store.Store, selection *pruning.Selection, write func([]pruning.Order) error,
) (more bool, err error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stepTimeout)
	defer cancel()
	step, err := s.Prune(ctx, *selection, write)
	p.done.Orders += int64(step.Orders)
	p.done.Events += int64(step.Events)
	p.done.Kept += int64(step.Kept)
	selection.After = step.Next
	return step.More, err
}

// tell says what was done, or would be.
func (p *pruneCmd) tell(cmd *cobra.Command) {
	if p.json {
		p.done.Before = p.done.Before.UTC()
		render.JSON(cmd.OutOrStdout(), p.done)
		return
	}
	out := cmd.OutOrStdout()
	at := render.Clock(p.done.Before)
	if p.dryRun {
		fmt.Fprint(out, p.Say("%d orders that ended before %s would be pruned\n", "将清理 %d 个在 %s 之前结束的订单\n", p.done.Orders, at))
	} else {
		fmt.Fprint(out, p.Say("%d orders that ended before %s are pruned, with %d events\n",
			"已清理 %[1]d 个在 %[2]s 之前结束的订单及其 %[3]d 个事件\n", p.done.Orders, at, p.done.Events))
	}
	if p.done.Kept > 0 {
		cmd.PrintErr(p.Say("%d are kept: they have events that are not acknowledged\n", "保留 %d 个：其事件尚未被确认\n", p.done.Kept))
	}
}
