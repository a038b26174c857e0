package doctor

import (
	"context"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
	"cloudpay/internal/order"
)

// checkCallers says which callers the functions accept, and for what, according to the
// configuration alone (docs/callers.md).
func checkCallers(_ context.Context, e *examination) []Finding {
	if e.faults.Has(namePolicy) {
		return nil
	}
	findings := []Finding{e.policy()}
	for _, entrance := range entrances {
		findings = append(findings, e.entrance(entrance.subject, entrance.names, entrance.open, entrance.shut))
	}
	return append(findings, e.identityHeaders()...)
}

// identityHeaders says where headers that any client can write are trusted.
func (e *examination) identityHeaders() []Finding {
	var findings []Finding
	if e.settings.BehindWXGateway {
		findings = append(findings, e.behindGateway())
	}
	if e.settings.CloudBaseContext {
		findings = append(findings, callersCheck.about("CLOUDPAY_CLOUDBASE_CONTEXT").warning(
			bilingual.New("the header x-cloudbase-context is trusted, which is not signed and which any client can forge",
				"信任请求头 x-cloudbase-context，而它没有签名，任何人都可伪造"),
			bilingual.New("make sure that every route to the function has enableAuth, and that it has no function URL; better set "+
				nameLoginEnv+" instead, and access tokens are verified",
				"请确认通向函数的每条路由都开启 enableAuth，且没有函数 URL；更好的做法是改设 "+nameLoginEnv+"，由函数自行校验访问令牌")))
	}
	return findings
}

// behindGateway words CLOUDPAY_BEHIND_WX_GATEWAY. It is an error in CloudBase's own hosting
// (docs.cloudbase.net/run/develop/access/mini): only in WeChat cloud hosting is the header
// documented to be the gateway's. Both set CBR_ENV_ID. The private link of WXPAY_API=wxcloudrun
// exists in WeChat's alone, and CLOUDPAY_WX_HOSTS is the operator's word on how the gateway comes.
func (e *examination) behindGateway() Finding {
	f := callersCheck.about("CLOUDPAY_BEHIND_WX_GATEWAY")
	inCloudBase := slices.ContainsFunc(e.Environ, func(entry string) bool {
		value, set := strings.CutPrefix(entry, "CBR_ENV_ID=")
		return set && value != ""
	})
	if inCloudBase && e.settings.API != order.WXCloudRun && len(e.settings.WXHosts) == 0 {
		return f.fault(
			bilingual.New("the header X-WX-OPENID is trusted in CloudBase's hosting, where it is not documented that forged ones are removed",
				"在云开发（腾讯云侧）的托管中信任请求头 X-WX-OPENID，而文档未说明伪造的请求头会被清除"),
			bilingual.New("leave it out and set "+nameLoginEnv+"; in WeChat cloud hosting (微信云托管) with public access off, give the names "+
				"of the service in CLOUDPAY_WX_HOSTS",
				"请去掉该设置并改设 "+nameLoginEnv+"；若为已关闭公网访问的微信云托管，请在 CLOUDPAY_WX_HOSTS 中填写服务的主机名"))
	}
	return f.warning(
		bilingual.New("the header X-WX-OPENID is trusted, which any client can forge", "信任请求头 X-WX-OPENID，而任何人都可伪造它"),
		bilingual.New("make sure that only WeChat's gateway can reach the function or container (no route, no public address)",
			"请确认函数或容器只能经微信网关访问（没有路由，关闭公网访问）"))
}

// policy words CLOUDPAY_CALLER_POLICY.
func (e *examination) policy() Finding {
	f := callersCheck.about(namePolicy)
	switch {
	// A warning even where it is meant: it depends on something that cannot be seen from here.
	case e.settings.CallerPolicy == "any":
		return f.warning(bilingual.New("any: every caller that reaches a function may close and query any order",
			"any：能访问到函数的任何人都可以关闭、查询任意订单"),
			bilingual.New("leave it out, unless something in front of the functions does its own checks",
				"除非函数之前另有鉴权，否则请去掉该设置"))
	case e.settings.CallerPolicy == "platform":
		return f.fine(bilingual.New("platform: every caller that the platform's access management admits may close and query any order",
			"platform：凡平台访问管理（CAM）允许调用函数者，可关闭、查询任意订单"))
	case e.isGiven(nameServiceToken), e.isGiven(nameHTTPToken), e.isGiven(nameHTTPAuthorizer), e.isGiven(nameLoginEnv):
		return f.fine(bilingual.New("not set: every caller must authenticate", "未设置：除能证明身份者外一律拒绝"))
	}
	// Without a token, the strict policy lets hardly any call through.
	return f.warning(bilingual.New("not set, and no token either: only timers, and AWS Lambda's invokes and queues, are accepted",
		"未设置，也没有令牌：除 AWS Lambda 的直接调用与队列外，仅放行定时触发"),
		bilingual.New("set "+nameServiceToken+" or "+nameHTTPToken+", as the callers need (docs/callers.md)",
			"按调用方需要设置 "+nameServiceToken+" 或 "+nameHTTPToken+"（docs/callers.md）"))
}

// entrances are the kinds of callers that a secret authenticates. Each has the findings for a set
// and for an unset secret.
var entrances = []struct {
	subject    bilingual.Text
	names      []string
	open, shut bilingual.Text
}{
	{
		subject: bilingual.New("services", "服务端调用"), names: []string{nameServiceToken},
		open: bilingual.New("a call with the token, as service_token or over HTTP as Cloudpay-Service-Token, may do everything",
			"携带 service_token（HTTP 亦可用请求头 Cloudpay-Service-Token）者可执行一切操作"),
		shut: bilingual.New("no token is set: no call is accepted as a service's", "未设置令牌：任何调用都不能以服务端身份进行"),
	},
	{
		subject: bilingual.New("HTTP", "HTTP"), names: []string{nameHTTPToken, nameHTTPAuthorizer},
		open: bilingual.New("a request with the bearer token or the authorizer's claim is accepted", "携带 Bearer 令牌或网关鉴权声明者放行"),
		shut: bilingual.New("no token is set: HTTP requests are refused, but for users' own", "未设置令牌：除用户本人的请求外，HTTP 请求一律拒绝"),
	},
	{
		subject: bilingual.New("logged-in users", "登录用户"), names: []string{nameLoginEnv},
		open: bilingual.New("a request with an access token of the environment's users is accepted for their own orders",
			"携带该环境用户访问令牌的请求放行，仅限其本人的订单"),
		shut: bilingual.New("no environment is set: access tokens prove nothing", "未设置环境：访问令牌不能证明身份"),
	},
	{
		subject: bilingual.New("timers", "定时触发"), names: []string{nameTimerToken},
		open: bilingual.New("recognised by the platform's sign, or by the token in the trigger's Message", "凭平台标识或触发器 Message 中的令牌识别"),
		shut: bilingual.New("recognised by the platform's sign alone", "仅凭平台标识识别"),
	},
	{
		subject: bilingual.New("metrics", "指标"), names: []string{nameMetricsToken},
		open: bilingual.New("a container's GET /metrics answers a scraper with the bearer token", "容器的 GET /metrics 凭 Bearer 令牌提供指标"),
		shut: bilingual.New("no token is set: there is no path /metrics", "未设置令牌：没有 /metrics 路径"),
	},
}

// entrance words one kind of caller.
func (e *examination) entrance(subject bilingual.Text, names []string, open, shut bilingual.Text) Finding {
	var set []string
	for _, name := range names {
		if e.isGiven(name) {
			set = append(set, name)
		}
	}
	// Not set is not a fault: many installations need one kind of caller only.
	if len(set) == 0 {
		return callersCheck.about("").fact(joined(subject, shut))
	}
	found := joined(subject, open)
	// A rotation is temporary, and easily forgotten.
	if slices.ContainsFunc(set, e.isRotated) {
		found.EN += "; two tokens are accepted, until the old one is taken out (docs/callers.md)"
		found.ZH += "；当前新旧两个令牌均有效，轮换完成后请去掉旧值（docs/callers.md）"
	}
	return callersCheck.about(strings.Join(set, ", ")).fact(found)
}

// isRotated reports whether a token has two values.
func (e *examination) isRotated(name string) bool {
	// The authorizer's claim is not a token, and is never rotated.
	values := map[string][]config.Secret{
		nameServiceToken: e.settings.ServiceTokens, nameHTTPToken: e.settings.HTTPTokens,
		nameTimerToken: e.settings.TimerTokens, nameMetricsToken: e.settings.MetricsTokens,
	}
	return len(values[name]) > 1
}

// joined is a subject and what is said about it.
func joined(a, b bilingual.Text) bilingual.Text {
	return bilingual.New(a.EN+": "+b.EN, a.ZH+"："+b.ZH)
}
