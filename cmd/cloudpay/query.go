package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/order"
)

func newQuery() *cobra.Command {
	a := &asking{op: order.OpQuery}
	cmd := &cobra.Command{
		Use:   "query ORDER...",
		Short: "Ask WeChat Pay what state orders are in, as the function queryorder does",
		Long: `query asks what state orders are in: the very workflow of the function queryorder,
with the configuration in this process's environment. Only answers that WeChat Pay
signed are believed.

ORDER is the merchant's own number (out_trade_no); - stands for one number a line
on standard input. A list with a faulty number in it is not begun. Results come in
the order given, and the exit code is that of the worst: 1 before 5, 4 and 0.

Exit codes:
  0  every order was found, whatever its state
  1  nothing could be proved of at least one order: run the command again
  2  the command line or the environment is wrong; nothing was sent
  4  there is no such order
  5  WeChat Pay refused

查询订单状态：与云函数 queryorder 相同的流程，配置取自环境变量。`,
		Example: `  cloudpay query A1
  cloudpay query --transaction-id 4200000001202611220000000001
  cloudpay query A1 A2 --json | jq -r '.outTradeNo + " " + .tradeState'
  cloudpay query --combine C1`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              a.run,
	}
	a.register(cmd)
	return cmd
}
