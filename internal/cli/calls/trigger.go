package calls

import (
	"slices"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/platform"
)

// The triggers that commands choose when none is named.
const (
	// Direct is a call through CloudBase's API, as a mini-program and a web page make it. To a web
	// function it is a request.
	Direct = "call"
	// Timer is a timer that fires now.
	Timer = "timer"
)

// Further triggers that the requests differ by. Those of the first three are signed by the SDKs.
const (
	serverSDK   = "sdk"
	scfAPI      = "scf"
	lambdaAPI   = "aws"
	eventBridge = "eventbridge"

	// scheduledAt is the path of an EventBridge schedule.
	scheduledAt = "/v1/timers/{name}?form=eventbridge"
)

// kind is how a trigger reaches the function.
type kind int

const (
	// api is an API of a cloud, which takes the event itself.
	api kind = iota
	// request is an HTTP request, which a cloud's gateway turns into an event.
	request
	// timer and queue are what the cloud itself starts; the emulated one does so when it is told.
	timer
	queue
)

// trigger is what starts a function.
type trigger struct {
	name string
	kind kind
	// at is the path of the emulated cloud, in which {name} is the function's.
	at      string
	meaning bilingual.Text
}

// triggers are all that there are, in the order of the documents. Names are those by which the
// functions log a trigger, where they know it.
var triggers = []trigger{
	{Direct, api, "/v1/functions/{name}", bilingual.New("CloudBase's HTTP API: mini-programs, js-sdk", "云开发 HTTP API：小程序、js-sdk")},
	{serverSDK, api, "/admin", bilingual.New("CloudBase's API for servers: node-sdk, wx-server-sdk", "云开发服务端 API：node-sdk、wx-server-sdk")},
	{scfAPI, api, "/", bilingual.New("Tencent Cloud API, Invoke", "腾讯云 API 的 Invoke")},
	{lambdaAPI, api, "/2015-03-31/functions/{name}/invocations", bilingual.New("AWS Lambda, Invoke", "AWS Lambda 的 Invoke")},
	{"function-url", request, "/http/{name}", bilingual.New("SCF function URL", "SCF 函数 URL")},
	{"tcb-http", request, "/tcb/{name}", bilingual.New("CloudBase HTTP access service", "云开发 HTTP 访问服务")},
	{"api-gateway", request, "/apigw/{name}", bilingual.New("SCF API gateway trigger", "SCF API 网关触发器")},
	{"aws-http", request, "/aws/{name}", bilingual.New("API Gateway HTTP API, Lambda function URL", "API Gateway HTTP API、Lambda 函数 URL")},
	{"aws-rest", request, "/aws-rest/{name}", bilingual.New("API Gateway REST API", "API Gateway 的 REST API")},
	{Timer, timer, "/v1/timers/{name}",
		bilingual.New("a timer that fires now, or at the time of --at", "立即或以 --at 指定的时间触发定时器")},
	{eventBridge, timer, scheduledAt,
		bilingual.New("an EventBridge schedule without an input", "不带输入的 EventBridge 计划")},
	{"cmq", queue, "/v1/queues/{name}?form=cmq", bilingual.New("CMQ topic", "CMQ 主题")},
	{"ckafka", queue, "/v1/queues/{name}?form=ckafka", bilingual.New("CKafka topic", "CKafka 主题")},
	{"tdmq", queue, "/v1/queues/{name}?form=tdmq", bilingual.New("TDMQ topic", "TDMQ 主题")},
	{"sqs", queue, "/v1/queues/{name}?form=sqs", bilingual.New("AWS SQS queue", "AWS SQS 队列")},
}

// Triggers lists the names of all triggers.
func Triggers() []string {
	names := make([]string, 0, len(triggers))
	for _, t := range triggers {
		names = append(names, t.name)
	}
	return names
}

// Meaning says what a trigger is; it is empty for an unknown one.
func Meaning(name string) bilingual.Text {
	t, _ := find(name)
	return t.meaning
}

func find(name string) (trigger, bool) {
	i := slices.IndexFunc(triggers, func(t trigger) bool { return t.name == name })
	if i < 0 {
		return trigger{}, false
	}
	return triggers[i], true
}

// isRequest reports whether a function on this runtime gets an HTTP request, or an event made of
// one.
func (t trigger) isRequest(on platform.Runtime) bool {
	return t.kind == request || t.name == Direct && on == platform.Web
}

// isSigned reports whether the SDKs of the trigger's API sign with an account's key.
func (t trigger) isSigned() bool {
	return slices.Contains([]string{serverSDK, scfAPI, lambdaAPI}, t.name)
}

// callers are the kinds of callers that the trigger can carry to a function on this runtime. A
// request that a gateway passes on has no identity but a proof of its own; only CloudBase names
// users, and only AWS those of Cognito. What CloudBase says of a web page's user does not reach
// Lambda, which has no environment of an invocation.
func (t trigger) callers(on platform.Runtime) []string {
	switch {
	case t.kind == timer:
		return []string{asTimer, asNobody}
	case t.name == Direct && on == platform.Web:
		return []string{asNobody, asUser, asService, asImpostor, asHTTP}
	case t.kind == request:
		return []string{asNobody, asService, asImpostor, asHTTP}
	case (t.name == Direct || t.name == serverSDK) && on != platform.Lambda:
		return []string{asNobody, asUser, asPage, asService, asImpostor}
	case t.name == Direct, t.name == serverSDK:
		return []string{asNobody, asUser, asService, asImpostor}
	case t.name == lambdaAPI && on == platform.Lambda:
		return []string{asNobody, asCognito, asService, asImpostor}
	}
	return []string{asNobody, asService, asImpostor}
}
