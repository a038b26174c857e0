package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/calls"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
)

// invokeCmd is one run of invoke. It calls a function as the real platforms would have it called:
// by any trigger, from any caller.
type invokeCmd struct {
	*render.Language

	// dir is the folder of the running emulator.
	dir string
	// calls say what is sent.
	calls calls.Flags
	// timeout is how long to wait for the answer.
	timeout time.Duration
}

// newInvoke makes the command invoke. The platform has the last word about time: --timeout only
// ends the waiting, and is longer than any call takes unless it is set.
func newInvoke(l *render.Language) *cobra.Command {
	i := &invokeCmd{Language: l}
	cmd := describe(l, "invoke", &cobra.Command{
		Args:              oneFunction,
		ValidArgsFunction: cobra.FixedCompletions(desk.Functions(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              i.run,
	})
	flags := cmd.Flags()
	flags.StringVar(&i.dir, "emulator", ".cloudpay", l.Say("folder of the running emulator", "运行中模拟器的目录"))
	flags.StringVar(&i.dir, "dir", ".cloudpay", l.Say("the name of --emulator before this release", "--emulator 的旧名"))
	i.calls.Register(l, flags)
	flags.DurationVar(&i.timeout, "timeout", desk.LongestCall, l.Say("how long to wait for the answer", "等待应答的时限"))
	_ = flags.MarkHidden("dir")
	_ = cmd.MarkFlagDirname("emulator")
	triggers := make([]string, 0, len(calls.Triggers())) // each with what it is, for shells that show it
	for _, name := range calls.Triggers() {
		triggers = append(triggers, cobra.CompletionWithDesc(name, l.Text(calls.Meaning(name))))
	}
	complete(cmd, "trigger", triggers...)
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	return cmd
}

// run prints the function's answer. The exit code says whether there was one and not what is in it:
// an order that was refused is an answer like another. All of the command line is checked, with
// what the emulator runs, before the function is called.
func (i *invokeCmd) run(cmd *cobra.Command, args []string) error {
	if err := i.check(cmd.Flags()); err != nil {
		return usage(err)
	}
	d, err := desk.Read(i.dir)
	if err == nil && d.CloudURL == "" {
		err = bilingual.Errorf("no functions run in %s, only WeChat Pay: start them with `cloudpay emulate --dir %s`",
			"%s 中只运行微信支付，没有云函数：请用 `cloudpay emulate --dir %s` 启动", i.dir, i.dir)
	}
	var call calls.Call
	if err == nil {
		call, err = i.calls.Call(args[0], cmd.InOrStdin())
	}
	if err != nil {
		return usage(err)
	}
	// The emulator may have been killed, or a fault that was injected may keep the reply back.
	ctx, cancel := context.WithTimeout(cmd.Context(), i.timeout)
	defer cancel()
	checked, err := call.Check(ctx, d)
	if err != nil {
		return usage(err)
	}
	answer, err := checked.Send(ctx)
	if err != nil {
		return err
	}
	if answer.Status >= http.StatusMultipleChoices {
		cmd.PrintErrf("HTTP %d %s\n", answer.Status, http.StatusText(answer.Status))
	}
	fmt.Fprintln(cmd.OutOrStdout(), render.Pretty(answer.Body))
	return nil
}

// check looks at the flags, and reports all faults together.
func (i *invokeCmd) check(flags *pflag.FlagSet) error {
	faults := []error{checkLanguage(i.Language), i.calls.Check(flags.Changed)}
	if i.timeout <= 0 {
		faults = append(faults, bilingual.Errorf("--timeout: must be longer than nothing, such as 30s", "--timeout：须大于零，如 30s"))
	}
	if flags.Changed("dir") && flags.Changed("emulator") {
		faults = append(faults, bilingual.Errorf("--dir: is the old name of --emulator; leave it out", "--dir：是 --emulator 的旧名；请去掉"))
	}
	return errors.Join(faults...)
}

// oneFunction wants the name of a function, and no more. Whether there is such a function the
// running emulator knows: it may run others than these two.
func oneFunction(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one function: %s or %s", "请指定一个云函数：%s 或 %s", desk.Functions()[0], desk.Functions()[1])
	}
	return nil
}
