// Command cloudpay tries out the cloud functions on one machine: it emulates the
// cloud around the very binaries that are deployed, and WeChat Pay behind them.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
)

func main() { os.Exit(run()) }

// run is main with an exit code.
func run() int {
	// Whoever reads what is printed may go away; that is no reason to stop serving.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	root := newRoot()
	err := root.ExecuteContext(ctx)
	if _, _, unknown := root.Find(os.Args[1:]); unknown != nil {
		err = usage(err)
	}
	code, say := exitCode(err)
	if say {
		fmt.Fprintln(os.Stderr, "cloudpay:", err)
		if fault, is := errors.AsType[*order.StoreError](err); is {
			fmt.Fprintln(os.Stderr, "  "+printable(fault.Detail())) // the one who runs the command runs the database, or knows who does
		}
	}
	return code
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "cloudpay",
		Short: "Close and query WeChat Pay orders: on this machine, or before the real gateway",
		Long: `cloudpay runs the cloud functions closeorder and queryorder on this machine:
the very binaries that are deployed, called as Tencent SCF calls them, before an
emulated WeChat Pay that verifies every signature and keeps the orders. With a
merchant's configuration in the environment it examines that, and closes and
queries real orders from the terminal.

在本机运行云函数 closeorder 与 queryorder：与部署相同的二进制、云函数的真实协议，
以及会校验每个签名、保存订单状态的模拟微信支付；也可用真实商户配置在终端体检、查单、关单。`,
		Example: `  cloudpay demo
  cloudpay emulate --dir .cloudpay
  cloudpay invoke closeorder --data '{"out_trade_no":"A1"}' --openid oABC
  cloudpay doctor
  cloudpay query A1
  cloudpay close A1`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usagef("%w (see %s --help)", err, cmd.CommandPath())
	})
	cobra.EnableCommandSorting = false // the order of teaching
	for _, part := range []struct {
		group    cobra.Group
		commands []*cobra.Command
	}{
		{cobra.Group{ID: "trying", Title: "Try it out on this machine:"}, []*cobra.Command{newDemo(), newEmulate(), newInvoke()}},
		{
			cobra.Group{ID: "using", Title: "With a merchant's configuration:"},
			[]*cobra.Command{newDoctor(), newQuery(), newClose(), newOrders()},
		},
	} {
		root.AddGroup(&part.group)
		for _, command := range part.commands {
			command.GroupID = part.group.ID
			root.AddCommand(command)
		}
	}
	return root
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

// functionNames are the functions of this repository, by the names that they are
// called by.
func functionNames() []string { return []string{"closeorder", "queryorder"} }
