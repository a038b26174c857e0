package demo

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/printable"
	"cloudpay/pkg/paygate"
)

// Demo is one run of the demonstration. All exported fields but Described are required. A Demo is
// for one Run or one Journey.
type Demo struct {
	*render.Language

	// Out gets what is shown.
	Out io.Writer
	// Logs gets what the platform and the functions log.
	Logs io.Writer
	// Dir is a new folder, for keys and stores.
	Dir string
	// Binaries are the functions, built with SQLite, from desk.Find.
	Binaries map[string]string
	// Described is the folder of cloudbaserc.json or serverless.yml, whose timers fire in the
	// Journey. Empty: those that this repository's files describe.
	Described string

	desk *desk.Desk
	done []played
}

// Two mini-program users. The first makes all calls; the second owns the order that is not the
// first one's.
const (
	openID   = "oDemoUser0000000000000000001"
	stranger = "oDemoStranger000000000000002"
)

// total is what each order costs, in fen: one yuan. Every payment in the demonstration is of this
// amount, so that none is told as paid with another.
const total = 100

// variant is one way of being configured: a dialect, and whose merchant number signs.
type variant struct {
	api     string
	partner bool
	title   bilingual.Text
}

// mode is the variant's WXPAY_MODE in English, and in Chinese what WeChat Pay's documents call it.
func (v variant) mode() bilingual.Text {
	if v.partner {
		return bilingual.New("partner", "服务商")
	}
	return bilingual.New("direct", "直连商户")
}

// scene is a variant that is being played. Its functions and its register are its own; the gateway
// is shared with the other variants.
type scene struct {
	variant

	// cloud is how its functions are called.
	cloud desk.Description
	// owner is the merchant of its orders.
	owner paygate.Owner
	// store is the address of its register, a file of its own.
	store string
}

// number is an order's. Direct and partner orders may have the same, as their owners differ: a
// number is unique only below its merchant and sub-merchant.
func (s *scene) number(name string) string { return "DEMO-" + s.api + "-" + name }

// place creates an order at the gateway, in a state; empty: NOTPAY. The customer's app would have
// placed it by the merchant's server.
func (d *Demo) place(s *scene, name string, state paygate.TradeState) error {
	return d.desk.Gateway.AddOrder(paygate.Order{
		MchID: s.owner.MchID, SubMchID: s.owner.SubMchID, OutTradeNo: s.number(name), Total: total, OpenID: openID, State: state,
	})
}

// checkState compares the gateway's record of an order with what it should be. A function that
// claimed to have closed an order would be found out here.
func (d *Demo) checkState(s *scene, number, state string) error {
	kept, err := d.desk.Gateway.Order(number, s.owner)
	if err == nil && string(kept.State) != state {
		err = bilingual.Errorf("WeChat Pay has %s as %s and should have it as %s", "微信支付中 %s 为 %s，应为 %s", number, kept.State, state)
	}
	return err
}

// played is a call that was made, or a timer that fired, for the summary.
type played struct {
	function, order string
	variant         variant
	outcome         string
	attempts        int
	took            time.Duration
	// wrong is what is not as it should be; nil: nothing.
	wrong error
}

// summary shows all calls in a table, each with how many exchanges with WeChat Pay it took and how
// long the caller waited, and fails if any went wrong.
func (d *Demo) summary() error {
	d.print("\n━━━ all calls\n\n", "\n━━━ 汇总\n\n")
	// The rows are in the order in which the calls were made.
	rows := &render.Table{Out: d.Out, Header: []string{
		"  ", d.Say("api", "接口"), d.Say("mode", "模式"), d.Say("function", "云函数"), d.Say("order", "订单"),
		d.Say("outcome", "结果"), d.Say("attempts", "请求次数"), d.Say("ms", "毫秒"),
	}}
	var wrong []error
	for _, p := range d.done {
		mark := "✓"
		if p.wrong != nil {
			mark = "✗"
			wrong = append(wrong, bilingual.Errorf("%s of %s: %w", "%s，订单 %s：%w", p.function, p.order, p.wrong))
		}
		rows.Row("  "+mark, p.variant.api, d.Text(p.variant.mode()), p.function, p.order, p.outcome, strconv.Itoa(p.attempts),
			fmt.Sprintf("%.1f", float64(p.took.Microseconds())/1000))
	}
	rows.Flush()
	d.print("\nEvery request's signature was verified by the emulated WeChat Pay, and every answer of its was proved by its own.\n"+
		"Next: go run ./cmd/cloudpay emulate, and README.md\n",
		"\n每个请求的签名都经模拟微信支付校验，每个应答都由其自身的签名证实。\n"+
			"接下来：go run ./cmd/cloudpay emulate，以及 README.md\n")
	return errors.Join(wrong...)
}

// print writes to the terminal. A terminal that is closed meanwhile does not end the demonstration,
// whose exit code may still be wanted.
func (d *Demo) print(en, zh string, values ...any) {
	_, _ = fmt.Fprint(d.Out, printable.Lines(d.Say(en, zh, values...)))
}
