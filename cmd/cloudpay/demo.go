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
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
	"cloudpay/pkg/paygate"
)

func newDemo(l *language) *cobra.Command {
	var logs bool
	cmd := &cobra.Command{
		Use: "demo",
		Short: l.say(words("Register, close and query orders in APIv2 and APIv3, direct and partner, and show every answer",
			"以 APIv2 与 APIv3、直连商户与服务商登记、关单、查单，并显示每个应答")),
		Long: l.say(words(`demo builds the functions as they are deployed, emulates the cloud around them and
WeChat Pay behind them, and lets nobody in who does not belong: a server registers
orders for a mini-program's user, who closes and queries them (an unpaid one, the
same once more, a paid one, and one whose reply is lost on the way) and is refused
a stranger's. Then a timer closes what is overdue, another finds out about an order
whose close was left in doubt, and all that happened is told. All this in APIv2 and
APIv3, for a merchant of its own and for a service provider. It needs no account and
no network.

It ends with exit code 1 if any answer is not what it should be.`, `demo 按部署方式编译云函数，在本机模拟其周围的云平台与背后的微信支付，并拒绝一切无关的调用方：服务端为
小程序用户登记订单，用户对其关单、查单（未支付的、重复的、已支付的，以及应答在途中丢失的），而他人的
订单则被拒绝。随后定时器关闭到期订单，另一个定时器查明结果存疑的订单，所有结果都有事件通知。以上分别以
APIv2、APIv3、直连商户与服务商各进行一遍。无需账号，无需网络。

若有应答与预期不符，退出码为 1。`)),
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.check(); err != nil {
				return err
			}
			if !hasSQLite() {
				return usagef("the demo keeps its orders in SQLite, which this program was built without: "+
					"make demo, or go run -tags sqlite ./cmd/cloudpay demo",
					"演示将订单保存在 SQLite 中，而本程序编译时未包含：请用 make demo，或 go run -tags sqlite ./cmd/cloudpay demo")
			}
			dir, err := os.MkdirTemp("", "cloudpay-demo-")
			if err != nil {
				return bilingual.Errorf("making a folder for the demo: %w", "创建演示目录：%w", err)
			}
			defer func() { _ = os.RemoveAll(dir) }() // a leftover in the temporary folder harms nobody
			d := &demo{language: l, out: cmd.OutOrStdout(), dir: dir, logs: io.Discard}
			if logs {
				d.logs = printable.NewWriter(cmd.ErrOrStderr())
			}
			err = d.run(cmd.Context())
			if cmd.Context().Err() != nil && !errors.Is(err, errInterrupted) {
				return bilingual.Errorf("%w: the demo is not complete", "%w：演示未完成", errInterrupted)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&logs, "logs", false, l.say(words("show what the platform and the functions log", "显示平台与云函数的日志")))
	return cmd
}

// demo is one run of the demonstration.
type demo struct {
	*language

	out      io.Writer
	logs     io.Writer
	dir      string
	desk     *desk.Desk
	binaries map[string]string
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
	title   bilingual.Text
	api     string
	partner bool
}

func (v variant) mode() string {
	if v.partner {
		return "partner"
	}
	return "direct"
}

// modeWord is the mode for people.
func (v variant) modeWord() bilingual.Text {
	if v.partner {
		return words(v.mode(), "服务商")
	}
	return words(v.mode(), "直连商户")
}

func variants() []variant {
	return []variant{
		{words("APIv2 (XML, MD5) · direct merchant", "APIv2 (XML, MD5) · 直连商户"), "v2", false},
		{words("APIv2 (XML, MD5) · service provider", "APIv2 (XML, MD5) · 服务商"), "v2", true},
		{words("APIv3 (JSON, RSA) · direct merchant", "APIv3 (JSON, RSA) · 直连商户"), "v3", false},
		{words("APIv3 (JSON, RSA) · service provider", "APIv3 (JSON, RSA) · 服务商"), "v3", true},
	}
}

// call is one call of the demonstration, and what must come of it.
type call struct {
	title           bilingual.Text
	function, order string
	before          func(order string, owner paygate.Owner) error // what fate does first
	outcome, state  string
	// closeAt registers the order for openID, as a service; else openID calls, or nobody but a timer.
	closeAt, openID string
}

// calls is what every variant plays, in this order.
func (d *demo) calls() []call {
	const closeorder, queryorder = "closeorder", "queryorder"
	const user, stranger = demoOpenID, demoStrangerID
	return []call{
		{words("your server registers an order, to be closed in 30 minutes", "服务端登记订单，30 分钟后关单"),
			closeorder, "unpaid", nil, "scheduled", "NOTPAY", "1800", user},
		{bilingual.Text{}, closeorder, "paid", nil, "scheduled", "NOTPAY", "1800", user},
		{bilingual.Text{}, closeorder, "lost", nil, "scheduled", "NOTPAY", "1800", user},
		{bilingual.Text{}, closeorder, "stranger", nil, "scheduled", "NOTPAY", "1800", stranger},
		{words("the customer queries their order", "用户查询自己的订单"), queryorder, "unpaid", nil, "found", "NOTPAY", "", user},
		{words("closes it", "关单"), closeorder, "unpaid", nil, "closed", "CLOSED", "", user},
		{words("closes it once more", "重复关单"), closeorder, "unpaid", nil, "alreadyClosed", "CLOSED", "", user},
		{words("closes an order that was paid", "关闭已支付的订单"), closeorder, "paid", d.pay, "paid", "SUCCESS", "", user},
		{words("queries it", "查单"), queryorder, "paid", nil, "found", "SUCCESS", "", user},
		{words("closes, and the reply is lost: a query finds out", "关单应答丢失，以查单为准"), closeorder, "lost", d.lose, "closed", "CLOSED", "", user},
		{words("closes a stranger's order, and learns nothing", "关闭他人的订单：如同不存在"),
			closeorder, "stranger", nil, "notFound", "NOTPAY", "", user},
	}
}

func (d *demo) pay(number string, owner paygate.Owner) error {
	return d.desk.Gateway.Pay(number, owner)
}

func (d *demo) lose(number string, _ paygate.Owner) error {
	return d.desk.Gateway.Inject(paygate.Fault{Action: paygate.Drop, Op: "close", OutTradeNo: number, Times: 1})
}

func (d *demo) run(ctx context.Context) error {
	bin := filepath.Join(d.dir, "bin")
	d.print("building the functions as they are deployed …\n", "编译云函数 …\n")
	if err := buildFunctions(ctx, bin, "sqlite"); err != nil {
		return err
	}
	var err error
	if d.binaries, err = desk.Find(bin, platform.Go1); err != nil {
		return err
	}
	if d.desk, err = desk.Open(ctx, d.dir, desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort}); err != nil {
		return err
	}
	defer d.desk.Close()
	for _, v := range variants() {
		if err := d.play(ctx, v); err != nil {
			return err
		}
	}
	return d.summary()
}

// play makes every call in one variant, with its own orders and functions.
func (d *demo) play(ctx context.Context, v variant) error {
	env, err := d.environment(ctx, v)
	if err != nil {
		return err
	}
	cloudURL, undeploy, err := d.desk.Deploy(ctx, desk.Deployment{
		Binaries: d.binaries, Runtime: platform.Go1, Env: env, Logs: d.logs, Address: desk.AnyPort,
	})
	if err != nil {
		return err
	}
	defer undeploy()
	cloud := desk.Description{CloudURL: cloudURL, Runtime: platform.Go1, Env: env}
	d.print("\n━━━ %s\n", "\n━━━ %s\n", v.title)
	owner := desk.Settings{Partner: v.partner}.Owner()
	for _, name := range []string{"unpaid", "paid", "lost", "stranger", "overdue", "overduepaid"} {
		err := d.desk.Gateway.AddOrder(paygate.Order{
			MchID: owner.MchID, SubMchID: owner.SubMchID, OutTradeNo: v.number(name), Total: demoTotal, OpenID: demoOpenID,
		})
		if err != nil {
			return bilingual.Errorf("placing an order: %w", "下单：%w", err)
		}
	}
	for _, c := range d.calls() {
		c.order = v.number(c.order)
		if err := d.call(ctx, cloud, v, c, owner); err != nil {
			return err
		}
	}
	return d.sweep(ctx, cloud, v, owner)
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
	env := d.desk.Env(desk.Settings{API: v.api, Region: "cn", Partner: v.partner})
	delete(env, "CLOUDPAY_CALLER_POLICY")
	env[nameStore] = "sqlite:" + filepath.Join(d.dir, v.api+"-"+v.mode()+".db")
	if _, err := migrate.Up(ctx, env[nameStore]); err != nil {
		return nil, bilingual.Errorf("making a store of orders: %w", "创建订单存储：%w", err)
	}
	return env, nil
}

// event is what a call gives the function, and who makes it.
func (d *demo) event(cloud desk.Description, c call, owner paygate.Owner) (shown, sent []byte, caller desk.User, err error) {
	parameters := map[string]string{"sub_mch_id": cmp.Or(owner.SubMchID, owner.MchID), "out_trade_no": c.order}
	if c.closeAt != "" {
		parameters["close_at"], parameters["openid"] = c.closeAt, c.openID
	}
	if shown, err = json.Marshal(parameters); err != nil {
		return nil, nil, desk.User{}, bilingual.Errorf("encoding an event: %w", "编码事件：%w", err)
	}
	if c.closeAt == "" {
		return shown, shown, desk.User{OpenID: c.openID}, nil
	}
	sent, err = cloud.AsService(shown)
	return shown, sent, desk.User{}, err
}

// call makes one call, shows it and its answer, and notes
// whether both the answer and the gateway's own books are what they should be.
func (d *demo) call(ctx context.Context, cloud desk.Description, v variant, c call, owner paygate.Owner) error {
	if c.before != nil {
		if err := c.before(c.order, owner); err != nil {
			return err
		}
	}
	event, sent, caller, err := d.event(cloud, c, owner)
	if err != nil {
		return err
	}
	start := time.Now()
	reply, err := cloud.Call(ctx, c.function, sent, caller)
	if err != nil {
		return err
	}
	took := time.Since(start)
	d.show(c, event, reply)
	p := d.check(c, owner, reply)
	p.variant, p.took = v, took
	if c.title != (bilingual.Text{}) || p.wrong != nil { // of those alike the first is enough
		d.done = append(d.done, p)
	}
	return nil
}

// show shows a call and its answer; of those alike only the first.
func (d *demo) show(c call, event, reply []byte) {
	if c.title == (bilingual.Text{}) {
		return
	}
	how := bilingual.Same("wx.cloud.callFunction")
	if c.closeAt != "" {
		how = words("invoke, with service_token:", "直接调用，附 service_token：")
	}
	d.print("\n▸ %s\n  %s %s %s\n", "\n▸ %s\n  %s %s %s\n", c.title, how, c.function, event)
	d.print("  %s\n", "  %s\n", strings.ReplaceAll(pretty(reply), "\n", "\n  "))
}

func (d *demo) check(c call, owner paygate.Owner, reply []byte) played {
	var answer struct {
		Outcome  string `json:"outcome"`
		Attempts int    `json:"attempts"`
	}
	p := played{call: c, wrong: json.Unmarshal(reply, &answer)}
	p.outcome, p.attempts = answer.Outcome, answer.Attempts
	kept, err := d.desk.Gateway.Order(c.order, owner)
	switch {
	case p.wrong != nil:
	case err != nil:
		p.wrong = err
	case answer.Outcome != c.outcome:
		p.wrong = bilingual.Errorf("the outcome is %q and should be %q: %s", "outcome 为 %q，应为 %q：%s", answer.Outcome, c.outcome, reply)
	case string(kept.State) != c.state:
		p.wrong = bilingual.Errorf("WeChat Pay has the order as %s and should have it as %s",
			"微信支付中订单为 %s，应为 %s", kept.State, c.state)
	}
	return p
}

// summary shows all calls in a table, and fails if any went wrong.
func (d *demo) summary() error {
	d.print("\n━━━ all calls\n\n", "\n━━━ 汇总\n\n")
	rows := &table{out: d.out, header: []string{
		"  ", d.say(words("api", "接口")), d.say(words("mode", "模式")), d.say(words("function", "云函数")), d.say(words("order", "订单")),
		d.say(words("outcome", "结果")), d.say(words("attempts", "请求次数")), d.say(words("ms", "毫秒")),
	}}
	var wrong []error
	for _, p := range d.done {
		mark := "✓"
		if p.wrong != nil {
			mark = "✗"
			wrong = append(wrong, bilingual.Errorf("%s of %s: %w", "%s，订单 %s：%w", p.call.function, p.call.order, p.wrong))
		}
		rows.row("  "+mark, p.variant.api, d.say(p.variant.modeWord()), p.call.function, p.call.order,
			d.outcome(order.Outcome(p.outcome)),
			strconv.Itoa(p.attempts), fmt.Sprintf("%.1f", ms(p.took)))
	}
	rows.flush()
	d.print("\nEvery request's signature was verified by the emulated WeChat Pay, and every answer of its was proved by its own.\n"+
		"Next: go run -tags sqlite ./cmd/cloudpay emulate, and README.md\n",
		"\n每个请求的签名都经模拟微信支付校验，每个应答都由其自身的签名证实。\n"+
			"接下来：go run -tags sqlite ./cmd/cloudpay emulate，以及 README.md\n")
	return errors.Join(wrong...)
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// print writes for the person who watches; a closed terminal is no reason to stop.
func (d *demo) print(en, zh string, values ...any) {
	_, _ = fmt.Fprint(d.out, printable.Lines(d.sayf(en, zh, values...)))
}
