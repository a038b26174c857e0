package main

import (
	"strings"

	"github.com/spf13/cobra"

	"cloudpay/internal/order"
)

func newClose(l *language) *cobra.Command {
	a := &asking{op: order.OpClose, language: l}
	cmd := &cobra.Command{
		Use:   l.say(words("close ORDER...", "close 订单号...")),
		Short: l.say(words("Close orders with WeChat Pay, as the function closeorder does", "向微信支付关单，与云函数 closeorder 相同")),
		Long: l.say(words(`close closes orders that are not to be paid any more: the very workflow of the
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

Ctrl-C ends it at once and says of each order whether anything had been sent.`, `close 关闭不再需要支付的订单：与云函数 closeorder 相同的流程，配置取自本进程的环境变量。
结果存疑时以查单为准；重复关单无副作用，也不会再次询问确认。带 --close-at 时改为登记到
CLOUDPAY_STORE 所指的存储，到期由定时器关单。

订单号即商户订单号（out_trade_no）；- 表示从标准输入逐行读取。列表中有一个订单号有误
就不会开始。结果按给出的顺序输出，退出码取最坏的一个：1 先于 5、4、3、0。

退出码：
  0  所有订单都已关闭（此次或此前），或已登记待关
  1  至少一个订单结果未知，或暂不能关单：请重新执行
  2  命令行或环境变量有误；未发送任何请求
  3  有订单已支付：请发货或退款
  4  没有此订单
  5  微信支付拒绝

按 Ctrl-C 立即结束，并说明每个订单的请求是否已发送。`)),
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
	flags.StringArrayVar(&a.parts, "sub-order", nil, l.say(words(
		"an order of the combined one, each in a flag of its own: mchid=…,out_trade_no=…", "合单中的一个子订单，每个各用一次：mchid=…,out_trade_no=…")))
	a.given = map[string]*string{}
	for _, f := range laterFacts() {
		a.given[f.name] = flags.String(strings.ReplaceAll(f.name, "_", "-"), "", l.say(f.meaning))
	}
	flags.StringVar(&a.created, "created-at", "", l.say(words(
		"when the orders were created (RFC 3339): tells too soon from refused for good", "下单时间（RFC 3339）：用于区分为时过早与被拒绝")))
	return cmd
}
