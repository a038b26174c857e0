package console

import (
	"strings"

	"cloudpay/internal/bilingual"
)

// remedies are the sentences with which a function logs why it denied a call (internal/trigger).
// The log is in English alone, and a page is in its reader's language. What stands for %s is a
// name, or what a header shows, and is kept as it is.
var remedies = []bilingual.Text{
	bilingual.New("the order is not registered, so it is no user's: "+
		"register it (close_at, with openid or owner) by a call with service_token",
		"订单未登记，不属于任何用户：请以携带 service_token 的调用登记（close_at，并附 openid 或 owner）"),
	bilingual.New("the order is registered in the name of another user (openid, owner); an openid is another user's below another appid",
		"订单登记在另一用户名下（openid、owner）；同一 openid 在不同 appid 下是不同的用户"),
	bilingual.New("the order is registered without an owner, so it is no user's: register orders with openid or owner",
		"订单登记时没有归属，不属于任何用户：登记时请附 openid 或 owner"),
	bilingual.New("users may use their own orders only, and without a store no order has an owner: set CLOUDPAY_STORE, "+
		"or CLOUDPAY_CALLER_POLICY=any if users may close and query all orders",
		"用户只能操作自己的订单，而没有数据库时订单没有归属：请设置 CLOUDPAY_STORE；若允许用户关闭和查询所有订单，设置 CLOUDPAY_CALLER_POLICY=any"),
	bilingual.New("users may not close by transaction_id: give out_trade_no, or send service_token",
		"用户不能以 transaction_id 关单：请给出 out_trade_no，或发送 service_token"),
	bilingual.New("this user has asked for too many orders within a minute that are not theirs: name orders by out_trade_no",
		"该用户一分钟内查询了过多不属于自己的订单：请以 out_trade_no 指明订单"),
	bilingual.New("users may not choose %s: leave it out, or send service_token", "用户不能指定 %s：请去掉，或发送 service_token"),
	bilingual.New("this function is for no such events: take the trigger away from it", "该云函数不处理此类事件：请移除该触发器"),
	bilingual.New("the service token given is not CLOUDPAY_SERVICE_TOKEN: mend whichever is out of date",
		"给出的服务令牌不是 CLOUDPAY_SERVICE_TOKEN：请更新过期的一方"),
	bilingual.New("a Cognito identity is a user that no store of orders knows: send service_token",
		"订单数据库不认识 Cognito 身份：请发送 service_token"),
	bilingual.New("userInfo in an event is a user's, without a name: leave it out, or send service_token",
		"事件中的 userInfo 表示用户，但没有写明是谁：请去掉，或发送 service_token"),
	bilingual.New("the platform gave signs of a user, and no complete identity (WX_APPID and WX_OPENID, or TCB_UUID)",
		"平台给出了用户的迹象，但身份不完整（WX_APPID 与 WX_OPENID，或 TCB_UUID）"),
	bilingual.New("the platform gave %s, as it does for users, and no identity; send service_token",
		"平台如同对待用户一样给出了 %s，但没有身份；请发送 service_token"),
	bilingual.New("nothing identifies the caller: send service_token (CLOUDPAY_SERVICE_TOKEN), or set "+
		"CLOUDPAY_CALLER_POLICY=platform if every call passes the platform's access management",
		"无法识别调用方：请发送 service_token（CLOUDPAY_SERVICE_TOKEN）；若每次调用都经平台的访问管理，设置 CLOUDPAY_CALLER_POLICY=platform"),
	bilingual.New("headers, httpMethod and requestContext make an event an HTTP request's, and this one is none that can be read",
		"headers、httpMethod 与 requestContext 使事件成为 HTTP 请求，而此事件无法作为请求读取"),
	bilingual.New("an HTTP request needs Authorization: Bearer with CLOUDPAY_HTTP_TOKEN or, where CLOUDPAY_LOGIN_ENV is set, "+
		"a user's access token; or the authorizer's claim of CLOUDPAY_HTTP_AUTHORIZER where that counts (docs/callers.md)",
		"HTTP 请求需要 Authorization: Bearer 与 CLOUDPAY_HTTP_TOKEN；设置了 CLOUDPAY_LOGIN_ENV 时也可用用户的访问令牌；"+
			"或在适用之处由 CLOUDPAY_HTTP_AUTHORIZER 的声明证明（docs/callers.zh.md）"),
	bilingual.New("a sweep by HTTP needs Authorization: Bearer with CLOUDPAY_TIMER_TOKEN",
		"以 HTTP 扫描需要 Authorization: Bearer 与 CLOUDPAY_TIMER_TOKEN"),
	bilingual.New("the platform does not say that this is a timer: put CLOUDPAY_TIMER_TOKEN into the trigger's message",
		"平台没有说明这是定时器：请在触发器的消息中写入 CLOUDPAY_TIMER_TOKEN"),
	bilingual.New("the access token proves nothing by the keys that are held", "以现有的密钥，该访问令牌不能证明任何身份"),
	bilingual.New("X-WX-OPENID does not count: it and X-WX-APPID are no user's name", "X-WX-OPENID 不被采信：它与 X-WX-APPID 不是用户的名称"),
	bilingual.New("X-WX-OPENID does not count: %s", "X-WX-OPENID 不被采信：%s"),
	bilingual.New("x-cloudbase-context does not count: %s", "x-cloudbase-context 不被采信：%s"),
}

// Remedy is what a function logged of a call that it denied, in the reader's language; as it was
// logged if it is another function's.
func (l language) Remedy(logged string) string {
	if !l.Chinese {
		return logged
	}
	for _, one := range remedies {
		begin, end, _ := strings.Cut(one.EN, "%s")
		rest, begins := strings.CutPrefix(logged, begin)
		name, ends := strings.CutSuffix(rest, end)
		isWhole := begin == one.EN && rest != ""
		if begins && ends && !isWhole {
			return strings.Replace(one.ZH, "%s", name, 1)
		}
	}
	return logged
}
