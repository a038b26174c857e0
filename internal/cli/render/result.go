package render

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/rivo/uniseg"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/printable"
)

// Results shows the results of close and query: everything about one order, a line each for
// several, or JSON. Programs branch on the outcome, which stands in each of the three in the words
// of docs/api.md; the Chinese lines have it behind a Chinese word.
type Results struct {
	*Language

	Out  io.Writer
	JSON bool
	// Names are those of all orders, as they were given: they decide the form and the widths.
	Names []string

	counts map[order.Outcome]int
}

// Tell shows the result for the order of that name. It is called once for each of Names, in their
// order.
func (r *Results) Tell(name string, result order.Result) {
	if r.counts == nil {
		r.counts = map[order.Outcome]int{}
	}
	r.counts[result.Outcome]++
	switch {
	case r.JSON:
		JSON(r.Out, result)
	case len(r.Names) == 1:
		fmt.Fprintf(r.Out, "%s %s  %s: %s\n", mark(result.Outcome), r.Outcome(result.Outcome), name, printable.Text(r.meaning(result)))
		r.list(r.Out, r.rows(name, result))
		for _, sub := range result.SubOrders {
			facts := joined("  ", sub.OutTradeNo, string(sub.TradeState), r.Amount(sub.TotalFee, sub.FeeType))
			r.list(r.Out, []row{{bilingual.New("sub-order", "子订单"), facts}})
		}
	default: // a line has room for a gist
		line := fmt.Sprintf("%s %s  %s  %s", mark(result.Outcome), Pad(r.Outcome(result.Outcome), r.outcomeWidth()),
			Pad(name, r.nameWidth()), printable.Text(r.gist(result)))
		fmt.Fprintln(r.Out, strings.TrimRight(line, " "))
	}
}

// Sum says how many orders came to what, below lines. One order needs no sum, and JSON has none: a
// program counts by itself.
func (r *Results) Sum() {
	if r.JSON || len(r.Names) == 1 {
		return
	}
	var parts []string
	total := 0
	for _, outcome := range outcomes {
		if n := r.counts[outcome]; n > 0 {
			total += n
			parts = append(parts, fmt.Sprintf("%d %s", n, r.Outcome(outcome)))
		}
	}
	fmt.Fprint(r.Out, r.Say("%d orders: %s\n", "共 %d 个订单：%s\n", total, strings.Join(parts, ", ")))
}

// mark is ✓ for what was asked for, ? for what is not settled yet, and ✗ for the rest.
func mark(outcome order.Outcome) string {
	switch outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeFound, order.OutcomeScheduled:
		return "✓"
	case order.OutcomePaid, order.OutcomeNotFound, order.OutcomeRefused, order.OutcomeTooLate,
		order.OutcomeWithdrawn: // it was to be registered: no command here withdraws
		return "✗"
	case order.OutcomeTooSoon, order.OutcomeUnknown:
	}
	return "?"
}

// outcomes are in the order in which they are counted: what was asked for comes first, and last
// what needs another run.
var outcomes = []order.Outcome{
	order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeScheduled, order.OutcomeWithdrawn, order.OutcomeFound, order.OutcomePaid,
	order.OutcomeNotFound, order.OutcomeRefused, order.OutcomeTooLate, order.OutcomeTooSoon, order.OutcomeUnknown,
}

// outcomesZH stand before the words that programs branch on, so that a Chinese reader finds those
// in the documents.
var outcomesZH = map[order.Outcome]string{
	order.OutcomeClosed:        "已关单",
	order.OutcomeAlreadyClosed: "此前已关",
	order.OutcomeScheduled:     "已登记",
	order.OutcomeFound:         "已查到",
	order.OutcomePaid:          "已支付",
	order.OutcomeNotFound:      "不存在",
	order.OutcomeRefused:       "被拒绝",
	order.OutcomeWithdrawn:     "已撤回",
	order.OutcomeTooLate:       "为时已晚",
	order.OutcomeTooSoon:       "为时过早",
	order.OutcomeUnknown:       "未知",
}

// Outcome is the word that programs branch on; in Chinese it stands behind the Chinese one. An
// outcome that is not known here is shown as it is.
func (l *Language) Outcome(o order.Outcome) string {
	if l.Chinese {
		return joined(" ", outcomesZH[o], string(o))
	}
	return string(o)
}

// outcomeWidth and nameWidth are the widths of a line's columns. Lines are printed as results come,
// so the widths are those of all outcomes there are, and of all names.
func (l *Language) outcomeWidth() int {
	width := 0
	for _, o := range outcomes {
		width = max(width, uniseg.StringWidth(l.Outcome(o)))
	}
	return width
}

func (r *Results) nameWidth() int {
	width := 0
	for _, name := range r.Names {
		width = max(width, uniseg.StringWidth(name))
	}
	return width
}

// meanings say what follows from an outcome for the shop. A found order's meaning follows from its
// state.
var meanings = map[order.Outcome]bilingual.Text{
	order.OutcomeClosed:        bilingual.New("it can no longer be paid; release the stock", "订单已不可支付，可释放库存"),
	order.OutcomeAlreadyClosed: bilingual.New("it had been closed before; release the stock", "此前已关闭，可释放库存"),
	order.OutcomeScheduled:     bilingual.New("it is registered; a timer closes it at its time", "已登记，到期由定时器关单"),
	order.OutcomePaid:          bilingual.New("the customer has paid; deliver, or refund", "用户已支付，请发货或退款"),
	order.OutcomeNotFound:      bilingual.New("WeChat Pay has no such order of this merchant", "该商户名下没有此订单"),
	order.OutcomeRefused:       bilingual.New("WeChat Pay will not do it", "微信支付拒绝了请求"),
	order.OutcomeWithdrawn:     bilingual.New("its registration is withdrawn; no timer closes it", "登记已撤回，定时器不再关单"),
	order.OutcomeTooLate:       bilingual.New("its registration can no longer be changed or withdrawn", "登记已不可更改或撤回"),
	order.OutcomeTooSoon:       bilingual.New("it cannot be closed yet; run the command again later", "暂不能关单，请稍后重试"),
	order.OutcomeUnknown: bilingual.New("nothing was proved; run the command again, which does no harm",
		"结果未知，可放心重新执行"),
}

// signatureRefused and papersRefused are the meanings of refusals that another try does not change:
// the merchant's keys or configuration have to be mended first. Both name the command that finds
// the cause.
var (
	signatureRefused = bilingual.New(
		"the request's signature was refused; mend the key or the clock (cloudpay doctor finds out which)",
		"请求的签名被拒绝；请修正密钥或时钟（可用 cloudpay doctor 检查）")
	papersRefused = bilingual.New(
		"WeChat Pay does not take the configuration; mend it before running the command again (cloudpay doctor examines it)",
		"微信支付不接受当前配置；请先修正配置再重新执行（可用 cloudpay doctor 检查）")
)

// meaning is what follows from a result. The codes that ask for the merchant's own doing come
// before the outcome, which is a refusal like any other.
func (l *Language) meaning(result order.Result) string {
	switch {
	case result.Outcome == order.OutcomeFound:
		return l.state(result.TradeState)
	case result.ErrCode == errcode.SignError:
		return l.Text(signatureRefused)
	case errcode.IsOfMerchant(result.ErrCode), result.ErrCode == errcode.ConfigError:
		return l.Text(papersRefused)
	}
	return l.Text(meanings[result.Outcome])
}

// rows are the facts that a person wants, the ones about money first. JSON has all facts.
func (l *Language) rows(name string, result order.Result) []row {
	// An order that was named by another number has its own as a fact.
	number := result.OutTradeNo
	if name == number || name == Number(result.SubMchID, number) {
		number = "" // the first line has it
	}
	why, remedy := l.why(result)
	return []row{
		{bilingual.New("amount", "订单金额"), l.Amount(result.TotalFee, result.FeeType)},
		{bilingual.New("paid", "用户实付"), l.Amount(result.CashFee, cmp.Or(result.CashFeeType, result.FeeType))},
		{bilingual.New("paid at", "支付时间"), paidAt(result.TimeEnd)},
		{bilingual.New("transaction id", "微信订单号"), result.TransactionID},
		{bilingual.New("order", "商户订单号"), number},
		{bilingual.New("merchant", "商户号"), joined(" / ", result.MchID, result.SubMchID)},
		{bilingual.New("why", "原因"), why},
		{bilingual.New("what to do", "处理建议"), remedy},
		{bilingual.New("wait", "重试间隔"), l.wait(result.RetryAfter)},
		{bilingual.New("proof", "凭据"), l.proof(result)},
		{bilingual.New("request id", "请求 ID"), result.RequestID},
	}
}

// gist is what a line has room for: the gateway's word, the amount and the code. The code of an
// outcome that has one of its own says the same once more, and is left out.
func (l *Language) gist(result order.Result) string {
	code := result.ErrCode
	switch result.Outcome {
	case order.OutcomePaid, order.OutcomeAlreadyClosed, order.OutcomeNotFound:
		code = ""
	default:
	}
	return joined("  ", string(result.TradeState), l.Amount(result.TotalFee, result.FeeType), code)
}

// states say what the gateway's words mean. A word that is not known here is shown as it is: WeChat
// Pay may have new ones.
var states = map[tradestate.State]bilingual.Text{
	tradestate.Success:    bilingual.New("paid", "支付成功"),
	tradestate.Refund:     bilingual.New("paid, and given back in part or whole", "转入退款"),
	tradestate.NotPay:     bilingual.New("not paid yet", "未支付"),
	tradestate.Closed:     bilingual.New("closed", "已关闭"),
	tradestate.Revoked:    bilingual.New("reversed, and never paid", "已撤销"),
	tradestate.UserPaying: bilingual.New("the customer is paying at this moment", "用户支付中"),
	tradestate.PayError:   bilingual.New("a payment failed", "支付失败"),
	tradestate.Accept:     bilingual.New("a deduction waits to be carried out", "已接收，等待扣款"),
	tradestate.Mixed:      bilingual.New("the sub-orders are not in one state", "各子订单状态不一"),
}

// state is the gateway's word, with what it means as far as that is known.
func (l *Language) state(s tradestate.State) string {
	meaning, known := states[s]
	if !known {
		return string(s)
	}
	return l.Say("%s, %s", "%s，%s", s, meaning)
}

// proofsZH stand before the words of docs/api.md, as outcomesZH do.
var proofsZH = map[order.Proof]string{
	order.ProofSignature: "签名", order.ProofPrivateLink: "内网链路", order.ProofNone: "无",
}

// proof says why the answer may be believed, in which dialect it came, and how many exchanges it
// took. A result that nothing was sent for has none.
func (l *Language) proof(result order.Result) string {
	word := string(result.Proof)
	if l.Chinese {
		word = proofsZH[result.Proof] + " " + word
	}
	switch result.Attempts {
	case 0:
		return ""
	case 1: // English has a singular
		return l.Say("%s (%s, 1 exchange)", "%s（%s，1 次请求）", word, result.API)
	}
	return l.Say("%s (%s, %d exchanges)", "%s（%s，%d 次请求）", word, result.API, result.Attempts)
}

// why is the code and its text, where they say more than the outcome, and what the table of codes
// advises. Both are empty for the outcomes that explain themselves.
func (l *Language) why(result order.Result) (why, remedy string) {
	switch result.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeScheduled, order.OutcomeFound, order.OutcomePaid:
		return "", ""
	default:
	}
	why = l.Text(result.Why())
	// A code that is not in the table has no remedy: the gateway's own text is all there is.
	if code, known := errcode.Lookup(result.ErrCode); known && why != "" {
		remedy = l.Say(code.Remedy, code.RemedyZH)
	}
	return why, remedy
}

// wait is how long to leave the order alone; empty when that does not matter.
func (l *Language) wait(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return l.Say("%d s", "%d 秒", seconds)
}

// paidAt writes CloudPay's yyyyMMddHHmmss for people. The zone stays WeChat Pay's own, in which the
// merchant's bills are. A text of another form is shown as it is.
func paidAt(timeEnd string) string {
	at, err := time.Parse("20060102150405", timeEnd)
	if err != nil {
		return timeEnd
	}
	return at.Format(time.DateTime) + " (UTC+8)"
}
