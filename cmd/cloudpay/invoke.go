package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
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
	// data is the event, @FILE, or - for standard input.
	data string
	// call is the call itself; its Data and its caller come from the other flags.
	call calls.Call
	// as is who calls, and timer a trigger.
	as    calls.Named
	timer bool
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
	flags.StringVar(&i.call.Trigger, "trigger", calls.Direct,
		l.Say("what calls the function: %s", "触发方式：%s", strings.Join(calls.Triggers(), ", ")))
	flags.StringVar(&i.as.As, "as", "", l.Say("who calls: %s", "调用方：%s", strings.Join(calls.Callers(), ", ")))
	flags.StringVar(&i.data, "data", "{}", l.Say("the event as JSON, @FILE, or - for standard input", "JSON 格式的事件，或 @文件，或 - 表示标准输入"))
	flags.StringVar(&i.call.Method, "method", "", l.Say("method of an HTTP request; POST when empty", "HTTP 请求的方法；不填则为 POST"))
	flags.StringVar(&i.call.Path, "path", "",
		l.Say("path and query of an HTTP request; the function's name when empty", "HTTP 请求的路径与查询；不填则为函数名"))
	flags.BoolVar(&i.timer, "timer", false, l.Say("fire the function's timer; the same as --trigger timer", "触发云函数的定时器，同 --trigger timer"))
	flags.StringVar(&i.as.OpenID, "openid", "",
		l.Say("call as this mini-program user; the same as --as user:OPENID", "以该小程序用户身份调用，同 --as user:OPENID"))
	flags.StringVar(&i.as.AppID, "appid", "", l.Say("the user's mini-program; the merchant's own when empty", "用户所属小程序；不填则为商户自己的"))
	flags.BoolVar(&i.as.Service, "service", false,
		l.Say("call with the emulator's service token; the same as --as service", "附上模拟器的服务令牌，同 --as service"))
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
	flags := cmd.Flags()
	if err := i.check(flags); err != nil {
		return err
	}
	d, err := desk.Read(i.dir)
	if err == nil && d.CloudURL == "" {
		err = bilingual.Errorf("no functions run in %s, only WeChat Pay: start them with `cloudpay emulate --dir %s`",
			"%s 中只运行微信支付，没有云函数：请用 `cloudpay emulate --dir %s` 启动", i.dir, i.dir)
	}
	if err != nil {
		return usage(err)
	}
	i.call.Function = args[0]
	if i.call.Trigger != calls.Timer || flags.Changed("data") { // a timer has a message only if one is given
		if i.call.Data, err = calls.ReadEvent(i.data, cmd.InOrStdin()); err != nil {
			return usagef("--data: %w", "--data：%w", err)
		}
	}
	// The emulator may have been killed, or a fault that was injected may keep the reply back.
	ctx, cancel := context.WithTimeout(cmd.Context(), i.timeout)
	defer cancel()
	if err := i.call.Check(ctx, d); err != nil {
		return usage(err)
	}
	answer, err := i.call.Send(ctx, d)
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
	var faults []error
	if i.timeout <= 0 {
		faults = append(faults, bilingual.Errorf("--timeout: must be longer than nothing, such as 30s", "--timeout：须大于零，如 30s"))
	}
	if flags.Changed("dir") && flags.Changed("emulator") {
		faults = append(faults, bilingual.Errorf("--dir: is the old name of --emulator; leave it out", "--dir：是 --emulator 的旧名；请去掉"))
	}
	faults = append(faults, checkLanguage(i.Language), i.checkTimer(flags))
	as, err := i.as.Caller(flags.Changed)
	if err := errors.Join(append(faults, err)...); err != nil {
		return usage(err)
	}
	i.call.As = as
	return nil
}

// checkTimer makes --timer the trigger. A timer is the platform's, and brings neither an event nor
// a caller: a flag that it has no use for is refused, and not passed over, since the user expects
// something of it.
func (i *invokeCmd) checkTimer(flags *pflag.FlagSet) error {
	if !i.timer {
		return nil
	}
	for _, name := range []string{"trigger", "as", "data", "openid", "appid", "service"} {
		if flags.Changed(name) {
			return bilingual.Errorf("--timer: is the platform's own call; leave --%s out", "--timer：是平台自己的调用；请去掉 --%s", name)
		}
	}
	i.call.Trigger = calls.Timer
	return nil
}

// oneFunction wants the name of a function, and no more. Whether there is such a function the
// running emulator knows: it may run others than these two.
func oneFunction(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one function: %s or %s", "请指定一个云函数：%s 或 %s", desk.Functions()[0], desk.Functions()[1])
	}
	return nil
}
