package console

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"cloudpay/internal/bilingual"
)

// example is a call to start from.
type example struct {
	Title bilingual.Text
	Form  invocation
	// leads says that the example is the first one about an order that is not registered: it
	// succeeds where a user's call is denied.
	leads bool
}

// subject is the order that the examples are about.
type subject struct {
	wechatOrder

	// IsOpen says that WeChat Pay has it, and that it is not paid; else what an example does
	// changes nothing.
	IsOpen bool
	// IsRegistered says that it waits in the register, so that its payer may close it.
	IsRegistered bool
}

// subject is the newest open order that waits in the register, so that each example shows what it
// is for; without one the newest open order, or the newest of all. It is one that is made up if
// there is none.
func (c *Console) subject(ctx context.Context) subject {
	about := subject{wechatOrder: wechatOrder{OutTradeNo: "A1", OpenID: "oABC", Total: 100}}
	var placed []wechatOrder
	address := withQuery(c.api.admin+"/orders", "before", newestOrders, "limit", strconv.Itoa(ordersPage))
	if _, err := c.api.get(ctx, address, &placed); err != nil || len(placed) == 0 {
		return about // the page of the orders says why
	}
	waiting := map[Key]bool{}
	if c.register != nil {
		orders, _, _ := c.register.List(ctx, Waiting, "", callsAtOnce) // no order waits in one that cannot be read
		for _, one := range orders {
			waiting[one.Key] = true
		}
	}
	about.wechatOrder = placed[len(placed)-1]
	for _, one := range slices.Backward(placed) { // the last one is the newest
		isOpen := one.State == "NOTPAY"
		if isOpen && waiting[one.key()] {
			return subject{one, true, true}
		}
		if isOpen && !about.IsOpen {
			about.wechatOrder, about.IsOpen = one, true
		}
	}
	return about
}

// examples are the calls that the world's functions have a trigger for, about an order. Those that
// the runtime cannot have are left out: a page must not propose what no cloud would send. The first
// one is what the page begins with: it succeeds, if any does.
func (c *Console) examples(functions []deployed, about subject) (offered []example) {
	if c.options.Calls == nil {
		return nil
	}
	triggers := map[string][]Trigger{}
	for _, f := range functions {
		triggers[f.Name] = c.options.Calls.Triggers(f.Runtime)
	}
	for _, one := range everyExample(about.wechatOrder) {
		fits := slices.ContainsFunc(triggers[one.Form.Function], func(t Trigger) bool {
			return t.Name == one.Form.Trigger && slices.Contains(t.Callers, one.Form.Kind) && (one.Form.Path == "" || t.IsRequest)
		})
		if fits {
			offered = append(offered, one)
		}
	}
	at := slices.IndexFunc(offered, func(e example) bool { return e.leads })
	if c.register != nil && !about.IsRegistered && at > 0 {
		first := offered[at]
		offered = slices.Insert(slices.Delete(offered, at, at+1), 0, first)
	}
	return offered
}

// everyExample has each trigger and each kind of caller at least once.
func everyExample(about wechatOrder) []example {
	number := about.OutTradeNo
	user := plainID(about.OpenID)
	event := dataOf(map[string]any{"out_trade_no": number})
	register := map[string]any{"out_trade_no": number, "close_at": 1800, "total": about.Total}
	if about.OpenID != "" {
		register["openid"] = about.OpenID
	}
	of := func(function, trigger, kind, id, data string) invocation {
		return invocation{Function: function, Trigger: trigger, Kind: kind, ID: id, Data: data}
	}
	titled := func(en, zh string, form invocation) example { return example{Title: bilingual.New(en, zh), Form: form} }
	registers := titled("The merchant's server has it closed in 30 minutes", "商户服务器登记：30 分钟后关单",
		of("closeorder", "call", "service", "", dataOf(register)))
	registers.leads = true
	get := func(trigger string) invocation {
		return invocation{Function: "queryorder", Trigger: trigger, Kind: "http", Method: "GET", Path: "queryorder?" + queryOf(number)}
	}
	return []example{
		// CloudBase names the user, and the register knows the order's owner. The merchant's own
		// server comes the same way, and proves itself by the service token.
		titled("A mini-program's user closes their order", "小程序用户关闭自己的订单", of("closeorder", "call", "user", user, event)),
		titled("A mini-program's user queries it", "小程序用户查询订单", of("queryorder", "call", "user", user, event)),
		registers,
		// The clouds' APIs for servers. On SCF the calls of an account's keys cannot be told from a
		// user's, so that they need the token as well; on Lambda IAM vouches for them.
		titled("wx-server-sdk, from another cloud function", "wx-server-sdk：由另一云函数调用", of("closeorder", "sdk", "service", "", event)),
		titled("Tencent Cloud API, Invoke", "腾讯云 API 的 Invoke", of("closeorder", "scf", "service", "", event)),
		titled("AWS Lambda, Invoke", "AWS Lambda 的 Invoke", of("closeorder", "aws", "service", "", event)),
		// Gateways pass a request on with no identity but the proof that it has itself.
		titled("HTTP: SCF's function URL", "HTTP：SCF 函数 URL", get("function-url")),
		titled("HTTP: CloudBase's access service", "HTTP：云开发 HTTP 访问服务", get("tcb-http")),
		titled("HTTP: SCF's API gateway", "HTTP：SCF API 网关", get("api-gateway")),
		titled("HTTP: AWS's HTTP API", "HTTP：AWS HTTP API", get("aws-http")),
		titled("HTTP: AWS's REST API", "HTTP：AWS REST API", get("aws-rest")),
		// An HTTP function that only WeChat's gateway reaches believes the gateway's headers.
		titled("A mini-program's call of the HTTP function", "小程序调用 HTTP 函数", invocation{
			Function: "cloudpay", Trigger: "call", Kind: "user", ID: user, Path: "closeorder", Data: event,
		}),
		// What the cloud starts by itself. A queue's messages are its writers'.
		titled("A timer sweeps", "定时器扫描", of("closeorder", "timer", "timer", "", "")),
		titled("An EventBridge schedule sweeps", "EventBridge 计划扫描", of("closeorder", "eventbridge", "timer", "", "")),
		titled("A message of SQS", "SQS 消息", of("closeorder", "sqs", "service", "", event)),
		titled("A message of CKafka", "CKafka 消息", of("closeorder", "ckafka", "service", "", event)),
		titled("A message of CMQ", "CMQ 消息", of("closeorder", "cmq", "service", "", event)),
		titled("A message of TDMQ", "TDMQ 消息", of("closeorder", "tdmq", "service", "", event)),
		// Calls that no function may serve, for a look at the page Callers.
		titled("Denied: a wrong service token", "被拒绝：错误的服务令牌", of("closeorder", "call", "impostor", "", event)),
		titled("Denied: no identity", "被拒绝：没有身份", of("closeorder", "call", "nobody", "", event)),
		titled("Denied: another user's order", "被拒绝：他人的订单", of("closeorder", "call", "user", "oSomeoneElse", event)),
		titled("Denied: a web page's user, about a mini-program's order", "被拒绝：网页用户查询小程序的订单",
			of("queryorder", "call", "page", "u-77", event)),
		titled("Denied: a Cognito user, by AWS's SDK", "被拒绝：Cognito 用户经 AWS SDK",
			of("queryorder", "aws", "cognito", "us-east-1:77", event)),
	}
}

// dataOf is an event.
func dataOf(members map[string]any) string {
	text, _ := json.Marshal(members) // strings and numbers are always encoded
	return string(text)
}

// queryOf is a query with an order's number.
func queryOf(number string) string {
	return strings.TrimPrefix(withQuery("", "out_trade_no", number), "?")
}

// plainID is a user's ID that a header may have; one that is made up for any other.
func plainID(id string) string {
	for _, r := range id {
		if r > 'z' || !strings.ContainsRune("_-", r) && (r < '0' || r > '9' && r < 'A' || r > 'Z' && r < 'a') {
			return "oABC"
		}
	}
	if id == "" {
		return "oABC"
	}
	return id
}
