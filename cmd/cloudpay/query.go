package main

import (
	"github.com/spf13/cobra"

	"cloudpay/internal/order"
)

func newQuery(l *language) *cobra.Command {
	a := &asking{op: order.OpQuery, language: l}
	cmd := &cobra.Command{
		Use: l.say(words("query ORDER...", "query 订单号...")),
		Short: l.say(words("Ask WeChat Pay what state orders are in, as the function queryorder does",
			"向微信支付查询订单状态，与云函数 queryorder 相同")),
		Long: l.say(words(`query asks what state orders are in: the very workflow of the function queryorder,
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
  5  WeChat Pay refused`, `query 查询订单状态：与云函数 queryorder 相同的流程，配置取自本进程的环境变量。只采信微信
支付签名的应答。

订单号即商户订单号（out_trade_no）；- 表示从标准输入逐行读取。列表中有一个订单号有误
就不会开始。结果按给出的顺序输出，退出码取最坏的一个：1 先于 5、4、0。

退出码：
  0  所有订单都已查到，无论状态
  1  至少一个订单无法证实：请重新执行
  2  命令行或环境变量有误；未发送任何请求
  4  没有此订单
  5  微信支付拒绝`)),
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
