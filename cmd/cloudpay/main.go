// Command cloudpay tries out the cloud functions on one machine: it emulates the
// cloud around the very binaries that are deployed, and WeChat Pay behind them.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run()) }

// run is main with an exit code: 0 when all is well, 1 when it is not.
func run() int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
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
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.AddCommand(newDemo(), newEmulate(), newInvoke())
	return root
}

// functionNames are the functions of this repository, by the names that they are
// called by.
func functionNames() []string { return []string{"closeorder", "queryorder"} }
