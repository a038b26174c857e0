// Command cloudpay tries out the cloud functions on one machine: it emulates the
// cloud around the very binaries that are deployed, and WeChat Pay behind them.
package main

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// run is main with an exit code: 0 when all is well, 1 when it is not.
func run() int {
	// Whoever reads what is printed may go away; that is no reason to stop serving.
	signal.Ignore(syscall.SIGPIPE)
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	if err := newRoot().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "cloudpay:", err)
		return 1
	}
	return 0
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "cloudpay",
		Short: "Close and query WeChat Pay orders from cloud functions, on this machine",
		Long: `cloudpay runs the cloud functions closeorder and queryorder on this machine:
the very binaries that are deployed, called as Tencent SCF calls them, before an
emulated WeChat Pay that verifies every signature and keeps the orders.

在本机运行云函数 closeorder 与 queryorder：与部署相同的二进制、云函数的真实协议，
以及会校验每个签名、保存订单状态的模拟微信支付。`,
		Example: `  cloudpay demo
  cloudpay emulate --dir .cloudpay
  cloudpay invoke closeorder --data '{"out_trade_no":"A1"}' --openid oABC`,
		Version:       version(),
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w (see %s --help)", err, cmd.CommandPath())
	})
	root.AddCommand(newDemo(), newEmulate(), newInvoke())
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
