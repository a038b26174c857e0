package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/printable"
)

// invoking is one run of invoke: what its flags say.
type invoking struct {
	dir, data, openID, appID string
	timer, service           bool
	timeout                  time.Duration
	language                 *language
}

func newInvoke(l *language) *cobra.Command {
	i := &invoking{language: l}
	cmd := &cobra.Command{
		Use:   l.say(words("invoke FUNCTION", "invoke 函数")),
		Short: l.say(words("Call a function of a running emulator and print its answer", "调用运行中模拟器的云函数，并打印其应答")),
		Long: l.say(words(`invoke calls a function that "cloudpay emulate" runs, and prints what it answers.
With --openid the call is a mini-program user's, as wx.cloud.callFunction makes
it; with --timer it is the platform's, for a timer that fires now; else it is a
direct invoke through the cloud's API. With --service the emulator's service
token comes with the call, which is how a server of the merchant's says that it
may do everything. On the custom runtime, which does not say that a timer fired,
--timer sends the emulator's timer token as the timer's message. Web functions
have no timers.

The exit code is 0 when the function answered, whatever became of the order: that
is in the answer's outcome.`, `invoke 调用 "cloudpay emulate" 运行的云函数，并打印其应答。带 --openid 时以小程序用户身份调用，同
wx.cloud.callFunction；带 --timer 时由平台立即触发定时器；否则为通过云 API 的直接调用。带
--service 时附上模拟器的服务令牌，即商户服务端的身份，可执行一切操作。在不说明定时器身份的 custom
运行时上，--timer 会附上模拟器的定时器令牌。Web 函数没有定时器。

云函数有应答时退出码为 0，无论订单结果如何：结果见应答中的 outcome。`)),
		Example: `  cloudpay invoke queryorder --data '{"out_trade_no":"A1"}'
  cloudpay invoke queryorder --data '{"out_trade_no":"A1","api":"v2"}' --service
  cloudpay invoke closeorder --data @event.json --openid oABC
  cloudpay invoke closeorder --timer
  echo '{"out_trade_no":"A1"}' | cloudpay invoke closeorder --data -`,
		Args:              oneFunction,
		ValidArgsFunction: cobra.FixedCompletions(desk.Functions(), cobra.ShellCompDirectiveNoFileComp),
		RunE:              i.run,
	}
	flags := cmd.Flags()
	flags.StringVar(&i.dir, "dir", ".cloudpay", l.say(words("folder of the running emulator", "运行中模拟器的目录")))
	flags.StringVar(&i.data, "data", "{}", l.say(words("the event as JSON, @FILE, or - for standard input", "JSON 格式的事件，或 @文件，或 - 表示标准输入")))
	flags.BoolVar(&i.timer, "timer", false, l.say(words("fire the function's timer", "触发云函数的定时器")))
	flags.StringVar(&i.openID, "openid", "", l.say(words("call as this mini-program user", "以该小程序用户身份调用")))
	flags.StringVar(&i.appID, "appid", "", l.say(words("the user's mini-program; the merchant's own when empty", "用户所属小程序；不填则为商户自己的")))
	flags.BoolVar(&i.service, "service", false, l.say(words("call with the emulator's service token", "附上模拟器的服务令牌")))
	flags.DurationVar(&i.timeout, "timeout", desk.LongestCall, l.say(words("how long to wait for the answer", "等待应答的时限")))
	_ = cmd.MarkFlagDirname("dir")
	_ = cmd.RegisterFlagCompletionFunc("data", cobra.NoFileCompletions)
	return cmd
}

func (i *invoking) run(cmd *cobra.Command, args []string) error {
	if err := i.check(cmd.Flags()); err != nil {
		return err
	}
	d, err := desk.Read(i.dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), i.timeout)
	defer cancel()
	reply, err := i.call(ctx, cmd, d, args[0])
	if err != nil {
		return err
	}
	fmt.Fprintln(cmd.OutOrStdout(), printable.Lines(pretty(reply)))
	return nil
}

// call calls the function as the flags say, and returns its answer.
func (i *invoking) call(ctx context.Context, cmd *cobra.Command, d desk.Description, function string) ([]byte, error) {
	if i.timer {
		if d.Runtime == platform.Web {
			return nil, bilingual.Errorf("--timer: a web function gets requests and has no timers: run the emulator with --runtime "+
				"go1, custom or lambda to try a sweep, and deploy one of these for it",
				"--timer：Web 函数只接收请求，没有定时器：请以 --runtime go1、custom 或 lambda 运行模拟器来试用扫描，部署时亦然")
		}
		return d.Fire(ctx, function)
	}
	event, err := readEvent(i.data, cmd.InOrStdin())
	if err != nil {
		return nil, err
	}
	if i.service {
		if event, err = d.AsService(event); err != nil {
			return nil, usagef("--service: %w", "--service：%w", err)
		}
	}
	caller, err := callerOf(cmd.Flags(), i.openID, i.appID)
	if err != nil {
		return nil, err
	}
	return d.Call(ctx, function, event, caller)
}

// check looks at the flags: a timer is the platform's, and brings neither an event nor a caller.
func (i *invoking) check(flags *pflag.FlagSet) error {
	if err := i.language.check(); err != nil {
		return err
	}
	if i.timeout <= 0 {
		return usagef("--timeout: must be longer than nothing, such as 30s", "--timeout：须大于零，如 30s")
	}
	if !i.timer {
		return nil
	}
	for _, name := range []string{"data", "openid", "appid", "service"} {
		if flags.Changed(name) {
			return usagef("--timer: is the platform's own call; leave --%s out", "--timer：是平台自己的调用；请去掉 --%s", name)
		}
	}
	return nil
}

// oneFunction wants the name of a function, and no more.
func oneFunction(_ *cobra.Command, args []string) error {
	if len(args) != 1 {
		return usagef("name one function: %s or %s", "请指定一个云函数：%s 或 %s", desk.Functions()[0], desk.Functions()[1])
	}
	return nil
}

// callerOf is who the flags say is calling. A flag that is given and empty, as by
// a variable that is not set, must not make an operator of a user.
func callerOf(flags *pflag.FlagSet, openID, appID string) (desk.User, error) {
	for _, given := range []struct{ flag, value string }{{"openid", openID}, {"appid", appID}} {
		if flags.Changed(given.flag) && !plainID.MatchString(given.value) {
			return desk.User{}, usagef("--%s: must be 1 to 128 of letters, digits, _ and -, not %q",
				"--%s：须为 1 至 128 个字母、数字、_ 或 -，而不是 %q", given.flag, given.value)
		}
	}
	if appID != "" && openID == "" {
		return desk.User{}, usagef("--appid: says whose user --openid is; give that too", "--appid：说明 --openid 属于哪个小程序；请同时提供 --openid")
	}
	return desk.User{OpenID: openID, AppID: appID}, nil
}

// plainID is what openids and appids are made of.
var plainID = regexp.MustCompile(`^[0-9A-Za-z_-]{1,128}$`)

// readEvent takes an event as given, from a file, or from standard input.
func readEvent(data string, stdin io.Reader) ([]byte, error) {
	from := stdin
	switch file, isFile := strings.CutPrefix(data, "@"); {
	case isFile:
		f, err := os.Open(file)
		if err != nil {
			return nil, usagef("--data: %w", "--data：%w", err)
		}
		defer func() { _ = f.Close() }() // it was only read
		from = f
	case data != "-":
		return []byte(data), nil
	}
	event, err := io.ReadAll(io.LimitReader(from, desk.MaxEvent+1))
	if err != nil {
		return nil, usagef("--data: %w", "--data：%w", err)
	}
	if len(event) > desk.MaxEvent {
		return nil, usagef("--data: an event may have 6 MB at most", "--data：事件不可超过 6 MB")
	}
	return event, nil
}

// pretty indents JSON, and leaves anything else as it is.
func pretty(text []byte) string {
	var out bytes.Buffer
	if err := json.Indent(&out, text, "", "  "); err != nil {
		return string(text)
	}
	return out.String()
}
