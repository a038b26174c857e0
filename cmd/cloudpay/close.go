package main

import (
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
)

func newClose() *cobra.Command {
	a := &asking{op: order.OpClose}
	cmd := &cobra.Command{
		Use:   "close ORDER...",
		Short: "Close orders with WeChat Pay, as the function closeorder does",
		Long: `close closes orders that are not to be paid any more: the very workflow of the
function closeorder, with the configuration in this process's environment. A
close that is left in doubt is settled by a query; closing an order twice does no
harm. Nobody is asked whether they are sure. With --close-at orders are registered
instead, in the store that CLOUDPAY_STORE names, and a timer closes them at that time.

ORDER is the merchant's own number (out_trade_no); - stands for one number a line
on standard input. A list with a faulty number in it is not begun. Results come in
the order given, and the exit code is that of the worst: 1 before 5, 4, 3 and 0.

Exit codes:
  0  every order is closed, now or before, or is registered to be closed
  1  at least one order's outcome is unknown, or it is too soon to close it: run
     the command again
  2  the command line or the environment is wrong; nothing was sent
  3  an order had been paid: deliver, or refund
  4  there is no such order
  5  WeChat Pay refused

Ctrl-C ends it at once and says of each order whether anything had been sent.

关闭订单：与云函数 closeorder 相同的流程，配置取自环境变量；可重复执行，不会重复关闭。`,
		Example: `  cloudpay close A1
  cloudpay close A1 A2 A3 --sub-mch-id 1900000109 --json
  mysql -BNe 'SELECT out_trade_no FROM …' | cloudpay close -
  cloudpay close A4 --close-at 1800 --openid oABC
  cloudpay close --combine C1 --sub-order mchid=1900000001,out_trade_no=C1-1 --sub-order mchid=…,out_trade_no=…`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              a.run,
	}
	a.register(cmd)
	flags := cmd.Flags()
	flags.StringArrayVar(&a.parts, "sub-order", nil, "an order of the combined one, each in a flag of its own: mchid=…,out_trade_no=…")
	a.given = map[string]*string{}
	for _, f := range laterFacts() {
		a.given[f.name] = flags.String(strings.ReplaceAll(f.name, "_", "-"), "", f.meaning)
	}
	flags.StringVar(&a.created, "created-at", "", "when the orders were created (RFC 3339): tells too soon from refused for good")
	return cmd
}
