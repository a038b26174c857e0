package console

import (
	"cmp"
	"context"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode"

	"cloudpay/internal/bilingual"
)

// closeFunction is the function that closes orders.
const closeFunction = "closeorder"

// caller is as what a function is called: a mini-program's user, or the merchant's own server if
// OpenID is empty. The merchant's token is added by the emulated cloud (docs/emulator.md, "The
// cloud"): it is in no page and in no command that a page prints.
type caller struct{ OpenID string }

// header are the headers by which the emulated cloud knows the caller.
func (c caller) header() []string {
	if c.OpenID == "" {
		return []string{"X-Cloudpay-As", "service"}
	}
	return []string{"X-WX-OPENID", c.OpenID}
}

// function is a function of the cloud, as GET /v1/functions lists it.
type function struct{ Name, Runtime string }

// functionsOf asks the cloud which functions it has.
func (c *Console) functionsOf(ctx context.Context) ([]function, error) {
	var answer struct{ Functions []function }
	_, err := c.api.get(ctx, c.api.cloud+"/v1/functions", &answer)
	return answer.Functions, err
}

// errNoClosing is said where the cloud answers and has no closeorder.
var errNoClosing = bilingual.Errorf("the cloud has no function closeorder: the emulator runs others only",
	"云端没有 closeorder 云函数：模拟器只运行了其他云函数")

// closing is a call of closeorder with an event. A function of events gets it as CloudBase's HTTP
// API sends it, a web function as a request. An error means that the function is not there.
func (c *Console) closing(ctx context.Context, as caller, event map[string]any) (exchange, error) {
	all, err := c.functionsOf(ctx)
	if err != nil {
		return exchange{}, err
	}
	at := slices.IndexFunc(all, func(one function) bool { return one.Name == closeFunction })
	if at < 0 {
		return exchange{}, errNoClosing
	}
	call := posting(c.api.cloud+"/v1/functions/"+closeFunction, event)
	call.header = as.header()
	if all[at].Runtime == "web" { // its first path segment is the function's own name
		call.address += "/" + closeFunction + "?webfn=true"
		call.header = append(call.header, "Content-Type", "application/json")
	}
	return call, nil
}

// eventOf is an event about an order, with other parameters as names and values in turn. The number
// and a sub-merchant are the order's; the merchant is that of the function's configuration, which
// no event can change.
func (c *Console) eventOf(key Key, parameters ...any) map[string]any {
	event := dict(parameters...)
	event["out_trade_no"] = key.OutTradeNo
	if key.SubMchID != "" {
		event["sub_mchid"] = key.SubMchID
	}
	return event
}

// verdict is what closeorder answered (docs/api.md, "Outcomes"). It is shown, and nothing is done
// by it: whether an order is closed is read from WeChat Pay.
type verdict struct {
	Outcome    string `json:"outcome"`
	ErrCode    string `json:"errCode"`
	ErrCodeDes string `json:"errCodeDes"`
	ReturnMsg  string `json:"returnMsg"`
	// RetryAfter is after how many seconds the same call may have another outcome.
	RetryAfter int `json:"retryAfter"`
}

// outcomes are the sentences for what became of a close. How WeChat Pay's answer was proved depends
// on the dialect; the whole answer, with its proof, is beside the sentence.
var outcomes = map[string]bilingual.Text{
	"closed":        bilingual.New("The order is closed, as WeChat Pay answered.", "微信支付应答：订单已关闭。"),
	"alreadyClosed": bilingual.New("The order had been closed before, as WeChat Pay answered.", "微信支付应答：订单此前已关闭。"),
	"paid": bilingual.New("The customer has paid, so the order was not closed: deliver the goods, or refund.",
		"用户已支付，因此未关单：请发货或退款。"),
	"notFound": bilingual.New("There is no such order for this caller. A user may close an order that is registered in the user's name only.",
		"对该调用方而言没有此订单。用户只能关闭以其名义登记的订单。"),
	"scheduled": bilingual.New("The order is registered, and the sweep will close it in time. WeChat Pay was not asked.",
		"订单已登记，到时由定时扫描关单。未请求微信支付。"),
	"tooLate":   bilingual.New("Nothing was changed: the closing of the order has begun, or it has ended.", "未作任何更改：该订单已开始关单或已结束。"),
	"withdrawn": bilingual.New("The registration was withdrawn earlier, and stays so.", "登记此前已撤回，保持不变。"),
	"tooSoon":   bilingual.New("Not yet: the same call may succeed later.", "时候未到：稍后再次调用可能成功。"),
	"refused":   bilingual.New("The close was refused.", "关单被拒绝。"),
	"unknown": bilingual.New("What became of the order is not known: no answer that proves it came in time. Closing again is safe.",
		"订单结果未知：未及时收到可作证明的应答。可放心再次关单。"),
}

// Ended reports whether the order cannot be paid any more, by this answer.
func (v verdict) Ended() bool { return v.Outcome == "closed" || v.Outcome == "alreadyClosed" }

// Good reports whether the call did what it was to do.
func (v verdict) Good() bool { return v.Ended() || v.Outcome == "scheduled" }

// Said is the sentence for what became of the order.
func (v verdict) Said() bilingual.Text {
	text, known := outcomes[v.Outcome]
	switch {
	case !known:
		return bilingual.Sprintf("closeorder answered the outcome %s.", "closeorder 返回 outcome 为 %s。", cmp.Or(v.Outcome, "–"))
	case v.RetryAfter > 0:
		wait := strconv.Itoa(v.RetryAfter)
		return bilingual.Sprintf("%s Try again in %s s; the page Time moves the clock on.", "%s请在 %s 秒后重试；时钟可在“时间”页前进。", text, wait)
	default:
		return text
	}
}

// Why is the function's own sentence about a call that went another way; zero: it has none.
func (v verdict) Why() bilingual.Text {
	if v.Good() {
		return bilingual.Text{}
	}
	why := bothSides(cmp.Or(v.ErrCodeDes, v.ReturnMsg))
	if v.ErrCode == "" || why == (bilingual.Text{}) {
		return why
	}
	return bilingual.Sprintf("%s: %s", "%s：%s", v.ErrCode, why)
}

// bothSides takes apart a text that the functions write in both languages, "English / 中文", at the
// last " / " with no Chinese in front of it. Any other text, such as WeChat Pay's, is the same in
// both.
func bothSides(text string) bilingual.Text {
	const between = " / "
	han := strings.IndexFunc(text, func(r rune) bool { return unicode.Is(unicode.Han, r) })
	if han < 0 {
		return bilingual.Same(text)
	}
	at := strings.LastIndex(text[:han], between)
	if at <= 0 {
		return bilingual.Same(text)
	}
	return bilingual.New(text[:at], text[at+len(between):])
}

// verdictIn reads an answer of closeorder; what is none has no outcome.
func verdictIn(answer []byte) (v verdict) {
	_ = json.Unmarshal(answer, &v) // a function that fell silent said nothing
	return v
}

// causedBy are the requests to WeChat Pay that a call of the cloud caused, the first first: those
// of the history that name its request id. A call that was refused by the function has none.
func (c *Console) causedBy(ctx context.Context, l language, number, call string) (rows []requestRow) {
	if call == "" {
		return nil
	}
	const most = "50"
	var found []request
	if _, err := c.api.get(ctx, withQuery(c.api.admin+"/requests", "order", number, "limit", most), &found); err != nil {
		return nil // the call was made all the same; the order's page says why there is no history
	}
	for _, one := range found {
		if one.Call == call {
			rows = append(rows, requestRow{l, one})
		}
	}
	return rows
}

// ownerFields are the members of an order that name its merchant.
func ownerFields(key Key) map[string]any {
	fields := map[string]any{"mchid": key.MchID}
	if key.SubMchID != "" {
		fields = map[string]any{"sp_mchid": key.MchID, "sub_mchid": key.SubMchID}
	}
	if key.Region != "" && key.Region != "cn" {
		fields["region"] = key.Region
	}
	return fields
}

// placing is the call that places an order, which a customer with the openid is to pay; without one
// the gateway invents it. The order is the functions' merchant's: another's could not be closed by
// them.
func (c *Console) placing(number, openID string, total int64) exchange {
	order := ownerFields(c.options.Owner)
	order["out_trade_no"], order["total"] = number, total
	if openID != "" {
		order["openid"] = openID
	}
	return posting(c.api.admin+"/orders", order)
}

// changing is a call of the management API about an order: pay or refund. It is narrowed to the
// order's owner, since several may have the number.
func (c *Console) changing(key Key, what string, body any) exchange {
	address, query, narrowed := strings.Cut(c.api.orderAddress(key), "?")
	address += "/" + url.PathEscape(what)
	if narrowed {
		address += "?" + query
	}
	return posting(address, body)
}
