// Package demo plays the demonstration: calls in every dialect and mode, timers and a crash, before
// an emulated WeChat Pay. It checks each answer and the gateway's own record of the order, so that
// what it prints is proved.
package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
	"cloudpay/pkg/paygate"
)

// Demo is one run of the demonstration. All exported fields are required. A Demo is for one Run.
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

	desk *desk.Desk
	done []played
}

// Two mini-program users. The first makes all calls; the second owns the order that is not the
// first one's.
const (
	openID   = "oDemoUser0000000000000000001"
	stranger = "oDemoStranger000000000000002"
)

// total is what each order costs, in fen: one yuan.
const total = 100

// Run plays every variant and prints all calls in a table. The error says what was not as it should
// be, or what kept a call from being made. Functions and cloud are new in each variant; the
// gateway, its orders and its clock are the same, as WeChat Pay's are.
func (d *Demo) Run(ctx context.Context) error {
	// Each listens on a port of its own, as two domains and a management network would be.
	var err error
	at := desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort}
	if d.desk, err = desk.Open(ctx, d.Dir, at); err != nil {
		return err
	}
	defer d.desk.Close()
	for _, v := range []variant{
		{"v2", false, bilingual.New("APIv2 (XML, MD5) · direct merchant", "APIv2 (XML, MD5) · 直连商户")},
		{"v2", true, bilingual.New("APIv2 (XML, MD5) · service provider", "APIv2 (XML, MD5) · 服务商")},
		{"v3", false, bilingual.New("APIv3 (JSON, RSA) · direct merchant", "APIv3 (JSON, RSA) · 直连商户")},
		{"v3", true, bilingual.New("APIv3 (JSON, RSA) · service provider", "APIv3 (JSON, RSA) · 服务商")},
	} {
		if err := d.play(ctx, v); err != nil {
			return err
		}
	}
	return d.summary()
}

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

// play makes every call in one variant, with functions of its own. These trust only callers that
// prove themselves, as in production: the emulator's own policy would let anyone call.
func (d *Demo) play(ctx context.Context, v variant) error {
	s := &scene{variant: v, store: "sqlite:" + filepath.Join(d.Dir, v.api+"-"+v.mode().EN+".db")}
	if _, err := migrate.Up(ctx, s.store); err != nil {
		return bilingual.Errorf("making a store of orders: %w", "创建订单存储：%w", err)
	}
	as := desk.Settings{API: v.api, Region: string(order.Mainland), Partner: v.partner, Store: s.store}
	env := d.desk.Env(as)
	delete(env, "CLOUDPAY_CALLER_POLICY")
	cloudURL, undeploy, err := d.desk.Deploy(ctx, desk.Deployment{
		Binaries: d.Binaries, Runtime: platform.Go1, Env: env, Logs: d.Logs, Address: desk.AnyPort,
	})
	if err != nil {
		return err
	}
	defer undeploy()
	// Nothing reads the description of this cloud from a file: the calls are made here.
	s.owner, s.cloud = as.Owner(), desk.Description{CloudURL: cloudURL, Runtime: platform.Go1, Env: env}
	d.print("\n━━━ %s\n", "\n━━━ %s\n", v.title)
	for _, name := range []string{"unpaid", "paid", "lost", "stranger", "overdue", "overduepaid"} {
		if err := d.place(s, name, ""); err != nil {
			return bilingual.Errorf("placing an order: %w", "下单：%w", err)
		}
	}
	for _, c := range d.calls() {
		if err := d.call(ctx, s, c); err != nil {
			return err
		}
	}
	return d.sweep(ctx, s)
}

// place creates an order at the gateway, in a state; empty: NOTPAY. The customer's app would have
// placed it by the merchant's server.
func (d *Demo) place(s *scene, name string, state paygate.TradeState) error {
	return d.desk.Gateway.AddOrder(paygate.Order{
		MchID: s.owner.MchID, SubMchID: s.owner.SubMchID, OutTradeNo: s.number(name), Total: total, OpenID: openID, State: state,
	})
}

// call is one call of the demonstration, and what must come of it.
type call struct {
	// title is empty for a call that is not shown, being like the one before.
	title           bilingual.Text
	function, order string
	// before is what happens first; it may be nil.
	before func(order string, owner paygate.Owner) error
	// outcome is the answer's, and state the order's at the gateway afterwards.
	outcome, state string
	// closeAt registers the order for openID, as a service; empty: openID calls.
	closeAt, openID string
}

// calls is what every variant plays, in this order: registering four orders, then what a customer
// may do with them, what a lost reply costs, and what a stranger learns.
func (d *Demo) calls() []call {
	const closeorder, queryorder = "closeorder", "queryorder"
	return []call{
		{bilingual.New("your server registers an order, to be closed in 30 minutes", "服务端登记订单，30 分钟后关单"),
			closeorder, "unpaid", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "paid", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "lost", nil, "scheduled", "NOTPAY", "1800", openID},
		{bilingual.Text{}, closeorder, "stranger", nil, "scheduled", "NOTPAY", "1800", stranger},
		{bilingual.New("the customer queries their order", "用户查询自己的订单"), queryorder, "unpaid", nil, "found", "NOTPAY", "", openID},
		{bilingual.New("closes it", "关单"), closeorder, "unpaid", nil, "closed", "CLOSED", "", openID},
		{bilingual.New("closes it once more", "重复关单"), closeorder, "unpaid", nil, "alreadyClosed", "CLOSED", "", openID},
		{bilingual.New("closes an order that was paid", "关闭已支付的订单"), closeorder, "paid", d.pay, "paid", "SUCCESS", "", openID},
		{bilingual.New("queries it", "查单"), queryorder, "paid", nil, "found", "SUCCESS", "", openID},
		{bilingual.New("closes, and the reply is lost: a query finds out", "关单应答丢失，以查单为准"),
			closeorder, "lost", d.lose, "closed", "CLOSED", "", openID},
		{bilingual.New("closes a stranger's order, and learns nothing", "关闭他人的订单：如同不存在"),
			closeorder, "stranger", nil, "notFound", "NOTPAY", "", openID},
	}
}

// pay has the customer pay an order, as if in the mini-program. No notification is sent: the store
// learns of it from a query.
func (d *Demo) pay(number string, owner paygate.Owner) error {
	return d.desk.Gateway.Pay(number, owner)
}

// lose has the reply to the next close of an order dropped, after the gateway has closed it.
func (d *Demo) lose(number string, _ paygate.Owner) error {
	return d.desk.Gateway.Inject(paygate.Fault{Action: paygate.Drop, Op: "close", OutTradeNo: number, Times: 1})
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

// call makes one call, shows it and its answer, and notes whether both the answer and the gateway's
// own record of the order are what they should be.
func (d *Demo) call(ctx context.Context, s *scene, c call) error {
	c.order = s.number(c.order)
	if c.before != nil {
		if err := c.before(c.order, s.owner); err != nil {
			return err
		}
	}
	event, sent, caller, err := s.event(c)
	if err != nil {
		return err
	}
	// The time includes the platform's part, as a caller's does.
	start := time.Now()
	reply, err := s.cloud.Call(ctx, c.function, sent, caller)
	if err != nil {
		return err
	}
	p := d.check(s, c, reply)
	p.took = time.Since(start)
	if c.title != (bilingual.Text{}) {
		d.show(c, event, reply)
	}
	// Of calls that are alike the first stands in the table, and any that went wrong.
	if c.title != (bilingual.Text{}) || p.wrong != nil {
		d.done = append(d.done, p)
	}
	return nil
}

// event is what a call gives the function, as it is shown and as it is sent, and its caller. A
// registration is made by the shop's server, whose token is not shown. A customer's call carries no
// identity: the platform adds it, as openid.
func (s *scene) event(c call) (shown, sent []byte, caller desk.User, err error) {
	// CloudPay's callers always send sub_mch_id: a merchant of its own sends its own number.
	parameters := map[string]string{"sub_mch_id": cmp.Or(s.owner.SubMchID, s.owner.MchID), "out_trade_no": c.order}
	if c.closeAt != "" {
		parameters["close_at"], parameters["openid"] = c.closeAt, c.openID
	}
	if shown, err = json.Marshal(parameters); err != nil {
		return nil, nil, desk.User{}, bilingual.Errorf("encoding an event: %w", "编码事件：%w", err)
	}
	if c.closeAt == "" {
		return shown, shown, desk.User{OpenID: c.openID}, nil
	}
	sent, err = s.cloud.AsService(shown)
	return shown, sent, desk.User{}, err
}

// show shows a call and its answer, in the form that a developer sees it in.
func (d *Demo) show(c call, event, reply []byte) {
	how := bilingual.Same("wx.cloud.callFunction")
	if c.closeAt != "" {
		how = bilingual.New("invoke, with service_token:", "直接调用，附 service_token：")
	}
	d.print("\n▸ %s\n  %s %s %s\n", "\n▸ %s\n  %s %s %s\n", c.title, how, c.function, event)
	d.print("  %s\n", "  %s\n", strings.ReplaceAll(render.Pretty(reply), "\n", "\n  "))
}

// check compares the answer and the gateway's record with what they should be. A fault is kept for
// the summary and stops nothing: what comes after it may show why.
func (d *Demo) check(s *scene, c call, reply []byte) played {
	var answer struct {
		Outcome  string `json:"outcome"`
		Attempts int    `json:"attempts"`
	}
	wrong := json.Unmarshal(reply, &answer)
	if wrong == nil && answer.Outcome != c.outcome {
		wrong = bilingual.Errorf("the outcome is %q and should be %q: %s", "outcome 为 %q，应为 %q：%s", answer.Outcome, c.outcome, reply)
	}
	if wrong == nil {
		wrong = d.checkState(s, c.order, c.state)
	}
	return played{
		function: c.function, order: c.order, variant: s.variant, outcome: d.Outcome(order.Outcome(answer.Outcome)),
		attempts: answer.Attempts, wrong: wrong,
	}
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
		"Next: go run -tags sqlite ./cmd/cloudpay emulate, and README.md\n",
		"\n每个请求的签名都经模拟微信支付校验，每个应答都由其自身的签名证实。\n"+
			"接下来：go run -tags sqlite ./cmd/cloudpay emulate，以及 README.md\n")
	return errors.Join(wrong...)
}

// print writes to the terminal. A terminal that is closed meanwhile does not end the demonstration,
// whose exit code may still be wanted.
func (d *Demo) print(en, zh string, values ...any) {
	_, _ = fmt.Fprint(d.Out, printable.Lines(d.Say(en, zh, values...)))
}
