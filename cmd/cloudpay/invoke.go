package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
)

// invokeCmd is one run of invoke. It calls a function as the real platform would have it called: by
// a mini-program's user, through the cloud's API, or by a timer.
type invokeCmd struct {
	*render.Language

	// dir is the folder of the running emulator.
	dir string
	// data is the event, @FILE, or - for standard input.
	data string
	// openID is the calling user at appID; empty: no user calls.
	openID, appID string
	// timer has the platform call, and service the merchant's own server.
	timer, service bool
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
	flags.StringVar(&i.dir, "dir", ".cloudpay", l.Say("folder of the running emulator", "运行中模拟器的目录"))
	flags.StringVar(&i.data, "data", "{}", l.Say("the event as JSON, @FILE, or - for standard input", "JSON 格式的事件，或 @文件，或 - 表示标准输入"))
	flags.BoolVar(&i.timer, "timer", false, l.Say("fire the function's timer", "触发云函数的定时器"))
	flags.StringVar(&i.openID, "openid", "", l.Say("call as this mini-program user", "以该小程序用户身份调用"))
	flags.StringVar(&i.appID, "appid", "", l.Say("the user's mini-program; the merchant's own when empty", "用户所属小程序；不填则为商户自己的"))
	flags.BoolVar(&i.service, "service", false, l.Say("call with the emulator's service token", "附上模拟器的服务令牌"))
	flags.DurationVar(&i.timeout, "timeout", desk.LongestCall, l.Say("how long to wait for the answer", "等待应答的时限"))
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	return cmd
}

// run prints the function's answer. The exit code says whether there was one and not what is in it:
// an order that was refused is an answer like another.
func (i *invokeCmd) run(cmd *cobra.Command, args []string) error {
	if err := i.check(cmd.Flags()); err != nil {
		return err
	}
	d, err := desk.Read(i.dir)
	if err != nil {
		return err
	}
	// The emulator may have been killed, or a fault that was injected may keep the reply back.
	ctx, cancel := context.WithTimeout(cmd.Context(), i.timeout)
	defer cancel()
	reply, err := i.call(ctx, cmd, d, args[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), render.Pretty(reply))
	return nil
}

// call calls the function as the flags say, and returns its answer. A web function is refused its
// timer here: the emulated platform would have to invent a request that no cloud sends.
func (i *invokeCmd) call(ctx context.Context, cmd *cobra.Command, d desk.Description, function string) ([]byte, error) {
	if i.timer {
		if d.Runtime == platform.Web {
			return nil, bilingual.Errorf("--timer: a web function gets requests and has no timers: run the emulator with --runtime "+
				"go1, custom or lambda to try a sweep, and deploy one of these for it",
				"--timer：Web 函数只接收请求，没有定时器：请以 --runtime go1、custom 或 lambda 运行模拟器来试用扫描，部署时亦然")
		}
		return d.Fire(ctx, function)
	}
	event, err := i.event(cmd.InOrStdin())
	if err != nil {
		return nil, usagef("--data: %w", "--data：%w", err)
	}
	if i.service {
		if event, err = d.AsService(event); err != nil {
			return nil, usagef("--service: %w", "--service：%w", err)
		}
	}
	// A call may come from a user and have the service token: the function decides which counts.
	caller, err := i.caller(cmd.Flags())
	if err != nil {
		return nil, err
	}
	return d.Call(ctx, function, event, caller)
}

// check looks at the flags: a timer is the platform's, and brings neither an event nor a caller. A
// flag that a timer has no use for is refused, and not passed over: the user expects something of
// it.
func (i *invokeCmd) check(flags *pflag.FlagSet) error {
	if err := checkLanguage(i.Language); err != nil {
		return err
	}
	if i.timeout <= 0 {
		return usagef("--timeout: must be longer than nothing, such as 30s", "--timeout：须大于零，如 30s")
	}
	for _, name := range []string{"data", "openid", "appid", "service"} {
		if i.timer && flags.Changed(name) {
			return usagef("--timer: is the platform's own call; leave --%s out", "--timer：是平台自己的调用；请去掉 --%s", name)
		}
	}
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

// caller is the user that the flags name. On the real platform a caller cannot choose an identity;
// the emulated one takes it from headers, which these flags become.
//
// A flag that is given and empty, as by a variable that is
// not set, is an error: without a user the call would be an operator's.
func (i *invokeCmd) caller(flags *pflag.FlagSet) (desk.User, error) {
	for _, given := range []struct{ flag, value string }{{"openid", i.openID}, {"appid", i.appID}} {
		if flags.Changed(given.flag) && !plainID.MatchString(given.value) {
			return desk.User{}, usagef("--%s: must be 1 to 128 of letters, digits, _ and -, not %q",
				"--%s：须为 1 至 128 个字母、数字、_ 或 -，而不是 %q", given.flag, given.value)
		}
	}
	if i.appID != "" && i.openID == "" {
		return desk.User{}, usagef("--appid: says whose user --openid is; give that too", "--appid：说明 --openid 属于哪个小程序；请同时提供 --openid")
	}
	return desk.User{OpenID: i.openID, AppID: i.appID}, nil
}

// plainID matches openids and appids: they become the values of headers.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// event is the event as it was given, from a file, or from standard input. It need not be JSON: how
// a function answers nonsense is worth trying too. What is longer than the platform takes is
// refused here, before all of it is read.
func (i *invokeCmd) event(stdin io.Reader) ([]byte, error) {
	from := stdin
	switch file, isFile := strings.CutPrefix(i.data, "@"); {
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	case i.data != "-":
		return []byte(i.data), nil
	}
	event, err := io.ReadAll(io.LimitReader(from, desk.MaxEvent+1))
	if err == nil && len(event) > desk.MaxEvent {
		err = bilingual.Errorf("an event may have 6 MB at most", "事件不可超过 6 MB")
	}
	return event, err
}
