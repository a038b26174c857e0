package console

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// health is whether a part of the world answers.
type health struct {
	Name bilingual.Text
	URL  string
	// Does is what it is there for.
	Does bilingual.Text
	// Up says that it answers, and Says is more of it, or why it does not.
	Up   bool
	Says bilingual.Text
}

// pointer is how a client is pointed at this world.
type pointer struct{ Client, Setting string }

// activeFault is a fault that is still to come.
type activeFault struct {
	Where bilingual.Text
	// Action is what it does, to what, and how often.
	Action, On string
	Times      int
}

// overviewView is the first page.
type overviewView struct {
	// Parts are both worlds' parts, in the order of their ports.
	Parts []health
	// Register is nil where there is none, and RegisterFault why it could not be read.
	Register      *Status
	HasRegister   bool
	RegisterFault bilingual.Text
	Chart         chart
	// Faults are those that are still to come; Wrong is what went wrong last, by a fault or not.
	Faults []activeFault
	Wrong  []activity
	// Activity is what happened last. The stream adds rows to it.
	Activity []activity
	Pointers []pointer
	// Guide is the first close (guide.go), which stands on the page while there is no order and
	// wherever the address asks for it; nil: the page has a link to it.
	Guide *guideView
}

// showOverview shows what there is, how it is, and what went on.
func (c *Console) showOverview(w http.ResponseWriter, r *http.Request) {
	c.overviewPage(w, r, http.StatusOK, guideOf(r))
}

// overviewPage answers the page, with the first close where it is asked for. A part of the world
// that does not answer leaves its own part of the page empty, and its health says why: this is the
// page that a person opens when something is wrong.
func (c *Console) overviewPage(w http.ResponseWriter, r *http.Request, status int, first guideAt) {
	ctx := r.Context()
	v := newView(r, "overview", bilingual.New("Overview", "总览"))
	page := overviewView{HasRegister: c.register != nil, Pointers: c.pointers()}
	var at position
	page.Activity, page.Wrong, at = c.recent(ctx, v.language)
	v.Live = withQuery("/stream", "show", "activity", "after", at.String())
	page.Parts = c.parts(ctx)
	page.Chart, _ = c.outcomes(ctx, time.Now()) // the part beside it says that it does not answer
	page.Faults = c.activeFaults(ctx)
	if page.HasRegister {
		status, err := c.register.Status(ctx)
		page.Register, page.RegisterFault = &status, bilingual.Wording(err)
	}
	for _, address := range []string{
		c.api.admin + "/clock", c.api.admin + "/domains", c.api.admin + "/faults", c.api.cloud + "/v1/functions", c.api.cloud + "/v1/faults",
		withQuery(c.api.admin+"/requests", "limit", "200"), withQuery(c.api.cloud+"/v1/calls", "limit", "200"),
		withQuery(c.api.admin+"/deliveries", "limit", "200"),
	} {
		v.curl(address)
	}
	if page.HasRegister {
		v.curl(c.register.path(""))
	}
	if first.isAsked || !c.hasOrders(ctx) {
		if page.Guide = c.guide(ctx, v.language, first.number, first.unpaid); page.Guide != nil {
			page.Guide.Wrong = first.wrong
			v.Back = page.Guide.Address // a change of the language does nothing again
		}
	}
	v.Data = page
	c.render(w, r, status, "overview", v)
}

// parts asks each part of the world how it is.
func (c *Console) parts(ctx context.Context) []health {
	o := c.options
	all := []health{
		c.domain(ctx, "main", o.GatewayURL, bilingual.New("gateway", "网关"), bilingual.New("WeChat Pay, APIv2 and APIv3", "微信支付，APIv2 与 APIv3")),
		c.domain(ctx, "backup", o.BackupURL, bilingual.New("backup", "备用域名"), bilingual.New("the same by its backup domain", "同上，经其备用域名")),
		c.answering(ctx, o.AdminURL+"/clock", o.AdminURL+"/orders", bilingual.New("management API", "管理接口"),
			bilingual.New("orders, the clock, faults, requests", "订单、时钟、故障、请求历史")),
		c.functions(ctx),
	}
	if o.EventsURL != "" {
		all = append(all, c.answering(ctx, o.EventsURL+"/faults", o.EventsURL+"/events", sinkName,
			bilingual.New("events of registered orders", "登记订单的事件")))
	}
	return append(all, health{
		Name: bilingual.New("console", "控制台"), URL: o.ConsoleURL, Does: bilingual.New("this page", "本页"), Up: true, Says: answers,
	})
}

// answers is what is said of a part that is well.
var answers = bilingual.New("answers", "应答正常")

// answering asks an address, and shows another one.
func (c *Console) answering(ctx context.Context, asked, shown string, name, does bilingual.Text) health {
	part := health{Name: name, URL: shown, Does: does, Up: true, Says: answers}
	var raw []byte
	if _, err := c.api.get(ctx, asked, &raw); err != nil {
		part.Up, part.Says = false, bilingual.Wording(err)
	}
	return part
}

// domain asks whether a domain of WeChat Pay is up. A part is not asked itself: that would be a row
// of its history.
func (c *Console) domain(ctx context.Context, domain, address string, name, does bilingual.Text) health {
	part := health{Name: name, URL: address, Does: does, Says: answers}
	var domains map[string]string
	_, err := c.api.get(ctx, c.api.admin+"/domains", &domains)
	part.Up = err == nil && domains[domain] == "up"
	switch {
	case err != nil:
		part.Says = bilingual.Wording(err)
	case !part.Up:
		part.Says = bilingual.New("is down: every connection is reset", "已停用：重置所有连接")
	}
	return part
}

// functions asks the cloud which functions it has.
func (c *Console) functions(ctx context.Context) health {
	part := health{
		Name: bilingual.New("cloud", "云"), URL: c.api.cloud + "/v1/functions", Up: true,
		Does: bilingual.New("the functions, timers, queues, HTTP triggers", "云函数、定时器、队列、HTTP 触发器"),
	}
	all, err := c.functionsOf(ctx)
	if err != nil {
		part.Up, part.Says = false, bilingual.Wording(err)
		return part
	}
	names := make([]string, 0, len(all))
	for _, function := range all {
		names = append(names, function.Name)
	}
	part.Says = bilingual.Same(strings.Join(names, ", "))
	return part
}

// activeFaults are those still to come, of WeChat Pay and of the cloud.
func (c *Console) activeFaults(ctx context.Context) (all []activeFault) {
	var ofGateway []gatewayFault
	_, _ = c.api.get(ctx, c.api.admin+"/faults", &ofGateway) // the part's health says that it does not answer
	for _, f := range ofGateway {
		on := words(f.Match.API, f.Match.Op, f.Match.Order)
		all = append(all, activeFault{bilingual.New("WeChat Pay", "微信支付"), f.Action, on, f.Times})
	}
	var ofCloud []cloudFault
	_, _ = c.api.get(ctx, c.api.cloud+"/v1/faults", &ofCloud) // likewise
	for _, f := range ofCloud {
		all = append(all, activeFault{bilingual.New("cloud", "云"), f.Action, f.Function, f.Times})
	}
	return all
}

// Often is how often the fault will still happen.
func (f activeFault) Often() bilingual.Text {
	if f.Times == 0 {
		return bilingual.New("until it is removed", "直到移除")
	}
	if f.Times == 1 {
		return bilingual.New("once more", "还有 1 次")
	}
	return bilingual.Sprintf("%s more times", "还有 %s 次", strconv.Itoa(f.Times))
}

// pointers are the settings of clients, as docs/emulator.md has them.
func (c *Console) pointers() []pointer {
	cloud := c.options.CloudURL
	const tencentKey = "TENCENTCLOUD_SECRETID=any TENCENTCLOUD_SECRETKEY=any"
	const awsKey = "AWS_REGION=us-east-1 AWS_DEFAULT_REGION=us-east-1 AWS_ACCESS_KEY_ID=any AWS_SECRET_ACCESS_KEY=any"
	return []pointer{
		{"CloudBase node-sdk, wx-server-sdk", `TCB_CONTEXT_CNFG='{"URL":"` + cloud + `/admin"}' ` + tencentKey},
		{"AWS SDKs, AWS CLI", "AWS_ENDPOINT_URL_LAMBDA=" + cloud + " " + awsKey},
		{"Tencent Cloud API 3.0", `HttpProfile.Endpoint = "` + strings.TrimPrefix(cloud, "http://") + `", HttpProfile.Scheme = "HTTP"`},
		{"HTTP", "POST " + cloud + "/v1/functions/closeorder"},
		{"wechatpay-go, wechatpay-java, …", c.options.GatewayURL},
	}
}
