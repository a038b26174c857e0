package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const (
	// maxList caps what is read of a list of orders: thirty thousand numbers, far more than anybody looks through.
	maxList = 1 << 20
	// maxParallel keeps a long list from looking like an attack, and from FREQUENCY_LIMITED.
	maxParallel = 4
)

// asking is one run of close or query: what its flags say.
type asking struct {
	op       order.Op
	params   order.Params
	api      string
	created  string
	given    map[string]*string // what an order is registered with, by the fact's name; close only
	parts    []string
	emulator string
	timeout  time.Duration
	parallel int
	json     bool
	verbose  bool
	language *language
}

// register adds the flags that close and query share.
func (a *asking) register(cmd *cobra.Command) {
	flags, say := cmd.Flags(), a.language.say
	flags.SortFlags = false
	flags.SetNormalizeFunc(spellings)
	flags.StringVar(&a.params.TransactionID, "transaction-id", "", say(words(
		"WeChat Pay's number of the order, instead of ORDER", "微信支付订单号，代替商户订单号")))
	flags.StringVar(&a.params.CombineOutTradeNo, "combine-out-trade-no", "", say(words(
		"a combined order (合单), instead of ORDER; short: --combine", "合单订单号，代替商户订单号；可简写为 --combine")))
	flags.StringVar(&a.params.SubMchID, "sub-mch-id", "", say(subMerchant))
	flags.StringVar(&a.params.SubAppID, "sub-appid", "", say(words("the sub-merchant's appid (APIv2 only)", "子商户的 appid（仅 APIv2）")))
	flags.StringVar(&a.api, "api", "", a.language.sayf("dialect: %s; WXPAY_API when left out", "接口：%s；不填则取 WXPAY_API",
		strings.Join(apis(), ", ")))
	flags.StringVar(&a.params.NonceStr, "nonce-str", "", say(words("the first request's nonce; made when left out",
		"首次请求的随机串；不填则自动生成")))
	flags.DurationVar(&a.timeout, "timeout", 20*time.Second, say(words("how long one order may take", "每个订单的时限")))
	flags.IntVar(&a.parallel, "parallel", maxParallel, say(words("how many orders are asked about at once, 1 to 4",
		"同时处理的订单数，1 至 4")))
	flags.BoolVar(&a.json, "json", false, say(words("print the result objects, one a line, as docs/api.md describes them",
		"逐行输出 docs/api.md 所述的结果对象")))
	flags.BoolVarP(&a.verbose, "verbose", "v", false, say(verbosely))
	a.language.registerEmulator(cmd, &a.emulator)
	_ = cmd.RegisterFlagCompletionFunc("api", cobra.FixedCompletions(apis(), cobra.ShellCompDirectiveNoFileComp))
}

// run asks about each order, tells each answer in the order given, and returns the worst of them as an exit code.
func (a *asking) run(cmd *cobra.Command, args []string) error {
	calls, err := a.calls(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	if len(calls) == 0 {
		cmd.PrintErrln(a.language.say(noneOnStdin))
		return nil
	}
	configured, err := a.configured(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := a.checkAll(configured, calls); err != nil {
		return err
	}
	do := configured.Querier.Query
	if a.op == order.OpClose {
		do = configured.Closer.Close
	}
	report := newReport(cmd.OutOrStdout(), a, calls)
	one := func(p order.Params) order.Result { return a.ask(cmd.Context(), configured.Log, do, p) }
	inOrder(a.parallel, calls, one, func(p order.Params, r order.Result) {
		report.tell(p, r)
		if cmd.Context().Err() != nil && r.Outcome == order.OutcomeUnknown {
			a.language.complain(cmd.ErrOrStderr(), a.interrupted(p, r))
		}
	})
	return report.end()
}

// calls are the parameters of each order that was named.
func (a *asking) calls(args []string, stdin io.Reader) ([]order.Params, error) {
	if err := a.check(); err != nil {
		return nil, err
	}
	if a.params.TransactionID != "" || a.params.CombineOutTradeNo != "" {
		if len(args) > 0 {
			return nil, usagef("%s: give either its number or one of --transaction-id and --combine-out-trade-no",
				"%s：订单号与 --transaction-id、--combine-out-trade-no 只能提供一个", args[0])
		}
		return []order.Params{a.params}, nil
	}
	numbers, err := numbers(args, stdin)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, usagef("name an order: cloudpay %s ORDER, or - to read numbers from standard input",
			"请指定订单：cloudpay %s 订单号，或用 - 从标准输入读取订单号", a.op)
	}
	if a.params.NonceStr != "" && len(numbers) > 1 {
		return nil, usagef("--nonce-str: is for one order, not for %d", "--nonce-str：只能用于一个订单，而不是 %d 个", len(numbers))
	}
	calls := make([]order.Params, 0, len(numbers))
	for _, number := range numbers {
		p := a.params
		p.OutTradeNo = number
		calls = append(calls, p)
	}
	return calls, nil
}

// numbers are the order numbers in the arguments; - stands for those on standard input.
func numbers(args []string, stdin io.Reader) ([]string, error) {
	var all []string
	for i, arg := range args {
		if arg != "-" {
			all = append(all, arg)
			continue
		}
		if slices.Contains(args[:i], "-") {
			return nil, usagef("-: standard input can be read once", "-：标准输入只能读取一次")
		}
		read, err := readNumbers(stdin)
		if err != nil {
			return nil, err
		}
		all = append(all, read...)
	}
	return all, nil
}

// readNumbers takes one order number from each line that is not empty.
func readNumbers(stdin io.Reader) ([]string, error) {
	var all []string
	limited := &io.LimitedReader{R: stdin, N: maxList + 1}
	lines := bufio.NewScanner(limited)
	for lines.Scan() {
		if number := strings.TrimSpace(lines.Text()); number != "" {
			all = append(all, number)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, usagef("-: reading order numbers: %w", "-：读取订单号：%w", err)
	}
	if limited.N == 0 {
		return nil, usagef("-: a list of orders may have %d MiB", "-：订单列表不可超过 %d MiB", maxList>>20)
	}
	return all, nil
}

// check looks at the flags, and takes in those that need reading.
func (a *asking) check() error {
	var faults []error
	fault := func(en, zh string, values ...any) { faults = append(faults, bilingual.Errorf(en, zh, values...)) }
	if err := a.language.check(); err != nil {
		faults = append(faults, err)
	}
	if a.timeout <= 0 {
		fault("--timeout: must be longer than nothing, such as 20s", "--timeout：须大于零，如 20s")
	}
	if a.parallel < 1 || a.parallel > maxParallel {
		fault("--parallel: must be 1 to %d, not %d", "--parallel：须为 1 至 %d，而不是 %d", maxParallel, a.parallel)
	}
	a.params.API = order.API(a.api)
	if a.created != "" {
		at, err := time.Parse(time.RFC3339, a.created)
		if err != nil {
			fault("--created-at: must be a time such as 2026-11-22T18:30:00+08:00 (RFC 3339)",
				"--created-at：须为 RFC 3339 时间，如 2026-11-22T18:30:00+08:00")
		}
		a.params.CreatedAt = at
	}
	for _, f := range laterFacts() {
		if value := a.given[f.name]; value != nil && *value != "" {
			if err := f.set(&a.params, *value); err != nil {
				faults = append(faults, inFlags(a.params, err))
			}
		}
	}
	for _, text := range a.parts {
		part, err := parseSubOrder(text)
		if err != nil {
			faults = append(faults, err)
		}
		a.params.SubOrders = append(a.params.SubOrders, part)
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	return nil
}

// parseSubOrder reads one order of a combined order: mchid=…,out_trade_no=…, and sub_mchid=… where there is one.
func parseSubOrder(text string) (order.SubOrder, error) {
	var part order.SubOrder
	fields := map[string]*string{
		"mchid": &part.MchID, "mch_id": &part.MchID, "sub_mchid": &part.SubMchID, "sub_mch_id": &part.SubMchID,
		"out_trade_no": &part.OutTradeNo,
	}
	for pair := range strings.SplitSeq(text, ",") {
		name, value, isPair := strings.Cut(pair, "=")
		field, known := fields[strings.ReplaceAll(strings.TrimSpace(name), "-", "_")]
		if !isPair || !known || *field != "" {
			return part, bilingual.Errorf("--sub-order: must be mchid=…,out_trade_no=…, for a service provider also sub_mchid=…, not %q",
				"--sub-order：须为 mchid=…,out_trade_no=…，服务商还须 sub_mchid=…，而不是 %q", text)
		}
		*field = strings.TrimSpace(value)
	}
	return part, nil
}

// configured is the very graph of the functions, made of the environment.
func (a *asking) configured(logs io.Writer) (*app.App, error) {
	environ, err := environment(a.emulator)
	if err != nil {
		return nil, err
	}
	if !a.verbose {
		logs = io.Discard
	}
	configured, err := app.New(environ, logs)
	if err == nil {
		err = configured.Broken
	}
	if err != nil {
		return nil, usagef("%w\n`cloudpay doctor` tells more", "%w\n详情请运行 `cloudpay doctor`", err)
	}
	slog.SetDefault(configured.Log) // for what has no logger of its own, as in a function
	return configured, nil
}

// checkAll finds what is wrong with any call before the first is made: a list with a slip in it is not begun.
func (a *asking) checkAll(configured *app.App, calls []order.Params) error {
	var faults []error
	for _, p := range calls {
		if err := a.checkCall(configured, p); err != nil {
			faults = append(faults, inFlags(p, err))
		}
		if len(faults) == mostFaults {
			break
		}
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	return nil
}

// checkCall finds what is wrong with one call.
func (a *asking) checkCall(configured *app.App, p order.Params) (err error) {
	switch {
	case a.op == order.OpQuery:
		_, err = configured.Querier.Merchant.QueryCall(p)
	case p.CloseAt == "":
		_, err = configured.Closer.Merchant.CloseCall(p)
	case configured.Closer.Store == nil:
		return bilingual.Errorf("--close-at: closing later needs a store of waiting orders: set %s, and have a timer",
			"--close-at：稍后关单需要订单存储：请设置 %s，并配置定时器", nameStore)
	default:
		_, err = schedule.NewEntry(configured.Closer.Merchant, p)
	}
	return err
}

// mostFaults is how many faults of a list are worth reading at once.
const mostFaults = 20

// inFlags words a fault of the parameters for somebody who typed flags.
func inFlags(p order.Params, err error) error {
	field, ok := errors.AsType[*order.FieldError](err)
	if !ok {
		return err
	}
	if field.Field == "out_trade_no" {
		return bilingual.Errorf("order %q: %s", "订单 %q：%s", p.OutTradeNo, field.Rule)
	}
	name, rest, isPart := strings.Cut(field.Field, "[")
	if isPart { // sub_orders[0].mchid
		return bilingual.Errorf("--sub-order [%s: %s", "--sub-order [%s：%s", rest, field.Rule)
	}
	if name == "sub_orders" {
		name = "sub_order"
	}
	return bilingual.Errorf("--%s: %s", "--%s：%s", strings.ReplaceAll(name, "_", "-"), field.Rule)
}

// ask asks about one order, within its own time, and logs what came of it.
func (a *asking) ask(ctx context.Context, log *slog.Logger,
	do func(context.Context, order.Params) order.Result, p order.Params,
) order.Result {
	limited, cancel := context.WithTimeout(ctx, a.timeout)
	defer cancel()
	began := time.Now()
	r := do(limited, p)
	log.InfoContext(ctx, string(a.op), "outTradeNo", r.OutTradeNo, "api", string(r.API), "outcome", string(r.Outcome),
		"tradeState", string(r.TradeState), "errCode", r.ErrCode, "gatewayCode", r.GatewayCode, "gatewayRequestId", r.RequestID,
		"returnMsg", r.ReturnMsg, "attempts", r.Attempts,
		"ms", time.Since(began).Milliseconds(), "gatewayMs", r.Waited.Milliseconds())
	return r
}

// interrupted says what is known of an order whose answer did not come before Ctrl-C: whether anything was sent.
func (a *asking) interrupted(p order.Params, r order.Result) error {
	name := nameOf(p)
	switch {
	case r.Attempts == 0:
		return bilingual.Errorf("interrupted: the %s of %s was not sent", "已中断：%s %s 的请求未发送", a.op, name)
	case a.op == order.OpQuery:
		return bilingual.Errorf("interrupted: the query of %s was sent; what it would have said is unknown",
			"已中断：%s 的查单请求已发送，结果未知", name)
	}
	return bilingual.Errorf("interrupted: the close of %s was sent; its outcome is unknown; query it",
		"已中断：%s 的关单请求已发送，结果未知；请查单", name)
}

// nameOf is the order as it was named.
func nameOf(p order.Params) string {
	switch {
	case p.OutTradeNo != "":
		return p.OutTradeNo
	case p.TransactionID != "":
		return p.TransactionID
	}
	return p.CombineOutTradeNo
}

// inOrder does something with each item, several at a time, and hands on what came of it in the items' order as soon as
// it can. It returns when all is done.
func inOrder[T, R any](parallel int, items []T, do func(T) R, done func(T, R)) {
	results := make([]chan R, len(items))
	turns := make(chan struct{}, parallel)
	for i := range results {
		results[i] = make(chan R, 1)
	}
	go func() {
		for i, item := range items {
			turns <- struct{}{}
			go func() {
				defer func() { <-turns }()
				results[i] <- do(item)
			}()
		}
	}()
	for i, item := range items {
		done(item, <-results[i])
	}
}

// What several commands say.
var (
	noneOnStdin = words("no orders on standard input", "标准输入中没有订单")
	subMerchant = words("a service provider's sub-merchant; WXPAY_SUB_MCHID when left out", "服务商的子商户；不填则取 WXPAY_SUB_MCHID")
	verbosely   = words("log in JSON to standard error", "向标准错误输出 JSON 日志")
)

// registerEmulator adds --emulator.
func (l *language) registerEmulator(cmd *cobra.Command, dir *string) {
	cmd.Flags().StringVar(dir, "emulator", "", l.say(words(
		"use the environment of the emulator that runs in this folder, not this process's", "使用该目录中运行的模拟器的环境，而不是本进程的")))
	_ = cmd.MarkFlagDirname("emulator")
}

// environment is what a command is configured by: this process's, or an emulator's.
func environment(emulator string) ([]string, error) {
	if emulator == "" {
		return os.Environ(), nil
	}
	d, err := desk.Read(emulator)
	if err != nil {
		return nil, usage(err)
	}
	return desk.Environ(d.Env), nil
}
