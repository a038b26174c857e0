package demo

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cli/world"
	"cloudpay/internal/emulator/desk"
	"cloudpay/internal/emulator/traffic"
	"cloudpay/internal/order"
	"cloudpay/pkg/paygate"
)

// place has the shop place an order at WeChat Pay, and register it with its token, which is not
// shown. The prepay_id that the shop verified has to be the one in the gateway's book: an order
// that came there in another way has none.
func (j *journey) place(ctx context.Context, number string) error {
	prepayID, err := j.shop.place(ctx, number)
	if err != nil {
		return bilingual.Errorf("placing %s: %w", "下单 %s：%w", number, err)
	}
	j.exchanges(number)
	kept, err := j.desk.Gateway.Order(number, j.owner())
	if err != nil {
		return bilingual.Errorf("placing %s: %w", "下单 %s：%w", number, err)
	}
	j.expect(number, "prepay_id", prepayID, kept.PrepayID)
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

// owner is the merchant of the orders.
func (j *journey) owner() paygate.Owner { return paygate.Owner{MchID: j.cloud.Merchant.MchID} }

// result reads a function's answer.
func (j *journey) result(reply []byte) order.Result {
	var r order.Result
	if err := json.Unmarshal(reply, &r); err != nil {
		j.wrong = append(j.wrong, bilingual.Errorf("reading an answer: %w", "读取应答：%w", err))
	}
	return r
}

// advance moves the one clock of the emulator on, as the command that is shown does, and shows the
// timers of closeorder that fired by it. The gateway, the register and the timers follow the clock.
// A timer fires once for each minute that was jumped over; the first of these firings finds the
// order due, since the clock is at the jump's end for all of them.
func (j *journey) advance(ctx context.Context, number string, by time.Duration) error {
	before := j.desk.Gateway.Time()
	moved, err := world.Advance(ctx, j.cloud, by)
	if err != nil {
		return err
	}
	j.row("▸", "cloudpay emulate advance "+strings.TrimSuffix(by.String(), "0s"),
		before.Format(time.TimeOnly)+" → "+moved.Now.Format(time.TimeOnly))
	if !j.fired(number, moved.Timers) {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: no timer fired by the clock for it", "%s：没有定时器按时钟为其触发", number))
	}
	j.exchanges(number)
	return j.wantTimerCalls(ctx, number)
}

// fired shows those of the timers that fire closeorder, with how often they have, and reports
// whether there is one.
func (j *journey) fired(number string, timers []world.Timer) (some bool) {
	for _, t := range timers {
		if t.Function != "closeorder" {
			continue
		}
		some = true
		j.row("▸", j.Say("timer %s (%s)", "定时器 %s（%s）", t.Name, j.expression(t)), j.Say("fired %d times", "触发 %d 次", t.Fired))
		j.expect(number, t.Name, t.Last.Error, "")
	}
	return some
}

// wantTimerCalls wants the requests about an order that came by the cloud to be those of timers'
// calls that succeeded. Which timer's is not certain where several are in flight (package traffic).
func (j *journey) wantTimerCalls(ctx context.Context, number string) error {
	calls, err := j.calls(ctx, number)
	if err != nil {
		return err
	}
	for _, c := range calls {
		if len(c.Requests) > 0 {
			j.expect(number, c.Function, c.Via+" "+c.Verdict, "timer "+traffic.VerdictOK)
		}
	}
	return nil
}

// expression is a timer's schedule as its description has it.
func (j *journey) expression(t world.Timer) string {
	for _, one := range j.timers {
		if one.Function == t.Function && one.Name == t.Name {
			return one.Expression
		}
	}
	return ""
}

// calls are the cloud's calls about an order, with the requests that they caused, oldest first. A
// call that names no order, as a timer's, is among them if it caused a request about this one.
func (j *journey) calls(ctx context.Context, number string) ([]traffic.Call, error) {
	var journal struct {
		Calls []traffic.Call `json:"calls"`
	}
	err := j.read(ctx, j.cloud.CloudURL+"/v1/calls?order="+number, &journal)
	return journal.Calls, err
}

// fault has something go wrong with the next close of an order, by WeChat Pay's management API.
// drop closes the order and loses the reply; pay has the customer pay just before the close is
// handled, which no person could time.
func (j *journey) fault(ctx context.Context, number string, action paygate.Action) error {
	match, rest := `{"match":{"op":"close"`, `},"action":"`+string(action)+`"`
	status, answer, err := j.manage(ctx, "/faults", match+`,"out_trade_no":"`+number+`"`+rest+`,"times":1}`)
	if err != nil {
		return err
	}
	j.row("▸", "POST /faults "+match+",…"+rest+",…}", "")
	if status != http.StatusCreated {
		return bilingual.Errorf("POST /faults: HTTP %d: %s", "POST /faults：应答为 HTTP %d：%s", status, answer)
	}
	return nil
}

// payLate has the customer try to pay an order that is closed, by WeChat Pay's management API,
// which should refuse it with 409: it is the proof that the close has done what it is for.
func (j *journey) payLate(ctx context.Context, number string) error {
	path := "/orders/" + number + "/pay"
	status, answer, err := j.manage(ctx, path, "{}")
	if err != nil {
		return err
	}
	said := j.Say("paid", "已付款")
	if status == http.StatusConflict {
		said = j.Say("refused (HTTP %d)", "拒绝（HTTP %d）", status)
	} else {
		j.wrong = append(j.wrong, bilingual.Errorf("%s: a payment is answered %d and should be refused: %s",
			"%s：付款的应答为 %d，应被拒绝：%s", number, status, answer))
	}
	j.row("▸", "POST "+path, said)
	return nil
}

// manage makes a request to WeChat Pay's management API, as a developer does with curl
// (docs/emulator.md, "Management API"). The error means that no answer arrived; a refusal is a
// status.
func (j *journey) manage(ctx context.Context, path, body string) (status int, answer string, err error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, j.cloud.AdminURL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", bilingual.Errorf("POST %s: %w", "POST %s：%w", path, err)
	}
	response, err := j.cloud.Exchange(r, path)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	text, err := io.ReadAll(response.Body)
	return response.StatusCode, strings.TrimSpace(string(text)), err
}

// read gets a document from one of the emulator's own APIs: the cloud's or the event sink's. Any
// status but 200 is an error.
func (j *journey) read(ctx context.Context, url string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return bilingual.Errorf("reading %s: %w", "读取 %s：%w", url, err)
	}
	response, err := j.cloud.Exchange(r, url)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it is in memory
	if response.StatusCode != http.StatusOK {
		return bilingual.Errorf("reading %s: HTTP %d", "读取 %s：HTTP %d", url, response.StatusCode)
	}
	if err := json.NewDecoder(response.Body).Decode(into); err != nil {
		return bilingual.Errorf("reading %s: %w", "读取 %s：%w", url, err)
	}
	return nil
}
