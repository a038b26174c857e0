package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/emulator/paygate"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/store/migrate"
)

func newDemo() *cobra.Command {
	var logs bool
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Register, close and query orders in APIv2 and APIv3, direct and partner, and show every answer",
		Long: `demo builds the functions as they are deployed, emulates the cloud around them and
WeChat Pay behind them, and lets nobody in who does not belong: a server registers
orders for a mini-program's user, who closes and queries them (an unpaid one, the
same once more, a paid one, and one whose reply is lost on the way) and is refused
a stranger's. Then a timer closes what is overdue, another finds out about an order
whose close was left in doubt, and all that happened is told. All this in APIv2 and
APIv3, for a merchant of its own and for a service provider. It needs no account and
no network.

It ends with exit code 1 if any answer is not what it should be.

编译并在本机运行云函数，分别以 APIv2、APIv3、直连商户与服务商模式登记、关单、查单，由定时器
关闭到期订单，并打印每次调用的结果。`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !hasSQLite() {
				return usagef("the demo keeps its orders in SQLite, which this program was built without: " +
					"make demo, or go run -tags sqlite ./cmd/cloudpay demo")
			}
			dir, err := os.MkdirTemp("", "cloudpay-demo-")
			if err != nil {
				return fmt.Errorf("making a folder for the demo: %w", err)
			}
			defer func() { _ = os.RemoveAll(dir) }() // a leftover in the temporary folder harms nobody
			d := &demo{out: cmd.OutOrStdout(), dir: dir, logs: io.Discard}
			if logs {
				d.logs = cmd.ErrOrStderr()
			}
			return d.run(cmd.Context())
		},
	}
	cmd.Flags().BoolVar(&logs, "logs", false, "show what the platform and the functions log")
	return cmd
}

// demo is one run of the demonstration.
type demo struct {
	out      io.Writer
	logs     io.Writer
	dir      string
	emulator *emulator
	done     []played
}

// played is one call that was made, for the summary.
type played struct {
	call     call
	variant  variant
	outcome  string
	attempts int
	took     time.Duration
	wrong    error // what is not as it should be
}

// variant is one way of being configured.
type variant struct {
	title   string
	api     string
	partner bool
}

func (v variant) mode() string {
	if v.partner {
		return "partner"
	}
	return "direct"
}

func variants() []variant {
	return []variant{
		{"APIv2 (XML, MD5) · direct merchant / 直连商户", "v2", false},
		{"APIv2 (XML, MD5) · service provider / 服务商", "v2", true},
		{"APIv3 (JSON, RSA) · direct merchant / 直连商户", "v3", false},
		{"APIv3 (JSON, RSA) · service provider / 服务商", "v3", true},
	}
}

// call is one call of the demonstration, and what must come of it.
type call struct {
	title, function, order string
	before                 func(order string, owner paygate.Owner) error // what fate does first
	outcome, state         string
	// closeAt registers the order for openID, as a service; else openID calls, or nobody but a timer.
	closeAt, openID string
}

// calls is what every variant plays, in this order.
func (d *demo) calls() []call {
	const closeorder, queryorder = "closeorder", "queryorder"
	const user, stranger = demoOpenID, demoStrangerID
	return []call{
		{"your server registers an order, to be closed in 30 minutes / 服务端登记订单，30 分钟后关单",
			closeorder, "unpaid", nil, "scheduled", "NOTPAY", "1800", user},
		{"", closeorder, "paid", nil, "scheduled", "NOTPAY", "1800", user},
		{"", closeorder, "lost", nil, "scheduled", "NOTPAY", "1800", user},
		{"", closeorder, "stranger", nil, "scheduled", "NOTPAY", "1800", stranger},
		{"the customer queries their order / 用户查询自己的订单", queryorder, "unpaid", nil, "found", "NOTPAY", "", user},
		{"closes it / 关单", closeorder, "unpaid", nil, "closed", "CLOSED", "", user},
		{"closes it once more / 重复关单", closeorder, "unpaid", nil, "alreadyClosed", "CLOSED", "", user},
		{"closes an order that was paid / 关闭已支付的订单", closeorder, "paid", d.pay, "paid", "SUCCESS", "", user},
		{"queries it / 查单", queryorder, "paid", nil, "found", "SUCCESS", "", user},
		{"closes, and the reply is lost: a query finds out / 关单应答丢失，以查单为准", closeorder, "lost", d.lose, "closed", "CLOSED", "", user},
		{"closes a stranger's order, and learns nothing / 关闭他人的订单：如同不存在",
			closeorder, "stranger", nil, "notFound", "NOTPAY", "", user},
	}
}

func (d *demo) pay(order string, owner paygate.Owner) error {
	return d.emulator.gateway.Pay(order, owner) //nolint:wrapcheck // it says which order and why
}

func (d *demo) lose(order string, _ paygate.Owner) error {
	match := paygate.Match{Op: paygate.OpClose, OutTradeNo: order}
	return d.emulator.gateway.Inject(paygate.Fault{Match: match, Action: paygate.Drop, Times: 1}) //nolint:wrapcheck // as above
}

func (d *demo) run(ctx context.Context) error {
	bin := filepath.Join(d.dir, "bin")
	d.sayf("building the functions as they are deployed … / 编译云函数 …\n")
	if err := buildFunctions(ctx, bin, "sqlite"); err != nil {
		return err
	}
	var err error
	if d.emulator, err = startEmulator(ctx, d.dir, anywhere); err != nil {
		return err
	}
	defer d.emulator.stop()
	for _, v := range variants() {
		if err := d.play(ctx, v, bin); err != nil {
			return err
		}
	}
	return d.summary()
}

// play makes every call in one variant, with its own orders and functions.
func (d *demo) play(ctx context.Context, v variant, bin string) error {
	env, err := d.environment(ctx, v)
	if err != nil {
		return err
	}
	functions, err := deploy(ctx, bin, env, d.logs)
	if err != nil {
		return err
	}
	defer undeploy(functions)
	cloudURL, err := d.emulator.serve(ctx, "cloud", anywhere.cloud, &platform.Cloud{Functions: functions, AppID: emulatedAppID})
	if err != nil {
		return err
	}
	d.sayf("\n━━━ %s\n", v.title)
	owner := paygate.Owner{MchID: emulatedMchID}
	if v.partner {
		owner.SubMchID = emulatedSubMchID
	}
	for _, name := range []string{"unpaid", "paid", "lost", "stranger", "overdue", "overduepaid"} {
		err := d.emulator.gateway.AddOrder(paygate.Order{
			MchID: owner.MchID, SubMchID: owner.SubMchID, OutTradeNo: v.number(name), Total: demoTotal, OpenID: demoOpenID,
		})
		if err != nil {
			return fmt.Errorf("placing an order: %w", err)
		}
	}
	for _, c := range d.calls() {
		c.order = v.number(c.order)
		if err := d.call(ctx, cloudURL, v, c, owner); err != nil {
			return err
		}
	}
	return d.sweep(ctx, cloudURL, env, v, owner)
}

// number is an order's, which differs from variant to variant but for who acts for whom.
func (v variant) number(name string) string { return "DEMO-" + v.api + "-" + name }

// Who the demonstration is about: the mini-program user who makes the calls, and another.
const (
	demoOpenID     = "oDemoUser0000000000000000001"
	demoStrangerID = "oDemoStranger000000000000002"
)

// demoTotal is what each order costs, in fen.
const demoTotal = 100

// environment is a variant's: whoever does not belong is refused, and orders are kept in a store of their own.
func (d *demo) environment(ctx context.Context, v variant) (map[string]string, error) {
	env := d.emulator.env(role{api: v.api, region: "cn", partner: v.partner})
	delete(env, "CLOUDPAY_CALLER_POLICY")
	env[nameStore] = "sqlite:" + filepath.Join(d.dir, v.api+"-"+v.mode()+".db")
	if _, err := migrate.Up(ctx, env[nameStore]); err != nil {
		return nil, fmt.Errorf("making a store of orders: %w", err)
	}
	return env, nil
}

// event is what a call gives the function, and who makes it.
func (d *demo) event(c call, owner paygate.Owner) (shown, sent []byte, caller user, err error) {
	parameters := map[string]string{"sub_mch_id": cmp.Or(owner.SubMchID, owner.MchID), "out_trade_no": c.order}
	if c.closeAt != "" {
		parameters["close_at"], parameters["openid"] = c.closeAt, c.openID
	}
	if shown, err = json.Marshal(parameters); err != nil {
		return nil, nil, user{}, fmt.Errorf("encoding an event: %w", err)
	}
	if c.closeAt == "" {
		return shown, shown, user{openID: c.openID}, nil
	}
	sent, err = withToken(shown, d.emulator.secrets.tokens.ServiceToken)
	return shown, sent, user{}, err
}

// call makes one call, shows it and its answer, and notes
// whether both the answer and the gateway's own books are what they should be.
func (d *demo) call(ctx context.Context, cloudURL string, v variant, c call, owner paygate.Owner) error {
	if c.before != nil {
		if err := c.before(c.order, owner); err != nil {
			return err
		}
	}
	event, sent, caller, err := d.event(c, owner)
	if err != nil {
		return err
	}
	start := time.Now()
	reply, err := callFunction(ctx, cloudURL, c.function, sent, caller)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.show(c, event, reply)
	p := d.check(c, owner, reply)
	p.variant, p.took = v, took
	if c.title != "" || p.wrong != nil { // of those alike the first is enough
		d.done = append(d.done, p)
	}
	return nil
}

// show shows a call and its answer; of those alike only the first.
func (d *demo) show(c call, event, reply []byte) {
	if c.title == "" {
		return
	}
	how := "wx.cloud.callFunction"
	if c.closeAt != "" {
		how = "invoke, with service_token:"
	}
	d.sayf("\n▸ %s\n  %s %s %s\n", c.title, how, c.function, event)
	d.sayf("  %s\n", strings.ReplaceAll(pretty(reply), "\n", "\n  "))
}

func (d *demo) check(c call, owner paygate.Owner, reply []byte) played {
	var answer struct {
		Outcome  string `json:"outcome"`
		Attempts int    `json:"attempts"`
	}
	p := played{call: c, wrong: json.Unmarshal(reply, &answer)}
	p.outcome, p.attempts = answer.Outcome, answer.Attempts
	kept, err := d.emulator.gateway.Order(c.order, owner)
	switch {
	case p.wrong != nil:
	case err != nil:
		p.wrong = err
	case answer.Outcome != c.outcome:
		p.wrong = fmt.Errorf("the outcome is %q and should be %q: %s", answer.Outcome, c.outcome, reply)
	case string(kept.State) != c.state:
		p.wrong = fmt.Errorf("WeChat Pay has the order as %s and should have it as %s", kept.State, c.state)
	}
	return p
}

// summary shows all calls in a table, and fails if any went wrong.
func (d *demo) summary() error {
	d.sayf("\n━━━ all calls / 汇总\n\n")
	table := tabwriter.NewWriter(d.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "  \tapi\tmode\tfunction\torder\toutcome\tattempts\tms")
	var wrong []error
	for _, p := range d.done {
		mark := "✓"
		if p.wrong != nil {
			mark = "✗"
			wrong = append(wrong, fmt.Errorf("%s of %s: %w", p.call.function, p.call.order, p.wrong))
		}
		fmt.Fprintf(table, "  %s\t%s\t%s\t%s\t%s\t%s\t%d\t%.1f\n", mark, p.variant.api, p.variant.mode(),
			p.call.function, p.call.order, p.outcome, p.attempts, ms(p.took))
	}
	if err := table.Flush(); err != nil {
		return fmt.Errorf("writing the summary: %w", err)
	}
	d.sayf("\nEvery request's signature was verified by the emulated WeChat Pay, and every answer of its was proved by its own.\n" +
		"Next: go run -tags sqlite ./cmd/cloudpay emulate, and README.md\n")
	return errors.Join(wrong...)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// sayf writes for the person who watches; a closed terminal is no reason to stop.
func (d *demo) sayf(format string, args ...any) { _, _ = fmt.Fprintf(d.out, format, args...) }
