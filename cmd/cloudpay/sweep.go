package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/rounds"
)

// sweepCmd is one run of sweep: what the functions' timers do, where no platform has timers.
type sweepCmd struct {
	orderCmd

	every time.Duration
	once  bool
}

// newSweep makes the command sweep.
func newSweep(l *render.Language) *cobra.Command {
	s := &sweepCmd{orderCmd: orderCmd{Language: l}}
	cmd := describe(l, "sweep", &cobra.Command{
		Args: noArguments,
		RunE: s.run,
	})
	flags := cmd.Flags()
	flags.DurationVar(&s.every, "every", time.Minute, l.Say("from the beginning of one sweep to that of the next", "两次关单开始时间的间隔"))
	flags.BoolVar(&s.once, "once", false, l.Say("end when nothing is due any more", "处理完到期订单后退出"))
	flags.BoolVar(&s.json, "json", false, l.Say("print each sweep's report as JSON, as docs/api.md describes it",
		"以 JSON 输出每次关单的报告，见 docs/api.md"))
	flags.BoolVarP(&s.verbose, "verbose", "v", false, l.Text(verbosely))
	emulatorFlag(l, cmd, &s.emulator)
	return cmd
}

// run sweeps until SIGTERM or Ctrl-C, which is how containers are ended and no fault, or once.
func (s *sweepCmd) run(cmd *cobra.Command, _ []string) error {
	if err := s.checkSweep(cmd); err != nil {
		return err
	}
	configured, err := s.configured(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer configured.End()
	if configured.Sweeper == nil {
		return usagef("%s: must name the database that orders are kept in: there is nothing to sweep without",
			"%s：须指明保存订单的数据库，否则没有可处理的订单", storeVariable)
	}
	r := rounds.Rounds{
		Sweep: configured.Sweeper.RunOnce,
		Every: s.every,
		Tell: rounds.Lines(s.Language, cmd.OutOrStdout(), s.json, func(fault error) {
			complain(s.Language, cmd.ErrOrStderr(), inStore(fault))
		}),
	}
	if s.once {
		err = r.Once(cmd.Context())
	} else {
		err = r.Run(cmd.Context())
	}
	if err != nil {
		return exit(exitFault) // it has been told
	}
	return nil
}

// checkSweep reports all that is wrong with the flags at once.
func (s *sweepCmd) checkSweep(cmd *cobra.Command) error {
	faults := []error{checkLanguage(s.Language)}
	if s.once && cmd.Flags().Changed("every") {
		faults = append(faults, bilingual.Errorf("give --every or --once", "--every 与 --once 只能给出一个"))
	}
	if s.every < time.Second || s.every > time.Hour {
		faults = append(faults, bilingual.Errorf("--every: must be a duration from 1s to 1h, not %v", "--every：须为 1s 至 1h 的时长，而不是 %v", s.every))
	}
	if err := errors.Join(faults...); err != nil {
		return usage(err)
	}
	return nil
}
