package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/order"
	"cloudpay/internal/order/errcode"
	"cloudpay/internal/order/tradestate"
	"cloudpay/internal/printable"
)

// report tells answers, a line each for several orders and everything for one, or as JSON.
type report struct {
	*language

	out    io.Writer
	op     order.Op
	json   bool
	alone  bool // there is one order
	width  int  // of the longest number
	worst  int
	counts map[order.Outcome]int
}

func newReport(out io.Writer, a *asking, calls []order.Params) *report {
	r := &report{
		language: a.language, out: out, op: a.op, json: a.json, alone: len(calls) == 1,
		counts: map[order.Outcome]int{},
	}
	for _, p := range calls {
		r.width = max(r.width, len(nameOf(p)))
	}
	return r
}

// severity is the exit codes of orders from the best to the worst: what may still change by coming again is the worst,
// since nothing else is final before that.
var severity = []int{exitFine, exitPaid, exitNotFound, exitRefused, exitFault}

// code is what one order's outcome amounts to.
func (r *report) code(outcome order.Outcome) int {
	switch outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeFound, order.OutcomeScheduled:
		return exitFine
	case order.OutcomePaid:
		return exitPaid
	case order.OutcomeNotFound:
		return exitNotFound
	case order.OutcomeRefused:
		return exitRefused
	case order.OutcomeTooSoon, order.OutcomeUnknown:
	}
	return exitFault
}

// tell tells one answer.
func (r *report) tell(p order.Params, result order.Result) {
	code := r.code(result.Outcome)
	if slices.Index(severity, code) > slices.Index(severity, r.worst) {
		r.worst = code
	}
	r.counts[result.Outcome]++
	switch {
	case r.json:
		sayJSON(r.out, result)
	case r.alone:
		fmt.Fprintf(r.out, "%s %s  %s: %s\n", mark(code), r.outcome(result.Outcome), nameOf(p), printable.Text(r.meaning(result)))
		for _, row := range r.rows(p, result) {
			fmt.Fprintf(r.out, "    %s  %s\n", padded(row.label.In(r.chinese), labelWidth), printable.Text(row.value))
		}
	default:
		line := fmt.Sprintf("%s %s  %s  %s", mark(code), padded(r.outcome(result.Outcome), r.outcomeWidth()),
			padded(nameOf(p), r.width), printable.Text(r.gist(result)))
		fmt.Fprintln(r.out, strings.TrimRight(line, " "))
	}
}

// end says how many orders came to what, and returns the exit code.
func (r *report) end() error {
	if !r.json && !r.alone {
		var parts []string
		total := 0
		for _, outcome := range allOutcomes {
			if n := r.counts[outcome]; n > 0 {
				total += n
				parts = append(parts, fmt.Sprintf("%d %s", n, r.outcome(outcome)))
			}
		}
		fmt.Fprint(r.out, r.sayf("%d orders: %s\n", "共 %d 个订单：%s\n", total, strings.Join(parts, ", ")))
	}
	if r.worst == exitFine {
		return nil
	}
	return &exitError{code: r.worst}
}

func mark(code int) string {
	switch code {
	case exitFine:
		return "✓"
	case exitFault:
		return "?"
	}
	return "✗"
}

// allOutcomes are in the order in which they are counted.
var allOutcomes = []order.Outcome{
	order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeScheduled, order.OutcomeFound, order.OutcomePaid,
	order.OutcomeNotFound, order.OutcomeRefused, order.OutcomeTooSoon, order.OutcomeUnknown,
}

// outcome is the word that programs branch on, in Chinese behind the Chinese one.
func (l *language) outcome(o order.Outcome) string {
	zh, known := outcomesZH[o]
	if !l.chinese || !known {
		return string(o)
	}
	return zh + " " + string(o)
}

func (r *report) outcomeWidth() int {
	width := 0
	for _, o := range allOutcomes {
		width = max(width, columns(r.outcome(o)))
	}
	return width
}

var outcomesZH = map[order.Outcome]string{
	order.OutcomeClosed:        "已关单",
	order.OutcomeAlreadyClosed: "此前已关",
	order.OutcomeScheduled:     "已登记",
	order.OutcomeFound:         "已查到",
	order.OutcomePaid:          "已支付",
	order.OutcomeNotFound:      "不存在",
	order.OutcomeRefused:       "被拒绝",
	order.OutcomeTooSoon:       "为时过早",
	order.OutcomeUnknown:       "未知",
}

// meanings say what follows from an outcome.
var meanings = map[order.Outcome]bilingual.Text{
	order.OutcomeClosed:        words("nobody can pay it any more; release the stock", "订单已不可支付，可释放库存"),
	order.OutcomeAlreadyClosed: words("it had been closed before; release the stock", "此前已关闭，可释放库存"),
	order.OutcomeScheduled:     words("it is registered; a timer closes it at its time", "已登记，到期由定时器关单"),
	order.OutcomePaid:          words("the customer has paid; deliver, or refund", "用户已支付，请发货或退款"),
	order.OutcomeNotFound:      words("WeChat Pay has no such order of this merchant", "该商户名下没有此订单"),
	order.OutcomeRefused:       words("WeChat Pay will not do it", "微信支付拒绝了请求"),
	order.OutcomeTooSoon:       words("it cannot be closed yet; run the command again later", "暂不能关单，请稍后重试"),
	order.OutcomeUnknown:       words("nothing was proved; run the command again, which does no harm", "结果未知，可放心重新执行"),
}

// signatureRefused and papersRefused are the meanings of refusals that coming again changes nothing
// about: the merchant's own papers have to be mended first.
var (
	signatureRefused = words("the request's signature was refused; mend the key or the clock (cloudpay doctor finds out which)",
		"请求的签名被拒绝；请修正密钥或时钟（可用 cloudpay doctor 检查）")
	papersRefused = words(
		"WeChat Pay does not take the configuration; mend it before running the command again (cloudpay doctor examines it)",
		"微信支付不接受当前配置；请先修正配置再重新执行（可用 cloudpay doctor 检查）")
)

// meaning is what follows from the outcome; of an order that was found, from its state.
func (r *report) meaning(result order.Result) string {
	switch {
	case result.Outcome == order.OutcomeFound:
		return r.state(result.TradeState)
	case result.ErrCode == errcode.SignError:
		return signatureRefused.In(r.chinese)
	case errcode.IsOfMerchant(result.ErrCode), result.ErrCode == errcode.ConfigError:
		return papersRefused.In(r.chinese)
	}
	return meanings[result.Outcome].In(r.chinese)
}

// row is one fact about an order.
type row struct {
	label bilingual.Text
	value string
}

// labelWidth is the longest label's.
const labelWidth = 14

// rows are the facts that a person wants; --json has them all.
func (r *report) rows(p order.Params, result order.Result) []row {
	rows := slices.Concat([]row{
		{words("amount", "订单金额"), r.amount(result.TotalFee, result.FeeType)},
		{words("paid", "用户实付"), r.amount(result.CashFee, cmp.Or(result.CashFeeType, result.FeeType))},
		{words("paid at", "支付时间"), paidAt(result.TimeEnd)},
		{words("transaction id", "微信订单号"), result.TransactionID},
		{words("order", "商户订单号"), differing(p, result)},
		{words("merchant", "商户号"), strings.Join(notEmpty(result.MchID, result.SubMchID), " / ")},
		{words("why", "原因"), r.why(result)},
		{words("what to do", "处理建议"), r.remedy(result)},
		{words("wait", "重试间隔"), r.wait(result.RetryAfter)},
		{words("proof", "凭据"), r.proof(result)},
		{words("request id", "请求 ID"), result.RequestID},
	}, r.parts(result))
	return slices.DeleteFunc(rows, func(fact row) bool { return fact.value == "" })
}

// parts are the orders of a combined order.
func (r *report) parts(result order.Result) []row {
	rows := make([]row, 0, len(result.SubOrders))
	for _, sub := range result.SubOrders {
		facts := notEmpty(sub.OutTradeNo, string(sub.TradeState), r.amount(sub.TotalFee, sub.FeeType))
		rows = append(rows, row{words("sub-order", "子订单"), strings.Join(facts, "  ")})
	}
	return rows
}

// gist is what a line has room for.
func (r *report) gist(result order.Result) string {
	code := result.ErrCode
	if result.Outcome == order.OutcomePaid || result.Outcome == order.OutcomeAlreadyClosed || result.Outcome == order.OutcomeNotFound {
		code = "" // says the same once more
	}
	return strings.Join(notEmpty(string(result.TradeState), r.amount(result.TotalFee, result.FeeType), code), "  ")
}

// state is the gateway's word with what it means.
func (l *language) state(s tradestate.State) string {
	meaning, known := states[s]
	if s == "" || !known {
		return string(s)
	}
	return l.sayf("%s, %s", "%s，%s", s, meaning)
}

var states = map[tradestate.State]bilingual.Text{
	tradestate.Success:    words("paid", "支付成功"),
	tradestate.Refund:     words("paid, and given back in part or whole", "转入退款"),
	tradestate.NotPay:     words("nobody has paid yet", "未支付"),
	tradestate.Closed:     words("closed", "已关闭"),
	tradestate.Revoked:    words("reversed, and never paid", "已撤销"),
	tradestate.UserPaying: words("the customer is paying at this moment", "用户支付中"),
	tradestate.PayError:   words("a payment failed", "支付失败"),
	tradestate.Accept:     words("a deduction waits to be carried out", "已接收，等待扣款"),
	tradestate.Mixed:      words("the sub-orders are not in one state", "各子订单状态不一"),
}

// proof says why the answer may be believed, and what it took.
func (r *report) proof(result order.Result) string {
	if result.Attempts == 0 {
		return ""
	}
	text := r.sayf("%s (%s, %d exchanges)", "%s（%s，%d 次请求）", r.proofWord(result.Proof), result.API, result.Attempts)
	if result.Attempts == 1 {
		text = strings.Replace(text, "1 exchanges", "1 exchange", 1)
	}
	return text
}

// proofWord is the word that programs branch on, in Chinese behind the Chinese one.
func (r *report) proofWord(p order.Proof) string {
	if !r.chinese {
		return string(p)
	}
	return proofsZH[p] + " " + string(p)
}

var proofsZH = map[order.Proof]string{
	order.ProofSignature: "签名", order.ProofPrivateLink: "内网链路", order.ProofNone: "无",
}

// why is the code and its text, where they say more than the outcome.
func (r *report) why(result order.Result) string {
	switch result.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomeScheduled, order.OutcomeFound, order.OutcomePaid:
		return ""
	default:
		return r.say(result.Why())
	}
}

// remedy is what the table of codes advises.
func (r *report) remedy(result order.Result) string {
	if r.why(result) == "" {
		return ""
	}
	code, known := errcode.Lookup(result.ErrCode)
	if !known {
		return ""
	}
	return r.say(words(code.Remedy, code.RemedyZH))
}

func (r *report) wait(seconds int64) string {
	if seconds == 0 {
		return ""
	}
	return r.sayf("%d s", "%d 秒", seconds)
}

// differing is the order's own number where it was named by another.
func differing(p order.Params, result order.Result) string {
	if result.OutTradeNo == nameOf(p) {
		return ""
	}
	return result.OutTradeNo
}

// paidAt writes CloudPay's yyyyMMddHHmmss for people.
func paidAt(timeEnd string) string {
	at, err := time.Parse("20060102150405", timeEnd)
	if err != nil {
		return timeEnd
	}
	return at.Format(time.DateTime) + " (UTC+8)"
}

func notEmpty(texts ...string) []string {
	return slices.DeleteFunc(texts, func(text string) bool { return text == "" })
}
