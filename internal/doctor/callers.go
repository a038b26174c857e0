package doctor

import (
	"context"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/config"
)

// checkCallers says whom the functions let do what, by the configuration alone (docs/callers.md).
func checkCallers(_ context.Context, p *patient) []Finding {
	if p.faults.Has(namePolicy) {
		return nil
	}
	findings := []Finding{p.policy()}
	for _, door := range doors {
		findings = append(findings, p.door(door.subject, door.names, door.open, door.shut))
	}
	if p.settings.BehindWXGateway {
		findings = append(findings, Finding{
			Check: CheckCallers, Level: LevelWarning, Subject: "CLOUDPAY_BEHIND_WX_GATEWAY",
			Found: bilingual.New("X-WX-OPENID is believed, which anybody could write", "信任请求头 X-WX-OPENID，而任何人都可伪造它"),
			Remedy: bilingual.New(
				"see that nothing but WeChat's gateway can reach the container (no public address)",
				"请确认容器只能经微信网关访问（关闭公网访问）",
			),
		})
	}
	return findings
}

const (
	namePolicy         = "CLOUDPAY_CALLER_POLICY"
	nameServiceToken   = "CLOUDPAY_SERVICE_TOKEN"
	nameHTTPToken      = "CLOUDPAY_HTTP_TOKEN"
	nameTimerToken     = "CLOUDPAY_TIMER_TOKEN"
	nameHTTPAuthorizer = "CLOUDPAY_HTTP_AUTHORIZER"
)

// policy is what CLOUDPAY_CALLER_POLICY opens.
func (p *patient) policy() Finding {
	finding := Finding{Check: CheckCallers, Level: LevelFine, Subject: namePolicy}
	switch p.settings.CallerPolicy {
	case "any":
		finding.Level = LevelWarning
		finding.Found = bilingual.New(
			"any: whoever reaches a function may close and query any order",
			"any：能访问到函数的任何人都可以关闭、查询任意订单",
		)
		finding.Remedy = bilingual.New(
			"leave it out, unless something in front of the functions does its own checks",
			"除非函数之前另有鉴权，否则请去掉该设置",
		)
	case "platform":
		finding.Found = bilingual.New(
			"platform: whoever the platform's access management lets reach a function may close and query any order",
			"platform：凡平台访问管理（CAM）允许调用函数者，可关闭、查询任意订单",
		)
	case "":
		finding.Found = bilingual.New(
			"not set: nobody is let in but who proves who they are",
			"未设置：除能证明身份者外一律拒绝",
		)
		if !p.isGiven(nameServiceToken) && !p.isGiven(nameHTTPToken) && !p.isGiven(nameHTTPAuthorizer) {
			finding.Level = LevelWarning
			finding.Found = bilingual.New(
				"not set, and no token either: but for AWS Lambda's invokes and queues, only timers are let in",
				"未设置，也没有令牌：除 AWS Lambda 的直接调用与队列外，仅放行定时触发",
			)
			finding.Remedy = bilingual.New(
				"set "+nameServiceToken+" or "+nameHTTPToken+", as whoever calls needs (docs/callers.md)",
				"按调用方需要设置 "+nameServiceToken+" 或 "+nameHTTPToken+"（docs/callers.md）",
			)
		}
	}
	return finding
}

// doors are the ways in that a secret opens, each with what is so with it and without.
var doors = []struct {
	subject    bilingual.Text
	names      []string
	open, shut bilingual.Text
}{
	{
		subject: bilingual.New("services", "服务端调用"), names: []string{nameServiceToken},
		open: bilingual.New(
			"whoever sends the token as service_token, or over HTTP as Cloudpay-Service-Token, may do everything",
			"携带 service_token（HTTP 亦可用请求头 Cloudpay-Service-Token）者可执行一切操作",
		),
		shut: bilingual.New("no token is set: no call can say that it is a service's", "未设置令牌：任何调用都不能以服务端身份进行"),
	},
	{
		subject: bilingual.New("HTTP", "HTTP"), names: []string{nameHTTPToken, nameHTTPAuthorizer},
		open: bilingual.New("whoever sends the bearer token, or has the authorizer's claim, is let in", "携带 Bearer 令牌或网关鉴权声明者放行"),
		shut: bilingual.New("no token is set: HTTP requests are refused", "未设置令牌：HTTP 请求一律拒绝"),
	},
	{
		subject: bilingual.New("timers", "定时触发"), names: []string{nameTimerToken},
		open: bilingual.New("recognised by the platform's word, or by the token in the trigger's Message", "凭平台标识或触发器 Message 中的令牌识别"),
		shut: bilingual.New("recognised by the platform's word alone", "仅凭平台标识识别"),
	},
}

// door says whether one way in is open.
func (p *patient) door(subject bilingual.Text, names []string, open, shut bilingual.Text) Finding {
	var set []string
	for _, name := range names {
		if p.isGiven(name) {
			set = append(set, name)
		}
	}
	if len(set) == 0 {
		return Finding{Check: CheckCallers, Level: LevelFact, Found: joined(subject, shut)}
	}
	found := joined(subject, open)
	if slices.ContainsFunc(set, p.isRotated) {
		found.EN += "; two tokens are accepted, until the old one is taken out (docs/callers.md)"
		found.ZH += "；当前新旧两个令牌均有效，轮换完成后请去掉旧值（docs/callers.md）"
	}
	return Finding{Check: CheckCallers, Level: LevelFact, Subject: strings.Join(set, ", "), Found: found}
}

// isRotated reports whether a token has two values.
func (p *patient) isRotated(name string) bool {
	values := map[string][]config.Secret{
		nameServiceToken: p.settings.ServiceTokens, nameHTTPToken: p.settings.HTTPTokens, nameTimerToken: p.settings.TimerTokens,
	}
	return len(values[name]) > 1
}

func joined(a, b bilingual.Text) bilingual.Text {
	return bilingual.New(a.EN+": "+b.EN, a.ZH+"："+b.ZH)
}
