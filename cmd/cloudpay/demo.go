package main

import (
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/demo"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/printable"
)

// demoCmd is one run of demo.
type demoCmd struct {
	*render.Language

	// all plays every call in every dialect and mode, in place of the three stories.
	all bool
	// logs shows what the platform and the functions log, on standard error.
	logs bool
}

// newDemo makes the command demo. It needs neither an account nor a network, and leaves nothing
// behind.
func newDemo(l *render.Language) *cobra.Command {
	d := &demoCmd{Language: l}
	cmd := describe(l, "demo", &cobra.Command{
		Args: noArguments,
		RunE: d.run,
	})
	cmd.Flags().BoolVar(&d.all, "all", false, l.Say("play every call in both APIs, direct and partner, and show every answer",
		"以两种接口、直连商户与服务商播放全部调用，并显示每个应答"))
	cmd.Flags().BoolVar(&d.logs, "logs", false, l.Say("show what the platform and the functions log", "显示平台与云函数的日志"))
	return cmd
}

// run plays the demonstration in a temporary folder, which it removes again with the keys, stores
// and binaries in it. After a signal the error says that the demonstration was interrupted, and not
// what the signal broke.
func (d *demoCmd) run(cmd *cobra.Command, _ []string) error {
	if err := checkLanguage(d.Language); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "cloudpay-demo-")
	if err != nil {
		return bilingual.Errorf("making a folder for the demo: %w", "创建演示目录：%w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover in the temporary folder does no harm
	err = d.play(cmd, dir)
	// An interrupted build says that itself.
	if cmd.Context().Err() != nil && !errors.Is(err, errInterrupted) {
		return bilingual.Errorf("%w: the demo is not complete", "%w：演示未完成", errInterrupted)
	}
	return err
}

// play makes the calls.
func (d *demoCmd) play(cmd *cobra.Command, dir string) error {
	play := demo.Demo{Language: d.Language, Out: cmd.OutOrStdout(), Logs: io.Discard, Dir: dir}
	if d.logs {
		play.Logs = printable.NewWriter(cmd.ErrOrStderr())
	}
	if err := play.FindFunctions(cmd.Context(), cmd.ErrOrStderr()); err != nil {
		return err
	}
	if d.all {
		return play.Run(cmd.Context())
	}
	return play.Journey(cmd.Context())
}
