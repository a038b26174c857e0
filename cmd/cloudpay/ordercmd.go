package main

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/app"
	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/orderfile"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/order"
	"cloudpay/internal/schedule"
)

const (
	// maxList bounds the list of orders on standard input, in bytes: some ten thousand objects of
	// list --json, or a quarter of a million numbers.
	maxList = 8 << 20
	// maxParallel keeps a long list from looking like an attack, and from FREQUENCY_LIMITED. It
	// stands in for the sweep's pace, which needs a store.
	maxParallel = 4
	// mostFaults is how many faults of a list are worth reading at once.
	mostFaults = 20
)

// orderCmd is one run of close or query: its flags. The two differ in the workflow that they run
// and in a few flags; how orders are named, checked and reported is the same.
type orderCmd struct {
	*render.Language

	// op is what is done with the orders.
	op order.Op
	// given are the flags for the parameters that all orders have in common; check reads them into
	// params.
	given  parameterFlags
	params order.Params
	// accounts are those that the orders' names have, one for each order; zero where a name has
	// none.
	accounts []order.Account

	// emulator is the folder of one whose environment is used; empty: this process's.
	emulator string
	// timeout is for one order, its retries and the queries between them included.
	timeout time.Duration
	// parallel is how many orders are under way at once, 1 to maxParallel.
	parallel int
	// json prints the result objects. verbose logs to standard error; otherwise nothing is logged.
	json, verbose bool
}

// register adds the flags that close and query share.
func (c *orderCmd) register(cmd *cobra.Command) {
	flags := cmd.Flags()
	c.given.register(c.Language, flags, func(p order.Parameter) bool {
		if c.op == order.OpClose && (p.Registered || p.Name == "sub_orders" || p.Name == "at_once") {
			return p.Name != "out_trade_no" // which is an argument
		}
		return slices.Contains([]string{"transaction_id", "combine_out_trade_no", "sub_mch_id", "sub_appid", "nonce_str", "api"}, p.Name)
	})
	flags.DurationVar(&c.timeout, "timeout", 20*time.Second, c.Say("how long one order may take", "每个订单的时限"))
	flags.IntVar(&c.parallel, "parallel", maxParallel, c.Say("how many orders are asked about at once, 1 to 4", "同时处理的订单数，1 至 4"))
	flags.BoolVar(&c.json, "json", false, c.Say("print the result objects, one a line, as docs/api.md describes them",
		"逐行输出 docs/api.md 所述的结果对象"))
	flags.BoolVarP(&c.verbose, "verbose", "v", false, c.Text(verbosely))
	emulatorFlag(c.Language, cmd, &c.emulator)
	complete(cmd, "api", apis()...)
}

// run closes or queries each order, shows the results in the order given, and returns the worst of
// them as an exit code. Nothing is sent when any of the orders has a fault in it: a user who mends
// the list can run all of it again.
//
// After Ctrl-C the orders in flight end at once, as unknown, and the rest is not sent. complain
// says of each order which of the two it was.
func (c *orderCmd) run(cmd *cobra.Command, args []string) error {
	calls, err := c.calls(args, cmd.InOrStdin())
	if err != nil {
		return err
	}
	// An empty list needs no configuration: it may come from a script on a machine without one.
	if len(calls) == 0 {
		cmd.PrintErrln(c.Text(noneOnStdin))
		return nil
	}
	configured, err := c.configured(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	defer configured.End()
	if err := c.checkCalls(configured, calls); err != nil {
		return err
	}
	// Both workflows have the same form: parameters in, a result out, and never an error.
	do := configured.Querier.Query
	if c.op == order.OpClose {
		do = configured.Closer.Close
	}
	results := &render.Results{Language: c.Language, Out: cmd.OutOrStdout(), JSON: c.json}
	for _, p := range calls {
		results.Names = append(results.Names, c.nameOf(p))
	}
	worst := exitFine
	// Results are printed in the order given, and not as they come: the same list prints the same.
	one := func(p order.Params) order.Result { return c.do(cmd.Context(), configured.Log, do, p) }
	inOrder(c.parallel, calls, one, func(p order.Params, r order.Result) {
		results.Tell(c.nameOf(p), r)
		worst = worse(worst, outcomeCode(r.Outcome))
		if cmd.Context().Err() != nil && r.Outcome == order.OutcomeUnknown {
			complain(c.Language, cmd.ErrOrStderr(), c.interrupted(p, r))
		}
	})
	results.Sum()
	return exit(worst)
}

// calls are the parameters of each order that was named. Orders are named by their own numbers, as
// arguments, or a single one by a number of another kind, as a flag.
func (c *orderCmd) calls(args []string, stdin io.Reader) ([]order.Params, error) {
	if err := c.check(); err != nil {
		return nil, usage(err)
	}
	// Without an argument nothing is read from standard input: on a terminal the command would seem
	// to hang. - asks for it.
	byOther := c.params.TransactionID != "" || c.params.CombineOutTradeNo != ""
	switch {
	case byOther && len(args) > 0:
		return nil, usagef("%s: give either its number or one of --transaction-id and --combine-out-trade-no",
			"%s：订单号与 --transaction-id、--combine-out-trade-no 只能提供一个", args[0])
	case byOther:
		c.accounts = make([]order.Account, 1)
		return []order.Params{c.params}, nil
	case len(args) == 0:
		return nil, usagef("name an order: cloudpay %s ORDER, or - to read numbers from standard input",
			"请指定订单：cloudpay %s 订单号，或用 - 从标准输入读取订单号", c.op)
	}
	calls, err := orderfile.Named(args, stdin, maxList, func(number string) (order.Params, error) {
		p := c.params
		of, err := nameInto(&p, number)
		c.accounts = append(c.accounts, of)
		return p, err
	})
	if err != nil {
		return nil, usage(err)
	}
	// A nonce is used once: WeChat Pay may take the second request for a replay of the first.
	if c.params.NonceStr != "" && len(calls) > 1 {
		return nil, usagef("--nonce-str: is for one order, not for %d", "--nonce-str：只能用于一个订单，而不是 %d 个", len(calls))
	}
	return calls, nil
}

// check looks at the flags, takes in the parameters among them, and reports all faults together.
// What depends on the merchant is checked later, when the configuration is known.
func (c *orderCmd) check() error {
	faults := []error{checkLanguage(c.Language)}
	fault := func(en, zh string, values ...any) { faults = append(faults, bilingual.Errorf(en, zh, values...)) }
	if c.timeout <= 0 {
		fault("--timeout: must be longer than nothing, such as 20s", "--timeout：须大于零，如 20s")
	}
	if c.parallel < 1 || c.parallel > maxParallel {
		fault("--parallel: must be 1 to %d, not %d", "--parallel：须为 1 至 %d，而不是 %d", maxParallel, c.parallel)
	}
	return errors.Join(append(faults, c.given.set(&c.params))...)
}

// configured is the object graph of the functions, made of the environment, so that close and query
// do what the functions do. Like a function it refuses to work with a faulty configuration.
func (c *orderCmd) configured(logs io.Writer) (*app.App, error) {
	environ, err := environment(c.emulator)
	if err != nil {
		return nil, err
	}
	if !c.verbose {
		logs = io.Discard
	}
	configured, err := app.New(environ, logs)
	if err == nil {
		err = configured.Broken
	}
	if err != nil {
		return nil, usagef("%w\n`cloudpay doctor` tells more", "%w\n详情请运行 `cloudpay doctor`", err)
	}
	// Packages without a logger of their own log through the default one, as in a function.
	slog.SetDefault(configured.Log)
	return configured, nil
}

// checkCalls finds what is wrong with any call before the first is made.
func (c *orderCmd) checkCalls(configured *app.App, calls []order.Params) error {
	var faults []error
	ours := configured.Closer.Merchant.Account()
	for i, p := range calls {
		err := c.checkCall(configured, p)
		if of := c.accounts[i]; of != (order.Account{}) && of != ours {
			err = notOurs(p.OutTradeNo, of, ours)
		}
		if err != nil && len(faults) < mostFaults {
			faults = append(faults, inFlags(p, err))
		}
	}
	if len(faults) > 0 {
		return usage(errors.Join(faults...))
	}
	return nil
}

// checkCall finds what is wrong with one call. It makes the same Call or Entry that the workflow
// will make, and sends nothing.
func (c *orderCmd) checkCall(configured *app.App, p order.Params) (err error) {
	switch {
	case c.op == order.OpQuery:
		_, err = configured.Querier.Merchant.QueryCall(p)
	case p.CloseAt == "":
		_, err = configured.Closer.Merchant.CloseCall(p)
	// The workflow would answer every order of the list with the same refusal.
	case configured.Closer.Store == nil:
		return bilingual.Errorf("--close-at: closing later needs a store of waiting orders: set %s, and have a timer",
			"--close-at：稍后关单需要订单存储：请设置 %s，并配置定时器", storeVariable)
	default:
		_, err = schedule.NewEntry(configured.Closer.Merchant, p)
	}
	return err
}

// do closes or queries one order, within its own time, and logs the result with the fields that the
// functions log.
func (c *orderCmd) do(ctx context.Context, log *slog.Logger,
	do func(context.Context, order.Params) order.Result, p order.Params,
) order.Result {
	// The workflow ends before its context does, with what it knows by then.
	limited, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	began := time.Now()
	r := do(limited, p)
	log.InfoContext(ctx, string(c.op), "outTradeNo", r.OutTradeNo, "api", string(r.API), "outcome", string(r.Outcome),
		"tradeState", string(r.TradeState), "errCode", r.ErrCode, "gatewayCode", r.GatewayCode, "gatewayRequestId", r.RequestID,
		"returnMsg", r.ReturnMsg, "attempts", r.Attempts,
		"ms", time.Since(began).Milliseconds(), "gatewayMs", r.Waited.Milliseconds())
	return r
}

// interrupted says what is known of an order whose answer did not come before Ctrl-C: whether
// anything was sent. A query that was sent has changed nothing; a close may have.
func (c *orderCmd) interrupted(p order.Params, r order.Result) error {
	name := c.nameOf(p)
	switch {
	case r.Attempts == 0:
		return bilingual.Errorf("interrupted: the %s of %s was not sent", "已中断：%s %s 的请求未发送", c.op, name)
	case c.op == order.OpQuery:
		return bilingual.Errorf("interrupted: the query of %s was sent; what it would have said is unknown",
			"已中断：%s 的查单请求已发送，结果未知", name)
	}
	return bilingual.Errorf("interrupted: the close of %s was sent; its outcome is unknown; query it",
		"已中断：%s 的关单请求已发送，结果未知；请查单", name)
}

// nameOf is the order as it was named, by one of its three numbers, with its sub-merchant if the
// name had that.
func (c *orderCmd) nameOf(p order.Params) string {
	name := cmp.Or(p.OutTradeNo, p.TransactionID, p.CombineOutTradeNo)
	if p.SubMchID == c.params.SubMchID {
		return name
	}
	return render.Number(p.SubMchID, name)
}

// inOrder does something with each item, several at a time, and hands on the results in the items'
// order, each as soon as those before it are there. It returns when all is done. do is called from
// goroutines and done from the caller's, which therefore may print.
func inOrder[T, R any](parallel int, items []T, do func(T) R, done func(T, R)) {
	results := make([]chan R, len(items))
	slots := make(chan struct{}, parallel)
	for i := range results {
		results[i] = make(chan R, 1)
	}
	// All goroutines end: each result has room in its channel, whether it is read or not.
	go func() {
		for i, item := range items {
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				results[i] <- do(item)
			}()
		}
	}()
	for i, item := range items {
		done(item, <-results[i])
	}
}
