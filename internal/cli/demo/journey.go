package demo

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/paint"
	"cloudpay/internal/cli/render"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/platform"
	"cloudpay/internal/order"
	"cloudpay/internal/printable"
	"cloudpay/internal/store/migrate"
	"cloudpay/internal/sweep"
	"cloudpay/pkg/paygate"
)

// width is that of a terminal which shows the journey without breaking a line.
const width = 80

// journey is a run of three stories, each a screen: what happens to a shop's orders, with the
// functions as they are deployed, in APIv3, before the emulator's whole world. Each step is checked
// as it is told.
type journey struct {
	*Demo
	paint.Brush

	cloud desk.Description
	// told is how many exchanges with WeChat Pay have been shown.
	told int
	// wrong is what was not as it should be.
	wrong []error
}

// story is one screen.
//
// A story tells in this order: what happened to the customer, what the shop or the platform did
// (▸), which exchanges with WeChat Pay that caused (⇄, read from the gateway's own history, and
// not from what the function says), what the shop's receiver got (◂), and the state of the order in
// WeChat Pay's record (✓ or ✗).
type story struct {
	title bilingual.Text
	play  func(context.Context) error
}

// Journey plays three stories that a person can follow: an order that is placed and forgotten, a
// reply that is lost, and a customer who pays in the last second. The error says what was not as it
// should be, or what kept a step from being made.
func (d *Demo) Journey(ctx context.Context) error {
	j := &journey{Demo: d, Brush: paint.For(d.Out)}
	end, err := j.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	for i, s := range []story{
		{bilingual.New("Placed and forgotten", "下单后离开"), j.forgotten},
		{bilingual.New("The reply that was lost", "丢失的应答"), j.lost},
		{bilingual.New("Paid in the last second", "最后一秒付款"), j.lastSecond},
	} {
		j.heading(i+1, s.title)
		if err := s.play(ctx); err != nil {
			return err
		}
	}
	return j.ending()
}

// begin starts WeChat Pay, the shop's receiver of events, the register and the functions. The
// functions trust only callers that prove themselves, as in production: the customer is named by
// the platform, the shop's server has the service token, and the timer is the platform's.
func (j *journey) begin(ctx context.Context) (end func(), err error) {
	at := desk.Addresses{Gateway: desk.AnyPort, Backup: desk.AnyPort, Admin: desk.AnyPort}
	if j.desk, err = desk.Start(ctx, j.Dir, at); err != nil {
		return nil, err
	}
	as := desk.Settings{API: string(order.V3), Region: string(order.Mainland), Store: "sqlite:" + filepath.Join(j.Dir, "orders.db")}
	if as.Events, err = j.desk.ServeEvents(ctx, desk.AnyPort); err == nil {
		_, err = migrate.Up(ctx, as.Store)
	}
	if err != nil {
		j.desk.Close()
		return nil, bilingual.Errorf("making a store of orders: %w", "创建订单存储：%w", err)
	}
	env := j.desk.Env(as)
	delete(env, "CLOUDPAY_CALLER_POLICY") // as it is deployed
	url, undeploy, err := j.desk.Deploy(ctx, desk.Deployment{
		Binaries: j.Binaries, Runtime: platform.Go1, Env: env, Logs: j.Logs, Address: desk.AnyPort,
	})
	if err != nil {
		j.desk.Close()
		return nil, err
	}
	j.cloud = j.desk.Describe(url, platform.Go1, as)
	return func() {
		undeploy()
		j.desk.Close()
	}, nil
}

// forgotten is an order that nobody pays: it is registered when it is placed, and half an hour
// later a timer closes it and the shop is told.
func (j *journey) forgotten(ctx context.Context) error {
	const number = "TEA-1"
	j.say("A customer places %s, one yuan, and walks away. The shop's server has\nregistered it, to be closed in 30 minutes.",
		"顾客下单 %s（一元）后离开。商户服务端已登记该订单，30 分钟后关单。", number)
	if err := j.register(ctx, number); err != nil {
		return err
	}
	if err := j.advance(ctx, 30*time.Minute); err != nil {
		return err
	}
	j.say("Now it is due, and the timer fires, as it does every minute.", "订单到期，每分钟一次的定时器触发。")
	if err := j.timer(ctx, sweep.Report{Claimed: 1, Closed: 1}); err != nil {
		return err
	}
	j.say("The shop is told by a signed webhook, and releases its stock.", "商户收到签名的 Webhook，释放库存。")
	if err := j.webhook(ctx, number, "closed"); err != nil {
		return err
	}
	j.verdict(number, paygate.StateClosed, bilingual.New("it can never be paid again", "此后无法再支付"))
	return nil
}

// lost is a close whose reply never arrives. The function settles the doubt by a query, within the
// same call.
func (j *journey) lost(ctx context.Context) error {
	const number = "TEA-2"
	j.say("The customer cancels %s. WeChat Pay closes it, and the network breaks before\n"+
		"the reply: can it still be paid? Nothing is guessed; a signed query tells.",
		"顾客取消 %s。微信支付已关单，而应答在途中丢失：还能支付吗？\n不作猜测，以签名的查单为准。", number)
	if err := j.register(ctx, number); err != nil {
		return err
	}
	err := j.desk.Gateway.Inject(paygate.Fault{Action: paygate.Drop, Op: "close", OutTradeNo: number, Times: 1})
	if err != nil {
		return err
	}
	event := `{"out_trade_no":"` + number + `"}`
	reply, err := j.cloud.Call(ctx, "closeorder", []byte(event), desk.User{OpenID: openID})
	if err != nil {
		return err
	}
	result := j.result(reply)
	j.row("▸", "callFunction closeorder "+event, j.Outcome(result.Outcome))
	j.exchanges()
	j.expect(number, "outcome", string(result.Outcome), string(order.OutcomeClosed))
	j.expect(number, "proof", string(result.Proof), string(order.ProofSignature))
	j.verdict(number, paygate.StateClosed, bilingual.Sprintf("proved, by %d exchanges in one call",
		"已由签名证实，一次调用内共 %d 次请求", result.Attempts))
	return nil
}

// lastSecond is a payment that comes between the timer's query and its close.
func (j *journey) lastSecond(ctx context.Context) error {
	const number = "TEA-3"
	j.say("%s is due. The timer's query finds it unpaid; the customer pays before the\nclose arrives.",
		"%s 到期。定时器查单时尚未支付，而顾客在关单请求到达前付款。", number)
	if err := j.register(ctx, number); err != nil {
		return err
	}
	if err := j.advance(ctx, 30*time.Minute); err != nil {
		return err
	}
	if err := j.desk.Gateway.Inject(paygate.Fault{Action: paygate.Pay, Op: "close", OutTradeNo: number, Times: 1}); err != nil {
		return err
	}
	if err := j.timer(ctx, sweep.Report{Claimed: 1, Paid: 1}); err != nil {
		return err
	}
	if err := j.webhook(ctx, number, "paid"); err != nil {
		return err
	}
	j.verdict(number, paygate.StateSuccess, bilingual.New("the shop delivers; no payment is lost", "商户发货，付款没有丢失"))
	return nil
}

// register places an order at WeChat Pay and registers it, as the shop's server does: with its
// token, which is not shown.
func (j *journey) register(ctx context.Context, number string) error {
	err := j.desk.Gateway.AddOrder(paygate.Order{MchID: j.cloud.Merchant.MchID, OutTradeNo: number, Total: total, OpenID: openID})
	if err != nil {
		return bilingual.Errorf("placing an order: %w", "下单：%w", err)
	}
	event := []byte(`{"out_trade_no":"` + number + `","close_at":1800,"openid":"` + openID + `"}`)
	sent, err := j.cloud.AsService(event)
	if err != nil {
		return err
	}
	reply, err := j.cloud.Call(ctx, "closeorder", sent, desk.User{})
	if err != nil {
		return err
	}
	outcome := j.result(reply).Outcome
	j.row("▸", `closeorder {"out_trade_no":"`+number+`","close_at":1800,…}`, j.Outcome(outcome))
	j.expect(number, "outcome", string(outcome), string(order.OutcomeScheduled))
	return nil
}

// result reads a function's answer.
func (j *journey) result(reply []byte) order.Result {
	var r order.Result
	if err := json.Unmarshal(reply, &r); err != nil {
		j.wrong = append(j.wrong, bilingual.Errorf("reading an answer: %w", "读取应答：%w", err))
	}
	return r
}

// advance moves the one clock of the emulator on, by its management API, as the command that is
// shown does. The gateway's orders and the register follow it, so that an order is due by both.
func (j *journey) advance(ctx context.Context, by time.Duration) error {
	before := j.desk.Gateway.Time()
	body := `{"advance":"` + by.String() + `"}`
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, j.cloud.AdminURL+"/clock", strings.NewReader(body))
	if err != nil {
		return bilingual.Errorf("moving the clock on: %w", "推进时钟：%w", err)
	}
	response, err := j.cloud.Exchange(r, "clock")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	if response.StatusCode != http.StatusOK {
		return bilingual.Errorf("moving the clock on: HTTP %d", "推进时钟：HTTP %d", response.StatusCode)
	}
	j.row("▸", "cloudpay emulate advance "+strings.TrimSuffix(by.String(), "0s"),
		before.Format(time.TimeOnly)+" → "+j.desk.Gateway.Time().Format(time.TimeOnly))
	return nil
}

// timer fires closeorder's timer, and compares what its sweep counts.
func (j *journey) timer(ctx context.Context, want sweep.Report) error {
	reply, err := j.cloud.Fire(ctx, "closeorder")
	if err != nil {
		return err
	}
	var got sweep.Report
	if err := json.Unmarshal(reply, &got); err != nil {
		return bilingual.Errorf("reading the timer's report: %w", "读取定时器报告：%w", err)
	}
	j.row("▸", j.Say("the timer of closeorder", "closeorder 的定时器"),
		j.Say("closed %d, paid %d", "关单 %d，已付 %d", got.Closed, got.Paid))
	j.exchanges()
	counted := [...]int{got.Claimed, got.Closed, got.Paid}
	if expected := [...]int{want.Claimed, want.Closed, want.Paid}; counted != expected {
		j.wrong = append(j.wrong, bilingual.Errorf("the timer counts %v and should count %v: %s", "定时器计数为 %v，应为 %v：%s",
			counted, expected, reply))
	}
	return nil
}

// exchanges shows what WeChat Pay was asked since the last time, and what it replied.
func (j *journey) exchanges() {
	all := j.desk.Gateway.Requests()
	for _, r := range all[min(j.told, len(all)):] {
		path, _, _ := strings.Cut(r.URL, "?")
		_, tail, found := strings.Cut(path, "/out-trade-no/")
		if !found {
			tail = path
		}
		what := strconv.Itoa(r.HTTPStatus) + " " + cmp.Or(r.Code, r.State)
		if r.HTTPStatus == 0 {
			what = j.Say("%s; no reply", "%s；应答丢失", r.State)
		}
		j.row("  ⇄", j.Say("WeChat Pay: ", "微信支付：")+r.Method+" …/"+tail, what)
	}
	j.told = len(all)
}

// delivered is what the shop's receiver got, of which it verified the signature.
type delivered struct {
	Verdict string `json:"verdict"`
	Event   struct {
		Kind string `json:"kind"`
	} `json:"event"`
}

// webhook shows the event of an order that the shop's receiver got.
func (j *journey) webhook(ctx context.Context, number, kind string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, j.cloud.EventsURL+"/events?order="+number, http.NoBody)
	if err != nil {
		return bilingual.Errorf("asking the shop's receiver: %w", "查看商户接收器：%w", err)
	}
	response, err := j.cloud.Exchange(r, "events")
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	var got []delivered
	if err := json.NewDecoder(response.Body).Decode(&got); err != nil {
		return bilingual.Errorf("asking the shop's receiver: %w", "查看商户接收器：%w", err)
	}
	for _, one := range got {
		signature := j.Say("signature ✓", "签名 ✓")
		if one.Verdict != "ok" {
			signature = one.Verdict
		}
		j.row("◂", "webhook "+one.Event.Kind+" "+number, signature)
	}
	if len(got) != 1 || got[0].Verdict != "ok" || got[0].Event.Kind != kind {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: the shop got %+v and should have got one event, %s",
			"%s：商户收到 %+v，应只收到一个事件 %s", number, got, kind))
	}
	return nil
}

// expect notes what a function answered and should not have.
func (j *journey) expect(number, what, got, want string) {
	if got != want {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: %s is %q and should be %q", "%s：%s 为 %q，应为 %q", number, what, got, want))
	}
}

// verdict ends a story: the state of the order in WeChat Pay's own record, and what follows.
func (j *journey) verdict(number string, want paygate.TradeState, follows bilingual.Text) {
	kept, err := j.desk.Gateway.Order(number, paygate.Owner{MchID: j.cloud.Merchant.MchID})
	if err == nil {
		j.expect(number, "trade_state", string(kept.State), string(want))
	} else {
		j.wrong = append(j.wrong, err)
	}
	mark := j.Good("✓")
	if err != nil || kept.State != want {
		mark = j.Bad("✗")
	}
	j.line(mark + " " + printable.Text(j.Say("WeChat Pay has %s as %s: %s", "微信支付中 %s 为 %s：%s", number, kept.State, follows)))
}

// heading begins a story.
func (j *journey) heading(n int, title bilingual.Text) {
	text := fmt.Sprintf("━━━ %d · %s", n, j.Text(title))
	rest := len(render.Pad(text, width)) - len(text) // in columns, which a letter may take two of
	j.line("")
	j.line(j.Strong(text + " " + strings.Repeat("━", max(0, rest-1))))
}

// say tells what happens.
func (j *journey) say(en, zh string, values ...any) {
	j.line(printable.Lines(j.Say(en, zh, values...)))
}

// row shows one thing that was done, and what came of it. Exchanges with WeChat Pay are fainter
// than what caused them.
func (j *journey) row(mark, done, result string) {
	const column = 56
	text := "  " + mark + " " + render.Pad(printable.Text(done), column-len([]rune(mark))) + printable.Text(result)
	if strings.HasPrefix(mark, " ") {
		text = j.Faint(text)
	}
	j.line(text)
}

// line prints a line that is coloured and escaped already.
func (j *journey) line(text string) { _, _ = fmt.Fprintln(j.Out, text) }

// ending says how it went, and what to do next.
func (j *journey) ending() error {
	j.line("")
	if len(j.wrong) > 0 {
		j.line(j.Bad("✗ ") + j.Say("not all was as it should be", "并非全部符合预期"))
		return errors.Join(j.wrong...)
	}
	j.say("%d exchanges with WeChat Pay; every signature was verified, in both directions.\n"+
		"Next: cloudpay emulate (docs/emulator.md); cloudpay demo --all plays every call.",
		"与微信支付共 %d 次请求，双向签名均经校验。\n接下来：cloudpay emulate（docs/emulator.md）；cloudpay demo --all 播放全部调用。", j.told)
	return nil
}
