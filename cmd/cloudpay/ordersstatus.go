package main

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/config"
	"cloudpay/internal/deadline"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
	"cloudpay/internal/schedule/outbox"
	"cloudpay/internal/store"
)

// statusCmd is one run of orders status. It asks the register alone, as the timers' reports do, and
// has the same figures.
type statusCmd struct {
	storeFlags
	orderArgs

	// by is sub-merchant, or empty for the whole register.
	by string
	// watch prints the figures again every two seconds, until Ctrl-C.
	watch bool
}

const bySubMerchant = "sub-merchant"

// watchEvery is the pause between two readings of --watch.
const watchEvery = 2 * time.Second

// newStatus makes the command orders status.
func newStatus(l *render.Language) *cobra.Command {
	s := &statusCmd{storeFlags: storeFlags{Language: l}}
	cmd := describe(l, "orders-status", &cobra.Command{
		Args: noArguments,
		RunE: s.run,
	})
	s.register(cmd)
	cmd.Flags().StringVar(&s.by, "by", "", l.Say("sub-merchant: a row for each sub-merchant", "sub-merchant：每个子商户一行"))
	cmd.Flags().BoolVarP(&s.watch, "watch", "w", false, l.Say("print the figures again every two seconds, until Ctrl-C",
		"每两秒刷新一次，直到按 Ctrl-C"))
	complete(cmd, "by", bySubMerchant)
	s.filterFlag(l, cmd)
	return cmd
}

func (s *statusCmd) run(cmd *cobra.Command, _ []string) error {
	if s.by != "" {
		if err := checkChoice("by", s.by, []string{bySubMerchant}); err != nil {
			return usage(err)
		}
	}
	rate, err := s.perSecond()
	if err != nil {
		return err
	}
	return s.with(func(orders *store.Store, m order.Merchant) error {
		only, err := s.only(m)
		if err != nil {
			return err
		}
		once := func() error {
			return s.once(cmd, orders, outbox.Selection{Account: m.Account(), SubMchID: only}, rate)
		}
		if !s.watch {
			return once()
		}
		return s.repeat(cmd, once)
	})
}

// repeat makes a reading every two seconds, until Ctrl-C. It prints an error and goes on: what is
// watched may be a failover. Only a first reading that fails until an operator acts ends it.
func (s *statusCmd) repeat(cmd *cobra.Command, once func() error) error {
	for first := true; ; first = false {
		switch err := once(); {
		case first && schedule.Lasting(err):
			return err
		case err != nil && cmd.Context().Err() == nil:
			complain(s.Language, cmd.ErrOrStderr(), bilingual.Errorf("%s: %w", "%s：%w", render.Clock(time.Now()), inStore(err)))
		}
		if !deadline.Sleep(cmd.Context(), watchEvery) {
			return nil
		}
	}
}

// perSecond is the configured number of calls a second, with which the quota is compared. Faults of
// other variables are none here.
func (s *statusCmd) perSecond() (float64, error) {
	environ, err := environment(s.emulator)
	if err != nil {
		return 0, err
	}
	settings, _ := config.Load(environ) // which has the default for a rate that is not given
	return settings.Sweep.PerSecond, nil
}

// once reads and prints the figures. On a terminal, --watch prints them over those before.
func (s *statusCmd) once(cmd *cobra.Command, orders *store.Store, of outbox.Selection, rate float64) error {
	parts, err := s.read(cmd.Context(), orders, of, rate)
	if err != nil {
		return err
	}
	out := cmd.OutOrStdout()
	switch {
	case s.json:
		for _, part := range parts {
			render.JSON(out, part)
		}
		return nil
	case s.watch && render.IsTerminal(out):
		fmt.Fprint(out, "\x1b[H\x1b[2J")
	}
	if s.by == "" && of.SubMchID == "" {
		s.Status(out, parts[0])
		return nil
	}
	if len(parts) == 0 {
		cmd.PrintErrln(s.Say("no sub-merchant has orders to be closed, or events to be delivered", "没有子商户有待关的订单或待投递的事件"))
	}
	s.table(out, parts)
	return nil
}

func (s *statusCmd) read(ctx context.Context, orders *store.Store, of outbox.Selection, rate float64) ([]schedule.Status, error) {
	if s.by == "" && of.SubMchID == "" {
		one, err := orders.Status(ctx, of.Account, rate)
		return []schedule.Status{one}, err
	}
	parts, err := orders.StatusBySubMerchant(ctx, of.Account)
	return slices.DeleteFunc(parts, func(p schedule.Status) bool { return of.SubMchID != "" && p.SubMchID != of.SubMchID }), err
}

// table prints a row for each part.
func (s *statusCmd) table(out io.Writer, parts []schedule.Status) {
	titles := []bilingual.Text{
		bilingual.New("sub-merchant", "子商户"), bilingual.New("waiting", "等待"), bilingual.New("due", "到期"),
		bilingual.New("oldest", "最早到期"), bilingual.New("closing", "关单中"), bilingual.New("stuck", "已放弃"),
		bilingual.New("ended/min", "每分钟结束"), bilingual.New("events", "待投递"), bilingual.New("oldest", "最早"),
		bilingual.New("dead", "死信"),
	}
	t := &render.Table{Out: out}
	for _, title := range titles {
		t.Header = append(t.Header, s.Text(title))
	}
	for _, p := range parts {
		t.Row(p.SubMchID, render.Count(p.Waiting), render.Count(p.Due), s.Age(p.OldestDue), render.Count(p.Closing), render.Count(p.Stuck),
			strconv.Itoa(p.Ended), render.Count(p.EventsPending), s.Age(p.OldestEvent), render.Count(p.EventsDead))
	}
	t.Flush()
}
