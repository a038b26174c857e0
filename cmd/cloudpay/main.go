// Command cloudpay tries out the cloud functions on one machine: it emulates the
// cloud around the very binaries that are deployed, and WeChat Pay behind them.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime/debug"
	"sync"
	"syscall"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/printable"
	"cloudpay/internal/schedule"
)

func main() { os.Exit(run()) }

// run is main with an exit code.
func run() int {
	// Whoever reads what is printed may go away; that is no reason to stop serving.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	l := languageOf(os.Args[1:])
	return l.end(os.Stderr, newRoot(l).ExecuteContext(ctx))
}

// end says what a command ended with, unless it has said so itself, and returns the exit code.
func (l *language) end(out io.Writer, err error) int {
	code, say := exitCode(err)
	if say {
		l.complain(out, err)
		if fault, is := errors.AsType[*schedule.StoreError](err); is {
			// The one who runs the command runs the database, or knows who does.
			fmt.Fprintln(out, "  "+printable.Text(l.sayf("%s", "详情：%s", fault.Detail())))
		}
	}
	return code
}

// complain says what is wrong.
func (l *language) complain(out io.Writer, err error) {
	fmt.Fprintln(out, "cloudpay:", printable.Lines(l.say(bilingual.Wording(err))))
}

// keepOrder has the commands listed in the order of teaching. That is a setting of cobra's for the
// whole process, and tests make several roots at once.
var keepOrder = sync.OnceFunc(func() { cobra.EnableCommandSorting = false })

func newRoot(l *language) *cobra.Command {
	root := &cobra.Command{
		Use: "cloudpay",
		Short: l.say(words("Close and query WeChat Pay orders: on this machine, or before the real gateway",
			"微信支付关单与查单：在本机试用，或连接真实网关")),
		Long: l.say(words(`cloudpay runs the cloud functions closeorder and queryorder on this machine:
the very binaries that are deployed, called as Tencent SCF calls them, before an
emulated WeChat Pay that verifies every signature and keeps the orders. With a
merchant's configuration in the environment it examines that, and closes and
queries real orders from the terminal.

中文帮助：cloudpay --lang zh --help`, `cloudpay 在本机运行云函数 closeorder 与 queryorder：与部署相同的二进制、腾讯云云函数的
真实协议，以及会校验每个签名、保存订单状态的模拟微信支付。环境变量中有商户配置时，
可在终端体检该配置，并对真实订单查单、关单。`)),
		Example: `  cloudpay demo
  cloudpay emulate --dir .cloudpay
  cloudpay invoke closeorder --data '{"out_trade_no":"A1"}' --openid oABC
  cloudpay doctor
  cloudpay query A1
  cloudpay close A1`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          l.noSuchCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	keepOrder()
	for _, part := range []struct {
		group    cobra.Group
		commands []*cobra.Command
	}{
		{
			cobra.Group{ID: "trying", Title: l.say(words("Try it out on this machine:", "在本机试用："))},
			[]*cobra.Command{newDemo(l), newEmulate(l), newInvoke(l)},
		},
		{
			cobra.Group{ID: "using", Title: l.say(words("With a merchant's configuration:", "使用商户配置："))},
			[]*cobra.Command{newDoctor(l), newQuery(l), newClose(l), newOrders(l)},
		},
	} {
		root.AddGroup(&part.group)
		for _, command := range part.commands {
			command.GroupID = part.group.ID
			root.AddCommand(command)
		}
	}
	l.register(root)
	l.wordHelp(root)
	return root
}

// noSuchCommand refuses arguments of a command that only has commands below it.
func (l *language) noSuchCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	cmd.SuggestionsMinimumDistance = 2 // letters that may be wrong
	err := bilingual.Errorf("unknown command %q (see %s --help)", "没有命令 %q（见 %s --help）", args[0], cmd.CommandPath())
	for _, name := range cmd.SuggestionsFor(args[0]) {
		err = bilingual.Errorf("%w; did you mean %s?", "%w；是否为 %s？", err, name)
	}
	return usage(err)
}

// version is the commit that the command was built from, as far as the go command
// noted it.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, setting := range info.Settings {
		if setting.Key == "vcs.revision" {
			return setting.Value
		}
	}
	return cmp.Or(info.Main.Version, "unknown")
}
