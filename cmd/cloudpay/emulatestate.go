package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/cli/exchangelog"
	"cloudpay/internal/cli/moment"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/printable"
)

// stateCmd is one run of a command below emulate that is about its clock or its state.
type stateCmd struct {
	*render.Language

	// dir is the emulator's folder.
	dir string
	// to is the time that the clock is moved on to; empty: the argument is by how much.
	to string
	// fresh replaces a state that there is.
	fresh bool
}

// newState makes such a command, with the flag that all of them have.
func newState(
	l *render.Language, name string, args cobra.PositionalArgs, run func(*stateCmd, *cobra.Command, []string) error,
) (*stateCmd, *cobra.Command) {
	s := &stateCmd{Language: l}
	cmd := describe(l, name, &cobra.Command{
		Args: args,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkLanguage(l); err != nil {
				return err
			}
			return run(s, cmd, args)
		},
	})
	cmd.Flags().StringVar(&s.dir, "dir", ".cloudpay", l.Say("folder of the emulator", "模拟器的目录"))
	_ = cmd.MarkFlagDirname("dir")
	return s, cmd
}

// newAdvance makes the command emulate advance, which moves a running emulator's clock.
func newAdvance(l *render.Language) *cobra.Command {
	s, cmd := newState(l, "emulate-advance", nil, (*stateCmd).advance)
	cmd.Args = s.wantDuration
	cmd.Flags().StringVar(&s.to, "to", "", l.Say("the time to move on to: 2026-11-29 18:30, or RFC 3339",
		"拨到的时间：2026-11-29 18:30 或 RFC 3339"))
	return cmd
}

// wantDuration wants a duration, unless --to has a time.
func (s *stateCmd) wantDuration(cmd *cobra.Command, args []string) error {
	if len(args) == 1 && s.to == "" || len(args) == 0 && s.to != "" {
		return nil
	}
	return usagef("say by how much, or --to when: %s 30m", "请指定时长，或用 --to 指定时间：%s 30m", cmd.CommandPath())
}

// advance moves the clock on, and says what time it is then.
func (s *stateCmd) advance(cmd *cobra.Command, args []string) error {
	d, err := desk.Read(s.dir)
	if err != nil {
		return err
	}
	by, err := s.duration(cmd, d, args)
	if err != nil {
		return err
	}
	moved, err := world.Advance(cmd.Context(), d, by)
	if err != nil {
		return err
	}
	say := func(en, zh string, values ...any) {
		fmt.Fprintln(cmd.OutOrStdout(), printable.Text(s.Say(en, zh, values...)))
	}
	for _, t := range moved.Timers {
		say("timer %s of %s fired, times: %d, last status: %d %s", "定时器 %s（%s）已触发，次数：%d，最后状态：%d %s",
			t.Name, t.Function, t.Fired, t.Last.Status, t.Last.Error)
	}
	for _, e := range moved.Events {
		say("event %s of %s received: %s", "收到事件 %s（订单 %s）：%s", e.Event.Kind, e.Event.Order, e.Verdict)
	}
	say("the emulator's clock says %s", "模拟器的时钟为 %s", moved.Now.In(time.Now().Location()).Format("2006-01-02 15:04:05 -07:00"))
	return nil
}

// duration is by how much the clock is to be moved on.
func (s *stateCmd) duration(cmd *cobra.Command, d desk.Description, args []string) (time.Duration, error) {
	if s.to == "" {
		by, err := moment.Age(args[0])
		if err != nil {
			return 0, usagef("%q: %w", "%q：%w", args[0], err)
		}
		return by, nil
	}
	at, is := moment.Time(s.to, time.Now().Location())
	if !is {
		return 0, usagef("--to: must be a time such as 2026-11-29 18:30, not %q", "--to：须为时间，如 2026-11-29 18:30，而不是 %q", s.to)
	}
	now, err := world.Time(cmd.Context(), d)
	if err != nil {
		return 0, err
	}
	if at.Before(now) {
		return 0, usagef("--to: the emulator's clock says %s already, and does not go back", "--to：模拟器的时钟已为 %s，不能后退",
			now.In(time.Now().Location()).Format(time.DateTime))
	}
	return at.Sub(now), nil
}

// newExport makes the command emulate export.
func newExport(l *render.Language) *cobra.Command {
	_, cmd := newState(l, "emulate-export", oneFile, func(s *stateCmd, _ *cobra.Command, args []string) error {
		return world.Export(s.dir, args[0])
	})
	cmd.ValidArgsFunction = nil // a file
	return cmd
}

// newImportState makes the command emulate import.
func newImportState(l *render.Language) *cobra.Command {
	s, cmd := newState(l, "emulate-import", oneFile, func(s *stateCmd, _ *cobra.Command, args []string) error {
		return world.Import(s.dir, args[0], s.fresh)
	})
	cmd.Flags().BoolVar(&s.fresh, "fresh", false, l.Say("replace the state that the folder has", "替换目录中已有的状态"))
	cmd.ValidArgsFunction = nil // a file
	return cmd
}

// oneFile wants the name of a file, and no more.
var oneFile = wantArguments(1, "name one file: %s FILE", "请指定一个文件：%s 文件")

// newLogs makes the command emulate logs, which shows what a running emulator remembers.
func newLogs(l *render.Language) *cobra.Command {
	logs := &exchangelog.Logs{Language: l}
	cmd := describe(l, "emulate-logs", &cobra.Command{Args: noArguments, RunE: func(cmd *cobra.Command, _ []string) error {
		if err := errors.Join(checkLanguage(l), logs.Check()); err != nil {
			return usage(err)
		}
		return logs.Run(cmd.Context(), cmd.OutOrStdout(), cmd.ErrOrStderr())
	}})
	logs.Register(cmd.Flags())
	_ = cmd.MarkFlagDirname("dir")
	return cmd
}
